"""Which angles of a head can be learnt. A head seen from behind shows no pose, and the network is to say so."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headpose_sdk.rotation import FloatArray, euler_from_matrix, matrix_from_euler

__all__ = ["LARGEST_ANGLE", "facing_camera", "known_angles", "within_yaw"]

LARGEST_ANGLE = 93.0  # degrees, what the bins reach to, and how far from the camera a face may look to be one
LARGEST_YAW = 90.0  # degrees, what Euler angles of any rotation reach to


def within_yaw(angles: ArrayLike) -> FloatArray:
    """The same rotations (..., 3) in degrees, yaw pitch roll, written with a yaw of at most 90 degrees either way.

    A label such as (120, 0, 0) becomes (60, 180, 180). Labels that are written so already stay as they are.
    """
    labelled = np.asarray(angles, dtype=np.float64)
    beyond = np.abs(labelled[..., :1]) > LARGEST_YAW
    return np.where(beyond, euler_from_matrix(matrix_from_euler(labelled)), labelled)


def facing_camera(angles: ArrayLike) -> NDArray[np.bool_]:
    """Whether each head (...,) of ``angles`` (..., 3) degrees looks at most 93 degrees away from the camera."""
    # The facing direction is -z of the matrix, and the camera lies at -z.
    facing: NDArray[np.bool_] = matrix_from_euler(angles)[..., 2, 2] >= np.cos(np.radians(LARGEST_ANGLE))
    return facing


def known_angles(angles: ArrayLike) -> NDArray[np.bool_]:
    """Which of ``angles`` (..., 3), degrees with yaw within 90, can be learnt: (..., 3) bool.

    None of a head that faces away from the camera. Of one that faces it, those within the bins: a face on its head
    has a yaw and a pitch to learn, but no roll.
    """
    degrees = np.asarray(angles, dtype=np.float64)
    known: NDArray[np.bool_] = facing_camera(degrees)[..., None] & (np.abs(degrees) < LARGEST_ANGLE)
    return known
