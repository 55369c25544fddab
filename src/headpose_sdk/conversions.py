"""Head rotations in the forms of other libraries: OpenCV, MediaPipe, Hopenet, 6DRepNet, Unity and three.js.

Every ``matrix`` here is a rotation (..., 3, 3) as ``HeadPose.rotation`` is: OpenCV camera axes, the identity a face
that looks straight into the camera (:mod:`headpose_sdk.rotation`). Angles go over with ``matrix_from_euler`` and
``euler_from_matrix``. Every function works on arrays of any leading shape and computes in float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headpose_sdk.rotation import FloatArray, in_300w_lp_axes, matrix_from_quaternion, quaternion_from_matrix

__all__ = [
    "hopenet_axes",
    "matrix_from_mediapipe",
    "matrix_from_rvec",
    "matrix_from_sixdrepnet",
    "matrix_from_three",
    "matrix_from_unity",
    "rvec_from_matrix",
    "sixdrepnet_from_matrix",
    "three_from_matrix",
    "unity_from_matrix",
]

_FLIP = np.diag([1.0, -1.0, -1.0])  # a face model with y up and z out of the face <-> OpenCV axes


def rvec_from_matrix(matrix: ArrayLike, *, y_up_model: bool = False) -> FloatArray:
    """Rotation vectors (..., 3) as ``cv2.Rodrigues`` and ``cv2.solvePnP`` have them: axis times angle in radians.

    ``y_up_model``: the 3-D face model, such as that of most solvePnP tutorials, has y up and z out of the face; by
    default it has y down and z into the face. x points to the image's right in both.
    """
    rotation = np.asarray(matrix, dtype=np.float64)
    quaternion = quaternion_from_matrix(rotation @ _FLIP if y_up_model else rotation)
    sin_half = np.linalg.norm(quaternion[..., :3], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sin_half, quaternion[..., 3:])
    scale = np.where(sin_half > 0, angle / np.where(sin_half > 0, sin_half, 1), 2)
    rvec: FloatArray = scale * quaternion[..., :3]
    return rvec


def matrix_from_rvec(rvec: ArrayLike, *, y_up_model: bool = False) -> FloatArray:
    """Rotations (..., 3, 3) from rotation vectors in radians; ``y_up_model`` as in the other direction.

    Vectors are (..., 3), or (..., 3, 1) as cv2.solvePnP gives them.
    """
    vector = np.asarray(rvec, dtype=np.float64)
    vector = vector[..., 0] if vector.shape[-2:] == (3, 1) else vector
    angle = np.linalg.norm(vector, axis=-1, keepdims=True)
    # sinc is sin(pi x) / (pi x), and 1 at 0
    quaternion = np.concatenate([vector * np.sinc(angle / (2 * np.pi)) / 2, np.cos(angle / 2)], axis=-1)
    rotation = matrix_from_quaternion(quaternion)
    return rotation @ _FLIP if y_up_model else rotation


def matrix_from_mediapipe(transformation: ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) from MediaPipe's ``facial_transformation_matrixes`` (..., 4, 4).

    They take MediaPipe's canonical face (x to the image's right, y up, z out of the face) to a camera that looks along
    -z (Face Geometry, "metric 3D space"). Scale, if there is any, is dropped, and so is the translation.
    """
    linear = np.asarray(transformation, dtype=np.float64)[..., :3, :3]
    u, _, vt = np.linalg.svd(linear)  # the nearest rotation
    return in_300w_lp_axes(u @ vt)


def matrix_from_sixdrepnet(matrix: ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) from the matrices (..., 3, 3) that 6DRepNet predicts.

    Its labels are ``Rz(roll) Ry(yaw) Rx(pitch)`` with right-handed turns: the transpose of the rotation of 300W-LP,
    whose turns are left-handed. So its own Euler angles are those of 300W-LP, and its matrix is the inverse.
    """
    return in_300w_lp_axes(np.swapaxes(np.asarray(matrix, dtype=np.float64), -1, -2))


def sixdrepnet_from_matrix(matrix: ArrayLike) -> FloatArray:
    """The matrices (..., 3, 3) that 6DRepNet would predict for rotations (..., 3, 3)."""
    return np.swapaxes(in_300w_lp_axes(matrix), -1, -2)


def hopenet_axes(matrix: ArrayLike) -> FloatArray:
    """The axes (..., 3, 2) that ``draw_axis`` of Hopenet and 6DRepNet draws: red, green, blue as x, y in the image.

    They are of length 1 before foreshortening, relative to where they start, y down; ``size`` scales them. They are
    the same as ``draw_poses`` shows: the first two rows of side, down and front.
    """
    rotation = np.asarray(matrix, dtype=np.float64)
    return np.stack([rotation[..., :2, 0], rotation[..., :2, 1], -rotation[..., :2, 2]], axis=-2)


def unity_from_matrix(matrix: ArrayLike) -> FloatArray:
    """Quaternions (..., 4) x, y, z, w for ``transform.localRotation`` of a head in Unity (left-handed, y up).

    The head looks along its own +z, Unity's forward, and its parent looks at the camera: then these are the numbers of
    ``HeadPose.quaternion``. A head that is a child of the camera gets ``Quaternion.Euler(0, 180, 0) * q``. The avatar
    turns to its own right when the person turns to theirs; for a mirror, pass ``mirror_matrix(matrix)``.
    """
    return quaternion_from_matrix(matrix)


def matrix_from_unity(quaternion: ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) from quaternions (..., 4) x, y, z, w as :func:`unity_from_matrix` gives them."""
    return matrix_from_quaternion(quaternion)


def three_from_matrix(matrix: ArrayLike) -> FloatArray:
    """Quaternions (..., 4) x, y, z, w for ``object.quaternion`` in three.js, glTF and OpenGL (right-handed, y up).

    The object looks along its own +z, as glTF has it, and the camera along its -z, as three.js has it: the identity
    looks into the camera.
    """
    return quaternion_from_matrix(in_300w_lp_axes(matrix))


def matrix_from_three(quaternion: ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) from three.js's quaternions (..., 4) x, y, z, w."""
    return in_300w_lp_axes(matrix_from_quaternion(quaternion))
