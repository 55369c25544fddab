from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.errors import DatasetError
from headpose_sdk.synthesis.assets import Assets, read_obj
from headpose_sdk.synthesis.shape import HeadModel
from headpose_sdk.synthesis.wardrobe.garments import Garment

from .tiny_assets import write_tiny_assets
from .tiny_body import Body


@pytest.fixture(scope="module")
def assets(assets_folder: Path) -> Assets:
    return Assets(assets_folder)


@pytest.fixture(scope="module")
def model(assets: Assets) -> HeadModel:
    return HeadModel(assets)


@pytest.fixture(scope="module", params=["hair", "hats", "eyes"])
def garment(request: pytest.FixtureRequest, assets: Assets) -> Garment:
    names = {"hair": f"hair/{assets.hair[0]}", "hats": f"hats/{assets.hats[0]}", "eyes": "eyes/high-poly"}
    return Garment(assets, names[request.param])


def test_a_vertex_tied_to_one_of_the_body_sits_exactly_on_it(tiny_folder: Path) -> None:
    assets = Assets(tiny_folder)
    vertices = HeadModel(assets).average
    eyeballs = Body().members("helper-l-eye", "helper-r-eye")
    np.testing.assert_array_equal(Garment(assets, "eyes/high-poly").fit(vertices), vertices[eyeballs])


def test_on_the_base_mesh_a_garment_has_the_shape_it_was_modelled_in(tiny_folder: Path) -> None:
    assets = Assets(tiny_folder)
    modelled = read_obj(assets.path("hair/bob01.obj.gz")).vertices
    np.testing.assert_allclose(Garment(assets, "hair/bob01").fit(HeadModel(assets).base), modelled, atol=2e-4)


def test_it_follows_a_body_that_is_moved(garment: Garment, model: HeadModel) -> None:
    # As exactly as five decimals of the weights in the files add up to 1.
    way = np.array([3.0, -2.0, 5.0], np.float32)
    np.testing.assert_allclose(garment.fit(model.average + way), garment.fit(model.average) + way, atol=1e-4)


def test_it_follows_a_body_that_is_scaled_along_each_axis(garment: Garment, model: HeadModel) -> None:
    scale = np.array([1.5, 0.8, 2.0], np.float32)
    np.testing.assert_allclose(garment.fit(model.average * scale), garment.fit(model.average) * scale, atol=2e-5)


def test_blended_numbers_are_those_of_the_body_near_by(garment: Garment, model: HeadModel) -> None:
    # Each vertex hangs on places of one height, so a number that is the height comes near the vertex's own.
    heights = garment.blend(np.ascontiguousarray(model.average[:, 1]))
    assert np.abs(garment.blend(np.full(len(model.average), 0.25, np.float32)) - 0.25).max() < 1e-3
    assert np.corrcoef(heights, garment.fit(model.average)[:, 1])[0, 1] > 0.9


def test_eyes_move_with_the_head_alone(assets: Assets, model: HeadModel) -> None:
    weights = Garment(assets, "eyes/high-poly").blend(model.neck_weight)
    np.testing.assert_allclose(weights, 1, atol=1e-4)


def test_files_that_do_not_belong_together_are_told_by_name(tmp_path: Path) -> None:
    folder = write_tiny_assets(tmp_path / "parts")
    (folder / "hair/bob01.mhclo.gz").write_bytes((folder / "mouth/tongue01.mhclo.gz").read_bytes())
    with pytest.raises(DatasetError, match=r"bob01\.mhclo\.gz.* ties \d+ vertices and the \.obj file has \d+"):
        Garment(Assets(folder), "hair/bob01")


def test_a_part_made_for_a_larger_body_is_told_by_name(tiny_folder: Path) -> None:
    garment = Garment(Assets(tiny_folder), "eyes/high-poly")
    with pytest.raises(DatasetError, match=r"high-poly\.mhclo\.gz.*the body has 100"):
        garment.fit(np.zeros((100, 3), np.float32))
