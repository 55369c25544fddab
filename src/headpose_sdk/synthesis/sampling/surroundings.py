"""What is around the head: light, background, things before the face, and what camera and file do to the picture."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from headpose_sdk.synthesis.head import Background, Colour, Cover, Light, Photography
from headpose_sdk.synthesis.rendering.lighting import panorama_turn
from headpose_sdk.synthesis.sampling.catalogue import Catalogue
from headpose_sdk.synthesis.sampling.dice import Dice

__all__ = ["sample_background", "sample_covers", "sample_light", "sample_loose_cover", "sample_photography"]

Direction = tuple[float, float, float]

_COVERS: tuple[Literal["hand", "phone", "bar", "disc"], ...] = ("hand", "phone", "bar", "disc")
_LAMPS: tuple[Colour, ...] = ((1.0, 0.35, 0.3), (0.35, 0.55, 1.0), (0.8, 0.4, 1.0), (0.45, 1.0, 0.6), (1.0, 0.7, 0.3))


def sample_light(dice: Dice, catalogue: Catalogue) -> Light:
    """A panorama's light, a lamp anywhere, hard or soft, and a weaker one; the picture may come out dark or bright."""
    name = dice.pick(catalogue.panoramas)
    turn, tilt = dice.between(0, 360), dice.bell(0, 8, -25, 25)
    sun = dict(zip(catalogue.panoramas, catalogue.suns, strict=True))[name]
    x, y, z = (float(way) for way in panorama_turn(turn, tilt) @ sun)
    key = (x, y, z) if dice.chance(0.3) else _lamp(dice)
    strength = math.exp(dice.bell(0.5 if is_backlight(key) else 0.2, 0.55, -1.5, 1.6))
    if dice.chance(0.12):
        strength = 0.0
    key_cast = dice.pick(_LAMPS) if dice.chance(0.03) else _warmth(dice, 0.15)
    fill_cast = dice.pick(_LAMPS) if dice.chance(0.05) else _warmth(dice, 0.2)
    exposure = dice.pick(((0.75, 1.5), (1.8, 3.0), (0.25, 0.55)), odds=(0.84, 0.08, 0.08))
    return Light(
        panorama=name,
        turn=turn,
        tilt=tilt,
        ambient=dice.between_factors(0.15, 0.4) if dice.chance(0.2) else dice.between(0.35, 1.1),
        saturation=dice.between(0.2, 1.0),
        key=key,
        key_colour=_times(strength, key_cast),
        softness=dice.between(0, 1),
        shadows=dice.chance(0.88),
        fill=dice.direction(),
        fill_colour=_times(dice.bell(0.1, 0.3, 0, 1), fill_cast),
        exposure=dice.between_factors(*exposure),
    )


def is_backlight(key: Direction) -> bool:
    """Whether a light stands behind the head."""
    return key[2] < -0.3


def _times(factor: float, colour: Colour) -> Colour:
    return factor * colour[0], factor * colour[1], factor * colour[2]


def _warmth(dice: Dice, spread: float) -> Colour:
    """From the blue of shade to the red of a bulb."""
    warm = dice.bell(0, spread, -0.4, 0.4)
    return 1 + warm, 1 + dice.bell(0, 0.03), 1 - warm


def _lamp(dice: Dice) -> Direction:
    """Mostly before and above the face, sometimes beside, below or behind it."""
    kind = dice.pick(("front", "side", "behind", "below"), odds=(0.55, 0.22, 0.15, 0.08))
    side = dice.pick((-1.0, 1.0))
    if kind == "front":
        azimuth, elevation = dice.bell(0, 35, -80, 80), dice.bell(32, 22, -20, 85)
    elif kind == "side":
        azimuth, elevation = side * dice.between(65, 115), dice.bell(15, 20, -30, 70)
    elif kind == "behind":
        azimuth, elevation = side * dice.between(120, 180), dice.bell(25, 20, -20, 70)
    else:
        azimuth, elevation = dice.bell(0, 40, -90, 90), dice.between(-70, -15)
    azimuth, elevation = math.radians(azimuth), math.radians(elevation)
    flat = math.cos(elevation)
    return flat * math.sin(azimuth), math.sin(elevation), flat * math.cos(azimuth)


