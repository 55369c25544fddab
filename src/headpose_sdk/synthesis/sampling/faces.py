"""The skin and what is on it: tone, make-up, stubble and beard; eyes, brows and lashes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.head import Colour, Face
from headpose_sdk.synthesis.sampling.catalogue import Catalogue
from headpose_sdk.synthesis.sampling.dice import Dice
from headpose_sdk.synthesis.sampling.people import Person

__all__ = ["sample_face", "tone_colour"]

# Linear RGB of faces from the darkest to the lightest, in even steps of lightness (L* 23 to 76).
_TONES = np.array(
    [
        [0.066, 0.032, 0.021],
        [0.164, 0.073, 0.043],
        [0.317, 0.149, 0.083],
        [0.495, 0.262, 0.151],
        [0.735, 0.437, 0.315],
    ]
)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])

_LIP_COLOURS: tuple[Colour, ...] = (
    (0.45, 0.03, 0.05),
    (0.55, 0.12, 0.15),
    (0.30, 0.02, 0.05),
    (0.60, 0.20, 0.20),
    (0.40, 0.12, 0.08),
    (0.16, 0.02, 0.05),
)
_EYE_SHADOWS: tuple[Colour, ...] = (
    (0.05, 0.03, 0.03),
    (0.20, 0.10, 0.06),
    (0.08, 0.08, 0.14),
    (0.25, 0.10, 0.16),
    (0.06, 0.14, 0.12),
)


def tone_colour(tone: float) -> Colour:
    """Linear RGB of a face of a tone from 0, the darkest, to 1."""
    at = tone * (len(_TONES) - 1)
    red, green, blue = (float(np.interp(at, np.arange(len(_TONES)), channel)) for channel in _TONES.T)
    return red, green, blue


def sample_face(dice: Callable[[str], Dice], catalogue: Catalogue, person: Person) -> Face:
    """The person's face; ``dice`` gives the dice of a group of choices by its name."""
    first, second, mix = _skins(skin := dice("skin"), catalogue, person)
    stubble, beard = _facial_hair(dice("beard"), person)
    eyes, make_up = dice("eyes"), dice("make-up")
    wears_make_up = make_up.chance(0.02 if person.child or not person.woman else 0.5)
    return Face(
        skin=first,
        second_skin=second,
        mix=mix,
        tint=_tint(skin, catalogue, person, first, second, mix),
        specular=skin.between(0.2, 1.6),
        roughness=skin.between_factors(8, 60),
        iris=eyes.pick(_irises(eyes, catalogue, person)),
        brow=eyes.pick(catalogue.brows),
        lash=eyes.pick(catalogue.lashes),
        stubble=stubble,
        beard=beard,
        lips=make_up.between(0.2, 0.95) if wears_make_up and make_up.chance(0.8) else 0.0,
        lip_colour=make_up.pick(_LIP_COLOURS),
        eye_shadow=make_up.between(0.15, 0.9) if wears_make_up and make_up.chance(0.6) else 0.0,
        eye_shadow_colour=make_up.pick(_EYE_SHADOWS),
        blush=make_up.between(0.1, 0.7) if wears_make_up and make_up.chance(0.5) else 0.0,
    )


def _skins(dice: Dice, catalogue: Catalogue, person: Person) -> tuple[str, str, float]:
    """Two skins near the person's tone, sex and age, and how much of the second there is: none on a third."""
    wanted = _lightness(np.array(tone_colour(person.tone)))
    lighter = _lightness(np.array(catalogue.skin_colours)) - wanted
    # A light texture can be darkened well; a dark one, lightened, shows its few grey levels and turns yellow.
    fits = [
        math.exp(-max(float(more), -3 * float(more)) / 12) * _likeness(name, person)
        for name, more in zip(catalogue.skins, lighter, strict=True)
    ]
    second = dice.pick(catalogue.skins, [fit**0.7 for fit in fits])
    return dice.pick(catalogue.skins, fits), second, dice.between(0, 0.6) if dice.chance(0.67) else 0.0


def _tint(dice: Dice, catalogue: Catalogue, person: Person, first: str, second: str, mix: float) -> Colour:
    """What the mixed skins must be multiplied by to have the person's tone, a little redder, paler, browner."""
    colours = dict(zip(catalogue.skins, np.array(catalogue.skin_colours), strict=True))
    # Mixed as the pictures are, before they are made linear.
    mean = ((1 - mix) * colours[first] ** (1 / 2.2) + mix * colours[second] ** (1 / 2.2)) ** 2.2
    shade = math.exp(dice.bell(0, 0.08)) * np.exp([dice.bell(0, 0.05), 0.0, dice.bell(0, 0.07)])
    tint = np.array(tone_colour(person.tone)) * shade / np.maximum(mean, 1e-3)
    red, green, blue = (float(factor) for factor in np.clip(tint, 0.12, 3.0))
    return red, green, blue


def _lightness(colours: FloatArray) -> FloatArray:
    """CIE L* (...,) of linear RGB (..., 3)."""
    lightness: FloatArray = 116 * np.cbrt(colours @ _LUMINANCE) - 16
    return lightness


def _likeness(skin: str, person: Person) -> float:
    """How well a skin of that name goes with the person's sex and age; names that say nothing go with everybody."""
    likeness = 1.0
    if "male" in skin and ("female" in skin) != person.woman:
        likeness *= 0.12
    if skin.startswith("old") and not person.old:
        likeness *= 0.08
    if skin.startswith("young") and person.old:
        likeness *= 0.2
    if not skin.startswith("young") and person.child:
        likeness *= 0.1
    return likeness


def _irises(dice: Dice, catalogue: Catalogue, person: Person) -> tuple[str, ...]:
    """Brown ones for most, any the more often the lighter the skin."""
    brown = tuple(name for name in catalogue.irises if name.startswith("brown"))
    light = dice.chance(0.05 + 0.55 * person.tone * person.races[2])
    return catalogue.irises if light or not brown else brown


def _facial_hair(dice: Dice, person: Person) -> tuple[float, float]:
    """Stubble and beard: of the men 40 % have stubble alone, 25 % a beard."""
    kind, stubble, beard = dice.between(0, 1), dice.between(0.1, 0.9), dice.between(0.25, 1)
    if person.woman or person.child or kind > 0.65:
        return 0.0, 0.0
    return stubble, beard if kind < 0.25 else 0.0
