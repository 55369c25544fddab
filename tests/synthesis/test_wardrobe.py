"""What a head is dressed in: the parts that go with each choice, and nothing that cannot be seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Expression, Glasses, Hair, Head, Headwear, Mask
from headpose_sdk.synthesis.parts import Material, Part
from headpose_sdk.synthesis.shape import HeadModel
from headpose_sdk.synthesis.wardrobe.wardrobe import Wardrobe

from .plain_head import plain_head, turned

BLACK, RED, WHITE = (0.02, 0.02, 0.02), (0.5, 0.1, 0.1), (0.8, 0.8, 0.8)


@pytest.fixture(scope="module")
def assets(assets_folder: Path) -> Assets:
    return Assets(assets_folder)


@pytest.fixture(scope="module")
def model(assets: Assets) -> HeadModel:
    return HeadModel(assets)


@pytest.fixture(scope="module")
def wardrobe(assets: Assets, model: HeadModel) -> Wardrobe:
    return Wardrobe(assets, model)


@pytest.fixture(scope="module")
def plain(assets: Assets) -> Head:
    return plain_head(assets)


def dressed(wardrobe: Wardrobe, model: HeadModel, head: Head) -> dict[str, Part]:
    parts = wardrobe.parts(model.expressed(model.shaped(head.shape), head.expression), head)
    assert parts[0].key == "body"
    assert len({part.key for part in parts}) == len(parts)
    for part in parts:
        assert len(part.neck_weight) >= len(part.points) > part.mesh.used[-1]
    return {part.key: part for part in parts}


def test_a_bare_head_is_skin_eyes_and_brows(wardrobe: Wardrobe, model: HeadModel, plain: Head) -> None:
    parts = dressed(wardrobe, model, plain)
    assert [part.material for part in parts.values()] == [Material.SKIN, Material.PLAIN, Material.BROW, Material.BROW]
    assert list(parts)[:2] == ["body", "eyes/high-poly"]


def test_teeth_and_tongue_come_with_an_open_mouth(wardrobe: Wardrobe, model: HeadModel, plain: Head) -> None:
    mouth = {"mouth/teeth_base", "mouth/tongue01"}

    def with_unit(name: str, weight: float) -> set[str]:
        return set(dressed(wardrobe, model, replace(plain, expression=Expression(((name, weight),)))))

    assert mouth <= with_unit("jawOpen", 0.3)
    assert mouth <= with_unit("tongueOut", 0.5)
    assert not mouth & with_unit("jawOpen", 0.01)
    assert not mouth & with_unit("mouthSmileLeft", 1.0)


def test_from_behind_nothing_of_the_face_is_drawn(wardrobe: Wardrobe, model: HeadModel, plain: Head) -> None:
    assert list(dressed(wardrobe, model, replace(plain, pose=turned(yaw=170)))) == ["body"]
    assert len(dressed(wardrobe, model, replace(plain, pose=turned(yaw=95)))) == 4
    assert len(dressed(wardrobe, model, replace(plain, pose=turned(pitch=-75)))) == 4


def test_hair_lends_its_colour_to_brows_stubble_and_scalp(
    wardrobe: Wardrobe, model: HeadModel, plain: Head, assets: Assets
) -> None:
    style = assets.hair[0]
    parts = dressed(wardrobe, model, replace(plain, hair=Hair(style, RED, (0.0, 0.0, 0.0), 1.0)))
    coloured = [part.key for part in parts.values() if part.uniforms.get("hair_colour") == RED]
    assert coloured == ["body", f"eyebrows/{plain.face.brow}", f"eyelashes/{plain.face.lash}", f"hair/{style}"]
    assert parts["body"].uniforms["haired"] == 1
    assert parts[f"hair/{style}"].casts_shadow


def share_left_out(part: Part, middle: NDArray[np.float32]) -> float:
    """Of a part's vertices, those in one of the half spaces that it is cut by."""
    cuts = np.array(part.uniforms["cuts"]).reshape(-1, 4)
    rest = np.column_stack([part.points - middle, np.ones(len(part.points))])
    return float((rest @ cuts.T > 0).any(1).mean()) if len(cuts) else 0.0


