"""What there is to choose from: the names of the parts, and the few facts about them that a choice depends on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.results import Image
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Colour
from headpose_sdk.synthesis.rendering.lighting import Lighting
from headpose_sdk.synthesis.shape import HeadModel

__all__ = ["Catalogue"]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The parts by name. Two equal catalogues give the same heads."""

    skins: tuple[str, ...]
    skin_colours: tuple[Colour, ...]  # of the faces: mean, linear RGB
    irises: tuple[str, ...]
    hair: tuple[str, ...]
    brows: tuple[str, ...]
    lashes: tuple[str, ...]
    hats: tuple[str, ...]
    hat_textures: tuple[tuple[str, ...], ...]  # of each hat, those that fit it
    panoramas: tuple[str, ...]
    suns: tuple[tuple[float, float, float], ...]  # of the panoramas: unit vectors, x right, y up, z to the viewer
    targets: tuple[str, ...]  # all that change the head's shape, as "folder/name"

    @classmethod
    def of(cls, assets: Assets, model: HeadModel) -> Catalogue:
        """The catalogue of a folder of parts; every skin is opened to see its colour.

        Raises:
            DatasetError: a skin or the light of the panoramas cannot be read.
        """
        face = np.isin(model.body.vertex, model.face_box)
        uv = model.body.uv[face]
        lighting = Lighting(assets)
        suns = [lighting.sun(name, turn=0.0, tilt=0.0) for name in assets.panoramas]
        return cls(
            skins=assets.skins,
            skin_colours=tuple(_mean_colour(assets.image(f"skins/{name}.webp"), uv) for name in assets.skins),
            irises=assets.irises,
            hair=assets.hair,
            brows=assets.brows,
            lashes=assets.lashes,
            hats=assets.hats,
            hat_textures=tuple(assets.textures_of(hat) for hat in assets.hats),
            panoramas=assets.panoramas,
            suns=tuple((float(x), float(y), float(z)) for x, y, z in suns),
            targets=tuple(model.target_names),
        )


def _mean_colour(image: Image, uv: NDArray[np.float32]) -> Colour:
    """Mean linear RGB of a texture ((H, W, 3 or 4) BGR) at the places ``uv`` (N, 2), v down; three decimals."""
    height, width = image.shape[:2]
    column, row = np.clip((uv * (width, height)).astype(int), 0, (width - 1, height - 1)).T
    blue, green, red = ((image[row, column, :3] / 255.0) ** 2.2).mean(axis=0)
    # Rounded, so that the same file gives the same catalogue wherever it is read.
    return round(float(red), 3), round(float(green), 3), round(float(blue), 3)
