"""Takes the picture of a head: shape, dress, pose, light, drawing, photography, and the labels. Wiring only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.results import Image
from headpose_sdk.rotation import FloatArray, in_300w_lp_axes, matrix_from_euler
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Head
from headpose_sdk.synthesis.parts import Texture
from headpose_sdk.synthesis.picture.backgrounds import Backgrounds
from headpose_sdk.synthesis.picture.covers import cover
from headpose_sdk.synthesis.picture.photography import composite, photograph
from headpose_sdk.synthesis.rendering.framing import CROP_MARGIN, Framing, sight_rotation
from headpose_sdk.synthesis.rendering.lighting import Lighting, panorama_turn
from headpose_sdk.synthesis.rendering.renderer import RENDER_SIZE, Picture, Renderer
from headpose_sdk.synthesis.rendering.stage import Stage
from headpose_sdk.synthesis.shape import HeadModel
from headpose_sdk.synthesis.wardrobe.anchors import middle_of_eyes
from headpose_sdk.synthesis.wardrobe.wardrobe import Wardrobe

__all__ = ["CROP_SIZE", "PITCH_ZERO", "Cutout", "Drawing", "Studio"]

CROP_SIZE = 128
"""Side of a crop in pixels."""

PITCH_ZERO = 5.5
"""Degrees by which MakeHuman's average head must look up to be what 300W-LP calls pitch 0: docs/experiments.md."""

_HIDDEN = 0.04  # decimetres that something must lie before a point to hide it


@dataclass(frozen=True, slots=True)
class Cutout:
    """A head alone: what was drawn, and where its face is. Pixels are those of the picture."""

    picture: Picture
    face: FloatArray  # (M, 2) the face's vertices
    landmarks: FloatArray  # (68, 2) the iBUG points
    seen: NDArray[np.bool_]  # (M,) which of the face's vertices the picture shows


@dataclass(frozen=True, slots=True)
class Drawing:
    """A crop with its labels; positions are pixels of the crop, exact, 0 and ``CROP_SIZE`` at its edges."""

    crop: Image  # (CROP_SIZE, CROP_SIZE, 3) BGR
    box: tuple[float, float, float, float]  # x1, y1, x2, y2 of the face
    landmarks: FloatArray  # (68, 2) x, y
    visible: float  # 0 to 1, share of the face's vertices that the crop shows: about 0.9 bare and from the front, 0.5
    # in profile, 0 from behind. Hair, masks, hats, hands and things hide; glasses do not
    wears: tuple[str, ...]


class Studio:
    """Draws heads. A process needs one studio, which keeps meshes and textures and belongs to the thread that made it.

    Attributes:
        model: the body that it draws.
        backgrounds: what it draws it before.

    Raises:
        DatasetError: parts are missing or damaged.
        RenderError: this machine cannot draw.
    """

    def __init__(self, assets: Assets) -> None:
        self.model = HeadModel(assets)
        self._lighting = Lighting(assets)
        self.backgrounds = Backgrounds(assets)
        self._wardrobe = Wardrobe(assets, self.model)
        self._renderer = Renderer()
        body, eyes = self._wardrobe.bare(self.model.average)
        self._renderer.bake_sky([body], [body, eyes])

    def draw(self, head: Head) -> Drawing:
        """The crop of a head."""
        cutout = self.cutout(head)
        scale = CROP_SIZE / RENDER_SIZE
        face = cutout.face * scale
        x1, y1, x2, y2 = (float(side) for side in (*face.min(0), *face.max(0)))
        image = composite(cutout.picture.image, self.backgrounds.draw(head.background, CROP_SIZE))
        image, hidden = cover(image, head.covers, (x1, y1, x2, y2))
        column, row = np.clip(face, 0, CROP_SIZE - 1).astype(int).T
        visible = float((cutout.seen * (1 - hidden[row, column])).mean())
        return Drawing(
            photograph(image, head.photography), (x1, y1, x2, y2), cutout.landmarks * scale, visible, _wears(head)
        )

    def cutout(self, head: Head, margin: float = CROP_MARGIN, size: int = RENDER_SIZE) -> Cutout:
        """The head before nothing, in a square of ``margin`` times its face's longer side and ``size`` pixels."""
        model = self.model
        shape = model.shaped(head.shape)
        vertices = model.expressed(shape, head.expression)
        pose, sight, untilt = head.pose, sight_rotation(head.camera.aside), model.tilt(shape).T
        # The mesh's axes are 300W-LP's.
        label, zero, shoulders = in_300w_lp_axes(
            matrix_from_euler([(pose.yaw, pose.pitch, pose.roll), (0.0, PITCH_ZERO, 0.0), pose.torso])
        )
        turn, torso = sight @ label @ zero @ untilt, sight @ shoulders @ untilt
        pivot = model.pivot(vertices)

        points = np.concatenate([model.face_box, model.landmarks])
        posed = model.skin(vertices[points], model.neck_weight[points], pivot, torso, turn)
        face = posed[: len(model.face_box)]
        framing = Framing(face, head.camera.distance, head.camera.aside, margin)
        light = head.light
        stage = Stage(
            torso=torso,
            head=turn,
            pivot=pivot,
            eyes=middle_of_eyes(model, vertices),
            framing=framing,
            light=light,
            ambient=self._lighting.ambient(light),
            panorama=Texture(f"env/{light.panorama}", self.backgrounds.panorama(light.panorama)),
            to_panorama=panorama_turn(light.turn, light.tilt).T,
        )
        picture = self._renderer.draw(self._wardrobe.parts(vertices, head), stage, size)
        pixels = framing.pixels(posed, size)
        on_face, landmarks = pixels[: len(face)], pixels[len(face) :]
        column, row = np.clip(on_face, 0, size - 1).astype(int).T
        seen = picture.depth[row, column] > framing.depths(face) - _HIDDEN
        return Cutout(picture, on_face, landmarks, seen)


def _wears(head: Head) -> tuple[str, ...]:
    """What the head wears, in words."""
    words = [word for word, worn in (("glasses", head.glasses), ("mask", head.mask)) if worn is not None]
    if head.headwear:
        made = head.headwear.kind in ("beanie", "hood", "headscarf")
        words.append(head.headwear.kind if made else "hat")
    if head.face.beard > 0:
        words.append("beard")
    return (*words, *(cover.kind for cover in head.covers))
