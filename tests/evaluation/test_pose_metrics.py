"""Metrics against numbers worked out by hand."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headpose_sdk.evaluation.metrics import (
    absolute_errors,
    bootstrap_interval,
    coverage,
    geodesic_errors,
    pose_metrics,
    vector_errors,
)

ZERO = [[0.0, 0.0, 0.0]]
angles = st.tuples(*[st.floats(-180, 180)] * 3)


def test_an_error_of_350_degrees_is_not_folded() -> None:
    assert absolute_errors([[-175, 0, 90]], [[175, 0, -95]]).tolist() == [[350, 0, 185]]
    metrics = pose_metrics([[-175.0, 0, 0]], [[175.0, 0, 0]])
    assert metrics.yaw == 350
    assert metrics.geodesic == pytest.approx(10)  # the rotations themselves are close, and both are told


def test_mean_errors_by_hand() -> None:
    metrics = pose_metrics([[1, 2, 3], [-1, 0, 5]], [[0, 0, 0], [0, 0, 0]])
    assert (metrics.n, metrics.yaw, metrics.pitch, metrics.roll, metrics.mae) == (2, 1, 1, 4, 2)


@pytest.mark.parametrize("turn", [[30, 0, 0], [0, 30, 0], [0, 0, 30]])
def test_a_turn_about_one_axis_moves_two_of_three_vectors(turn: list[float]) -> None:
    assert geodesic_errors([turn], ZERO) == pytest.approx(30)
    assert sorted(vector_errors([turn], ZERO)[0]) == pytest.approx([0, 30, 30])
    assert pose_metrics([turn], ZERO).maev == pytest.approx(20)
    assert pose_metrics([turn], ZERO).mae == pytest.approx(10)


def test_vectors_are_side_down_front() -> None:
    assert vector_errors([[30, 0, 0], [0, 30, 0], [0, 0, 30]], ZERO * 3) == pytest.approx(
        np.array([[30, 0, 30], [0, 30, 30], [30, 30, 0]])
    )


def test_vector_errors_keep_small_angles() -> None:
    assert vector_errors([[1e-6, 0, 0]], ZERO)[0] == pytest.approx([1e-6, 0, 1e-6], rel=1e-6)


@given(angles, angles)
def test_no_vector_moves_further_than_the_whole_turn(first: tuple[float, ...], second: tuple[float, ...]) -> None:
    assert vector_errors([first], [second]).max() <= geodesic_errors([first], [second])[0] + 1e-5


def test_coverage_by_hand() -> None:
    errors, std = [[1, 2, 3], [1, 1, 1]], [[1, 1, 1], [1, 1, 2]]
    assert coverage(errors, std, 1).tolist() == [1, 0.5, 0.5]
    assert coverage(errors, std, 2).tolist() == [1, 1, 0.5]


def test_coverage_leaves_out_predictions_without_std_and_says_how_many_it_saw() -> None:
    nan = [np.nan] * 3
    metrics = pose_metrics([[1, 2, 3], [50, 50, 50]], ZERO * 2, [[1, 1, 1], nan])
    assert metrics.coverage_1_sigma == (1, 0, 0)
    assert metrics.coverage_2_sigma == (1, 1, 0)
    assert (metrics.n, metrics.n_with_std) == (2, 1)
    without = pose_metrics([[1, 2, 3]], ZERO)
    assert (without.n_with_std, without.coverage_1_sigma, without.coverage_2_sigma) == (0, None, None)


def test_calibrated_gaussian_errors_reach_the_textbook_coverage() -> None:
    predicted = np.random.default_rng(1).normal(0, 4, (4000, 3))
    metrics = pose_metrics(predicted, np.zeros_like(predicted), np.full_like(predicted, 4))
    assert metrics.coverage_1_sigma == pytest.approx((0.683,) * 3, abs=0.03)
    assert metrics.coverage_2_sigma == pytest.approx((0.954,) * 3, abs=0.015)


def test_interval_is_the_one_of_the_mean_and_repeats_with_its_seed() -> None:
    errors = np.tile([0.0, 1.0], 200)  # a mean of 400 such: standard error 0.025
    low, high = bootstrap_interval(errors, seed=3)
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.025, 0.5 + 1.96 * 0.025), abs=0.008)
    assert bootstrap_interval(errors, seed=3) == (low, high)
    assert bootstrap_interval(errors, seed=4) != (low, high)


def test_interval_draws_the_three_errors_of_a_face_together() -> None:
    assert bootstrap_interval([[1, 2, 6], [3, 3, 3], [9, 0, 0]]) == (3, 3)


def test_metrics_become_plain_json() -> None:
    metrics = pose_metrics([[1, 2, 1 / 3]], ZERO, [[1, 1, 1]]).to_dict()
    assert json.loads(json.dumps(metrics)) == metrics
    assert metrics["roll"] == 0.3333
    assert metrics["coverage_1_sigma"] == [1, 0, 1]
    assert list(metrics) == [
        "n", "yaw", "pitch", "roll", "mae", "mae_interval", "geodesic", "maev",
        "n_with_std", "coverage_1_sigma", "coverage_2_sigma",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("predicted", "labels", "says"),
    [
        ([[0, 0, 0]], [[0, 0, 0], [0, 0, 0]], "must have one shape"),
        ([[0, 0]], [[0, 0]], "yaw pitch roll"),
        (np.empty((0, 3)), np.empty((0, 3)), "N > 0"),
        ([[0, 0, 0], [np.nan, 0, 0]], [[0, 0, 0], [0, 0, 0]], "row 1"),
        ([[0, 0, 0]], [[0, np.inf, 0]], "row 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(predicted: object, labels: object, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        pose_metrics(predicted, labels)  # type: ignore[arg-type]


def test_std_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="std"):
        pose_metrics(ZERO, ZERO, [[1, 1]])
