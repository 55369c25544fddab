"""Decides all that there is to decide about a picture with several heads, by chance, from a seed and a number alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from headpose_sdk.synthesis.head import Background, Camera, Colour, Cover, Head, Light, Photography
from headpose_sdk.synthesis.sampling.catalogue import Catalogue
from headpose_sdk.synthesis.sampling.dice import Dice
from headpose_sdk.synthesis.sampling.diversity import (
    PLAIN_PHOTOGRAPHY,
    Diversity,
    plain_background,
    simplify,
    simplify_light,
)
from headpose_sdk.synthesis.sampling.faces import tone_colour
from headpose_sdk.synthesis.sampling.sampler import Poses, rounded, sample_head
from headpose_sdk.synthesis.sampling.surroundings import (
    sample_background,
    sample_light,
    sample_loose_cover,
    sample_photography,
)
from headpose_sdk.synthesis.scene import Panel, Scene, Standing, Thing, ThingKind

__all__ = ["LONGEST", "MOST_HEADS", "SHORTEST", "SMALLEST_SIDE", "sample_scene"]

SHORTEST, LONGEST = 320, 640
"""Pixels: the range of a picture's longer side."""

MOST_HEADS = 8
SMALLEST_SIDE = 13.5
"""Pixels: the longer side of the smallest face with its throat; its labelled box, to the chin, is of 12 pixels."""

