"""Everything that is decided about one drawn head, as plain frozen values: the same head gives the same picture.

Lengths are decimetres (a head is 2.2 high), angles degrees, colours linear RGB from 0 to 1. Positions on the head are
measured from the middle between the eyes of the unposed head: x to the person's left, y up, z to the front.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Background",
    "Camera",
    "Clothes",
    "Cover",
    "Expression",
    "Face",
    "Glasses",
    "Hair",
    "Head",
    "Headwear",
    "Light",
    "Mask",
    "Photography",
    "Pose",
    "Shape",
]

Colour = tuple[float, float, float]
Weights = tuple[tuple[str, float], ...]
"""Names of shape targets, each with the weight from 0 to 1 that it is applied with."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A person's head, whatever the face is doing. Two crops with one shape are two views of one person."""

    male: float  # 0 a woman, 1 a man
    races: tuple[float, float, float]  # African, Asian, Caucasian; sum 1
    ages: tuple[float, float, float]  # child, young, old; sum 1
    muscle: float  # 0 to 1, 0.5 is average
    weight: float  # likewise
    details: Weights  # left and right sides each by their own name


@dataclass(frozen=True, slots=True)
class Expression:
    """Face units (ARKit's names), gaze included."""

    units: Weights


@dataclass(frozen=True, slots=True)
class Face:
    """The skin and what is on it."""

    skin: str
    second_skin: str  # mixed into the first one
    mix: float  # 0: the first skin alone
    tint: Colour  # multiplies the texture
    specular: float
    roughness: float  # Blinn exponent: higher is glossier
    iris: str
    brow: str
    lash: str
    stubble: float  # 0 to 1, short hairs on lip, chin and jaw
    beard: float  # 0 to 1, how far a full beard covers chin and jaw
    lips: float  # 0 to 1, how opaque the lip colour is
    lip_colour: Colour
    eye_shadow: float  # 0 to 1
    eye_shadow_colour: Colour
    blush: float  # 0 to 1


@dataclass(frozen=True, slots=True)
class Hair:
    """A hair style from the parts, moved a little from where it was modelled."""

    style: str
    colour: Colour
    shift: tuple[float, float, float]  # decimetres; forward and down brings it over the face
    widen: float  # factor of its distance from the head's axis


@dataclass(frozen=True, slots=True)
class Clothes:
    """A shirt, painted on the body below its collar."""

    colour: Colour
    second_colour: Colour
    stripes: float  # per decimetre; 0: plain
    collar: float  # decimetres that the collar reaches above where the neck begins, may be negative
    stand: float  # decimetres by which a stand-up collar leaves the neck; 0: none


@dataclass(frozen=True, slots=True)
class Headwear:
    """A hat from the parts by its name, or a beanie, hood or headscarf made from the head's own surface."""

    kind: str  # "beanie", "hood", "headscarf", or a hat's name
    texture: str | None  # of a hat from the parts
    colour: Colour
    second_colour: Colour
    stripes: float
    thickness: float  # decimetres
    edge: float  # decimetres above the eyes, of a beanie's, hood's or scarf's edge on the forehead


@dataclass(frozen=True, slots=True)
class Mask:
    """A face mask, from the bridge or the tip of the nose to under the chin."""

    colour: Colour
    second_colour: Colour
    stripes: float
    top: float  # decimetres below the eyes, of its upper edge on the nose
    thickness: float


@dataclass(frozen=True, slots=True)
class Glasses:
    """A frame with clear, tinted or dark lenses that may mirror the light."""

    kind: Literal["round", "oval", "square"]
    size: float  # factor
    slide: float  # decimetres down the nose
    colour: Colour
    lens_colour: Colour
    darkness: float  # 0 clear to 1 opaque
    reflection: float  # 0 none to 1 a mirror


@dataclass(frozen=True, slots=True)
class Light:
    """Ambient light and background of a panorama, a key light that casts shadows, and a fill light."""

    panorama: str
    turn: float  # degrees about the vertical, of the panorama
    tilt: float  # degrees about x
    ambient: float  # factor
    saturation: float  # of the ambient light: 0 is grey
    key: tuple[float, float, float]  # towards the light, camera axes (x right, y up, z to the viewer), unit length
    key_colour: Colour  # radiance, not limited to 1; (0, 0, 0): no key light
    softness: float  # 0 hard shadow edges to 1 very soft ones
    shadows: bool
    fill: tuple[float, float, float]
    fill_colour: Colour
    exposure: float  # factor before tone mapping; 1 is normal


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera. The face may stand aside of its axis: then perspective stretches it, as at a photo's edge."""

    distance: float  # decimetres from the camera to the middle of the face
    aside: tuple[float, float]  # degrees from the axis to the face's middle: to the right, up


@dataclass(frozen=True, slots=True)
class Background:
    """A piece of a panorama, or painted noise and shapes, behind the head."""

    panorama: str | None  # None: painted
    seed: int  # of what is painted
    left: float  # 0 to 1, where the piece begins, in parts of the panorama
    top: float
    side: float  # its side in parts of the panorama's height
    brightness: float  # factor
    blur: float  # sigma in pixels of a 128 px crop
    mirrored: bool


@dataclass(frozen=True, slots=True)
class Cover:
    """A hand or an object between camera and face. Its place is given in face boxes from the face box's middle."""

    kind: Literal["hand", "phone", "bar", "disc"]
    center: tuple[float, float]
    size: float  # in face boxes
    turn: float  # degrees
    colour: Colour
    seed: int  # of its details


@dataclass(frozen=True, slots=True)
class Photography:
    """What camera and file do to the picture, in this order. 0 or None: not done."""

    defocus: float  # Gaussian sigma in pixels of a 128 px crop
    motion: float  # length in pixels of a 128 px crop
    motion_angle: float
    noise: float  # grey levels (of 255), standard deviation
    sharpen: float  # unsharp mask's amount
    grey: bool
    contrast: float  # factor about mid grey; 1: unchanged
    saturation: float  # factor; 1: unchanged
    jpeg: int | None  # quality
    seed: int  # of the noise


@dataclass(frozen=True, slots=True)
class Pose:
    """The label: the head as seen along the line of sight to the face, 300W-LP's convention; and the shoulders."""

    yaw: float
    pitch: float
    roll: float
    torso: tuple[float, float, float]  # yaw, pitch, roll of the shoulders


@dataclass(frozen=True, slots=True)
class Head:
    """One head, whole. ``number`` counts the heads of a run from 0."""

    seed: int
    number: int
    pose: Pose
    shape: Shape
    expression: Expression
    face: Face
    hair: Hair | None
    clothes: Clothes
    headwear: Headwear | None
    mask: Mask | None
    glasses: Glasses | None
    light: Light
    camera: Camera
    background: Background
    covers: tuple[Cover, ...]
    photography: Photography
