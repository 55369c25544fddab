"""What goes in and comes out: boxes, detections, poses. Immutable, with units stated, ready for JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.errors import InvalidBoxError
from headpose_sdk.rotation import (
    FloatArray,
    direction_from_matrix,
    matrix_from_euler,
    quaternion_from_matrix,
)

__all__ = ["BoundingBox", "FaceDetection", "HeadPose", "Image", "ImageResult", "PoseBatch"]

Image = NDArray[np.uint8]
"""A picture: (H, W, 3) uint8, BGR, as ``cv2.imread`` returns. Views such as ``rgb[..., ::-1]`` are fine."""

_FARTHEST, _THINNEST = 1e9, 1e-3  # pixels; what is computed from boxes within these bounds stays finite


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """A face box in pixels, corners (x1, y1) top left and (x2, y2) bottom right; may reach outside the image.

    Raises:
        InvalidBoxError: if a corner is not finite or beyond 1e9 pixels, or the box has no width or no height (less than
            a thousandth of a pixel).
    """

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        corners = (self.x1, self.y1, self.x2, self.y2)
        if not all(math.isfinite(corner) for corner in corners):
            raise InvalidBoxError(f"box {corners} holds NaN or infinity; give four finite pixel coordinates")
        if max(map(abs, corners)) > _FARTHEST:
            raise InvalidBoxError(f"box {corners} reaches beyond {_FARTHEST:g} pixels; give corners near the image")
        if self.x2 - self.x1 < _THINNEST or self.y2 - self.y1 < _THINNEST:
            raise InvalidBoxError(
                f"box {corners} is empty; it must have x2 > x1 and y2 > y1 (corners, not width and height)"
            )

    @property
    def width(self) -> float:
        """Pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Pixels."""
        return self.y2 - self.y1

    @property
    def center(self) -> tuple[float, float]:
        """x and y in pixels."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def to_list(self) -> list[float]:
        """``[x1, y1, x2, y2]`` in pixels, rounded to 0.01."""
        return [_rounded(corner, 2) for corner in (self.x1, self.y1, self.x2, self.y2)]


@dataclass(frozen=True, slots=True)
class FaceDetection:
    """A face that a detector found: its box in pixels and its score, 0 to 1.

    ``face`` is the box that the pose network is to see, from the forehead to under the chin and from ear to ear, where
    the detector knows that its own is framed otherwise; None stands for ``box``.
    """

    box: BoundingBox
    score: float
    face: BoundingBox | None = None


@dataclass(frozen=True, slots=True)
class HeadPose:
    """The pose of one head. Degrees; the signs are those of :mod:`headpose_sdk.rotation`.

    ``yaw`` > 0 turns towards the left edge of the image, ``pitch`` > 0 looks up, ``roll`` > 0 leans
    clockwise.
    ``*_std`` is the network's own uncertainty (one standard deviation, degrees, calibrated).
    ``box`` and ``score`` are the detector's, or the caller's box and ``None``.
    """

    yaw: float
    pitch: float
    roll: float
    yaw_std: float
    pitch_std: float
    roll_std: float
    box: BoundingBox
    score: float | None

    @property
    def rotation(self) -> FloatArray:
        """Rotation matrix (3, 3) float64 in OpenCV camera axes; identity: the face looks into the camera."""
        return matrix_from_euler((self.yaw, self.pitch, self.roll))

    @property
    def quaternion(self) -> FloatArray:
        """The same rotation as a unit quaternion (4,) float64: x, y, z, w with w >= 0."""
        return quaternion_from_matrix(self.rotation)

    @property
    def direction(self) -> FloatArray:
        """Unit vector (3,) float64 along which the face looks, in OpenCV camera axes."""
        return direction_from_matrix(self.rotation)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON: the six angles rounded to 0.001 degrees, ``box`` as a list, ``score``."""
        angles = {
            name: _rounded(getattr(self, name), 3)
            for name in ("yaw", "pitch", "roll", "yaw_std", "pitch_std", "roll_std")
        }
        score = None if self.score is None else _rounded(self.score, 4)
        return {**angles, "box": self.box.to_list(), "score": score}


@dataclass(frozen=True, slots=True, eq=False)  # comparing arrays gives an array, not a yes or no
class PoseBatch:
    """Poses of N crops as arrays: ``angles`` (N, 3) and ``std`` (N, 3) float32, degrees, yaw pitch roll."""

    angles: NDArray[np.float32]
    std: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.angles)


@dataclass(frozen=True, slots=True)
class ImageResult:
    """What became of one image file: its faces, or the reason in ``error`` why there are none to tell.

    ``width`` and ``height`` are pixels after the EXIF orientation was applied, None if the file could not be
    read.
    """

    file: str
    width: int | None
    height: int | None
    faces: tuple[HeadPose, ...]
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """``{"file", "width", "height", "faces": [...]}``; ``"error"``, if any, in place of ``"faces"``."""
        head: dict[str, Any] = {"file": self.file, "width": self.width, "height": self.height}
        if self.error is not None:
            return {**head, "error": self.error}
        return {**head, "faces": [face.to_dict() for face in self.faces]}


def _rounded(value: float, digits: int) -> float:
    """A plain float for JSON: numpy scalars converted, and never "-0.0"."""
    return round(float(value), digits) + 0.0