_HEADS = (0.1, 0.31, 0.22, 0.15, 0.07, 0.05, 0.04, 0.03, 0.03)  # how often there are 0, 1, 2, ...
_LARGEST = 0.95  # a face's side in shorter sides of the picture
_FACE_HEIGHT = 1.9  # decimetres
_RATIOS = (1.0, 4 / 3, 3 / 2, 16 / 9, 2.0)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a face is, in pixels."""

    x: float
    y: float
    side: float


def sample_scene(catalogue: Catalogue, seed: int, number: int, diversity: Diversity | None = None) -> Scene:
    """Picture ``number`` of ``seed``; the same two numbers give the same one, whichever others are asked for.

    ``diversity`` switches off what heads differ by, for the whole picture where it is not the head's own. It is all of
    it if None.

    Raises:
        ValueError: ``seed`` or ``number`` is negative.
    """
    on = diversity or Diversity()

    def dice(group: str) -> Dice:
        return Dice(seed, number, f"scene {group}")

    width, height = _frame(dice("frame"))
    light = simplify_light(sample_light(dice("light"), catalogue), on)
    places = _places(dice("places"), width, height)
    people = _people(dice("people"), catalogue, seed, number, (width, height), places, light, on)
    return rounded(
        Scene(
            seed=seed,
            number=number,
            width=width,
            height=height,
            background=_background(dice("background"), catalogue, light)
            if on.backgrounds
            else plain_background(light.panorama),
            panels=_panels(dice("panels"), catalogue, light, width, height) if on.backgrounds else (),
            people=people,
            things=_things(dice("things"), width, height, alone=not places),
            covers=_loose_covers(dice("covers"), light) if on.covers else (),
            photography=_photography(dice("photography"), places) if on.photography else PLAIN_PHOTOGRAPHY,
        )
    )


def _frame(dice: Dice) -> tuple[int, int]:
    longer = round(dice.between(SHORTEST, LONGEST))
    shorter = round(longer / dice.pick(_RATIOS, odds=(1, 3, 3, 2, 1)))
    return (longer, shorter) if dice.chance(0.65) else (shorter, longer)


# --- heads


def _places(dice: Dice, width: int, height: int) -> list[_Place]:
    """Sizes spread evenly in the logarithm; people of one picture mostly stand about as far from the camera."""
    count = dice.pick(range(MOST_HEADS + 1), odds=_HEADS)
    largest = _LARGEST * min(width, height) / max(1.0, (0.45 * count) ** 0.7)
    common, together = dice.between_factors(SMALLEST_SIDE, largest), dice.chance(0.65)
    places: list[_Place] = []
    for _ in range(count):
        own = common * dice.between_factors(0.6, 1.7) if together else dice.between_factors(SMALLEST_SIDE, largest)
        side = min(max(own, SMALLEST_SIDE), largest)
        place = _place(dice, width, height, side)
        for _ in range(12):
            if dice.chance(0.1) or all(_apart(place, other) for other in places):
                break
            place = _place(dice, width, height, side)
        places.append(place)
    return places


def _place(dice: Dice, width: int, height: int, side: float) -> _Place:
    """Mostly all of the face is in the picture, heads of people far away mostly about its middle."""
    beyond = 0.35 * side if dice.chance(0.14) else -0.55 * side
    left, right, top, bottom = -beyond, width + beyond, -beyond, height + beyond
    x = dice.between(left, right) if left < right else width / 2
    y = dice.bell(0.42 * height, 0.22 * height, top, bottom) if top < bottom else height / 2
    return _Place(x, y, side)


def _apart(one: _Place, other: _Place) -> bool:
    return math.hypot(one.x - other.x, one.y - other.y) > 0.62 * (one.side + other.side)


def _people(
    dice: Dice,
    catalogue: Catalogue,
    seed: int,
    number: int,
    frame: tuple[int, int],
    places: list[_Place],
    light: Light,
    on: Diversity,
) -> tuple[Standing, ...]:
    focal = max(frame) * dice.between_factors(0.7, 3)
    upright = dice.chance(0.75)
    one_light = dice.chance(0.85)
    people = []
    for index, place in enumerate(places):
        # Seen from behind often enough to teach that the back of a head is none.
        poses: Poses = "full" if dice.chance(0.35) else "front"
        stance = replace(on, askew=on.askew and not upright)
        head = sample_head(catalogue, seed, number * MOST_HEADS + index, poses, stance)
        shared = replace(light, exposure=light.exposure * dice.between_factors(0.85, 1.2))
        head = replace(head, camera=_camera(place, frame, focal), light=shared if one_light else head.light)
        people.append(
            Standing(
                head=_seen_from_afar(simplify(head, on), place.side),
                center=(place.x, place.y),
                side=place.side,
                trousers=_cloth(dice),
                seed=dice.seed(),
            )
        )
    return tuple(people)


def _camera(place: _Place, frame: tuple[int, int], focal: float) -> Camera:
    """One camera for all: who is small in the picture is far away, who is at its edge is seen askance."""
    distance = min(max(focal * _FACE_HEIGHT / place.side, 3.0), 60.0)
    right, up = place.x - frame[0] / 2, frame[1] / 2 - place.y
    aside = (math.degrees(math.atan(min(max(way / focal, -0.4), 0.4))) for way in (right, up))
    return Camera(distance, aside=(next(aside), next(aside)))


def _seen_from_afar(head: Head, side: float) -> Head:
    """Bars go across the whole picture: before small faces they would be hair-thin lines through everything."""
    return replace(head, covers=tuple(item for item in head.covers if item.kind != "bar" or side > 60))


def _cloth(dice: Dice) -> Colour:
    level = dice.between(0.02, 0.5)
    red, green, blue = (min(level * dice.bell(1, 0.3, 0.3, 1.7), 0.9) for _ in range(3))
    return red, green, blue


# --- around them


def _background(dice: Dice, catalogue: Catalogue, light: Light) -> Background:
    """As a crop's, but with more of a panorama in it, so that it is as sharp as it can be, and less often blurred."""
    background = sample_background(dice, catalogue, light)
    side = dice.between(0.65, 1.0)
    bright = dice.between(0.6, 1.2) * min(max(light.exposure, 0.4), 1.4)
    blur = dice.between_factors(0.2, 3) if dice.chance(0.3) else 0.0
    return replace(background, side=side, top=dice.between(0, 1 - side), brightness=bright, blur=blur)


