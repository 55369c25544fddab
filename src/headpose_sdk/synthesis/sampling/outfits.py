"""What a person wears: hair, clothes, hats and scarves, face masks, glasses."""

from __future__ import annotations

from headpose_sdk.synthesis.head import Clothes, Colour, Glasses, Hair, Headwear, Mask
from headpose_sdk.synthesis.sampling.catalogue import Catalogue
from headpose_sdk.synthesis.sampling.dice import Dice
from headpose_sdk.synthesis.sampling.people import Person

__all__ = ["HAIR_COLOURS", "sample_clothes", "sample_glasses", "sample_hair", "sample_headwear", "sample_mask"]

# Linear RGB, and how common it is: on light skin, on dark skin, and added for the old.
HAIR_COLOURS: tuple[tuple[Colour, float, float, float], ...] = (
    ((0.012, 0.010, 0.009), 3.0, 6.0, 0.0),  # black
    ((0.030, 0.020, 0.014), 3.0, 3.0, 0.0),
    ((0.060, 0.035, 0.020), 2.5, 1.0, 0.0),  # brown
    ((0.120, 0.065, 0.030), 2.0, 0.2, 0.0),
    ((0.220, 0.070, 0.030), 0.6, 0.0, 0.0),  # red
    ((0.270, 0.170, 0.085), 1.5, 0.1, 0.0),  # blond
    ((0.420, 0.310, 0.190), 1.0, 0.1, 0.0),
    ((0.300, 0.300, 0.300), 0.5, 0.3, 5.0),  # grey
    ((0.550, 0.540, 0.520), 0.4, 0.2, 5.0),  # white
    ((0.160, 0.050, 0.025), 0.2, 0.05, 0.0),
)
_DYES: tuple[Colour, ...] = ((0.45, 0.05, 0.18), (0.06, 0.16, 0.45), (0.10, 0.32, 0.14), (0.28, 0.08, 0.40))
_MASK_COLOURS: tuple[Colour, ...] = ((0.3, 0.55, 0.72), (0.85, 0.85, 0.85), (0.03, 0.03, 0.03), (0.3, 0.5, 0.7))
_METALS: tuple[Colour, ...] = ((0.50, 0.50, 0.52), (0.55, 0.40, 0.16), (0.50, 0.28, 0.20))


def _any_colour(dice: Dice) -> Colour:
    """Of cloth or plastic: dark ones and muted ones more often than loud ones."""
    level = dice.between(0, 1)
    red, green, blue = (min(max(level * dice.bell(1, 0.35, 0.2, 1.8), 0.01), 0.95) ** 1.6 for _ in range(3))
    return red, green, blue


def _stripes(dice: Dice) -> float:
    return dice.between(1, 6) if dice.chance(0.35) else 0.0


def _is_short(hair: Hair | None) -> bool:
    """Whether a hat goes over it; the parts' names tell: only ``short...`` lies close to the head."""
    return hair is None or hair.style.startswith("short")


def sample_hair(dice: Dice, catalogue: Catalogue, person: Person) -> Hair | None:
    """A style that goes with the person, mostly; none for some of the men. A quarter of it falls over the face."""
    short = [style for style in catalogue.hair if style.startswith("short")]
    long = [style for style in catalogue.hair if not style.startswith("short")]
    kind = dice.between(0, 1)
    if person.woman:
        styles = long if kind < 0.7 else short if kind < 0.97 else []
    elif person.child:
        styles = short if kind < 0.8 else long if kind < 0.98 else []
    else:
        styles = short if kind < 0.7 else long if kind < 0.82 else []
    curls = [style for style in catalogue.hair if style.startswith("afro")]
    if curls and dice.chance(0.35 * max(0.0, 2 * person.races[0] - 1)):
        styles = curls
    style = dice.pick(styles) if styles else None
    colour = _hair_colour(dice, person)
    shift, widen = (dice.bell(0, 0.02), dice.bell(0, 0.02, -0.05), dice.bell(0, 0.02)), dice.bell(1, 0.02, 0.96, 1.06)
    if dice.chance(0.25):
        shift = (dice.bell(0, 0.05), dice.between(-0.16, -0.06), dice.between(0.0, 0.12))
        widen = dice.bell(1.02, 0.03, 0.96, 1.12)
    return None if style is None else Hair(style=style, colour=colour, shift=shift, widen=widen)


