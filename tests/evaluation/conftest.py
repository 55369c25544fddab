"""Data sets made on the spot, and the genuine ones where the environment variable HEADPOSE_DATA names their folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.images import write_image

from .benchmark_sets import write_aflw2000, write_pointing04

GENUINE = os.environ.get("HEADPOSE_DATA")
SETS = ["made", "genuine"] if GENUINE else ["made"]

POSES = {
    "image00002": (35.0, 12.0, -8.0),
    "image00004": (-62.0, -20.0, 15.0),
    "image00006": (5.0, 120.0, 3.0),  # one of those that publications drop
    "image00008": (-3.0, 25.0, -30.0),
}


@pytest.fixture
def write_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Writes lossless photos 0.png, 1.png, ... of 100 x 100 pixels in the colours 0, 1, ..., and a CSV of ``lines``.

    The CSV's path is returned.
    """

    def write(*lines: str, name: str = "manifest.csv", photos: int = 3) -> Path:
        for key in range(photos):
            write_image(tmp_path / f"{key}.png", np.full((100, 100, 3), key, np.uint8))
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture(scope="session", params=SETS)
def aflw2000_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AFLW2000-3D in its published layout, not to be written to."""
    if request.param == "genuine":
        return Path(str(GENUINE)) / "formats" / "AFLW2000"
    return write_aflw2000(tmp_path_factory.mktemp("sets") / "AFLW2000", POSES)


@pytest.fixture(scope="session", params=SETS)
def pointing04_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pointing'04 in its published layout, people complete, not to be written to."""
    if request.param == "genuine":
        return Path(str(GENUINE)) / "formats" / "Pointing04"
    return write_pointing04(tmp_path_factory.mktemp("sets") / "Pointing04", ("01", "02"), full=True)