def _panels(dice: Dice, catalogue: Catalogue, light: Light, width: int, height: int) -> tuple[Panel, ...]:
    """Posters, windows and screens in half of the pictures: sharp detail where no face is."""
    if dice.chance(0.5):
        return ()
    upright = dice.chance(0.7)
    panels = []
    for _ in range(dice.pick((1, 2, 3, 5), odds=(3, 3, 2, 1))):
        size = dice.between_factors(0.12, 0.6) * max(width, height)
        ratio = dice.between_factors(0.6, 1.7)
        piece = sample_background(dice, catalogue, light)
        side = min(1.0, max(size / 256, 0.3))  # pixel for pixel, as far as the panorama goes
        piece = replace(piece, side=side, top=dice.between(0, 1 - side), blur=0.0)
        panels.append(
            Panel(
                center=(dice.between(0, width), dice.between(0, height)),
                width=size * min(1.0, ratio),
                height=size * min(1.0, 1 / ratio),
                turn=dice.bell(0, 2) if upright else dice.between(-40, 40),
                picture=piece,
                frame=_cloth(dice),
                border=dice.between(0, 0.05) * size if dice.chance(0.6) else 0.0,
            )
        )
    return tuple(panels)


def _things(dice: Dice, width: int, height: int, *, alone: bool) -> tuple[Thing, ...]:
    """Up to seven and a table; more often some where there is no head, or a lack of things would tell that."""
    kinds: tuple[ThingKind, ...] = ("ball", "blob", "board", "trunk")
    things = []
    for _ in range(dice.pick((0, 1, 2, 4, 7), odds=(0.1 if alone else 0.45, 0.25, 0.18, 0.12, 0.05))):
        kind = dice.pick(kinds, odds=(0.3, 0.3, 0.25, 0.15))
        near = dice.between_factors(10, 0.4 * min(width, height))
        things.append(
            Thing(
                kind=kind,
                center=(dice.between(0, width), dice.between(0, height)),
                size=near * dice.between_factors(0.5, 2),
                turn=dice.between(-180, 180) if kind != "trunk" else dice.bell(0, 8),
                colour=_any_colour(dice),
                second_colour=_any_colour(dice),
                seed=dice.seed(),
                near=near,
            )
        )
    if dice.chance(0.12):
        things.append(
            Thing(
                kind="table",
                center=(width / 2, dice.between(0.72, 0.95) * height),
                size=float(height),
                turn=dice.bell(0, 3, -8, 8),
                colour=_any_colour(dice),
                second_colour=_any_colour(dice),
                seed=dice.seed(),
                near=float(max(width, height)),
            )
        )
    return tuple(things)


def _any_colour(dice: Dice) -> Colour:
    """That of a skin as often as any other."""
    if dice.chance(0.5):
        tone, bright = tone_colour(dice.between(0, 1)), dice.between(0.5, 1.2)
        red, green, blue = (min(bright * channel, 1.0) for channel in tone)
        return red, green, blue
    red, green, blue = (dice.between(0, 1) ** 1.7 for _ in range(3))
    return red, green, blue


def _loose_covers(dice: Dice, light: Light) -> tuple[Cover, ...]:
    """Hands and things behind all heads in a few pictures."""
    if not dice.chance(0.15):
        return ()
    skin = tone_colour(dice.between(0, 1))
    return tuple(sample_loose_cover(dice, skin, light) for _ in range(dice.pick((1, 2))))


def _photography(dice: Dice, places: list[_Place]) -> Photography:
    """As a crop's, but not so blurred that nothing of the smallest face is left."""
    photography = sample_photography(dice)
    smallest = min((place.side for place in places), default=60.0)
    return replace(
        photography,
        defocus=min(photography.defocus, 0.05 * smallest),
        motion=min(photography.motion, 0.15 * smallest) if smallest > 14 else 0.0,
    )
