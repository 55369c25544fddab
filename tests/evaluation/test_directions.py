"""Pan, tilt and affine maps: their meaning, and that nobody is measured with a map fitted on them."""

from __future__ import annotations

import numpy as np
import pytest

from headpose_sdk.evaluation.directions import AffineMap, cross_fitted, direction_metrics, fit_affine, pan_tilt

RNG = np.random.default_rng(3)


def test_pan_and_tilt_of_plain_turns_are_yaw_and_pitch() -> None:
    angles = [(40, 0, 0), (-75, 0, 0), (0, 25, 0), (0, -60, 0), (0, 0, 45)]
    assert pan_tilt(angles) == pytest.approx(np.array([(40, 0), (-75, 0), (0, 25), (0, -60), (0, 0)]))


def test_pan_and_tilt_are_of_the_direction_and_the_roll_of_a_turned_head_changes_nothing() -> None:
    first, second = pan_tilt([(30, 20, 0), (30, 20, 40)])
    assert first == pytest.approx(second)
    # Rx(pitch) Ry(yaw): the face looks along (-sin yaw, -sin pitch cos yaw, -cos pitch cos yaw) in OpenCV axes.
    sin, cos = np.sin(np.radians([30, 20])), np.cos(np.radians([30, 20]))
    pan = np.degrees(np.arctan2(sin[0], cos[1] * cos[0]))
    assert first == pytest.approx([pan, np.degrees(np.arcsin(sin[1] * cos[0]))])


def test_a_head_turned_beyond_the_profile_has_a_pan_beyond_90() -> None:
    assert pan_tilt([(80, 180, 0)])[0] == pytest.approx([100, 0])


def test_the_fit_is_that_of_least_squares() -> None:
    predicted = RNG.normal(size=(50, 2)) * 30
    labels = predicted * [1.2, 1.7] + [-3, 5] + RNG.normal(size=(50, 2))
    fitted = fit_affine(predicted, labels)
    for axis in (0, 1):
        slope, offset = np.polyfit(predicted[:, axis], labels[:, axis], 1)
        assert (fitted.slope[axis], fitted.offset[axis]) == pytest.approx((slope, offset))
    assert fitted.to_dict()["pan"] == [round(fitted.slope[0], 4), round(fitted.offset[0], 4)]


def test_equal_predictions_are_mapped_to_the_mean() -> None:
    fitted = fit_affine([(7, 1), (7, 2)], [(10, 1), (20, 2)])
    assert fitted == AffineMap((0.0, 1.0), (15.0, 0.0))


def test_a_fit_needs_something() -> None:
    with pytest.raises(ValueError, match="N > 0"):
        fit_affine(np.empty((0, 2)), np.empty((0, 2)))
    with pytest.raises(ValueError, match="nothing to fit on"):
        cross_fitted([(1, 1), (2, 2)], [(1, 1), (2, 2)], ["a", "b"], np.array([True, False]))


def test_nobody_is_measured_with_a_map_fitted_on_them() -> None:
    predicted = np.repeat(np.arange(6.0)[:, None], 2, axis=1)
    labels = predicted * [[2], [2], [2], [5], [5], [5]]
    mapped, maps = cross_fitted(predicted, labels, ["a"] * 3 + ["b"] * 3, np.ones(6, dtype=np.bool_))
    assert maps["a"].slope == pytest.approx((5, 5))
    assert maps["b"].slope == pytest.approx((2, 2))
    assert mapped == pytest.approx(predicted * [[5], [5], [5], [2], [2], [2]])


def test_missed_faces_take_no_part_in_a_fit_but_are_measured() -> None:
    predicted = np.array([(1.0, 1.0), (2.0, 2.0), (0.0, 0.0), (4.0, 4.0)])
    labels = np.array([(1.0, 1.0), (2.0, 2.0), (90.0, 90.0), (4.0, 4.0)])
    mapped, _ = cross_fitted(predicted, labels, ["a", "a", "a", "b"], np.array([True, True, False, True]))
    assert mapped[3] == pytest.approx((4, 4))
    assert mapped.shape == (4, 2)


def test_errors_are_means_over_images_and_are_not_folded() -> None:
    metrics = direction_metrics([(170, 0), (10, 4)], [(-90, 0), (10, 0)])
    assert (metrics.n, metrics.pan, metrics.tilt, metrics.mean) == (2, 130, 2, 66)
    assert metrics.mean_interval == (2, 130)
    assert metrics.to_dict()["mean_interval"] == [2, 130]
