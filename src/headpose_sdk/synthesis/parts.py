"""What the wardrobe hands to the renderer: meshes with a material and its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.results import Image
from headpose_sdk.synthesis.mesh import Mesh

__all__ = ["Material", "Part", "Texture", "Uniform"]

Uniform = float | int | Sequence[float]


class Material(IntEnum):
    """How a surface answers to light, and which of its pixels are left out; the shaders know them by number."""

    SKIN = 0
    HAIR = 1
    PLAIN = 2  # eyes, teeth, tongue, hats: the texture as it is
    BROW = 3  # eyebrows and lashes
    CLOTH = 4  # a beanie, hood or scarf cut from the head's surface by planes
    MASK = 5
    FRAME = 6
    LENS = 7


@dataclass(frozen=True, slots=True)
class Texture:
    """An RGBA or BGR picture by a name that tells it from all others; the renderer uploads it once."""

    name: str
    image: Image  # (H, W, 3) BGR or (H, W, 4) BGRA


@dataclass(frozen=True, slots=True)
class Part:
    """One mesh to draw, unposed. ``points`` are the positions (V, 3) of the vertices that ``mesh.vertex`` indexes."""

    key: str  # names the mesh's buffers: one key, one mesh, its neck weights and material
    mesh: Mesh
    points: NDArray[np.float32]
    neck_weight: NDArray[np.float32]  # (V,): 0 moves with the torso, 1 with the head
    material: Material
    texture: Texture | None = None
    further_textures: Mapping[str, Texture] = field(default_factory=dict)  # by the shaders' names for them
    uniforms: Mapping[str, Uniform] = field(default_factory=dict)  # of the shaders; those not named keep their default
    casts_shadow: bool = False
