"""Seeded views of the sample photo: real face crops that everybody has, to compare networks on.

They are no test of accuracy (one face, no labels); they show whether two files of one network agree.
"""

from __future__ import annotations

from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.preprocessing import CropSquare, cut_square
from headpose_sdk.results import BoundingBox, Image

__all__ = ["SAMPLE_FACE", "sample_photo", "sample_views"]

SAMPLE_FACE = BoundingBox(175.0, 72.0, 268.0, 192.0)
"""The astronaut's face, forehead to chin, in pixels of the sample photo."""


def sample_photo() -> Image:
    """NASA's portrait of Eileen Collins (public domain), (512, 512, 3) uint8 BGR."""
    data = files("headpose_sdk").joinpath("assets/astronaut.jpg").read_bytes()
    photo = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(photo, dtype=np.uint8)


def sample_views(count: int, *, size: int, margin: float, seed: int = 0) -> NDArray[np.uint8]:
    """``count`` crops (count, size, size, 3) of the sample face: shifted, scaled, turned, mirrored, lit differently."""
    photo = sample_photo()
    rng = np.random.default_rng(seed)
    x, y = SAMPLE_FACE.center
    side = max(SAMPLE_FACE.width, SAMPLE_FACE.height) * margin
    views = np.empty((count, size, size, 3), np.uint8)
    for view in views:
        shift = rng.uniform(-0.08, 0.08, 2) * side
        square = CropSquare(x + shift[0], y + shift[1], side * rng.uniform(0.85, 1.2), rng.uniform(-40, 40))
        crop = cut_square(photo, square, size)
        crop = cv2.convertScaleAbs(crop, alpha=rng.uniform(0.6, 1.3), beta=rng.uniform(-15, 15)).astype(np.uint8)
        view[:] = crop[:, ::-1] if rng.random() < 0.5 else crop
    return views
