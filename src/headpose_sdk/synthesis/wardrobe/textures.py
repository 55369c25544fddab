"""Pictures of the parts, as the renderer takes them: read when first worn, and kept."""

from __future__ import annotations

import cv2
import numpy as np

from headpose_sdk.results import Image
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.parts import Texture

__all__ = ["Textures"]

_LARGEST = 1024  # pixels: a texel of the face is then about a pixel of the picture
_LUMINANCE = np.array([0.0722, 0.7152, 0.2126])  # of linear BGR


class Textures:
    """The textures in the folder of parts, by their files' names without the ending: "skins/young_male"."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self._textures: dict[str, Texture] = {}
        self._luminances: dict[str, float] = {}

    def get(self, name: str) -> Texture:
        """A texture, reduced to at most 1024 pixels a side.

        Raises:
            DatasetError: it is missing or damaged.
        """
        if name not in self._textures:
            self._textures[name] = Texture(name, _reduced(self._assets.image(f"{name}.webp")))
        return self._textures[name]

    def luminance(self, name: str) -> float:
        """Mean linear luminance of a texture where it is opaque, above 0."""
        if name not in self._luminances:
            image = self.get(name).image
            opaque = image[image[..., 3] > 127] if image.shape[2] == 4 else image.reshape(-1, 3)
            levels = (opaque[:, :3] / 255.0) ** 2.2 @ _LUMINANCE
            self._luminances[name] = max(float(levels.mean()), 1e-3) if len(levels) else 1.0
        return self._luminances[name]


def _reduced(image: Image) -> Image:
    factor = max(image.shape[:2]) / _LARGEST
    if factor <= 1:
        return image
    size = round(image.shape[1] / factor), round(image.shape[0] / factor)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
