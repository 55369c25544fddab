"""Decides all that there is to decide about a head, by chance, from a seed and a number alone."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from headpose_sdk.synthesis.head import Head
from headpose_sdk.synthesis.sampling.catalogue import Catalogue
from headpose_sdk.synthesis.sampling.dice import Dice
from headpose_sdk.synthesis.sampling.diversity import Diversity, simplify, simplify_stance
from headpose_sdk.synthesis.sampling.faces import sample_face, tone_colour
from headpose_sdk.synthesis.sampling.outfits import (
    sample_clothes,
    sample_glasses,
    sample_hair,
    sample_headwear,
    sample_mask,
)
from headpose_sdk.synthesis.sampling.people import (
    expression,
    sample_asymmetry,
    sample_details,
    sample_gaze,
    sample_person,
    sample_units,
)
from headpose_sdk.synthesis.sampling.poses import Poses, sample_camera, sample_stance
from headpose_sdk.synthesis.sampling.surroundings import (
    sample_background,
    sample_covers,
    sample_light,
    sample_photography,
)

__all__ = ["Catalogue", "Diversity", "Poses", "rounded", "sample_head"]

_DECIMALS = 6

Value = TypeVar("Value")


def sample_head(
    catalogue: Catalogue, seed: int, number: int, poses: Poses = "front", diversity: Diversity | None = None
) -> Head:
    """Head ``number`` of a run: the same arguments give the same head, whatever was sampled before or elsewhere.

    Every group of choices has dice of its own, and what is switched off in ``diversity`` (nothing if None) is taken
    off a head that had it: all other choices stay as they were.

    Raises:
        ValueError: ``seed`` or ``number`` is negative.
    """
    on = diversity or Diversity()

    def dice(group: str) -> Dice:
        return Dice(seed, number, group)

    stance = sample_stance(dice("stance"), poses)
    pose, simpler = stance.pose(poses), simplify_stance(stance, on)
    person = sample_person(dice("person"))
    details = sample_details(dice("features"), catalogue.targets)
    asymmetry = sample_asymmetry(dice("asymmetry"), catalogue.targets)
    units = sample_units(dice("expression")) | sample_gaze(dice("gaze"), pose)
    hair = sample_hair(dice("hair"), catalogue, person)
    light = sample_light(dice("light"), catalogue)
    head = Head(
        seed=seed,
        number=number,
        pose=pose if simpler == stance else simpler.pose(poses),
        shape=person.shape(details + asymmetry),
        expression=expression(units, catalogue.targets),
        face=sample_face(dice, catalogue, person),
        hair=hair,
        clothes=sample_clothes(dice("clothes")),
        headwear=sample_headwear(dice("headwear"), catalogue, person, hair),
        mask=sample_mask(dice("mask")),
        glasses=sample_glasses(dice("glasses")),
        light=light,
        camera=sample_camera(dice("camera")),
        background=sample_background(dice("background"), catalogue, light),
        covers=sample_covers(dice("covers"), tone_colour(person.tone), light),
        photography=sample_photography(dice("photography")),
    )
    return rounded(simplify(head, on))


def rounded(value: Value) -> Value:
    """A head or scene, or a part of it, with numbers of six decimals.

    The last digits of a sine or a logarithm differ from one processor to another; so rounded, these do not.
    """
    same: Any = value
    if isinstance(value, float):
        same = round(value, _DECIMALS) + 0.0  # no negative zeros
    elif isinstance(value, tuple):
        same = tuple(rounded(item) for item in value)
    elif is_dataclass(value) and not isinstance(value, type):
        same = replace(value, **{field.name: rounded(getattr(value, field.name)) for field in fields(value)})
    result: Value = same
    return result
