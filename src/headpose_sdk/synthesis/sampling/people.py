"""Whose head it is and what the face does: sex, age, descent, build, features, expression, gaze."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from headpose_sdk.rotation import matrix_from_euler
from headpose_sdk.synthesis.head import Expression, Pose, Shape, Weights
from headpose_sdk.synthesis.sampling.dice import Dice

__all__ = [
    "Person",
    "expression",
    "is_asymmetry",
    "is_gaze",
    "sample_asymmetry",
    "sample_details",
    "sample_gaze",
    "sample_person",
    "sample_units",
]


@dataclass(frozen=True, slots=True)
class Person:
    """What shape, skin, hair and beard have in common."""

    male: float  # as in Shape
    races: tuple[float, float, float]
    ages: tuple[float, float, float]
    muscle: float
    weight: float
    tone: float  # of the skin: 0 the darkest, 1 the lightest

    @property
    def woman(self) -> bool:
        """Whether clothes, hair and skin are chosen as for a woman."""
        return self.male < 0.5

    @property
    def child(self) -> bool:
        return self.ages[0] > 0.35

    @property
    def old(self) -> bool:
        return self.ages[2] > 0.45

    def shape(self, details: Weights) -> Shape:
        return Shape(self.male, self.races, self.ages, self.muscle, self.weight, details)


def sample_person(dice: Dice) -> Person:
    """Every tone of skin is equally likely, and so is every descent over all; a sixth are children."""
    tone = dice.between(0, 1)
    african = 0.06 + 0.58 * (1 - tone)  # of 1.05: a third on average, more often where the skin is dark
    races = dice.shares((african, (1.05 - african) / 2, (1.05 - african) / 2))
    sex = dice.pick((0.0, 1.0, None), odds=(0.4, 0.4, 0.2))
    male = dice.between(0, 1) if sex is None else dice.bell(sex, 0.15, 0, 1)
    kind, amount = dice.between(0, 1), dice.between(0, 1)
    if kind < 0.17:
        ages = (amount, 1 - amount, 0.0)
    elif kind < 0.75:
        ages = (0.0, 1 - amount, amount)
    else:
        ages = (0.0, 1.0, 0.0)
    return Person(
        male=male,
        races=(races[0], races[1], races[2]),
        ages=ages,
        muscle=dice.bell(0.5, 0.22, 0, 1),
        weight=dice.bell(0.5, 0.25, 0, 1),
        tone=tone,
    )


# --- features


_OPPOSITES = r"-(decr|incr|down|up|in|out|backward|forward|concave|convex|compress|uncompress)$"
_RARELY = ("pointed", "age-")  # these look odd or do another slider's work: less of them
_OTHER_FOLDERS = ("macrodetails", "faceunits", "asym")


def is_asymmetry(target: str) -> bool:
    """Whether a shape target is one of those that tell the sides of the face apart."""
    return target.startswith("asym/")


@lru_cache(maxsize=4)
def _features(targets: tuple[str, ...]) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Feature -> direction -> the targets that move it that way, on both sides where it has two."""
    features: dict[str, dict[str, tuple[str, ...]]] = {}
    for target in targets:
        folder, name = target.split("/")
        if folder not in _OTHER_FOLDERS:
            both = folder + "/" + re.sub(r"^[lr]-", "", name)
            feature = features.setdefault(re.sub(_OPPOSITES, "", both), {})
            feature[both] = (*feature.get(both, ()), target)
    return features