@pytest.mark.parametrize("kind", ["beanie", "hood", "headscarf"])
def test_headwear_takes_the_place_of_hair(
    wardrobe: Wardrobe, model: HeadModel, plain: Head, assets: Assets, kind: str
) -> None:
    style = assets.hair[-1]
    head = replace(plain, hair=Hair(style, BLACK, (0.0, 0.0, 0.0), 1.0))
    middle = sum(model.eyes(model.average)) / np.float32(2)
    assert share_left_out(dressed(wardrobe, model, head)[f"hair/{style}"], middle) == 0
    headwear = Headwear(kind, None, RED, WHITE, stripes=2.0, thickness=0.08, edge=0.45)
    parts = dressed(wardrobe, model, replace(head, headwear=headwear))
    assert share_left_out(parts[f"hair/{style}"], middle) > 0.1
    covering = parts["covering"]
    assert covering.material == Material.CLOTH
    assert covering.casts_shadow
    assert (covering.uniforms["cloth"], covering.uniforms["stripes"]) == (RED, 2.0)
    assert ("opening" in covering.uniforms) == (kind != "beanie")


def test_a_hat_from_the_parts_has_its_texture(
    wardrobe: Wardrobe, model: HeadModel, plain: Head, assets: Assets
) -> None:
    hat, texture = assets.hats[0], assets.textures_of(assets.hats[0])[-1]
    headwear = Headwear(hat, texture, RED, WHITE, stripes=0.0, thickness=0.08, edge=0.34)
    part = dressed(wardrobe, model, replace(plain, headwear=headwear))[f"hats/{hat}"]
    assert part.texture is not None
    assert part.texture.name == f"hats/{texture}"
    assert part.casts_shadow


def test_mask_glasses_and_collar(wardrobe: Wardrobe, model: HeadModel, plain: Head) -> None:
    head = replace(
        plain,
        mask=Mask(RED, WHITE, stripes=3.0, top=0.3, thickness=0.06),
        glasses=Glasses("round", 1.0, 0.0, BLACK, RED, darkness=0.4, reflection=0.2),
        clothes=replace(plain.clothes, stand=0.1, collar=0.3),
    )
    parts = dressed(wardrobe, model, head)
    assert {"mask", "mask cords", "frame", "lenses", "collar"} <= set(parts)
    lenses = parts["lenses"]
    assert lenses.material == Material.LENS
    assert (lenses.uniforms["cloth"], lenses.uniforms["darkness"], lenses.uniforms["reflection"]) == (RED, 0.4, 0.2)
    assert (parts["frame"].neck_weight == 1).all()
    assert parts["mask"].uniforms["cuts"]
    assert parts["collar"].uniforms["cloth"] == plain.clothes.colour
    # A shirt's own edge stays under the collar that stands on it.
    shirt, usual = parts["body"].uniforms["collar"], dressed(wardrobe, model, plain)["body"].uniforms["collar"]
    assert isinstance(shirt, float)
    assert isinstance(usual, float)
    assert shirt < usual + 0.3 - plain.clothes.collar


def test_skins_are_mixed_from_two_textures(wardrobe: Wardrobe, model: HeadModel, plain: Head, assets: Assets) -> None:
    face = replace(plain.face, second_skin=assets.skins[1], mix=0.3)
    body = dressed(wardrobe, model, replace(plain, face=face))["body"]
    assert body.texture is not None
    assert body.texture.name == f"skins/{assets.skins[0]}"
    assert body.further_textures["second_image"].name == f"skins/{assets.skins[1]}"
    assert body.uniforms["second_share"] == 0.3
    assert max(body.texture.image.shape) <= 1024


def test_the_paint_lies_where_its_name_says(wardrobe: Wardrobe, model: HeadModel, plain: Head) -> None:
    paint = dressed(wardrobe, model, plain)["body"].further_textures["paint"].image
    uv = np.full((len(model.average), 2), np.nan, np.float32)
    uv[model.body.vertex] = model.body.uv

    def at(landmarks: list[int], channel: int) -> float:
        """Mean paint (0 to 1) where some landmarks are."""
        column, row = (uv[model.landmarks[landmarks]] * paint.shape[0]).astype(int).T
        return float(paint[row, column, channel].mean() / 255)

    blush, eye_shadow, lips, beard = range(4)
    assert at([51, 57], lips) > 0.4 > 0.1 > at([30, 8, 36, 39, 27], lips)
    assert at([37, 38, 43, 44], eye_shadow) > 0.6 > 0.1 > at([30, 8, 48, 54, 2, 14], eye_shadow)
    assert at([7, 8, 9, 6, 10], beard) > 0.8 > 0.1 > at([27, 28, 37, 44, 19, 24], beard)
    assert at([27, 8], blush) < 0.1 < paint[..., blush].max() / 255
