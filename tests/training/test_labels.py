"""Which angles can be learnt: a matter of the rotation, not of how it is written, before and after augmentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headpose_sdk.evaluation.datasets import PoseSample
from headpose_sdk.images import write_image
from headpose_sdk.rotation import direction_from_matrix, geodesic_angle, matrix_from_euler
from headpose_sdk.training.data import HeadCrops, load_crops, training_batch
from headpose_sdk.training.labels import facing_camera, known_angles, within_yaw

ANY = st.tuples(st.floats(-180, 180), st.floats(-180, 180), st.floats(-180, 180))


def one_head(pose: tuple[float, float, float]) -> HeadCrops:
    return HeadCrops(np.zeros((1, 128, 128, 3), np.uint8), within_yaw([pose]), np.array(["rendered"]), np.zeros(1))


@pytest.mark.parametrize(
    ("angles", "known"),
    [
        ((0, 0, 0), (True, True, True)),
        ((-90, 92.9, -92.9), (True, True, True)),
        ((180, 0, 0), (False, False, False)),  # from behind
        ((-120, 10, 5), (False, False, False)),
        ((0, 120, 0), (False, False, False)),  # looks up and over
        ((0, 0, 180), (True, True, False)),  # a face on its head
        ((30, -20, -95), (True, True, False)),
        ((0, 92.9, 0), (True, True, True)),
        ((0, 93.1, 0), (False, False, False)),
        ((92, 0, 0), (True, False, False)),  # faces the camera as nearly as the bins reach, written (88, 180, 180)
        ((94, 0, 0), (False, False, False)),
        ((120, 180, 180), (True, True, True)),  # (60, 0, 0) in other words
    ],
)
def test_what_is_known_of_a_head(
    tmp_path: Path, angles: tuple[float, float, float], known: tuple[bool, bool, bool]
) -> None:
    write_image(tmp_path / "head.png", np.zeros((40, 40, 3), np.uint8))
    crops = load_crops([PoseSample(tmp_path / "head.png", angles, None, "head", "rendered")])
    assert tuple(known_angles(crops.angles)[0].tolist()) == known
    assert crops.kind.tolist() == ["rendered"]


@given(ANY)
def test_written_within_a_yaw_of_90_it_is_the_same_rotation(angles: tuple[float, float, float]) -> None:
    written = within_yaw(angles)
    assert abs(written[0]) <= 90
    assert geodesic_angle(matrix_from_euler(written), matrix_from_euler(angles)) < 1e-5
    if abs(angles[0]) <= 90:
        assert written.tolist() == list(angles)


@given(ANY)
def test_a_head_faces_the_camera_up_to_93_degrees_from_it(angles: tuple[float, float, float]) -> None:
    towards_us = float(direction_from_matrix(matrix_from_euler(angles)) @ [0, 0, -1])
    off = np.degrees(np.arccos(np.clip(towards_us, -1, 1)))
    assert bool(facing_camera(angles)) == (off <= 93) or abs(off - 93) < 1e-6


@pytest.mark.parametrize("pose", [(150.0, 10.0, 5.0), (-100.0, -20.0, 30.0), (0.0, 110.0, 0.0)])
def test_a_head_from_behind_stays_unknown_however_it_is_turned_and_mirrored(
    pose: tuple[float, float, float],
) -> None:
    _, angles, known = training_batch(one_head(pose), np.zeros(100, np.int64), 16, np.random.default_rng(0))
    assert not known.any()
    directions = direction_from_matrix(matrix_from_euler(angles))
    assert np.ptp(directions[:, 2]) < 1e-5  # as far from the camera as it was
    assert np.ptp(np.degrees(np.arctan2(directions[:, 1], directions[:, 0]))) > 60  # turned and mirrored all the same
    assert {True, False} == set((directions[:, 0] > 0).tolist()) or pose[0] == 0


def test_a_face_on_its_head_has_a_roll_only_where_a_turn_brings_it_within_the_bins() -> None:
    _, angles, known = training_batch(
        one_head((10.0, 5.0, 120.0)), np.zeros(200, np.int64), 16, np.random.default_rng(0)
    )
    assert known[:, :2].all()
    assert known[:, 2].tolist() == (np.abs(angles[:, 2]) < 93).tolist()
    assert 0 < known[:, 2].sum() < 100


@settings(deadline=None, max_examples=30)
@given(ANY, st.integers(0, 2**31))
def test_known_angles_lie_within_the_bins_and_others_are_finite(pose: tuple[float, float, float], seed: int) -> None:
    crops = one_head(pose)
    _, angles, known = training_batch(crops, np.zeros(24, np.int64), 16, np.random.default_rng(seed))
    assert np.abs(angles[known]).max(initial=0) <= 93
    assert np.isfinite(angles).all()
    if np.abs(crops.angles).max() < 92.9 and abs(crops.angles[0, 0]) < 89.9:  # where Euler angles are sure themselves
        assert known.all()  # a turn that would lose an angle is not made