@lru_cache(maxsize=4)
def _asymmetries(targets: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Feature -> the targets that move it to the left and to the right."""
    features: dict[str, tuple[str, ...]] = {}
    for target in targets:
        if is_asymmetry(target):
            feature = re.sub(r"-[lr]$", "", target)
            features[feature] = (*features.get(feature, ()), target)
    return features


def sample_details(dice: Dice, targets: tuple[str, ...]) -> Weights:
    """About half of the features, each moved one way, the two sides of the face nearly alike."""
    weights: list[tuple[str, float]] = []
    for directions in _features(targets).values():
        if dice.chance(0.25 if len(directions) == 1 else 0.5):
            way = dice.pick(tuple(directions))
            weight = abs(dice.bell(0, 0.42, -1, 1)) * (0.3 if any(word in way for word in _RARELY) else 1)
            weights.extend((side, min(weight * dice.between(0.9, 1.1), 1.0)) for side in directions[way])
    return tuple(weights)


def sample_asymmetry(dice: Dice, targets: tuple[str, ...]) -> Weights:
    """Nearly half of the features that can, moved to one side."""
    return tuple(
        (dice.pick(sides), abs(dice.bell(0, 0.35, -1, 1)))
        for sides in _asymmetries(targets).values()
        if dice.chance(0.45)
    )


# --- expression


_SINGLE_UNITS = {  # how often, and how far at most
    "mouthPucker": (0.08, 0.9),
    "mouthFunnel": (0.08, 0.8),
    "mouthRollLower": (0.08, 0.8),
    "mouthRollUpper": (0.08, 0.8),
    "mouthShrugLower": (0.08, 0.8),
    "mouthShrugUpper": (0.06, 0.7),
    "cheekPuff": (0.05, 1.0),
    "jawForward": (0.06, 0.7),
    "browInnerUp": (0.25, 0.8),
}
_PAIRED_UNITS = {
    "browDown": (0.2, 0.9),
    "browOuterUp": (0.18, 0.8),
    "cheekSquint": (0.08, 0.8),
    "eyeSquint": (0.15, 0.9),
    "eyeWide": (0.1, 0.9),
    "mouthDimple": (0.08, 0.8),
    "mouthLowerDown": (0.1, 0.8),
    "mouthPress": (0.08, 0.8),
    "mouthStretch": (0.08, 0.8),
    "mouthUpperUp": (0.1, 0.8),
    "noseSneer": (0.08, 0.8),
}
_SIDEWAYS_UNITS = {"jaw": (0.08, 0.7), "mouth": (0.08, 0.7)}


def sample_units(dice: Dice) -> dict[str, float]:
    """An expression as ARKit's face units, without the gaze: often a smile, mouths that talk, lids, brows, grimaces."""
    units: dict[str, float] = {}

    def both(name: str, weight: float, apart: float = 0.15) -> None:
        left = dice.between(1 - apart, 1 + apart)
        units[f"{name}Left"], units[f"{name}Right"] = min(weight * left, 1.0), min(weight * (2 - left), 1.0)

    if dice.chance(0.12):  # nothing but lids
        both("eyeBlink", dice.between(0, 0.3), apart=0.05)
        return units
    for name, (often, most) in _SINGLE_UNITS.items():
        if dice.chance(often):
            units[name] = dice.between(0, most)
    for name, (often, most) in _PAIRED_UNITS.items():
        if dice.chance(often):
            both(name, dice.between(0, most), apart=0.9 if dice.chance(0.1) else 0.15)
    for name, (often, most) in _SIDEWAYS_UNITS.items():
        if dice.chance(often):
            units[name + dice.pick(("Left", "Right"))] = dice.between(0, most)
    if dice.chance(0.42):
        smile = dice.between(0.1, 1)
        both("mouthSmile", smile, apart=0.8 if dice.chance(0.1) else 0.12)
        if dice.chance(0.5):
            both("cheekSquint", 0.7 * smile)
    elif dice.chance(0.2):
        both("mouthFrown", dice.between(0.1, 0.9))
    if dice.chance(0.35):
        units["jawOpen"] = abs(dice.bell(0, 0.38, -1, 1))
        if dice.chance(0.1):
            units["mouthClose"] = dice.between(0, units["jawOpen"])  # closed lips over an open jaw
        elif units["jawOpen"] > 0.3 and dice.chance(0.15):
            units["tongueOut"] = dice.between(0.2, 1)
    if dice.chance(0.03):
        units["eyeBlink" + dice.pick(("Left", "Right"))] = dice.between(0.7, 1)
    else:
        both("eyeBlink", dice.between(0.4, 1) if dice.chance(0.14) else dice.between(0, 0.35), apart=0.06)
    return units


def is_gaze(unit: str) -> bool:
    """Whether a face unit turns the eyes."""
    return unit.startswith("eyeLook")


def sample_gaze(dice: Dice, pose: Pose) -> dict[str, float]:
    """Where the eyes look, as face units: into the camera where they can, or anywhere."""
    aside, up = dice.bell(0, 0.35, -1, 1), dice.bell(0, 0.3, -1, 1)  # 1: as far as eyes turn to the person's right
    # The camera looks along z, so in the head's axes the eyes find it against the matrix's last row.
    x, y, z = (float(way) for way in matrix_from_euler((pose.yaw, pose.pitch, pose.roll))[2])
    camera_aside, camera_up = math.degrees(math.atan2(x, z)), math.degrees(math.asin(y))
    if dice.chance(0.4) and abs(camera_aside) < 40 and abs(camera_up) < 35:
        aside, up = camera_aside / 40 + 0.1 * aside, camera_up / 35 + 0.1 * up
    units = {("eyeLookInLeft" if aside > 0 else "eyeLookOutLeft"): min(abs(aside), 1.0)}
    units["eyeLookOutRight" if aside > 0 else "eyeLookInRight"] = min(abs(aside), 1.0)
    for side in ("Left", "Right"):
        units[("eyeLookUp" if up > 0 else "eyeLookDown") + side] = min(abs(up), 1.0)
    return units


def expression(units: Mapping[str, float], targets: tuple[str, ...]) -> Expression:
    """Those of the units that the head has targets for."""
    known = frozenset(targets)
    return Expression(tuple((name, weight) for name, weight in units.items() if f"faceunits/{name}" in known))
