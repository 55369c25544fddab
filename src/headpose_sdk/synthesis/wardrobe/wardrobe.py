"""Dresses a head: its body, eyes, mouth, hair and all that it wears, as parts for the renderer, unposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Clothes, Colour, Glasses, Hair, Head, Headwear, Mask, Pose
from headpose_sdk.synthesis.mesh import Points
from headpose_sdk.synthesis.parts import Material, Part, Uniform
from headpose_sdk.synthesis.shape import HeadModel
from headpose_sdk.synthesis.wardrobe.accessories import SHIRT_UNDER_COLLAR, Collar, Covering, FaceMask
from headpose_sdk.synthesis.wardrobe.anchors import middle_of_eyes
from headpose_sdk.synthesis.wardrobe.garments import Garment
from headpose_sdk.synthesis.wardrobe.glasses import Eyewear
from headpose_sdk.synthesis.wardrobe.hair import Scalp
from headpose_sdk.synthesis.wardrobe.paint import paint_map
from headpose_sdk.synthesis.wardrobe.textures import Textures

__all__ = ["Wardrobe"]

Uniforms = Mapping[str, Uniform]

_EYEBALLS = "eyes/high-poly"
_UNSEEN: Colour = (0.05, 0.032, 0.022)  # colour of brows and stubble where there is no hair to tell it
_CLOTH: Uniforms = {"specular": 0.1, "roughness": 5.0}
_WET: Uniforms = {"specular": 1.0, "roughness": 20.0}
_EYES: Uniforms = {"specular": 1.5, "roughness": 150.0, "mirror": 0.02}

# Units that part the lips; teeth have two thirds as many triangles as the body, and most mouths hide them.
_OPENING = frozenset(
    {"jawOpen", "jawForward", "mouthFunnel", "mouthShrugUpper", "tongueOut"}
    | {f"mouth{lip}{side}" for lip in ("UpperUp", "LowerDown") for side in ("Left", "Right")}
)
_SHUT = 0.05  # weight up to which they do not
_AWAY = -0.35  # cosine of the angle between facing direction and line of sight, below which no face is seen


class Wardrobe:
    """The parts of every head. Garments and textures are read when first worn, and kept.

    Raises:
        DatasetError: here or later, if parts are damaged or do not fit the body.
    """

    def __init__(self, assets: Assets, model: HeadModel) -> None:
        self._assets, self._model = assets, model
        self._textures, self._paint = Textures(assets), paint_map(model)
        self._garments: dict[str, tuple[Garment, NDArray[np.float32]]] = {}  # each with its neck weights
        self._covering, self._face_mask, self._collar = Covering(model), FaceMask(model), Collar(model)
        self._eyewear, self._scalp = Eyewear(model), Scalp(model)

    def parts(self, vertices: Points, head: Head) -> list[Part]:
        """Everything to draw on the vertices (V, 3) of an unposed head with its expression; the body comes first."""
        parts = [self._body(vertices, head)]
        if not _faces_away(head.pose):
            parts += self._face(vertices, head)
        if head.hair:
            parts.append(self._hair(vertices, head.hair, head.headwear))
        if head.headwear:
            parts.append(self._headwear(vertices, head.headwear))
        if head.clothes.stand > 0:
            parts.append(self._stand_up_collar(vertices, head.clothes))
        if head.mask:
            parts += self._mask(vertices, head.mask)
        if head.glasses:
            parts += self._glasses(vertices, head.glasses)
        return parts

    def bare(self, vertices: Points) -> tuple[Part, Part]:
        """Body and eyes (V, 3) without skin or colours, for working out where the light gets."""
        body = Part("body", self._model.body, vertices, self._model.neck_weight, Material.SKIN)
        return body, self._garment(vertices, _EYEBALLS, None, Material.PLAIN, {})

    def _body(self, vertices: Points, head: Head) -> Part:
        """The skin, painted with make-up, beard and shirt."""
        face, clothes, model = head.face, head.clothes, self._model
        neck = float((model.joint(vertices, "neck") - middle_of_eyes(model, vertices))[1])
        uniforms: Uniforms = {
            "tint": face.tint,
            "specular": face.specular,
            "roughness": face.roughness,
            "second_share": face.mix,
            "hair_colour": _hair_colour(head),
            "haired": float(head.hair is not None),
            "stubble": face.stubble,
            "beard": face.beard,
            "lips": face.lips,
            "lip_colour": face.lip_colour,
            "eye_shadow": face.eye_shadow,
            "eye_shadow_colour": face.eye_shadow_colour,
            "blush": face.blush,
            "collar": neck + (SHIRT_UNDER_COLLAR if clothes.stand > 0 else clothes.collar),
            **_cloth(clothes),
        }
        textures = {"second_image": self._textures.get(f"skins/{face.second_skin}"), "paint": self._paint}
        return Part(
            "body", model.body, vertices, model.neck_weight, Material.SKIN,
            self._textures.get(f"skins/{face.skin}"), textures, uniforms, casts_shadow=True,
        )  # fmt: skip

    def _face(self, vertices: Points, head: Head) -> list[Part]:
        """Eyes, brows and lashes, and what an open mouth shows."""
        face = head.face
        hairs: Uniforms = {"hair_colour": _hair_colour(head), **_CLOTH}
        parts = [
            self._garment(vertices, _EYEBALLS, f"eyes/{face.iris}", Material.PLAIN, _EYES),
            self._garment(vertices, f"eyebrows/{face.brow}", f"eyebrows/{face.brow}", Material.BROW, hairs),
            self._garment(vertices, f"eyelashes/{face.lash}", f"eyelashes/{face.lash}", Material.BROW, hairs),
        ]
        if any(name in _OPENING and weight > _SHUT for name, weight in head.expression.units):
            parts.append(self._garment(vertices, "mouth/teeth_base", "mouth/teeth", Material.PLAIN, _WET))
            parts.append(self._garment(vertices, "mouth/tongue01", "mouth/tongue", Material.PLAIN, _WET))
        return parts

    def _hair(self, vertices: Points, hair: Hair, headwear: Headwear | None) -> Part:
        name = f"hair/{hair.style}"
        uniforms: dict[str, Uniform] = {
            "hair_colour": hair.colour,
            "mean_luminance": self._textures.luminance(name),
            "specular": 0.5,
            "roughness": 12.0,
            "cuts": (),
        }
        part = self._garment(vertices, name, name, Material.HAIR, uniforms, casts_shadow=True)
        points = self._scalp.moved(part.points, vertices, hair)
        if headwear:  # it lies flat beneath, and ends at the edge
            cuts = uniforms["cuts"] = self._covering.hair_cuts(vertices, headwear)
            points = self._scalp.pressed(points, vertices, cuts, headwear.thickness / 2)
        return replace(part, points=points)

    def _headwear(self, vertices: Points, headwear: Headwear) -> Part:
        """A beanie, hood or headscarf, or a hat from the parts."""
        if headwear.kind not in ("beanie", "hood", "headscarf"):
            name, texture = f"hats/{headwear.kind}", f"hats/{headwear.texture}"
            return self._garment(vertices, name, texture, Material.PLAIN, _WET, casts_shadow=True)
        covering = self._covering
        uniforms: dict[str, Uniform] = {**_CLOTH, **_cloth(headwear), "cuts": covering.cuts(vertices, headwear)}
        if opening := covering.opening(vertices, headwear):
            uniforms["opening"] = opening
        points = covering.fit(vertices, headwear)
        return Part(
            "covering", covering.mesh, points, covering.neck_weight, Material.CLOTH,
            uniforms=uniforms, casts_shadow=True,
        )  # fmt: skip

    def _stand_up_collar(self, vertices: Points, clothes: Clothes) -> Part:
        collar = self._collar
        uniforms: Uniforms = {**_CLOTH, **_cloth(clothes), "cuts": collar.cuts(vertices, clothes)}
        points = collar.fit(vertices, clothes)
        return Part(
            "collar", collar.mesh, points, collar.neck_weight, Material.CLOTH, uniforms=uniforms, casts_shadow=True
        )

    def _mask(self, vertices: Points, mask: Mask) -> list[Part]:
        """The mask and the cords that hold it."""
        worn = self._face_mask
        points, cords = worn.fit(vertices, mask)
        cloth = {**_CLOTH, **_cloth(mask)}
        cut = {**cloth, "cuts": worn.cuts(mask)}
        return [
            Part("mask", worn.mesh, points, worn.neck_weight, Material.MASK, uniforms=cut),
            Part("mask cords", worn.loop_mesh, cords, worn.loop_neck_weight, Material.MASK, uniforms=cloth),
        ]

    def _glasses(self, vertices: Points, glasses: Glasses) -> list[Part]:
        """Frame and lenses; they follow the head, never the neck."""
        frame, lenses = self._eyewear.fit(vertices, glasses)
        metal: Uniforms = {"cloth": glasses.colour, "specular": 1.5, "roughness": 60.0}
        glass: Uniforms = {
            "cloth": glasses.lens_colour,
            "darkness": glasses.darkness,
            "reflection": glasses.reflection,
        }
        rigid = np.ones(max(len(frame), len(lenses)), np.float32)
        return [
            Part("frame", self._eyewear.frame_mesh, frame, rigid, Material.FRAME, uniforms=metal, casts_shadow=True),
            Part("lenses", self._eyewear.lens_mesh, lenses, rigid, Material.LENS, uniforms=glass),
        ]

    def _garment(
        self,
        vertices: Points,
        name: str,
        texture: str | None,
        material: Material,
        uniforms: Uniforms,
        *,
        casts_shadow: bool = False,
    ) -> Part:
        if name not in self._garments:
            garment = Garment(self._assets, name)
            self._garments[name] = garment, garment.blend(self._model.neck_weight)
        garment, neck_weight = self._garments[name]
        return Part(
            name, garment.mesh, garment.fit(vertices), neck_weight, material,
            self._textures.get(texture) if texture else None, uniforms=uniforms, casts_shadow=casts_shadow,
        )  # fmt: skip


def _faces_away(pose: Pose) -> bool:
    return float(np.cos(np.radians(pose.yaw)) * np.cos(np.radians(pose.pitch))) < _AWAY


def _hair_colour(head: Head) -> Colour:
    return head.hair.colour if head.hair else _UNSEEN


def _cloth(worn: Clothes | Headwear | Mask) -> dict[str, Uniform]:
    return {"cloth": worn.colour, "second_cloth": worn.second_colour, "stripes": worn.stripes}
