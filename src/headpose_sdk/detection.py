"""Finding faces: what a detector is, and the one in the wheel."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.results import BoundingBox, FaceDetection, Image

__all__ = ["BOX_UNIT", "STRIDES", "FaceDetector", "cell_grid", "decode_boxes", "suppress"]

STRIDES = (8, 16, 32)
"""Pixels from one cell of the network's output to the next, on its three levels."""

BOX_UNIT = 4.0
"""A raw width or height of 0 means a box of this many strides."""


@runtime_checkable
class FaceDetector(Protocol):
    """Anything that finds faces; pass your own as ``HeadPoseEstimator(detector=...)``."""

    def detect(self, image: Image) -> list[FaceDetection]:
        """Faces in ``image`` ((H, W, 3) uint8 BGR), boxes in its pixels, best score first."""
        ...


@lru_cache(maxsize=64)
def cell_grid(height: int, width: int) -> NDArray[np.float32]:
    """Centre x, centre y and stride (A, 3) in pixels of every cell of a (height, width) input, stride by stride."""
    levels = []
    for stride in STRIDES:
        y, x = np.mgrid[0 : height // stride, 0 : width // stride].astype(np.float32)
        centers = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride
        levels.append(np.column_stack([centers, np.full(len(centers), stride, np.float32)]))
    grid = np.concatenate(levels).astype(np.float32)
    grid.flags.writeable = False  # it is shared by every caller
    return grid


def decode_boxes(raw: NDArray[np.float32], cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Corners (K, 4) in input pixels from raw (K, 4) predictions of the ``cells`` (K, 3) of :func:`cell_grid`.

    Raw dx, dy move the cell's centre by that many strides; raw w, h are logarithms of ``BOX_UNIT`` strides.
    """
    stride = cells[:, 2:]
    center = cells[:, :2] + raw[:, :2] * stride
    half = np.exp(np.minimum(raw[:, 2:], 6.0)) * (stride * BOX_UNIT / 2)
    return np.concatenate([center - half, center + half], axis=1)


def suppress(boxes: NDArray[np.float32], scores: NDArray[np.float32], *, max_iou: float) -> NDArray[np.int64]:
    """Indices of the boxes (K, 4) that survive non-maximum suppression, best score first."""
    corners_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(corners_size.tolist(), scores.tolist(), 0.0, max_iou)
    return np.asarray(kept, dtype=np.int64).reshape(-1)
