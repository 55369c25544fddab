"""How the parts stand before the camera and in which light, and that as the block of numbers that the shaders read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.rotation import FloatArray, quaternion_from_matrix
from headpose_sdk.synthesis.head import Light
from headpose_sdk.synthesis.parts import Texture
from headpose_sdk.synthesis.rendering.framing import Framing
from headpose_sdk.synthesis.rendering.lighting import light_matrix

__all__ = ["STAGE_LAYOUT", "Stage", "casts_shadows", "packed"]

_SHADOW_RADIUS = 2.2  # decimetres round the face's middle that the shadow map sees
_SHARPEST, _SOFTEST = 0.001, 0.045  # radius of a shadow's edge in parts of the shadow map

# The uniform block of stage.glsl, field by field. Everything is a multiple of 16 bytes, so nothing needs padding.
STAGE_LAYOUT = np.dtype(
    [
        ("projection", "f4", (4, 4)),
        ("light_matrix", "f4", (4, 4)),
        ("to_panorama", "f4", (4, 4)),
        ("torso_turn", "f4", 4),
        ("head_turn", "f4", 4),
        ("pivot", "f4", 4),
        ("shift", "f4", 4),
        ("eyes", "f4", 4),
        ("ambient", "f4", (9, 4)),
        ("key", "f4", 4),
        ("key_colour", "f4", 4),
        ("fill", "f4", 4),
        ("fill_colour", "f4", 4),
    ]
)


@dataclass(frozen=True, slots=True)
class Stage:
    """How the parts stand before the camera, and in which light."""

    torso: FloatArray  # (3, 3) rotation of points with neck weight 0, camera axes
    head: FloatArray  # likewise with neck weight 1
    pivot: NDArray[np.floating]  # (3,) what they turn about
    eyes: NDArray[np.floating]  # (3,) the middle between the eyes of the unposed head
    framing: Framing
    light: Light
    ambient: NDArray[np.float32]  # (9, 3), see Lighting.ambient
    panorama: Texture  # what lenses mirror
    to_panorama: FloatArray  # (3, 3) camera axes -> panorama axes


def casts_shadows(light: Light) -> bool:
    """Whether the light has a key light, and one whose shadows are drawn."""
    return light.shadows and any(light.key_colour)


def packed(stage: Stage) -> NDArray[np.void]:
    """The uniform block; OpenGL's matrices are stored column by column."""
    light, framing = stage.light, stage.framing
    torso, head = quaternion_from_matrix(np.stack([stage.torso, stage.head]))
    if torso @ head < 0:
        torso = -torso
    key = np.asarray(light.key, np.float64)
    packed = np.zeros((), STAGE_LAYOUT)
    packed["projection"] = framing.projection.T
    packed["light_matrix"] = light_matrix(key, framing.middle, _SHADOW_RADIUS).T
    packed["to_panorama"][:3, :3] = stage.to_panorama.T
    packed["torso_turn"], packed["head_turn"] = torso, head
    packed["pivot"] = *stage.pivot, np.arccos(np.clip(torso @ head, -1, 1))
    packed["shift"] = *(stage.pivot + framing.shift), light.exposure
    packed["eyes"] = *stage.eyes, light.ambient
    packed["ambient"][:, :3] = stage.ambient
    radius = _SHARPEST + light.softness * (_SOFTEST - _SHARPEST) if casts_shadows(light) else -1.0
    packed["key"] = *key, radius
    packed["key_colour"][:3], packed["fill_colour"][:3] = light.key_colour, light.fill_colour
    packed["fill"][:3] = light.fill
    return packed