def sample_background(dice: Dice, catalogue: Catalogue, light: Light) -> Background:
    """Mostly a piece of a panorama, mostly of the one that lights the head; sharp on half of the heads."""
    painted, of_light = dice.chance(0.35), dice.chance(0.7)
    other = dice.pick(catalogue.panoramas)
    side = dice.between_factors(0.3, 1)
    blur = dice.between_factors(0.5, 6) if dice.chance(0.5) else 0.0
    return Background(
        panorama=None if painted else light.panorama if of_light else other,
        seed=dice.seed(),
        left=dice.between(0, 1),
        top=min(max(dice.bell(0.5, 0.16) - side / 2, 0.0), 1 - side),  # mostly around the horizon
        side=side,
        brightness=dice.between(0.5, 1.3) * (1.3 if is_backlight(light.key) else 1),
        blur=blur,
        mirrored=dice.chance(0.5),
    )


def sample_covers(dice: Dice, skin: Colour, light: Light) -> tuple[Cover, ...]:
    """On 8 %: a hand, a phone, a bar or a disc before the face, two of them on some.

    ``skin`` is the colour of the person's hands, linear RGB; all is as bright as the light makes it.
    """
    if not dice.chance(0.08):
        return ()
    return tuple(_cover(dice, skin, _brightness(light)) for _ in range(2 if dice.chance(0.15) else 1))


def sample_loose_cover(dice: Dice, skin: Colour, light: Light) -> Cover:
    """One that is before no face, anywhere in a picture that takes the place of the face's box."""
    center = dice.between(-0.5, 0.5), dice.between(-0.5, 0.5)
    item = _cover(dice, skin, _brightness(light))
    return replace(item, center=center, size=item.size * dice.between_factors(0.1, 0.5))


def _brightness(light: Light) -> float:
    return min(light.exposure * (light.ambient + 0.35 * max(light.key_colour)), 1.6)


def _cover(dice: Dice, skin: Colour, brightness: float) -> Cover:
    kind = dice.pick(_COVERS, odds=(0.5, 0.2, 0.15, 0.15))
    center = dice.between(-0.65, 0.65), dice.between(-0.45, 0.65)
    if kind == "hand":
        colour, size, turn = skin, dice.between(0.7, 1.1), dice.bell(0, 50, -170, 170)
    elif kind == "phone":
        colour, size, turn = _object_colour(dice), dice.between(0.5, 0.9), dice.bell(0, 30)
    elif kind == "bar":
        colour, size, turn = _object_colour(dice), dice.between_factors(0.05, 0.25), dice.between(-90, 90)
    else:
        colour, size, turn = _object_colour(dice), dice.between_factors(0.15, 0.6), dice.between(-180, 180)
    red, green, blue = (min(brightness * channel, 1.0) for channel in colour)
    return Cover(kind=kind, center=center, size=size, turn=turn, colour=(red, green, blue), seed=dice.seed())


def _object_colour(dice: Dice) -> Colour:
    level = dice.between(0.02, 0.9) ** 1.5
    red, green, blue = (min(level * dice.bell(1, 0.3, 0.3, 1.7), 0.9) for _ in range(3))
    return red, green, blue


def sample_photography(dice: Dice) -> Photography:
    """Each of what camera and file do on some of the heads; a fifth have nothing of it but the file."""
    if dice.chance(0.2):
        return Photography(0.0, 0.0, 0.0, 0.0, 0.0, False, 1.0, 1.0, _quality(dice), 0)
    soft = dice.chance(0.28)
    return Photography(
        defocus=dice.between_factors(0.3, 2.5) if soft else 0.0,
        motion=dice.between(2, 9) if dice.chance(0.08) else 0.0,
        motion_angle=dice.between(0, 180),
        noise=dice.between_factors(1, 20) if dice.chance(0.45) else 0.0,
        sharpen=dice.between(0.3, 1.6) if dice.chance(0.22) and not soft else 0.0,
        grey=dice.chance(0.07),
        contrast=dice.bell(1, 0.12, 0.6, 1.5),
        saturation=dice.bell(1, 0.18, 0.3, 1.7),
        jpeg=_quality(dice) if dice.chance(0.75) else None,
        seed=dice.seed(),
    )


def _quality(dice: Dice) -> int:
    return round(dice.between(15, 40) if dice.chance(0.12) else dice.between(40, 97))
