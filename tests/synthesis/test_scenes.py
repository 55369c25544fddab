"""Scenes as they are sampled: the promised numbers and sizes, the same for the same seed and number."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from headpose_sdk.synthesis.sampling.diversity import Diversity
from headpose_sdk.synthesis.sampling.scenes import LONGEST, MOST_HEADS, SHORTEST, SMALLEST_SIDE, sample_scene
from headpose_sdk.synthesis.scene import Scene

from .tiny_catalogue import CATALOGUE, SEED

COUNT = 600


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(CATALOGUE, SEED, number) for number in range(COUNT)]


def test_a_scene_is_decided_by_seed_and_number(scenes: list[Scene]) -> None:
    for number in (0, 3, 17):
        again = sample_scene(CATALOGUE, SEED, number)
        assert again == scenes[number]
        assert sample_scene(CATALOGUE, SEED + 1, number) != replace(again, seed=SEED + 1)
    assert len({scene.people for scene in scenes if scene.people}) == sum(bool(scene.people) for scene in scenes)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        sample_scene(CATALOGUE, -1, 0)


def test_pictures_have_many_sizes_and_shapes(scenes: list[Scene]) -> None:
    longer = [max(scene.width, scene.height) for scene in scenes]
    ratios = [scene.width / scene.height for scene in scenes]
    assert SHORTEST <= min(longer) < SHORTEST + 10
    assert LONGEST - 10 < max(longer) <= LONGEST
    assert min(ratios) < 0.6
    assert max(ratios) > 1.7


def test_most_pictures_have_one_to_three_heads(scenes: list[Scene]) -> None:
    counts = np.array([len(scene.people) for scene in scenes])
    assert 0.06 < (counts == 0).mean() < 0.14
    assert 0.6 < ((counts >= 1) & (counts <= 3)).mean() < 0.8
    assert counts.max() == MOST_HEADS


def test_faces_are_from_tiny_to_filling_the_picture(scenes: list[Scene]) -> None:
    sides = np.array([person.side for scene in scenes for person in scene.people])
    assert sides.min() >= SMALLEST_SIDE
    # As many from 12 to 24 pixels as from 48 to 96, to a factor: an even spread would have a fraction.
    assert 0.4 < (sides < 24).sum() / ((sides > 48) & (sides < 96)).sum() < 2.5
    filled = [person.side / min(scene.width, scene.height) for scene in scenes for person in scene.people]
    assert 0.8 < max(filled) < 0.951


def test_some_faces_are_cut_by_the_edge_and_most_are_not(scenes: list[Scene]) -> None:
    def inside(scene: Scene, x: float, y: float, half: float) -> bool:
        return half < x < scene.width - half and half < y < scene.height - half

    whole = [inside(scene, *person.center, person.side / 2) for scene in scenes for person in scene.people]
    assert 0.7 < np.mean(whole) < 0.97


def test_small_faces_are_far_away_and_faces_aside_are_seen_askance(scenes: list[Scene]) -> None:
    for scene in scenes[:60]:
        nearest_first = sorted(scene.people, key=lambda person: -person.side)
        distances = [person.head.camera.distance for person in nearest_first]
        assert distances == sorted(distances)
        for person in scene.people:
            right, up = person.head.camera.aside
            assert math.copysign(1, right) == math.copysign(1, person.center[0] - scene.width / 2) or right == 0
            assert math.copysign(1, up) == math.copysign(1, scene.height / 2 - person.center[1]) or up == 0


def test_people_of_one_picture_mostly_stand_in_one_light(scenes: list[Scene]) -> None:
    several = [scene for scene in scenes if len(scene.people) > 1]
    shared = [len({person.head.light.panorama for person in scene.people}) == 1 for scene in several]
    same_lamp = [len({person.head.light.key for person in scene.people}) == 1 for scene in several]
    assert np.mean(shared) >= np.mean(same_lamp) > 0.75


def test_heads_turn_away_often_enough_to_be_no_faces(scenes: list[Scene]) -> None:
    yaws = np.array([abs(person.head.pose.yaw) for scene in scenes for person in scene.people])
    assert 0.03 < (yaws > 110).mean() < 0.2
    assert (yaws < 60).mean() > 0.5


def test_pictures_without_heads_hold_things(scenes: list[Scene]) -> None:
    empty = [scene for scene in scenes if not scene.people]
    assert np.mean([bool(scene.things) for scene in empty]) > 0.75
    assert {thing.kind for scene in scenes for thing in scene.things} == {"ball", "blob", "board", "trunk", "table"}


def test_what_is_switched_off_is_off_in_the_whole_picture() -> None:
    plain = Diversity(**dict.fromkeys(Diversity.__dataclass_fields__, False))
    for number in range(40):
        full, bare = sample_scene(CATALOGUE, SEED, number), sample_scene(CATALOGUE, SEED, number, plain)
        assert (bare.panels, bare.covers, bare.photography.jpeg, bare.photography.noise) == ((), (), None, 0.0)
        # The same places, and people who differ by pose alone.
        assert [person.center for person in bare.people] == [person.center for person in full.people]
        assert {person.head.camera.distance for person in bare.people} <= {12.0}
        assert {person.head.light.exposure for person in bare.people} <= {1.0}
        assert {person.head.shape.details for person in bare.people} <= {()}
