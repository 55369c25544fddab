"""Where camera and crop are: a pinhole camera, and the square round the face that is cut out of its picture.

Axes are the camera's: x right, y up, z towards the viewer; the camera looks along -z. Lengths are decimetres. The crop
is framed as labelled photos are: the square round the face's box, ``CROP_MARGIN`` times its longer side, with the same
middle. A face aside of the optical axis is cut out where it stands, so perspective stretches it as at a photo's edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.rotation import FloatArray

__all__ = ["CROP_MARGIN", "Framing", "sight_direction", "sight_rotation"]

CROP_MARGIN = 1.4
"""Side of a crop in longer sides of the face's box."""

_REACH = 6.0  # decimetres round the face's middle that may be seen: hair, hat and shoulders
_NEAREST = 0.2  # decimetres before the camera where the picture begins


def sight_direction(aside: tuple[float, float]) -> FloatArray:
    """Unit vector (3,) from the camera to a face ``aside`` degrees to the right and up of the optical axis."""
    right, up = np.tan(np.radians(aside))
    direction = np.array([right, up, -1.0])
    unit: FloatArray = direction / np.linalg.norm(direction)
    return unit


def sight_rotation(aside: tuple[float, float]) -> FloatArray:
    """The shortest turn (3, 3) from the optical axis to the line of sight to the face.

    A head that the line of sight sees in the pose R stands before the camera in the pose ``sight_rotation @ R``.
    """
    x, y, z = sight_direction(aside)
    # Rodrigues: the axis is (0, 0, -1) x sight = (y, -x, 0), the cosine of the angle -z.
    cross = np.array([[0.0, 0.0, -x], [0.0, 0.0, -y], [x, y, 0.0]])
    rotation: FloatArray = np.eye(3) + cross + cross @ cross / (1.0 - z)
    return rotation


class Framing:
    """Camera and crop for a face whose points (M, 3) are turned into the camera's axes but not yet moved before it.

    ``shift`` (3,) moves them there: the middle of their bounding box comes to stand at ``middle`` (3,), ``distance``
    away and ``aside`` of the axis. ``projection`` (4, 4) takes moved points to OpenGL's clip space, -1 and 1 at the
    crop's edges. ``near`` and ``far`` are the depths where it begins and ends.
    """

    def __init__(
        self,
        face_points: NDArray[np.floating],
        distance: float,
        aside: tuple[float, float] = (0.0, 0.0),
        margin: float = CROP_MARGIN,
    ) -> None:
        points = np.asarray(face_points, np.float64)
        self.middle: FloatArray = distance * sight_direction(aside)
        self.shift: FloatArray = self.middle - (points.min(0) + points.max(0)) / 2
        depth = -float((points + self.shift)[:, 2].mean())
        self.near, self.far = max(_NEAREST, depth - _REACH), depth + _REACH
        on_plane = self._on_plane(points)
        low, high = on_plane.min(0), on_plane.max(0)
        self._centre = (low + high) / 2
        self._half_side = float((high - low).max()) * margin / 2
        self.projection = self._projection()

    def pixels(self, points: NDArray[np.floating], size: int) -> FloatArray:
        """Where points (N, 3), turned but not moved, are in a crop of ``size`` pixels: x right, y down, (N, 2).

        Exact, not rounded: 0 and ``size`` are the crop's edges, the middle of its first pixel is 0.5.
        """
        in_crop = (self._on_plane(np.asarray(points, np.float64)) - self._centre) / self._half_side
        pixels: FloatArray = (in_crop * (1.0, -1.0) + 1.0) * (size / 2)
        return pixels

    def depths(self, points: NDArray[np.floating]) -> FloatArray:
        """How far before the camera's plane points (N, 3), turned but not moved, lie, in decimetres (N,)."""
        depths: FloatArray = -(np.asarray(points, np.float64)[:, 2] + self.shift[2])
        return depths

    def _on_plane(self, points: FloatArray) -> FloatArray:
        """x, y (N, 2) on the plane one decimetre before the camera."""
        moved = points + self.shift
        plane: FloatArray = moved[:, :2] / -moved[:, 2:]
        return plane

    def _projection(self) -> NDArray[np.float32]:
        zoom, (x, y) = 1.0 / self._half_side, self._centre / self._half_side
        depth = self.far - self.near
        return np.array(
            [
                [zoom, 0, x, 0],
                [0, zoom, y, 0],
                [0, 0, -(self.far + self.near) / depth, -2 * self.far * self.near / depth],
                [0, 0, -1, 0],
            ],
            np.float32,
        )
