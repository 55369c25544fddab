"""The One-Euro filter on rotations: what it takes away, how far it lags, and that it knows no angle's limits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headpose_sdk.rotation import FloatArray, euler_from_matrix, geodesic_angle, matrix_from_euler
from headpose_sdk.smoothing import LEVELS, OneEuro, RotationFilter

STEP = 1 / 30
LIGHT, STRONG = LEVELS["light"], LEVELS["strong"]
assert LIGHT is not None
assert STRONG is not None
levels = pytest.mark.parametrize("level", [LIGHT, STRONG], ids=["light", "strong"])


def smooth(level: OneEuro, rotations: FloatArray, step: float = STEP) -> FloatArray:
    steady = RotationFilter(level)
    return np.array([steady(rotation, index * step) for index, rotation in enumerate(rotations)])


def yaw_turn(speed: float, seconds: float = 1.0, start: float = -60.0) -> FloatArray:
    times = np.arange(0, seconds, STEP)
    return matrix_from_euler(np.stack([start + speed * times, 0 * times, 0 * times], axis=-1))


@levels
@pytest.mark.parametrize(
    "degrees", [0.3, 0.9]
)  # what predictions of a still face with faint and with strong noise have
def test_jitter_of_a_still_face_falls_to_a_quarter_or_less(level: OneEuro, degrees: float) -> None:
    noise = np.random.default_rng(1).normal(0, degrees, (600, 3))
    center = matrix_from_euler((20, -10, 5))
    rotations = center @ matrix_from_euler(noise)
    steady = smooth(level, rotations)[60:]
    before = np.sqrt(np.mean(geodesic_angle(center, rotations[60:]) ** 2))
    after = np.sqrt(np.mean(geodesic_angle(center, steady) ** 2))
    assert after <= before / 4


def test_a_turn_of_200_degrees_a_second_is_followed_within_50_ms() -> None:
    rotations = yaw_turn(200, seconds=0.6)
    behind = geodesic_angle(smooth(LIGHT, rotations), rotations)
    assert behind.max() / 200 <= 0.050


@levels
@pytest.mark.parametrize("speed", [10.0, 60.0, 150.0])
@pytest.mark.parametrize("step", [1 / 60, 1 / 25, 1 / 8])
def test_the_delay_in_a_steady_turn_is_the_one_that_is_stated(level: OneEuro, speed: float, step: float) -> None:
    times = np.arange(0, 8, step)
    rolls = np.stack([0 * times, 0 * times, speed * times], axis=-1)
    rotations = matrix_from_euler(rolls)
    behind = geodesic_angle(smooth(level, rotations, step)[-1], rotations[-1])
    assert 1000 * behind / speed == pytest.approx(level.delay(speed), rel=0.02)


def test_strong_is_steadier_and_slower_than_light() -> None:
    for speed in (0, 20, 200):
        assert STRONG.delay(speed) > 1.5 * LIGHT.delay(speed)
    assert LEVELS["off"] is None


def test_no_jump_where_roll_passes_180_degrees() -> None:
    times = np.arange(0, 4, STEP)
    rotations = matrix_from_euler(np.stack([0 * times, 0 * times, 90 * times], axis=-1))
    steady = smooth(LIGHT, rotations)
    assert euler_from_matrix(steady)[:, 2].min() < -170  # it went over the edge
    steps = [geodesic_angle(a, b) for a, b in itertools.pairwise(steady)]
    assert max(steps) < 90 * STEP * 1.2


def test_no_jump_near_gimbal_lock() -> None:
    """Past yaw 90 pitch and roll turn over to 180; the filter must not see that."""
    times = np.arange(0, 1, STEP)
    about_down = np.radians(60 + 60 * times)
    rotations = np.array([[[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]] for a in about_down])
    assert np.ptp(euler_from_matrix(rotations)[:, 1]) > 170
    steady = smooth(LIGHT, rotations)
    assert max(geodesic_angle(a, b) for a, b in itertools.pairwise(steady)) < 60 * STEP * 1.2
    assert geodesic_angle(steady, rotations).max() < 60 * LIGHT.delay(0) / 1000


def test_what_the_network_is_unsure_of_counts_less() -> None:
    def odds(std: float) -> float:
        """How much an outlier counts against what was there before."""
        steady = RotationFilter(LIGHT)
        for index in range(30):
            steady(np.eye(3), index * STEP, std=2.0)
        outlier = matrix_from_euler((30, 0, 0))
        moved = float(geodesic_angle(np.eye(3), steady(outlier, 30 * STEP, std=std)))
        return moved / (30 - moved)

    assert odds(4.0) == pytest.approx(odds(2.0) / 4)
    assert 0 < odds(20.0) < odds(4.0) / 3  # an outlier does not stop it for good
    assert odds(1.0) == pytest.approx(odds(2.0))  # never more than it does by itself


def test_only_ratios_of_the_std_matter() -> None:
    rng = np.random.default_rng(5)
    rotations, stds = matrix_from_euler(rng.normal(0, 3, (50, 3))), rng.uniform(1, 5, 50)
    one, other = RotationFilter(LIGHT), RotationFilter(LIGHT)
    for index, (rotation, std) in enumerate(zip(rotations, stds, strict=True)):
        a, b = one(rotation, index * STEP, std), other(rotation, index * STEP, 10 * std)
        np.testing.assert_allclose(a, b, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-180, 180)] * 3, st.floats(0.001, 5)), min_size=1, max_size=8))
def test_rotations_come_out_and_the_first_is_untouched(samples: list[tuple[float, ...]]) -> None:
    steady, time = RotationFilter(LIGHT), 0.0
    for index, (*angles, seconds) in enumerate(samples):
        rotation = matrix_from_euler(angles)
        out = steady(rotation, time := time + seconds)
        np.testing.assert_allclose(out @ out.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(out) > 0
        if index == 0:
            np.testing.assert_allclose(out, rotation, atol=1e-9)


def test_time_must_go_on() -> None:
    steady = RotationFilter(LIGHT)
    steady(np.eye(3), 1.0)
    with pytest.raises(ValueError, match="not after"):
        steady(np.eye(3), 1.0)
