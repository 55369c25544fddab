"""Head rotations: Euler angles, matrices, quaternions. The one place that knows the sign convention.

Euler angles are degrees in the order yaw, pitch, roll, with the signs of 300W-LP, AFLW2000-3D and Hopenet:

- yaw   > 0: the face turns towards the LEFT edge of the image (the person's own right)
- pitch > 0: the face looks UP
- roll  > 0: the top of the head leans towards the RIGHT edge of the image (clockwise as seen)

Those data sets define ``R = Rx(pitch) Ry(yaw) Rz(roll)`` in axes x right, y up, z towards the viewer.
Matrices and quaternions here are the same rotation in OpenCV camera axes (x right, y down, z forward):
``D R D`` with ``D = diag(1, -1, -1)``. The identity is a face that looks straight into the camera, and the
facing direction is ``-matrix[:, 2]``. At ``|yaw| = 90`` pitch and roll turn about the same axis (gimbal
lock); roll is then set to 0.

Every function works on arrays of any leading shape and computes in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "FloatArray",
    "direction_from_matrix",
    "euler_from_matrix",
    "geodesic_angle",
    "in_300w_lp_axes",
    "matrix_from_euler",
    "matrix_from_quaternion",
    "mirror_matrix",
    "quaternion_from_matrix",
    "rotate_in_plane",
]

FloatArray = NDArray[np.float64]

_FLIP = np.diag([1.0, -1.0, -1.0])  # 300W-LP axes <-> OpenCV axes, its own inverse
_MIRROR = np.diag([-1.0, 1.0, 1.0])  # left <-> right
_LOCKED = 1e-7  # cos(yaw) below which pitch and roll can no longer be told apart


def matrix_from_euler(angles: ArrayLike) -> FloatArray:
    """Rotation matrices (..., 3, 3) in OpenCV axes from ``angles`` (..., 3): yaw, pitch, roll in degrees."""
    radians = np.radians(np.asarray(angles, dtype=np.float64))
    cos_yaw, cos_pitch, cos_roll = np.moveaxis(np.cos(radians), -1, 0)
    sin_yaw, sin_pitch, sin_roll = np.moveaxis(np.sin(radians), -1, 0)
    rx = _stack(1, 0, 0, 0, cos_pitch, sin_pitch, 0, -sin_pitch, cos_pitch)
    ry = _stack(cos_yaw, 0, -sin_yaw, 0, 1, 0, sin_yaw, 0, cos_yaw)
    rz = _stack(cos_roll, sin_roll, 0, -sin_roll, cos_roll, 0, 0, 0, 1)
    return in_300w_lp_axes(rx @ ry @ rz)


def in_300w_lp_axes(matrix: ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) in OpenCV axes, in those of 300W-LP: x right, y up, z towards the viewer; and back."""
    rotation: FloatArray = _FLIP @ np.asarray(matrix, dtype=np.float64) @ _FLIP
    return rotation


def euler_from_matrix(matrix: ArrayLike) -> FloatArray:
    """Yaw, pitch, roll (..., 3) in degrees from rotation matrices (..., 3, 3) in OpenCV axes.

    Yaw lies in [-90, 90], pitch and roll in [-180, 180]. In gimbal lock roll is 0 and pitch holds
    the whole turn.
    """
    r = in_300w_lp_axes(matrix)
    cos_yaw = np.hypot(r[..., 0, 0], r[..., 0, 1])
    yaw = np.arctan2(-r[..., 0, 2], cos_yaw)
    locked = cos_yaw < _LOCKED
    side = np.where(yaw >= 0, 1.0, -1.0)
    pitch = np.where(locked, np.arctan2(side * r[..., 1, 0], r[..., 1, 1]), np.arctan2(r[..., 1, 2], r[..., 2, 2]))
    roll = np.where(locked, 0.0, np.arctan2(r[..., 0, 1], r[..., 0, 0]))
    angles: FloatArray = np.degrees(np.stack([yaw, pitch, roll], axis=-1))
    return angles


def quaternion_from_matrix(matrix: ArrayLike) -> FloatArray:
    """Unit quaternions (..., 4) as x, y, z, w with w >= 0, from rotation matrices (..., 3, 3)."""
    m = np.asarray(matrix, dtype=np.float64)
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    # Row k of this symmetric matrix is 4 q_k q: the row with the largest diagonal is the best conditioned.
    outer = np.stack(
        [
            np.stack([1 + m00 - m11 - m22, xy, xz, wx], axis=-1),
            np.stack([xy, 1 - m00 + m11 - m22, yz, wy], axis=-1),
            np.stack([xz, yz, 1 - m00 - m11 + m22, wz], axis=-1),
            np.stack([wx, wy, wz, 1 + m00 + m11 + m22], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    q: FloatArray = np.take_along_axis(outer, best[..., None, None], axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(q[..., 3:] < 0, -q, q)


def matrix_from_quaternion(quaternion: ArrayLike) -> FloatArray:
    """Rotation matrices (..., 3, 3) from quaternions (..., 4) as x, y, z, w; they need not have length 1."""
    q = np.asarray(quaternion, dtype=np.float64)
    x, y, z, w = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    return _stack(
        1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
        2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
        2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
    )  # fmt: skip


def geodesic_angle(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """The angle (...,) in degrees, 0 to 180, of the turn that takes rotation ``a`` (..., 3, 3) to ``b``."""
    relative = np.swapaxes(np.asarray(a, dtype=np.float64), -1, -2) @ np.asarray(b, dtype=np.float64)
    # The norm of the skew part is 2 sqrt(2) sin: unlike arccos of the trace, atan2 is exact at 0 and 180.
    skew = relative - np.swapaxes(relative, -1, -2)
    sin = np.linalg.norm(skew, axis=(-2, -1)) / (2 * np.sqrt(2))
    cos = (np.trace(relative, axis1=-2, axis2=-1) - 1) / 2
    angle: FloatArray = np.degrees(np.arctan2(sin, cos))
    return angle


def direction_from_matrix(matrix: ArrayLike) -> FloatArray:
    """Unit vectors (..., 3) along which the face looks, in OpenCV axes; (0, 0, -1) looks into the camera."""
    return -np.asarray(matrix, dtype=np.float64)[..., :, 2]


def mirror_matrix(matrix: ArrayLike) -> FloatArray:
    """The rotation (..., 3, 3) of the same head in the mirrored image: yaw and roll change sign."""
    return _MIRROR @ np.asarray(matrix, dtype=np.float64) @ _MIRROR


def rotate_in_plane(matrix: ArrayLike, degrees: ArrayLike) -> FloatArray:
    """The rotation (..., 3, 3) of the head after the image was turned clockwise by ``degrees`` (...,).

    The whole matrix turns, so yaw and pitch change too; adding to the roll is right for frontal faces only.
    """
    radians = np.radians(np.asarray(degrees, dtype=np.float64))
    cos, sin = np.cos(radians), np.sin(radians)
    return _stack(cos, -sin, 0, sin, cos, 0, 0, 0, 1) @ np.asarray(matrix, dtype=np.float64)


def _stack(*nine: Any) -> FloatArray:
    """Nine scalars or arrays of one shape, row by row, as matrices (..., 3, 3)."""
    flat = np.stack(np.broadcast_arrays(*nine), axis=-1).astype(np.float64)
    return flat.reshape(*flat.shape[:-1], 3, 3)
