"""An archive made on the spot, and the installed command, for the tests of batch and of clusters."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np

from headpose_sdk.images import write_image
from headpose_sdk.results import Image


def write_archive(folder: Path, photo: Image, count: int) -> Path:
    """``count`` pictures in three folders, every other one noise, and one file that is none."""
    rng = np.random.default_rng(0)
    for index in range(count):
        place = folder / f"{index % 3}"
        place.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 255, (100, 140, 3), dtype=np.uint8)
        portrait = np.asarray(cv2.resize(photo, (200 + index, 200 + index)), np.uint8)
        write_image(place / f"{index:03}.jpg", portrait if index % 2 else noise)
    (folder / "1" / "page.jpg").write_text("<html>", encoding="utf-8")
    return folder


def executable() -> str:
    found = shutil.which("headpose", path=str(Path(sys.executable).parent))
    assert found, "install the package first: pip install -e ."
    return found
