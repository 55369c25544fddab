"""Backgrounds: the right piece of the right panorama, and paintings that are all different."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from headpose_sdk.errors import DatasetError
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Background
from headpose_sdk.synthesis.picture.backgrounds import Backgrounds

SIZE = 96


@pytest.fixture(scope="module")
def assets(assets_folder: Path) -> Assets:
    return Assets(assets_folder)


@pytest.fixture(scope="module")
def backgrounds(assets: Assets) -> Backgrounds:
    return Backgrounds(assets)


@pytest.fixture(scope="module")
def whole(assets: Assets) -> Background:
    """The left half of the first panorama, all of its height, as it is."""
    return Background(
        panorama=assets.panoramas[0], seed=0, left=0.0, top=0.0, side=1.0, brightness=1.0, blur=0.0, mirrored=False
    )


def painted(seed: int) -> Background:
    return Background(panorama=None, seed=seed, left=0.0, top=0.0, side=1.0, brightness=1.0, blur=0.0, mirrored=False)


def test_a_piece_is_where_it_says(backgrounds: Backgrounds, whole: Background) -> None:
    panorama = backgrounds.panorama(whole.panorama or "")
    height, width = panorama.shape[:2]
    piece = backgrounds.draw(replace(whole, left=0.25, top=0.25, side=0.5), height // 2)
    left = round(width / 4)
    assert_array_equal(piece, panorama[height // 4 : height // 4 + height // 2, left : left + height // 2])


def test_a_panorama_goes_on_at_its_other_end(backgrounds: Backgrounds, whole: Background) -> None:
    panorama = backgrounds.panorama(whole.panorama or "")
    height, width = panorama.shape[:2]
    piece = backgrounds.draw(replace(whole, left=1 - height / 2 / width), height)
    half = height // 2
    assert_array_equal(piece[:, :half], panorama[:, width - half :])
    assert_array_equal(piece[:, half:], panorama[:, :half])


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_mirrored_is_mirrored(backgrounds: Backgrounds, whole: Background, seed: int | None) -> None:
    background = replace(whole, side=0.7, blur=1.0) if seed is None else painted(seed)
    image = backgrounds.draw(background, SIZE)
    assert_array_equal(backgrounds.draw(replace(background, mirrored=True), SIZE), image[:, ::-1])


@pytest.mark.parametrize("size", [1, 64, 128, 300])
def test_any_size_and_any_piece_can_be_drawn(backgrounds: Backgrounds, whole: Background, size: int) -> None:
    for piece in (whole, replace(whole, left=0.999, top=1.0, side=0.01), replace(whole, top=0.9, side=0.5)):
        image = backgrounds.draw(piece, size)
        assert image.shape == (size, size, 3)
        assert image.dtype == np.uint8


def test_brightness_is_a_factor_and_blur_takes_detail(backgrounds: Backgrounds) -> None:
    image = backgrounds.draw(painted(5), SIZE)
    assert_allclose(backgrounds.draw(replace(painted(5), brightness=0.5), SIZE), image / 2, atol=0.51)
    for background in (painted(5), painted(6)):
        sharp = backgrounds.draw(background, SIZE).astype(float)
        soft = backgrounds.draw(replace(background, blur=4.0), SIZE).astype(float)
        assert (np.diff(soft, axis=1) ** 2).mean() < 0.5 * (np.diff(sharp, axis=1) ** 2).mean()


def test_blur_is_as_wide_at_any_size(backgrounds: Backgrounds) -> None:
    small = backgrounds.draw(replace(painted(5), blur=4.0), 128)
    blurred = cv2.GaussianBlur(backgrounds.draw(painted(5), 256), (0, 0), 8.0)
    assert_array_equal(backgrounds.draw(replace(painted(5), blur=4.0), 256), blurred)
    assert_array_equal(small, cv2.GaussianBlur(backgrounds.draw(painted(5), 128), (0, 0), 4.0))


def test_every_painting_is_another_and_always_the_same(backgrounds: Backgrounds) -> None:
    paintings = [backgrounds.draw(painted(seed), SIZE) for seed in range(60)]
    assert len({painting.tobytes() for painting in paintings}) == 60
    assert_array_equal(backgrounds.draw(painted(17), SIZE), paintings[17])
    brightness = np.array([painting.mean() for painting in paintings])
    assert brightness.std() > 25
    detail = np.array([np.abs(np.diff(painting.astype(float), axis=1)).mean() for painting in paintings])
    assert (detail > 8).mean() > 0.3  # sharp ones
    assert (detail < 3).mean() > 0.05  # and calm ones


def test_black_rims_of_lights_are_filled(tmp_path: Path) -> None:
    class OnePanorama:
        def image(self, relative: str) -> np.ndarray:
            assert relative == "env/lamp.webp"
            panorama = np.full((64, 128, 3), 200, np.uint8)
            panorama[30, 20:40] = 0  # a black line before a bright wall
            panorama[40:50, 60:70] = 0  # a thing that is black
            return panorama

    panorama = Backgrounds(OnePanorama()).panorama("lamp")  # type: ignore[arg-type]
    assert panorama[30].min() == 200
    assert panorama[45, 65].max() == 0


def test_a_panorama_that_is_not_there_is_named(backgrounds: Backgrounds, whole: Background) -> None:
    with pytest.raises(DatasetError, match="nowhere"):
        backgrounds.draw(replace(whole, panorama="nowhere"), SIZE)
