"""Faces off the middle of the picture and zero poses of one's own, against geometry that projects points."""

from __future__ import annotations

import numpy as np
import pytest

from headpose_sdk.camera import NeutralPose, camera_matrix, check_camera_matrix, line_of_sight
from headpose_sdk.rotation import FloatArray, euler_from_matrix, geodesic_angle, matrix_from_euler

WIDTH, HEIGHT, FOV = 1280, 720, 70.0
K = camera_matrix(FOV, WIDTH, HEIGHT)
# A head of about 20 cm as points in its own axes; metres.
HEAD = np.random.default_rng(3).uniform(-0.08, 0.08, (200, 3))


def project(points: FloatArray) -> FloatArray:
    """Pixels (N, 2), 0 at the outer edge of the first one, of points (N, 3) before the camera."""
    pixels = points @ K.T
    return pixels[:, :2] / pixels[:, 2:] + 0.5


def apparent_rotation(rotation: FloatArray, where: FloatArray) -> FloatArray:
    """How a head at ``where`` (3,) looks turned to somebody who sees its own piece of the picture only.

    The rotation whose first two rows best explain the piece as a scaled view along the axis of a camera.
    """
    piece = project(HEAD @ rotation.T + where) - project(where[np.newaxis])
    map_to_pixels = np.linalg.lstsq(HEAD, piece, rcond=None)[0].T
    u, _, vt = np.linalg.svd(map_to_pixels, full_matrices=False)
    side, down = u @ vt
    return np.stack([side, down, np.cross(side, down)])


@pytest.mark.parametrize("where", [(0.6, 0, 1.2), (-0.6, 0, 1.2), (0, 0.35, 1.2), (-0.5, -0.3, 1.2), (0, 0, 1.2)])
@pytest.mark.parametrize("angles", [(0, 0, 0), (25, -10, 15), (-40, 20, -5)])
def test_the_apparent_turn_of_a_face_off_the_middle_is_undone(
    where: tuple[float, float, float], angles: tuple[float, float, float]
) -> None:
    true = matrix_from_euler(angles)
    point = np.array(where)
    apparent = apparent_rotation(true, point)
    x, y = project(point[np.newaxis])[0]
    corrected = line_of_sight(K, (x, y)) @ apparent
    off = np.degrees(np.arctan2(np.hypot(point[0], point[1]), point[2]))
    assert geodesic_angle(apparent, true) == pytest.approx(off, abs=0.1 * off + 1.5)  # the mistake there is to undo
    assert geodesic_angle(corrected, true) < 0.1 * off + 1.5


def test_signs_are_those_of_the_convention() -> None:
    """Somebody at the left edge who faces along the camera's axis seems to look out of the picture, to the left."""
    seen = line_of_sight(K, (100, HEIGHT / 2)).T  # how the identity appears there
    yaw, pitch, roll = euler_from_matrix(seen)
    assert yaw > 20
    assert abs(pitch) < 0.1
    assert abs(roll) < 0.1
    assert euler_from_matrix(line_of_sight(K, (WIDTH / 2, 50)).T)[1] > 10  # above the middle: looks up


def test_the_middle_needs_no_correction_and_the_edge_half_the_field_of_view() -> None:
    np.testing.assert_allclose(line_of_sight(K, (WIDTH / 2, HEIGHT / 2)), np.eye(3), atol=1e-12)
    assert geodesic_angle(np.eye(3), line_of_sight(K, (WIDTH, HEIGHT / 2))) == pytest.approx(FOV / 2)


@pytest.mark.parametrize("point", [(0, 0), (1280, 720), (300, 600), (-4000, 90)])
def test_the_line_of_sight_is_a_rotation_without_roll_that_points_there(point: tuple[float, float]) -> None:
    turn = line_of_sight(K, point)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(project(turn[:, 2:].T)[0], point, atol=1e-6)
    assert turn[0, 1] == pytest.approx(turn[1, 0])  # the shortest turn


@pytest.mark.parametrize("fov", [0, -3, 180, float("nan")])
def test_a_field_of_view_that_cannot_be(fov: float) -> None:
    with pytest.raises(ValueError, match="field of view"):
        camera_matrix(fov, 640, 480)


@pytest.mark.parametrize("matrix", [np.eye(2), np.zeros((3, 3)), [[1, 0, 0], [0, 1, 0], [0, 1, 1]], "no"])
def test_a_camera_matrix_that_cannot_be(matrix: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (numpy tells of what is no number in its own words)
        check_camera_matrix(matrix)  # type: ignore[arg-type]


def test_the_neutral_pose_is_the_mean_and_then_stays() -> None:
    rng = np.random.default_rng(2)
    zero = matrix_from_euler((25, -15, 8))
    neutral = NeutralPose(seconds=2.0)
    for index in range(61):
        neutral.relative(zero @ matrix_from_euler(rng.normal(0, 2, 3)), 7 + index / 30)
    assert geodesic_angle(neutral.relative(zero, 20.0), np.eye(3)) < 1.0
    turned = zero @ matrix_from_euler((30, 0, 0))
    assert euler_from_matrix(neutral.relative(turned, 21.0)) == pytest.approx([30, 0, 0], abs=1.5)
    assert neutral.relative(turned, 22.0) == pytest.approx(neutral.relative(turned, 21.0))


def test_from_the_neutral_pose_angles_are_those_of_a_camera_straight_before_the_face() -> None:
    """A camera to the side sees the head through its own turn; the zero pose takes exactly that turn away."""
    mounting = matrix_from_euler((35, 12, -6))  # how the side camera sees somebody who looks straight ahead
    neutral = NeutralPose(seconds=0)
    np.testing.assert_allclose(neutral.relative(mounting, 0.0), np.eye(3), atol=1e-9)
    for angles in ((20, 0, 0), (0, -25, 0), (-30, 10, 5)):
        from_the_front = matrix_from_euler(angles)
        assert euler_from_matrix(neutral.relative(mounting @ from_the_front, 1.0)) == pytest.approx(angles)
