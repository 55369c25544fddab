"""A face followed from one frame to the next without the detector: sparse optical flow inside its box."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.preprocessing import CropSquare, cut_square
from headpose_sdk.results import BoundingBox, Image

__all__ = ["follow"]

_SIDE = 96  # pixels to which the face's surroundings are brought: quick, and the motion of a few frames stays small
_REACH = 2.0  # how much of the surroundings is looked at, in sides of the box
_POINTS = 7  # a row, and as many rows, over the inner face
_INNER = 0.35  # half of the part of the box that is surely face
_BACK_AND_FORTH = 1.0  # pixels of _SIDE by which a point may miss when it is followed back
_ENOUGH = 0.4  # the part of the points that must be followed


def follow(before: Image, now: Image, box: BoundingBox) -> BoundingBox | None:
    """Where the face in ``box`` of the frame ``before`` is in ``now``; None if it cannot be made out.

    Moves and scales the box by what the points in it do in the median (Lucas and Kanade, forwards and backwards).
    """
    square = CropSquare.around(box, _REACH)
    old, new = (cv2.cvtColor(cut_square(image, square, _SIDE), cv2.COLOR_BGR2GRAY) for image in (before, now))
    to_crop = square.transform(_SIDE)
    scale = float(to_crop[0, 0])
    points = _grid(to_crop, box)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(old, new, points, np.empty_like(points))
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(new, old, moved, np.empty_like(points))
    miss = np.linalg.norm(back - points, axis=1)
    good = (found[:, 0] == 1) & (found_back[:, 0] == 1) & (miss < _BACK_AND_FORTH)
    if good.mean() < _ENOUGH:
        return None
    shift = np.median(moved[good] - points[good], axis=0) / scale
    growth = _median_growth(points[good], moved[good])
    x, y = np.array(box.center) + shift
    half_width, half_height = growth * box.width / 2, growth * box.height / 2
    return BoundingBox(float(x - half_width), float(y - half_height), float(x + half_width), float(y + half_height))


def _grid(to_crop: NDArray[np.float64], box: BoundingBox) -> NDArray[np.float32]:
    """Points (N, 2) over the inner face, in pixels of the crop."""
    x, y = box.center
    steps = np.linspace(-_INNER, _INNER, _POINTS)
    across, down = np.meshgrid(x + steps * box.width, y + steps * box.height)
    points = np.stack([across.ravel(), down.ravel()], axis=1) - 0.5  # from the edges of pixels to their centres
    return (points @ to_crop[:, :2].T + to_crop[:, 2]).astype(np.float32)


def _median_growth(old: NDArray[np.float32], new: NDArray[np.float32]) -> float:
    """By what factor the points move apart: the median over all pairs, so that a few wrong ones do not matter."""
    first, second = np.triu_indices(len(old), 1)
    before = np.linalg.norm(old[first] - old[second], axis=1)
    after = np.linalg.norm(new[first] - new[second], axis=1)
    return float(np.clip(np.median(after / before), 0.8, 1.25))
