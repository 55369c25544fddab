"""Boxes and poses: validation, JSON form, immutability, and that properties say what the angles say."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headpose_sdk.errors import HeadPoseError, InvalidBoxError
from headpose_sdk.results import BoundingBox, FaceDetection, HeadPose, ImageResult, PoseBatch
from headpose_sdk.rotation import matrix_from_euler, matrix_from_quaternion

BOX = BoundingBox(10.123, 20.456, 110.999, 140.001)
POSE = HeadPose(12.34567, -5.00049, 3.0, 1.23456, 2.0, 0.5, BOX, 0.987654)
BATCH = PoseBatch(np.zeros((4, 3), np.float32), np.ones((4, 3), np.float32))
RESULT = ImageResult("photo.jpg", 640, 480, (POSE,))
EVERY_KIND: list[Any] = [BOX, FaceDetection(BOX, 0.9), POSE, BATCH, RESULT]
angles = st.floats(-90, 90)


def test_box_measures() -> None:
    box = BoundingBox(10, 20, 40, 80)
    assert (box.width, box.height, box.center) == (30, 60, (25, 50))


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0.5, 1e5), st.floats(0.5, 1e5))
def test_boxes_may_lie_anywhere(x: float, y: float, width: float, height: float) -> None:
    box = BoundingBox(x, y, x + width, y + height)
    assert box.width == pytest.approx(width, abs=1e-6)
    assert box.height == pytest.approx(height, abs=1e-6)
    assert box.x1 <= box.center[0] <= box.x2


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_box_that_is_not_finite_is_refused(position: int, bad: float) -> None:
    corners = [0.0, 0.0, 10.0, 10.0]
    corners[position] = bad
    with pytest.raises(InvalidBoxError, match="four finite pixel coordinates"):
        BoundingBox(*corners)


@pytest.mark.parametrize("far", [1.1e9, -1.1e9, 1.7e308, -1.7e308])
def test_box_farther_than_any_pixel_is_refused(far: float) -> None:
    for corners in ((0, 0, far, 9), (0, 0, 9, far), (far, 0, 9, 9), (0, far, 9, 9)):
        with pytest.raises(InvalidBoxError, match=r"reaches beyond 1e\+09 pixels; give corners near"):
            BoundingBox(*corners)
    assert BoundingBox(-1e9, -1e9, 1e9, 1e9).width == 2e9


@pytest.mark.parametrize(
    "corners",
    [(5, 5, 5, 9), (5, 5, 9, 5), (9, 5, 5, 9), (5, 9, 9, 5), (100, 100, 50, 50), (0, 0, 5e-4, 9), (0, 0, 9, 1e-308)],
)
def test_empty_or_turned_box_is_refused_and_told_what_is_meant(corners: tuple[float, ...]) -> None:
    with pytest.raises(InvalidBoxError, match="corners, not width and height") as caught:
        BoundingBox(*corners)
    assert str(corners) in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, HeadPoseError)


def test_pose_to_dict_is_the_documented_record() -> None:
    record = POSE.to_dict()
    assert record == {
        "yaw": 12.346,
        "pitch": -5.0,
        "roll": 3.0,
        "yaw_std": 1.235,
        "pitch_std": 2.0,
        "roll_std": 0.5,
        "box": [10.12, 20.46, 111.0, 140.0],
        "score": 0.9877,
    }
    assert list(record) == ["yaw", "pitch", "roll", "yaw_std", "pitch_std", "roll_std", "box", "score"]


def test_pose_of_a_callers_box_has_no_score() -> None:
    assert dataclasses.replace(POSE, score=None).to_dict()["score"] is None


def test_numpy_numbers_become_json_numbers() -> None:
    number = np.float32(1.5)
    box = BoundingBox(np.float32(0), np.float32(0), np.float32(8), np.int64(9))  # type: ignore[arg-type]
    pose = HeadPose(number, number, number, number, number, number, box, number)  # type: ignore[arg-type]
    text = json.dumps(pose.to_dict())
    assert json.loads(text)["yaw"] == 1.5
    assert json.loads(text)["box"] == [0, 0, 8, 9]


def test_no_record_says_minus_zero() -> None:
    box = BoundingBox(-0.001, -0.0, 5, 5)
    pose = HeadPose(-0.0001, -0.0, 0.0, 1, 1, 1, box, 0.5)
    assert "-0.0" not in json.dumps(pose.to_dict())


def test_image_result_has_faces_or_an_error_in_their_place() -> None:
    assert RESULT.to_dict() == {"file": "photo.jpg", "width": 640, "height": 480, "faces": [POSE.to_dict()]}
    assert ImageResult("empty.jpg", 64, 48, ()).to_dict()["faces"] == []
    unreadable = ImageResult("bad.jpg", None, None, (), "cut short")
    assert unreadable.to_dict() == {"file": "bad.jpg", "width": None, "height": None, "error": "cut short"}


@given(angles, angles, angles)
def test_rotation_quaternion_and_direction_agree_with_the_angles(yaw: float, pitch: float, roll: float) -> None:
    pose = HeadPose(yaw, pitch, roll, 1, 1, 1, BOX, None)
    np.testing.assert_array_equal(pose.rotation, matrix_from_euler((yaw, pitch, roll)))
    np.testing.assert_allclose(matrix_from_quaternion(pose.quaternion), pose.rotation, atol=1e-12)
    np.testing.assert_array_equal(pose.direction, -pose.rotation[:, 2])


def test_the_signs_mean_what_the_docstring_says() -> None:
    turned_to_the_left_edge = HeadPose(30, 0, 0, 1, 1, 1, BOX, None)
    looking_up = HeadPose(0, 30, 0, 1, 1, 1, BOX, None)
    leaning_clockwise = HeadPose(0, 0, 30, 1, 1, 1, BOX, None)
    assert turned_to_the_left_edge.direction[0] == pytest.approx(-0.5)
    assert looking_up.direction[1] == pytest.approx(-0.5)
    assert (leaning_clockwise.rotation @ (0, -1, 0))[0] == pytest.approx(0.5)


@pytest.mark.parametrize("thing", EVERY_KIND, ids=lambda thing: type(thing).__name__)
def test_every_result_is_frozen_and_slotted(thing: Any) -> None:
    field = dataclasses.fields(thing)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, field, 0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(thing, field)
    assert not hasattr(thing, "__dict__")


@pytest.mark.parametrize("thing", EVERY_KIND, ids=lambda thing: type(thing).__name__)
def test_every_result_survives_pickling_and_copying(thing: Any) -> None:
    for twin in (pickle.loads(pickle.dumps(thing)), copy.deepcopy(thing)):
        for field in dataclasses.fields(thing):
            np.testing.assert_array_equal(getattr(twin, field.name), getattr(thing, field.name))


def test_equal_poses_are_equal_and_usable_in_sets() -> None:
    assert {POSE, dataclasses.replace(POSE)} == {POSE}
    assert dataclasses.replace(POSE, yaw=1.0) != POSE


def test_batch_has_a_length_and_compares_by_identity() -> None:
    assert len(BATCH) == 4
    twin = PoseBatch(BATCH.angles.copy(), BATCH.std.copy())
    assert BATCH == BATCH
    assert twin != BATCH