def _hair_colour(dice: Dice, person: Person) -> Colour:
    odds = [
        person.tone * on_light + (1 - person.tone) * on_dark + (on_old if person.old else 0.0)
        for _, on_light, on_dark, on_old in HAIR_COLOURS
    ]
    colour = dice.pick([colour for colour, *_ in HAIR_COLOURS], odds)
    if dice.chance(0.03):
        colour = dice.pick(_DYES)
    shade = dice.between(0.7, 1.3)
    red, green, blue = (min(shade * channel, 0.9) for channel in colour)
    return red, green, blue


def sample_clothes(dice: Dice) -> Clothes:
    """A shirt: cut low on most, up to the chin on some, with a collar that stands on a fifth."""
    kind = dice.pick(("shirt", "turtleneck", "stand-up"), odds=(0.65, 0.15, 0.2))
    low, high = {"shirt": (-1.0, -0.35), "turtleneck": (-0.3, 0.1), "stand-up": (-0.6, 0.0)}[kind]
    return Clothes(
        colour=_any_colour(dice),
        second_colour=_any_colour(dice),
        stripes=_stripes(dice),
        collar=dice.between(low, high),
        stand=dice.between(0.03, 0.2) if kind == "stand-up" else 0.0,
    )


def sample_headwear(dice: Dice, catalogue: Catalogue, person: Person, hair: Hair | None) -> Headwear | None:
    """On 15 %: a beanie, a hood, a headscarf or one of the hats; hats on short hair only, where they sit well."""
    if not dice.chance(0.15):
        return None
    kinds, odds = ["beanie", "hood", "headscarf"], [0.4, 0.2, 0.35 if person.woman else 0.04]
    if catalogue.hats and _is_short(hair):
        kinds, odds = [*kinds, *catalogue.hats], odds + [0.6 / len(catalogue.hats)] * len(catalogue.hats)
    kind = dice.pick(kinds, odds)
    fitting = dict(zip(catalogue.hats, catalogue.hat_textures, strict=True)).get(kind)
    low, high = {"beanie": (0.28, 0.6), "hood": (0.4, 0.85), "headscarf": (0.3, 0.6)}.get(kind, (0.34, 0.34))
    return Headwear(
        kind=kind,
        texture=dice.pick(fitting) if fitting else None,
        colour=_any_colour(dice),
        second_colour=_any_colour(dice),
        stripes=_stripes(dice),
        thickness=dice.between(0.04, 0.14),
        edge=dice.between(low, high),
    )


def sample_mask(dice: Dice) -> Mask | None:
    """On 6 %; a fifth of them hang below the nose."""
    if not dice.chance(0.06):
        return None
    usual = dice.chance(0.7)
    colour, second_colour = (dice.pick(_MASK_COLOURS),) * 2 if usual else (_any_colour(dice), _any_colour(dice))
    return Mask(
        colour=colour,
        second_colour=second_colour,
        stripes=0.0 if usual else _stripes(dice),
        top=dice.between(0.5, 0.62) if dice.chance(0.2) else dice.between(0.15, 0.38),
        thickness=dice.between(0.04, 0.09),
    )


def sample_glasses(dice: Dice) -> Glasses | None:
    """On 20 %: most clear, some tinted, a quarter dark, some of all with a reflection."""
    if not dice.chance(0.2):
        return None
    frame = dice.pick(("dark", "metal", "any"), odds=(0.5, 0.25, 0.25))
    if frame == "dark":
        red, green, blue = _any_colour(dice)
        colour = (0.15 * red, 0.15 * green, 0.15 * blue)
    else:
        colour = dice.pick(_METALS) if frame == "metal" else _any_colour(dice)
    lens = dice.pick(("clear", "tinted", "dark"), odds=(0.58, 0.17, 0.25))
    lens_colour: Colour = (0.01, 0.01, 0.012)
    darkness = 0.0
    if lens == "tinted":
        lens_colour, darkness = _any_colour(dice), dice.between(0.15, 0.5)
    elif lens == "dark":
        darkness = dice.between(0.6, 1)
    reflection = 0.0
    if dice.chance(0.6 if lens == "dark" else 0.4):
        reflection = dice.between(0.1, 0.8) if lens == "dark" else dice.between(0.03, 0.35)
    return Glasses(
        kind=dice.pick(("round", "oval", "square")),
        size=dice.bell(1, 0.08, 0.8, 1.25),
        slide=dice.between(0.05, 0.25) if dice.chance(0.15) else dice.between(0, 0.05),
        colour=colour,
        lens_colour=lens_colour,
        darkness=darkness,
        reflection=reflection,
    )
