"""Camera and crop: a face is where a pinhole camera puts it, and fills the crop as labelled photos do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.rendering.framing import CROP_MARGIN, Framing, sight_direction, sight_rotation

FACE = np.array([[-0.7, -1.0, 0.1], [0.7, -0.9, 0.0], [0.0, 0.8, 0.4], [0.0, -0.2, 0.9], [0.6, 0.3, 0.2]])
ANGLES = st.tuples(st.floats(-50, 50), st.floats(-50, 50))
DISTANCES = st.floats(3.0, 40.0)


def pinhole(points: FloatArray, framing: Framing, size: int) -> FloatArray:
    """The picture of a camera of focal length 1, cut out and enlarged: written anew, with nothing of the framing's."""
    moved = points + framing.shift
    image = np.array([[x / -z, -y / -z] for x, y, z in moved])
    face = np.array([[x / -z, -y / -z] for x, y, z in FACE + framing.shift])
    (left, top), (right, bottom) = face.min(0), face.max(0)
    side = CROP_MARGIN * max(right - left, bottom - top)
    corner = np.array([(left + right) / 2, (top + bottom) / 2]) - side / 2
    return (image - corner) / side * size


@given(DISTANCES, ANGLES)
def test_points_are_where_a_pinhole_camera_sees_them(distance: float, aside: tuple[float, float]) -> None:
    framing = Framing(FACE, distance, aside)
    others = FACE[::-1] * 0.9
    np.testing.assert_allclose(framing.pixels(others, 128), pinhole(others, framing, 128), atol=1e-6)


@given(DISTANCES, ANGLES)
def test_the_crop_is_the_square_around_the_box_with_its_margin(distance: float, aside: tuple[float, float]) -> None:
    pixels = Framing(FACE, distance, aside).pixels(FACE, 128)
    low, high = pixels.min(0), pixels.max(0)
    np.testing.assert_allclose((low + high) / 2, 64, atol=1e-9)
    assert (high - low).max() == pytest.approx(128 / CROP_MARGIN)


@given(DISTANCES, ANGLES)
def test_the_projection_matrix_puts_points_where_pixels_says(distance: float, aside: tuple[float, float]) -> None:
    framing = Framing(FACE, distance, aside)
    homogeneous = np.column_stack([FACE + framing.shift, np.ones(len(FACE))])
    clip = homogeneous @ framing.projection.astype(np.float64).T
    x, y, depth = (clip[:, :3] / clip[:, 3:]).T
    np.testing.assert_allclose(np.column_stack([x + 1, 1 - y]) * 64, framing.pixels(FACE, 128), atol=1e-2)
    assert (np.abs(depth) < 1).all()
    # Depths are what the matrix's rows of depth stand for: from the near plane to the far one.
    near, far = framing.near, framing.far
    expected = 2 * near * far / (far + near - depth * (far - near))
    np.testing.assert_allclose(framing.depths(FACE), expected, rtol=1e-3)


@given(DISTANCES, ANGLES)
def test_the_face_stands_at_its_distance_along_the_line_of_sight(distance: float, aside: tuple[float, float]) -> None:
    framing = Framing(FACE, distance, aside)
    middle = (FACE.min(0) + FACE.max(0)) / 2 + framing.shift
    np.testing.assert_allclose(middle, distance * sight_direction(aside), atol=1e-9)


@given(ANGLES)
def test_the_turn_to_the_line_of_sight_is_the_shortest(aside: tuple[float, float]) -> None:
    turn = sight_rotation(aside)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(turn @ [0, 0, -1], sight_direction(aside), atol=1e-12)
    # The shortest turn's axis is square to the optical axis, which leaves its trace 1 + 2 cos.
    assert np.trace(turn) == pytest.approx(1 + 2 * turn[2, 2])


def test_aside_is_to_the_right_and_up_in_degrees_from_the_axis() -> None:
    x, y, z = sight_direction((30.0, 0.0))
    assert (x, y, z) == pytest.approx((0.5, 0.0, -(0.75**0.5)))
    x, y, z = sight_direction((0.0, 30.0))
    assert (x, y) == pytest.approx((0.0, 0.5))


def test_a_face_far_aside_is_stretched_outwards() -> None:
    ball = np.array([[np.cos(a), np.sin(a), 0.0] for a in np.linspace(0, 2 * np.pi, 60)])

    def widths(aside: tuple[float, float]) -> FloatArray:
        seen = Framing(ball @ sight_rotation(aside).T, 10.0, aside).pixels(ball @ sight_rotation(aside).T, 128)
        extent: FloatArray = seen.max(0) - seen.min(0)
        return extent

    wide, high = widths((0.0, 0.0))
    assert wide / high == pytest.approx(1, abs=0.01)
    wide, high = widths((40.0, 0.0))
    assert wide / high == pytest.approx(1 / np.cos(np.radians(40)), abs=0.03)


def test_a_wider_margin_shows_more() -> None:
    pixels = Framing(FACE, 8.0, margin=2.8).pixels(FACE, 128)
    assert (pixels.max(0) - pixels.min(0)).max() == pytest.approx(128 / 2.8)


def test_a_closer_camera_makes_near_things_larger() -> None:
    near_and_far = np.array([[-0.1, 0, 0.9], [0.1, 0, 0.9], [-0.1, 0, -0.9], [0.1, 0, -0.9]])

    def ratio(distance: float) -> float:
        x = Framing(FACE, distance).pixels(near_and_far, 128)[:, 0]
        return float((x[1] - x[0]) / (x[3] - x[2]))

    assert ratio(4.0) > ratio(12.0) > ratio(40.0) > 1
