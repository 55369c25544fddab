"""Poses: how far heads, shoulders and cameras turn, and with which sign."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from headpose_sdk.rotation import direction_from_matrix, geodesic_angle, matrix_from_euler
from headpose_sdk.synthesis.head import Head
from headpose_sdk.synthesis.sampling.poses import Stance

from .tiny_catalogue import COUNT, angles, sampled


@pytest.fixture(scope="module")
def heads() -> list[Head]:
    return sampled()


@pytest.fixture(scope="module")
def full_turns() -> list[Head]:
    return sampled("full")


def test_faces_of_front_look_into_the_cameras_half_of_the_world(heads: list[Head]) -> None:
    poses = angles(heads)
    assert np.abs(poses).max() <= 90
    assert (poses.min(axis=0) < -80).all()
    assert (poses.max(axis=0) > 80).all()


def test_many_turns_are_near_the_front_many_are_profiles_and_few_are_from_behind(
    heads: list[Head], full_turns: list[Head]
) -> None:
    yaw = np.abs(angles(heads)[:, 0])
    assert 0.15 < (yaw > 60).mean() < 0.25  # of the turns a fifth plus a little; nods take some of the yaw away
    assert 0.42 < (yaw < 30).mean() < 0.53
    yaw = np.abs(angles(full_turns)[:, 0])
    assert 0.12 < ((yaw > 60) & (yaw < 93)).mean() < 0.22
    assert_allclose((yaw > 135).mean(), 0.0625, atol=0.025)
    assert yaw.max() > 175


def test_heads_from_behind_are_not_upside_down(full_turns: list[Head]) -> None:
    behind = angles(full_turns)[np.abs(angles(full_turns)[:, 0]) > 120]
    assert np.abs(behind[:, 1]).max() <= 90
    assert np.percentile(np.abs(behind[:, 2]), 90) < 60


def test_left_and_right_are_alike(heads: list[Head]) -> None:
    yaw, _, roll = angles(heads).T
    assert abs(yaw.mean()) < 3
    assert abs(roll.mean()) < 3


STRAIGHT = Stance(turn=0, nod=0, lean=0, elevation=0, askew=0, twist=0, bow=0, slant=0)


@pytest.mark.parametrize(
    ("movement", "label"),
    [
        ({"turn": 30}, (30, 0, 0)),
        ({"nod": 20}, (0, 20, 0)),
        ({"lean": 10}, (0, 0, 10)),
        ({"elevation": -25}, (0, -25, 0)),
        ({"askew": 40}, (0, 0, 40)),
        ({"turn": 150}, (150, 0, 0)),
        ({"turn": 40, "elevation": 20}, (40, 20, 0)),  # the label's own order: camera above all
    ],
)
def test_each_movement_alone_has_its_documented_sign(
    movement: dict[str, float], label: tuple[float, float, float]
) -> None:
    pose = replace(STRAIGHT, **movement).pose("full")
    assert_allclose((pose.yaw, pose.pitch, pose.roll), label, atol=1e-9)


def test_a_profile_that_nods_lifts_its_nose_in_the_picture() -> None:
    pose = replace(STRAIGHT, turn=85, nod=25).pose("front")
    right, down, away = direction_from_matrix(matrix_from_euler((pose.yaw, pose.pitch, pose.roll)))
    assert_allclose(down, -np.sin(np.radians(25)))  # up
    assert_allclose(right, -np.sin(np.radians(85)) * np.cos(np.radians(25)))  # towards the left edge
    assert away < 0


def test_profiles_nod(heads: list[Head]) -> None:
    looks = direction_from_matrix(matrix_from_euler(angles(heads)))
    profiles = looks[np.abs(looks[:, 0]) > 0.8]
    assert len(profiles) > 0.1 * COUNT
    assert (np.abs(profiles[:, 1]) > np.sin(np.radians(15))).mean() > 0.3


def test_some_look_far_up_and_down(heads: list[Head]) -> None:
    poses = angles(heads)
    frontal = poses[np.abs(poses[:, 0]) < 30]
    assert 0.03 < (frontal[:, 1] > 40).mean() < 0.13
    assert 0.03 < (frontal[:, 1] < -40).mean() < 0.13
    assert 0.02 < (np.abs(frontal[:, 2]) > 35).mean() < 0.2


def test_the_shoulders_follow_the_camera_and_half_of_the_head() -> None:
    from_below = replace(STRAIGHT, elevation=30).pose("front")
    assert_allclose(from_below.torso, (0, 30, 0), atol=1e-9)
    askew = replace(STRAIGHT, askew=30).pose("front")
    assert_allclose(askew.torso, (0, 0, 30), atol=1e-9)
    twisted = replace(STRAIGHT, turn=50, twist=40).pose("front")
    assert_allclose(twisted.torso, (10, 0, 0), atol=1e-9)


def test_no_neck_is_broken(heads: list[Head]) -> None:
    head = matrix_from_euler(angles(heads))
    torso = matrix_from_euler([head.pose.torso for head in heads])
    apart = geodesic_angle(head, torso)
    assert apart.max() < 90
    assert 15 < np.median(apart) < 40
