"""From a drawing to a photo: each step changes what it should, and nothing where it is off."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from headpose_sdk.synthesis.picture.photography import composite, photograph
from headpose_sdk.synthesis.sampling.diversity import PLAIN_PHOTOGRAPHY

NEUTRAL = PLAIN_PHOTOGRAPHY
FLAT = np.full((128, 128, 3), (60, 120, 180), np.uint8)
PICTURE = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 256, (128, 128, 3), dtype=np.uint8), (0, 0), 1.0)
POINT = np.zeros((65, 65, 3), np.uint8)
POINT[32, 32] = 255


def detail(image: np.ndarray) -> float:
    """Mean square difference of neighbouring pixels."""
    return float(
        (np.diff(image.astype(float), axis=0) ** 2).mean() + (np.diff(image.astype(float), axis=1) ** 2).mean()
    )


@pytest.mark.parametrize("image", [FLAT, PICTURE, POINT])
def test_neutral_settings_change_nothing(image: np.ndarray) -> None:
    assert_array_equal(photograph(image, NEUTRAL), image)


def test_the_picture_given_stays_as_it_is() -> None:
    before = PICTURE.copy()
    photo = photograph(PICTURE, replace(NEUTRAL, defocus=1.0, noise=5.0, contrast=1.2, jpeg=50))
    assert_array_equal(PICTURE, before)
    assert photo.dtype == np.uint8
    assert photo.shape == PICTURE.shape


def test_defocus_spreads_a_point_by_its_sigma() -> None:
    photo = photograph(POINT, replace(NEUTRAL, defocus=1.5))[..., 0].astype(float)
    rows, columns = np.mgrid[-32:33, -32:33]
    assert_allclose((photo * columns**2).sum() / photo.sum(), 1.5**2, rtol=0.1)
    assert_allclose((photo * rows).sum(), 0, atol=1e-9)


@pytest.mark.parametrize(("angle", "way"), [(0, (1, 0)), (90, (0, -1)), (45, (0.707, -0.707))])
def test_motion_draws_a_point_out_along_its_angle(angle: float, way: tuple[float, float]) -> None:
    photo = photograph(POINT, replace(NEUTRAL, motion=9.0, motion_angle=angle))[..., 0].astype(float)
    rows, columns = np.mgrid[-32:33, -32:33]
    along, across = columns * way[0] + rows * way[1], rows * way[0] - columns * way[1]
    # Evenly over 9 pixels: the variance of an even spread is a twelfth of its square.
    assert_allclose((photo * along**2).sum() / photo.sum(), 81 / 12, rtol=0.3)
    assert (photo * across**2).sum() / photo.sum() < 0.6


def test_blur_of_both_kinds_keeps_the_brightness_and_takes_detail() -> None:
    for settings in (replace(NEUTRAL, defocus=1.0), replace(NEUTRAL, motion=5.0, motion_angle=30.0)):
        photo = photograph(PICTURE, settings)
        assert_allclose(photo.mean(), PICTURE.mean(), atol=0.5)
        assert detail(photo) < 0.7 * detail(PICTURE)


@pytest.mark.parametrize("deviation", [2.0, 8.0])
def test_noise_has_the_deviation_asked_for_and_no_bias(deviation: float) -> None:
    photo = photograph(FLAT, replace(NEUTRAL, noise=deviation, seed=4)).astype(float) - FLAT
    assert_allclose(photo.std(axis=(0, 1)), deviation, rtol=0.05)
    assert_allclose(photo.mean(axis=(0, 1)), 0, atol=0.2)
    blue, green = photo[..., 0].ravel(), photo[..., 1].ravel()
    assert_allclose(np.corrcoef(blue, green)[0, 1], 0.5, atol=0.06)  # half of it is grey


def test_noise_is_its_seeds() -> None:
    photos = [photograph(FLAT, replace(NEUTRAL, noise=4.0, seed=seed)) for seed in (1, 1, 2)]
    assert_array_equal(photos[0], photos[1])
    assert (photos[0] != photos[2]).mean() > 0.7


def test_sharpening_adds_detail() -> None:
    assert detail(photograph(PICTURE, replace(NEUTRAL, sharpen=1.0))) > 1.3 * detail(PICTURE)
    assert_array_equal(photograph(FLAT, replace(NEUTRAL, sharpen=1.0)), FLAT)


def test_grey_is_the_luminance_in_all_three_channels() -> None:
    photo = photograph(PICTURE, replace(NEUTRAL, grey=True, saturation=1.5))
    expected = cv2.cvtColor(PICTURE, cv2.COLOR_BGR2GRAY)
    assert np.abs(photo.astype(int) - expected[..., None]).max() <= 1


def test_contrast_is_about_mid_grey_and_saturation_about_the_pixels_own() -> None:
    photo = photograph(FLAT, replace(NEUTRAL, contrast=1.2))
    assert_allclose(photo[0, 0], 127.5 + 1.2 * (np.array([60, 120, 180]) - 127.5), atol=0.51)
    photo = photograph(FLAT, replace(NEUTRAL, saturation=0.5))
    grey = 60 * 0.114 + 120 * 0.587 + 180 * 0.299
    assert_allclose(photo[0, 0], grey + 0.5 * (np.array([60, 120, 180]) - grey), atol=0.51)


def test_a_worse_file_is_farther_from_the_picture() -> None:
    errors = [
        np.abs(photograph(PICTURE, replace(NEUTRAL, jpeg=quality)).astype(float) - PICTURE).mean()
        for quality in (95, 60, 20)
    ]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_what_would_be_too_bright_or_dark_is_cut_off_not_wrapped() -> None:
    photo = photograph(POINT, replace(NEUTRAL, contrast=1.4))
    assert photo.max() == 255
    assert photo.min() == 0
    assert photo[32, 32, 0] == 255


# --- before the background


def test_where_nothing_was_drawn_the_background_is_seen() -> None:
    nothing = np.zeros((256, 256, 4), np.uint8)
    assert_array_equal(composite(nothing, PICTURE), PICTURE)
    whole = np.dstack([PICTURE[::-1], np.full((128, 128), 255, np.uint8)])
    assert_array_equal(composite(whole, PICTURE), PICTURE[::-1])


def test_half_covered_pixels_are_half_of_each() -> None:
    picture = np.zeros((256, 256, 4), np.uint8)
    picture[:, 129:] = (200, 100, 50, 255)  # an edge in the middle of a pixel
    background = np.full((128, 128, 3), (20, 40, 60), np.uint8)
    image = composite(picture, background)
    assert_array_equal(image[5, 63], (20, 40, 60))
    assert_allclose(image[5, 64], (110, 70, 55), atol=1)
    assert_array_equal(image[5, 65], (200, 100, 50))
