"""Conversions, each against the other library's own arithmetic: called where it is installed, else written out here.

What is written out follows Hopenet's utils.py (draw_axis), 6DRepNet's utils.py (get_R, draw_axis,
compute_euler_angles_from_rotation_matrices), Unity's Quaternion.Euler and three.js's Vector3.applyQuaternion.
"""

from __future__ import annotations

from math import atan2, cos, radians, sin, sqrt

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from headpose_sdk.conversions import (
    hopenet_axes,
    matrix_from_mediapipe,
    matrix_from_rvec,
    matrix_from_sixdrepnet,
    matrix_from_three,
    matrix_from_unity,
    rvec_from_matrix,
    sixdrepnet_from_matrix,
    three_from_matrix,
    unity_from_matrix,
)
from headpose_sdk.drawing import axis_endpoints
from headpose_sdk.results import BoundingBox, HeadPose
from headpose_sdk.rotation import direction_from_matrix, euler_from_matrix, matrix_from_euler, mirror_matrix

Array = NDArray[np.float64]
FLIP = np.diag([1.0, -1.0, -1.0])

angles = st.tuples(st.floats(-89, 89), st.floats(-89, 89), st.floats(-89, 89))
quaternions = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)


def close(a: Array, b: Array, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(a, b, atol=atol)


# OpenCV


@given(quaternions)
@example((0.0, 0.0, -0.25, 1e-6))  # so close to half a turn that OpenCV's own axis loses its sign
def test_rotation_vectors_are_opencvs(quaternion: tuple[float, ...]) -> None:
    matrix = Rotation.from_quat(quaternion).as_matrix()
    close(cv2.Rodrigues(rvec_from_matrix(matrix))[0], matrix)
    close(matrix_from_rvec(cv2.Rodrigues(matrix)[0].ravel()), matrix, 3e-5)  # OpenCV rounds to half a turn from 1e-5 on
    close(matrix_from_rvec(rvec_from_matrix(matrix)), matrix)
    close(matrix_from_rvec(rvec_from_matrix(matrix)[:, None]), matrix)  # a column, as solvePnP gives it
    close(matrix_from_rvec(rvec_from_matrix(matrix, y_up_model=True), y_up_model=True), matrix)


def test_no_turn_and_half_a_turn_are_no_exceptions() -> None:
    close(rvec_from_matrix(np.eye(3)), np.zeros(3))
    close(matrix_from_rvec(np.zeros(3)), np.eye(3))
    close(np.abs(rvec_from_matrix(FLIP)), np.array([np.pi, 0, 0]))


@pytest.mark.parametrize("y_up", [False, True])
def test_a_face_model_either_way_up_gives_back_the_pose(y_up: bool) -> None:
    rotation = matrix_from_euler((25.0, -15.0, 40.0))
    face = np.array(
        [[0, 0, -1], [-0.4, -0.4, -0.5], [0.4, -0.4, -0.5], [-0.3, 0.5, -0.6], [0.3, 0.5, -0.6], [0, 0.9, -0.5]]
    )
    camera = np.array([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]])
    seen = (face @ rotation.T + (0, 0, 10)) @ camera.T
    found, rvec, _ = cv2.solvePnP(face @ FLIP if y_up else face, seen[:, :2] / seen[:, 2:], camera, np.zeros(4))
    assert found
    close(euler_from_matrix(matrix_from_rvec(rvec.ravel(), y_up_model=y_up)), np.array([25.0, -15.0, 40.0]), 1e-2)


# MediaPipe: its canonical face and its camera are those of OpenGL, so a point of the face must come out where ours does


@given(angles, st.floats(0.5, 2))
def test_mediapipes_matrix_moves_the_nose_as_ours_does(pose: tuple[float, float, float], scale: float) -> None:
    rotation = matrix_from_euler(pose)
    transformation = np.eye(4)
    transformation[:3, :3] = scale * FLIP @ rotation @ FLIP
    transformation[:3, 3] = (3.0, -2.0, -40.0)  # centimetres, in front of a camera that looks along -z
    close(matrix_from_mediapipe(transformation), rotation)
    nose = transformation[:3, :3] @ (0, 0, 1) / scale  # z points out of the canonical face
    close(FLIP @ nose, direction_from_matrix(rotation))


# Hopenet and 6DRepNet


def draw_axis(yaw: float, pitch: float, roll: float) -> Array:
    """The end points of Hopenet's and 6DRepNet's draw_axis for size 1, without the starting point."""
    pitch, yaw, roll = radians(pitch), -radians(yaw), radians(roll)
    return np.array(
        [
            [cos(yaw) * cos(roll), cos(pitch) * sin(roll) + cos(roll) * sin(pitch) * sin(yaw)],
            [-cos(yaw) * sin(roll), cos(pitch) * cos(roll) - sin(pitch) * sin(yaw) * sin(roll)],
            [sin(yaw), -cos(yaw) * sin(pitch)],
        ]
    )


def get_r(x: float, y: float, z: float) -> Array:
    """6DRepNet's get_R: the matrix it learns for pitch, yaw and roll in radians."""
    rx = np.array([[1, 0, 0], [0, cos(x), -sin(x)], [0, sin(x), cos(x)]])
    ry = np.array([[cos(y), 0, sin(y)], [0, 1, 0], [-sin(y), 0, cos(y)]])
    rz = np.array([[cos(z), -sin(z), 0], [sin(z), cos(z), 0], [0, 0, 1]])
    return rz @ ry @ rx


