"""What drawn heads differ by, and heads without some of it, to measure what each kind of difference is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from headpose_sdk.synthesis.head import (
    Background,
    Camera,
    Clothes,
    Colour,
    Expression,
    Face,
    Hair,
    Head,
    Light,
    Photography,
    Shape,
)
from headpose_sdk.synthesis.sampling.people import is_asymmetry, is_gaze
from headpose_sdk.synthesis.sampling.poses import NECK_NODS, USUAL_NOD, Stance

__all__ = ["PLAIN_PHOTOGRAPHY", "Diversity", "plain_background", "simplify", "simplify_light", "simplify_stance"]

_PLAIN_CLOTHES = Clothes(colour=(0.2, 0.2, 0.2), second_colour=(0.2, 0.2, 0.2), stripes=0.0, collar=-0.3, stand=0.0)
PLAIN_PHOTOGRAPHY = Photography(
    defocus=0.0,
    motion=0.0,
    motion_angle=0.0,
    noise=0.0,
    sharpen=0.0,
    grey=False,
    contrast=1.0,
    saturation=1.0,
    jpeg=None,
    seed=0,
)
_USUAL_DISTANCE = 12.0
_WINDOW = (0.36, 0.48, 0.8)  # light from the right and above
_WALL = (-0.6, 0.0, 0.8)  # what it leaves on the other side


@dataclass(frozen=True, slots=True)
class Diversity:
    """Each kind of difference can be switched off by itself; all other choices stay as they are."""

    people: bool = True  # sex, age, descent, build; off: everybody's head is the average one
    features: bool = True  # nose, ears, chin ... of one's own
    asymmetry: bool = True
    expressions: bool = True
    gaze: bool = True
    skins: bool = True  # mixed and recoloured to every tone; off: as the textures are
    hair_over_face: bool = True
    beards: bool = True  # stubble too
    make_up: bool = True
    clothes: bool = True  # off: a grey shirt
    headwear: bool = True
    masks: bool = True
    glasses: bool = True
    covers: bool = True  # hands and things before the face
    steep_poses: bool = True  # far nods, the camera above and below
    nodding_profiles: bool = True  # off: the farther a head is turned to the side, the less it nods
    askew: bool = True  # pictures turned in their plane
    distances: bool = True  # selfie to tele
    off_centre: bool = True  # faces far from the picture's middle
    lamps: bool = True  # hard and soft light from anywhere; off: soft light from before and above
    colour_casts: bool = True
    exposure: bool = True  # too dark and too bright
    backgrounds: bool = True  # off: the panorama that lights the head, out of focus
    photography: bool = True  # defocus, motion, noise, sharpening, contrast, colour, JPEG


def simplify_stance(stance: Stance, on: Diversity) -> Stance:
    """The stance without what is switched off."""
    if not on.steep_poses:
        stance = replace(stance, elevation=0.0, nod=min(max(stance.nod, -USUAL_NOD), USUAL_NOD))
    if not on.nodding_profiles:
        stance = replace(stance, nod=stance.nod * math.cos(math.radians(stance.turn)) ** 2)
    if not on.askew:
        stance = replace(stance, askew=0.0)
    bow = min(max(stance.bow, stance.nod - NECK_NODS), stance.nod + NECK_NODS)
    return replace(stance, bow=bow)


def simplify(head: Head, on: Diversity) -> Head:
    """The head without what is switched off, but for its pose."""
    return replace(
        head,
        shape=_shape(head.shape, on),
        expression=_expression(head.expression, on),
        face=_face(head.face, on),
        hair=head.hair if on.hair_over_face else _as_modelled(head.hair),
        clothes=head.clothes if on.clothes else _PLAIN_CLOTHES,
        headwear=head.headwear if on.headwear else None,
        mask=head.mask if on.masks else None,
        glasses=head.glasses if on.glasses else None,
        light=simplify_light(head.light, on),
        camera=_camera(head.camera, on),
        background=head.background if on.backgrounds else plain_background(head.light.panorama),
        covers=head.covers if on.covers else (),
        photography=head.photography if on.photography else PLAIN_PHOTOGRAPHY,
    )


def _shape(shape: Shape, on: Diversity) -> Shape:
    if not on.people:
        shape = replace(shape, male=0.5, races=(1 / 3, 1 / 3, 1 / 3), ages=(0.0, 1.0, 0.0), muscle=0.5, weight=0.5)
    kept = tuple(
        (name, weight) for name, weight in shape.details if (on.asymmetry if is_asymmetry(name) else on.features)
    )
    return replace(shape, details=kept)


def _expression(expression: Expression, on: Diversity) -> Expression:
    kept = tuple((name, weight) for name, weight in expression.units if (on.gaze if is_gaze(name) else on.expressions))
    return Expression(kept)


def _face(face: Face, on: Diversity) -> Face:
    if not on.skins:
        face = replace(face, second_skin=face.skin, mix=0.0, tint=(1.0, 1.0, 1.0), specular=0.8, roughness=20.0)
    if not on.beards:
        face = replace(face, stubble=0.0, beard=0.0)
    if not on.make_up:
        face = replace(face, lips=0.0, eye_shadow=0.0, blush=0.0)
    return face


def _as_modelled(hair: Hair | None) -> Hair | None:
    return None if hair is None else replace(hair, shift=(0.0, 0.0, 0.0), widen=1.0)


def simplify_light(light: Light, on: Diversity) -> Light:
    """The light without what is switched off."""
    if not on.lamps:
        # Their colours stay, they are another kind of difference.
        key_colour, fill_colour = _of_strength(light.key_colour, 1.2), _of_strength(light.fill_colour, 0.15)
        light = replace(light, ambient=0.7, key=_WINDOW, key_colour=key_colour, softness=0.6, shadows=True)
        light = replace(light, fill=_WALL, fill_colour=fill_colour)
    if not on.colour_casts:
        key, fill = _mean(light.key_colour), _mean(light.fill_colour)
        light = replace(light, saturation=0.3, key_colour=(key, key, key), fill_colour=(fill, fill, fill))
    if not on.exposure:
        light = replace(light, exposure=1.0)
    return light


def _mean(colour: Colour) -> float:
    return sum(colour) / 3


def _of_strength(colour: Colour, strength: float) -> Colour:
    """The colour made so bright or dark that its mean is ``strength``; grey if it is black."""
    mean = _mean(colour)
    if mean == 0:
        return strength, strength, strength
    return strength * colour[0] / mean, strength * colour[1] / mean, strength * colour[2] / mean


def _camera(camera: Camera, on: Diversity) -> Camera:
    if not on.distances:
        camera = replace(camera, distance=_USUAL_DISTANCE)
    if not on.off_centre:
        camera = replace(camera, aside=(0.0, 0.0))
    return camera


def plain_background(panorama: str) -> Background:
    """A piece of the panorama, out of focus."""
    return Background(panorama=panorama, seed=0, left=0.0, top=0.2, side=0.6, brightness=1.0, blur=3.0, mirrored=False)
