"""The pose math against scipy, against the convention typed out again, and against its meaning in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headpose_sdk.rotation import (
    FloatArray,
    direction_from_matrix,
    euler_from_matrix,
    geodesic_angle,
    matrix_from_euler,
    matrix_from_quaternion,
    mirror_matrix,
    quaternion_from_matrix,
    rotate_in_plane,
)

any_yaw = st.floats(-89.9, 89.9)
any_turn = st.floats(-179.9, 179.9)
any_angles = st.tuples(any_yaw, any_turn, any_turn)
head_angles = st.tuples(st.floats(-85, 85), st.floats(-85, 85), st.floats(-85, 85))
quaternions = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.01)

IMAGE_RIGHT, IMAGE_DOWN, INTO_THE_SCENE = 0, 1, 2  # the components of a vector in OpenCV camera axes
TOP_OF_HEAD = np.array([0.0, -1.0, 0.0])


def convention_matrix(yaw: float, pitch: float, roll: float) -> FloatArray:
    """The convention written down once more, number by number, independently of rotation.py."""
    y, p, r = np.deg2rad([yaw, pitch, roll])
    rx = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    ry = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]])
    d = np.array([[1, 0, 0], [0, -1, 0], [0, 0, -1]])
    product: FloatArray = d @ rx @ ry @ rz @ d
    return product


@given(any_angles)
def test_matrix_is_the_documented_product(angles: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(matrix_from_euler(angles), convention_matrix(*angles), atol=1e-12)


@given(any_angles)
def test_matrix_is_what_scipy_makes_of_the_same_angles(angles: tuple[float, float, float]) -> None:
    yaw, pitch, roll = angles
    # In OpenCV axes a right-handed turn about +x (right) looks down, about +y (down) turns to the left edge,
    # and about +z (into the scene) leans to the right edge: so only pitch changes its sign.
    about_axes = Rotation.from_euler("XYZ", [-pitch, yaw, roll], degrees=True)
    np.testing.assert_allclose(matrix_from_euler(angles), about_axes.as_matrix(), atol=1e-12)


@given(st.tuples(st.floats(-400, 400), st.floats(-400, 400), st.floats(-400, 400)))
def test_matrix_is_a_proper_rotation(angles: tuple[float, float, float]) -> None:
    matrix = matrix_from_euler(angles)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1, abs=1e-12)


def test_frontal_face_is_the_identity_and_looks_into_the_camera() -> None:
    np.testing.assert_array_equal(matrix_from_euler((0, 0, 0)), np.eye(3))
    np.testing.assert_array_equal(direction_from_matrix(np.eye(3)), [0, 0, -1])


@given(st.floats(0.1, 179.9))
def test_positive_yaw_turns_the_face_towards_the_left_edge(yaw: float) -> None:
    direction = direction_from_matrix(matrix_from_euler((yaw, 0, 0)))
    assert direction[IMAGE_RIGHT] < 0
    assert direction[IMAGE_DOWN] == pytest.approx(0, abs=1e-12)


@given(st.floats(0.1, 179.9))
def test_positive_pitch_looks_up(pitch: float) -> None:
    direction = direction_from_matrix(matrix_from_euler((0, pitch, 0)))
    assert direction[IMAGE_DOWN] < 0
    assert direction[IMAGE_RIGHT] == pytest.approx(0, abs=1e-12)


@given(st.floats(0.1, 179.9))
def test_positive_roll_leans_the_top_of_the_head_towards_the_right_edge(roll: float) -> None:
    top = matrix_from_euler((0, 0, roll)) @ TOP_OF_HEAD
    assert top[IMAGE_RIGHT] > 0
    assert top[INTO_THE_SCENE] == pytest.approx(0, abs=1e-12)


@given(any_angles)
def test_euler_round_trip(angles: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(euler_from_matrix(matrix_from_euler(angles)), angles, atol=1e-6)


@given(st.tuples(st.floats(90.1, 179), st.floats(-179, 179), st.floats(-179, 179)))
def test_yaw_beyond_ninety_comes_back_as_other_angles_of_the_same_rotation(
    angles: tuple[float, float, float],
) -> None:
    matrix = matrix_from_euler(angles)
    again = euler_from_matrix(matrix)
    assert -90 <= again[0] <= 90
    np.testing.assert_allclose(matrix_from_euler(again), matrix, atol=1e-9)


@given(
    st.sampled_from([90.0, -90.0]),
    st.sampled_from([0.0, 1e-12, 1e-9, 1e-7, 5e-6, 6e-6, 1e-5, 1e-3, 0.1]),
    any_turn,
    any_turn,
)
def test_gimbal_lock_reproduces_the_matrix(lock: float, distance: float, pitch: float, roll: float) -> None:
    matrix = matrix_from_euler((lock - np.sign(lock) * distance, pitch, roll))
    again = euler_from_matrix(matrix)
    assert again[0] == pytest.approx(lock, abs=distance + 1e-6)
    np.testing.assert_allclose(matrix_from_euler(again), matrix, atol=3e-7)


@pytest.mark.parametrize("yaw", [90.0, -90.0])
def test_gimbal_lock_puts_the_whole_turn_into_pitch(yaw: float) -> None:
    matrix = matrix_from_euler((yaw, 20, 30))
    # At +90 roll undoes pitch, at -90 it adds to it.
    np.testing.assert_allclose(euler_from_matrix(matrix), [yaw, 20 - np.sign(yaw) * 30, 0], atol=1e-6)


@given(any_angles)
def test_quaternion_agrees_with_scipy_and_round_trips(angles: tuple[float, float, float]) -> None:
    matrix = matrix_from_euler(angles)
    quaternion = quaternion_from_matrix(matrix)
    assert quaternion[3] >= 0
    assert np.linalg.norm(quaternion) == pytest.approx(1, abs=1e-12)
    oracle = Rotation.from_matrix(matrix).as_quat()  # x, y, z, w too; q and -q are the same rotation
    assert abs(quaternion @ oracle) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(matrix_from_quaternion(quaternion), matrix, atol=1e-12)


@given(quaternions)
def test_matrix_from_quaternion_agrees_with_scipy_at_any_length(
    quaternion: tuple[float, float, float, float],
) -> None:
    oracle = Rotation.from_quat(quaternion).as_matrix()
    np.testing.assert_allclose(matrix_from_quaternion(quaternion), oracle, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_turns_where_w_is_zero_have_a_quaternion(axis: int) -> None:
    half_turn = -np.eye(3)
    half_turn[axis, axis] = 1
    expected = np.zeros(4)
    expected[axis] = 1
    np.testing.assert_allclose(np.abs(quaternion_from_matrix(half_turn)), expected, atol=1e-12)


@given(any_angles, any_angles)
def test_geodesic_angle_is_scipys_magnitude_and_symmetric(
    a: tuple[float, float, float], b: tuple[float, float, float]
) -> None:
    first, second = matrix_from_euler(a), matrix_from_euler(b)
    oracle = np.degrees((Rotation.from_matrix(first).inv() * Rotation.from_matrix(second)).magnitude())
    assert geodesic_angle(first, second) == pytest.approx(oracle, abs=1e-6)
    assert geodesic_angle(second, first) == pytest.approx(oracle, abs=1e-6)


@given(any_angles, quaternions, st.sampled_from([0.0, 1e-9, 1e-6, 1e-3, 90.0, 179.999, 179.999999, 180.0]))
def test_geodesic_angle_is_exact_down_to_0_and_up_to_180(
    angles: tuple[float, float, float], axis_source: tuple[float, float, float, float], turn: float
) -> None:
    # arccos of the trace would be off by 1e-6 degrees and more at both ends.
    axis = Rotation.from_quat(axis_source).apply([1, 0, 0])
    start = matrix_from_euler(angles)
    end = start @ Rotation.from_rotvec(axis * turn, degrees=True).as_matrix()
    assert geodesic_angle(start, end) == pytest.approx(turn, abs=1e-10)


@given(head_angles)
def test_mirror_flips_yaw_and_roll_only(angles: tuple[float, float, float]) -> None:
    yaw, pitch, roll = angles
    mirrored = mirror_matrix(matrix_from_euler(angles))
    np.testing.assert_allclose(euler_from_matrix(mirrored), [-yaw, pitch, -roll], atol=1e-6)
    np.testing.assert_allclose(mirror_matrix(mirrored), matrix_from_euler(angles), atol=1e-12)


@given(st.floats(-90, 90), st.floats(-89, 89))
def test_turning_the_image_of_a_frontal_face_adds_to_roll_only(turn: float, roll: float) -> None:
    turned = rotate_in_plane(matrix_from_euler((0, 0, roll)), turn)
    np.testing.assert_allclose(euler_from_matrix(turned), [0, 0, roll + turn], atol=1e-6)


@pytest.mark.parametrize("yaw", [35.0, -35.0])
def test_turning_the_image_of_a_turned_face_changes_all_three_angles(yaw: float) -> None:
    before = np.array([yaw, 10.0, 5.0])
    after = euler_from_matrix(rotate_in_plane(matrix_from_euler(before), 15))
    changes = np.abs(after - before)
    assert np.all(changes > 1)
    assert changes[1] > 5  # what "roll += 15" would silently get wrong
    assert geodesic_angle(matrix_from_euler(before), matrix_from_euler(after)) == pytest.approx(15, abs=1e-9)


@given(head_angles, st.floats(-180, 180))
def test_turning_the_image_clockwise_turns_the_drawn_direction_clockwise(
    angles: tuple[float, float, float], turn: float
) -> None:
    matrix = matrix_from_euler(angles)
    right, down = direction_from_matrix(matrix)[:2]
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    expected = [cos * right - sin * down, sin * right + cos * down]  # y points down: this is clockwise
    np.testing.assert_allclose(direction_from_matrix(rotate_in_plane(matrix, turn))[:2], expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (0,)])
def test_any_leading_shape_gives_what_one_at_a_time_gives(shape: tuple[int, ...]) -> None:
    angles = np.random.default_rng(7).uniform(-80, 80, (*shape, 3))
    matrices = matrix_from_euler(angles)
    assert matrices.shape == (*shape, 3, 3)
    assert matrices.dtype == np.float64
    quaternions_ = quaternion_from_matrix(matrices)
    assert quaternions_.shape == (*shape, 4)
    assert matrix_from_quaternion(quaternions_).shape == (*shape, 3, 3)
    assert euler_from_matrix(matrices).shape == (*shape, 3)
    assert direction_from_matrix(matrices).shape == (*shape, 3)
    assert mirror_matrix(matrices).shape == (*shape, 3, 3)
    assert rotate_in_plane(matrices, 10).shape == (*shape, 3, 3)
    turned = rotate_in_plane(matrices, np.full(shape, 10.0))
    np.testing.assert_allclose(geodesic_angle(matrices, turned), np.full(shape, 10.0), atol=1e-9)
    for index in np.ndindex(shape):
        np.testing.assert_allclose(matrices[index], convention_matrix(*angles[index]), atol=1e-12)
        np.testing.assert_allclose(quaternions_[index], quaternion_from_matrix(matrices[index]), atol=1e-12)
        np.testing.assert_allclose(euler_from_matrix(matrices)[index], angles[index], atol=1e-6)


def test_float32_and_lists_are_computed_in_float64() -> None:
    from_list = matrix_from_euler([30, -20, 10])
    from_float32 = matrix_from_euler(np.array([30, -20, 10], dtype=np.float32))
    assert from_float32.dtype == np.float64
    np.testing.assert_array_equal(from_float32, from_list)


def test_float32_matrices_and_quaternions_are_computed_in_float64_too() -> None:
    matrix = matrix_from_euler([[30, -20, 10], [-70, 5, 100]])
    coarse = matrix.astype(np.float32)
    fine = coarse.astype(np.float64)
    of_one = (euler_from_matrix, quaternion_from_matrix, direction_from_matrix, mirror_matrix)
    for function in of_one:
        assert function(coarse).dtype == np.float64
        np.testing.assert_array_equal(function(coarse), function(fine))
    for a, b in ((coarse, matrix), (matrix, coarse), (coarse, coarse)):
        assert geodesic_angle(a, b).dtype == np.float64
        np.testing.assert_array_equal(geodesic_angle(a, b), geodesic_angle(np.float64(a), np.float64(b)))
    turns = np.array([12.3, -45.6], np.float32)
    assert rotate_in_plane(coarse, turns).dtype == np.float64
    np.testing.assert_array_equal(rotate_in_plane(coarse, turns), rotate_in_plane(fine, np.float64(turns)))
    quaternion = quaternion_from_matrix(matrix).astype(np.float32)
    assert matrix_from_quaternion(quaternion).dtype == np.float64
    np.testing.assert_array_equal(matrix_from_quaternion(quaternion), matrix_from_quaternion(np.float64(quaternion)))


def test_quaternions_of_a_batch_have_a_length_each() -> None:
    angles = [[30, -20, 10], [-70, 5, 100]]
    quaternion = quaternion_from_matrix(matrix_from_euler(angles)) * [[0.5], [7]]
    np.testing.assert_allclose(matrix_from_quaternion(quaternion), matrix_from_euler(angles), atol=1e-12)