def euler_of_sixdrepnet(r: Array) -> Array:
    """Its compute_euler_angles_from_rotation_matrices, as yaw, pitch, roll in degrees."""
    pitch, roll = atan2(r[2, 1], r[2, 2]), atan2(r[1, 0], r[0, 0])
    return np.degrees([atan2(-r[2, 0], sqrt(r[0, 0] ** 2 + r[1, 0] ** 2)), pitch, roll])


@given(angles)
def test_hopenets_axes_are_ours(pose: tuple[float, float, float]) -> None:
    close(hopenet_axes(matrix_from_euler(pose)), draw_axis(*pose))


def test_the_axes_that_we_draw_are_hopenets() -> None:
    pose = HeadPose(31.0, -17.0, 12.0, 1, 1, 1, BoundingBox(0, 0, 100, 100), None)
    drawn = axis_endpoints(pose) - 50
    close(drawn / 60, draw_axis(31.0, -17.0, 12.0))


@given(angles)
def test_sixdrepnets_matrix_is_the_inverse_and_its_angles_are_ours(pose: tuple[float, float, float]) -> None:
    yaw, pitch, roll = pose
    learnt = get_r(radians(pitch), radians(yaw), radians(roll))
    close(matrix_from_sixdrepnet(learnt), matrix_from_euler(pose))
    close(sixdrepnet_from_matrix(matrix_from_euler(pose)), learnt)
    close(euler_of_sixdrepnet(learnt), np.array(pose), 1e-6)


# Unity


def times(a: Array, b: Array) -> Array:
    """The product of two quaternions x, y, z, w, which is the same in Unity, three.js and scipy."""
    (ax, ay, az, aw), (bx, by, bz, bw) = a, b
    return np.array(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ]
    )


def turned(quaternion: Array, vector: tuple[float, ...]) -> Array:
    """``quaternion * vector`` in Unity, ``vector.applyQuaternion(quaternion)`` in three.js."""
    conjugate = quaternion * (-1, -1, -1, 1)
    return times(times(quaternion, np.array([*vector, 0.0])), conjugate)[:3]


def unity_euler(x: float, y: float, z: float) -> Array:
    """Unity's Quaternion.Euler: about z, then x, then y; in degrees."""
    half = np.radians([x, y, z]) / 2
    about = [np.array([*(np.sin(h) * axis), np.cos(h)]) for h, axis in zip(half, np.eye(3), strict=True)]
    return times(times(about[1], about[0]), about[2])


@pytest.mark.parametrize(
    ("pose", "euler"),  # Unity: +y turns to the own right, +x bows, +z leans to the own left
    [((30, 0, 0), (0, 30, 0)), ((0, 20, 0), (-20, 0, 0)), ((0, 0, 25), (0, 0, 25))],
)
def test_a_head_in_unity_does_what_the_person_does(
    pose: tuple[float, float, float], euler: tuple[float, float, float]
) -> None:
    close(unity_from_matrix(matrix_from_euler(pose)), unity_euler(*euler))


@given(angles)
def test_a_head_in_unity_looks_where_the_person_looks(pose: tuple[float, float, float]) -> None:
    rotation = matrix_from_euler(pose)
    quaternion = unity_from_matrix(rotation)
    close(matrix_from_unity(quaternion), rotation)
    below_camera = times(unity_euler(0, 180, 0), quaternion)  # as the docstring says
    x, y, z = turned(below_camera, (0, 0, 1))  # Unity's forward, in the camera's axes: x right, y up, z forward
    close(np.array([x, -y, z]), direction_from_matrix(rotation))
    x, y, z = turned(below_camera, (0, 1, 0))
    close(np.array([x, -y, z]), -rotation[:, 1])  # the top of the head
    mirrored = turned(unity_from_matrix(mirror_matrix(rotation)), (0, 0, 1))
    close(mirrored, turned(quaternion, (0, 0, 1)) * (-1, 1, 1))


# three.js


@given(angles)
def test_a_head_in_three_js_looks_where_the_person_looks(pose: tuple[float, float, float]) -> None:
    rotation = matrix_from_euler(pose)
    quaternion = three_from_matrix(rotation)
    close(matrix_from_three(quaternion), rotation)
    close(FLIP @ turned(quaternion, (0, 0, 1)), direction_from_matrix(rotation))
    close(FLIP @ turned(quaternion, (0, 1, 0)), -rotation[:, 1])
    x, y, z, w = Rotation.from_matrix(rotation).as_quat(canonical=True)
    close(Rotation.from_quat([x, -y, -z, w]).as_matrix(), Rotation.from_quat(quaternion).as_matrix())


# All of them


def test_arrays_of_any_leading_shape() -> None:
    matrices = matrix_from_euler(np.arange(18.0).reshape(2, 3, 3))
    transformations = np.zeros((2, 3, 4, 4))
    transformations[..., :3, :3] = matrices
    for convert, shape in (
        (rvec_from_matrix, (3,)),
        (sixdrepnet_from_matrix, (3, 3)),
        (hopenet_axes, (3, 2)),
        (unity_from_matrix, (4,)),
        (three_from_matrix, (4,)),
    ):
        batch = convert(matrices)
        assert batch.shape == (2, 3, *shape)
        close(batch[1, 2], convert(matrices[1, 2]))
    close(matrix_from_mediapipe(transformations)[1, 2], matrix_from_mediapipe(transformations[1, 2]))
    close(matrix_from_rvec(rvec_from_matrix(matrices)), matrices)
