"""Each kind of difference between heads can be switched off by itself."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from headpose_sdk.synthesis.head import Head
from headpose_sdk.synthesis.sampling.sampler import Diversity, sample_head

from .tiny_catalogue import CATALOGUE, SEED, angles, sampled


@pytest.fixture(scope="module")
def heads() -> list[Head]:
    return sampled()


CHANGES = {
    "people": ("shape.male", "shape.races", "shape.ages", "shape.muscle", "shape.weight"),
    "features": ("shape.details",),
    "asymmetry": ("shape.details",),
    "expressions": ("expression.units",),
    "gaze": ("expression.units",),
    "skins": ("face.second_skin", "face.mix", "face.tint", "face.specular", "face.roughness"),
    "hair_over_face": ("hair.shift", "hair.widen"),
    "beards": ("face.stubble", "face.beard"),
    "make_up": ("face.lips", "face.eye_shadow", "face.blush"),
    "clothes": ("clothes",),
    "headwear": ("headwear",),
    "masks": ("mask",),
    "glasses": ("glasses",),
    "covers": ("covers",),
    "steep_poses": ("pose",),
    "nodding_profiles": ("pose",),
    "askew": ("pose",),
    "distances": ("camera.distance",),
    "off_centre": ("camera.aside",),
    "lamps": (
        "light.ambient", "light.key", "light.key_colour", "light.softness", "light.shadows",
        "light.fill", "light.fill_colour",
    ),
    "colour_casts": ("light.saturation", "light.key_colour", "light.fill_colour"),
    "exposure": ("light.exposure",),
    "backgrounds": ("background",),
    "photography": ("photography",),
}  # fmt: skip


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """The values of a head by their paths, down to tuples."""
    if not is_dataclass(value):
        return {path: value}
    found: dict[str, Any] = {}
    for field in fields(value):
        found |= flat(getattr(value, field.name), f"{path}.{field.name}".strip("."))
    return found


def test_every_switch_is_known_here() -> None:
    assert set(CHANGES) == {field.name for field in fields(Diversity)}


@pytest.mark.parametrize("switch", CHANGES)
def test_switching_one_kind_of_difference_off_changes_nothing_else(switch: str, heads: list[Head]) -> None:
    without = replace(Diversity(), **{switch: False})
    changed: set[str] = set()
    for head in heads[:150]:
        before, after = flat(head), flat(sample_head(CATALOGUE, SEED, head.number, diversity=without))
        changed |= {path for path in before | after if before.get(path) != after.get(path)}
    for path in changed:
        assert any(path == allowed or path.startswith(f"{allowed}.") for allowed in CHANGES[switch]), path
    for allowed in CHANGES[switch]:
        assert any(path == allowed or path.startswith(f"{allowed}.") for path in changed), allowed


def test_without_everything_people_differ_in_little(heads: list[Head]) -> None:
    nothing = Diversity(**{field.name: False for field in fields(Diversity)})
    plain = [sample_head(CATALOGUE, SEED, number, diversity=nothing) for number in range(200)]
    assert len({head.shape for head in plain}) == 1
    assert not any(head.glasses or head.mask or head.headwear or head.covers for head in plain)
    assert {head.expression.units for head in plain} == {()}
    assert {head.light.exposure for head in plain} == {1.0}
    assert {head.camera.distance for head in plain} == {12.0}
    assert len({head.light.key for head in plain}) == 1
    poses = angles(plain)
    assert np.abs(poses[:, 0]).max() > 80
    assert np.abs(poses[:, 1]).max() < 60


def test_features_and_asymmetry_are_told_apart(heads: list[Head]) -> None:
    symmetric = sample_head(CATALOGUE, SEED, 0, diversity=Diversity(asymmetry=False))
    lopsided = sample_head(CATALOGUE, SEED, 0, diversity=Diversity(features=False))
    assert symmetric.shape.details + lopsided.shape.details == heads[0].shape.details
