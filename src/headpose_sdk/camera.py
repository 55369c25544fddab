"""Where the camera stands: angles corrected for where in the picture a face is, and a zero pose of one's own.

A head is seen along the line of sight through its face. Off the middle of the picture this line is not the camera's
axis, and a head that faces straight along the axis looks turned by the angle between the two: :func:`line_of_sight` is
that turn. A :class:`NeutralPose` tells rotations as a camera would that stands straight before the face as it was then.

Axes are OpenCV's: x right, y down, z forward. Points are pixels as in a BoundingBox, 0 at the outer edge of the first
pixel; camera matrices are as OpenCV has them, 0 at its centre.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from headpose_sdk.rotation import FloatArray

__all__ = ["NeutralPose", "camera_matrix", "check_camera_matrix", "line_of_sight"]


def camera_matrix(fov: float, width: int, height: int) -> FloatArray:
    """The matrix (3, 3) of a camera with square pixels that looks through the middle of its picture.

    ``fov`` is the horizontal field of view in degrees, from the left edge to the right one.

    Raises:
        ValueError: if ``fov`` is not between 0 and 180.
    """
    if not 0 < fov < 180:
        raise ValueError(f"camera_fov={fov} is not possible; give the horizontal field of view, 0 to 180 degrees")
    focal = width / 2 / math.tan(math.radians(fov) / 2)
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]], np.float64)


def check_camera_matrix(matrix: ArrayLike) -> FloatArray:
    """``matrix`` as float64, if it is one (3, 3) as ``cv2.calibrateCamera`` gives.

    Raises:
        ValueError: if it is not.
    """
    k = np.asarray(matrix, np.float64)
    if k.shape != (3, 3) or not np.isfinite(k).all() or k[0, 0] <= 0 or k[1, 1] <= 0 or list(k[2]) != [0, 0, 1]:
        raise ValueError(
            f"camera_matrix={matrix!r} is not possible; give [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels, "
            "as cv2.calibrateCamera returns"
        )
    return k


def line_of_sight(matrix: FloatArray, point: tuple[float, float]) -> FloatArray:
    """The shortest turn (3, 3) that takes the camera's axis to the line of sight through ``point`` (x, y).

    ``line_of_sight(matrix, box.center) @ pose.rotation`` is the head's rotation in the camera's axes.
    """
    ray = np.linalg.solve(matrix, np.array([point[0] - 0.5, point[1] - 0.5, 1.0]))
    x, y, z = ray / np.linalg.norm(ray)
    # Rodrigues' formula for the axis (0, 0, 1) x ray.
    return np.array(
        [
            [1 - x * x / (1 + z), -x * y / (1 + z), x],
            [-x * y / (1 + z), 1 - y * y / (1 + z), y],
            [-x, -y, z],
        ]
    )


class NeutralPose:
    """The mean rotation of one head in its first ``seconds``; of its first frame alone if that is 0."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._start: float | None = None
        self._sum = np.zeros((3, 3))
        self._mean: FloatArray = np.eye(3)

    def relative(self, rotation: FloatArray, time: float) -> FloatArray:
        """``rotation`` (3, 3) at ``time`` in seconds, as seen from straight before the neutral face.

        While the mean is gathered, from the mean so far, ``rotation`` included.
        """
        if self._start is None:
            self._start = time
        if time <= self._start + self._seconds:
            self._sum += rotation
            self._mean = _nearest_rotation(self._sum)
        turned: FloatArray = self._mean.T @ rotation
        return turned


def _nearest_rotation(matrix: FloatArray) -> FloatArray:
    """The rotation (3, 3) with the least squared difference from ``matrix``: of a sum of rotations, their mean."""
    u, _, vt = np.linalg.svd(matrix)
    side = np.sign(np.linalg.det(u @ vt))
    rotation: FloatArray = u @ np.diag([1.0, 1.0, side]) @ vt
    return rotation
