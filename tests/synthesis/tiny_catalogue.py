"""A catalogue of a few parts by name, to sample heads from without any files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from headpose_sdk.synthesis.head import Head
from headpose_sdk.synthesis.sampling.catalogue import Catalogue
from headpose_sdk.synthesis.sampling.sampler import Poses, sample_head

SEED = 7
COUNT = 2000

UNITS = [
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
]  # fmt: skip
DETAILS = [
    "nose/nose-point-down", "nose/nose-point-up", "chin/chin-width-decr", "chin/chin-width-incr", "head/head-round",
    "ears/l-ear-scale-decr", "ears/l-ear-scale-incr", "ears/r-ear-scale-decr", "ears/r-ear-scale-incr",
    "asym/asym-jaw-1-l", "asym/asym-jaw-1-r", "asym/asym-eye-2-l", "asym/asym-eye-2-r", "macrodetails/asian-male-old",
]  # fmt: skip
CATALOGUE = Catalogue(
    skins=("young_darkskinned_female", "young_darkskinned_male", "young_lightskinned_female", "old_lightskinned_male"),
    skin_colours=((0.125, 0.039, 0.019), (0.103, 0.032, 0.013), (0.652, 0.37, 0.262), (0.62, 0.31, 0.19)),
    irises=("blue", "brown", "green"),
    hair=("afro01", "bob01", "short01", "short02"),
    brows=("eyebrow001", "eyebrow002"),
    lashes=("eyelashes01",),
    hats=("fedora", "top_hat"),
    hat_textures=(("fedora_texture", "fedora_texture_grey"), ("top_hat_texture",)),
    panoramas=("forest", "hall"),
    suns=((0.0, 0.6, 0.8), (1.0, 0.0, 0.0)),
    targets=(*DETAILS, *(f"faceunits/{unit}" for unit in UNITS)),
)


@cache
def sampled(poses: Poses = "front") -> list[Head]:
    """The first heads of one run, which all tests look at."""
    return [sample_head(CATALOGUE, SEED, number, poses) for number in range(COUNT)]


def share(heads: list[Head], fact: Callable[[Head], bool]) -> float:
    """The part of the heads of which something is true."""
    return sum(map(fact, heads)) / len(heads)


def angles(heads: list[Head]) -> np.ndarray:
    """Yaw, pitch, roll (N, 3)."""
    return np.array([(head.pose.yaw, head.pose.pitch, head.pose.roll) for head in heads])
