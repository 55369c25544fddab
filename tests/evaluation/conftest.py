"""Data sets made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.images import write_image


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
