"""Squares cut out of photos: where pixels land, what is black, and that large, thin and tiny photos work."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headpose_sdk.errors import InvalidBoxError
from headpose_sdk.preprocessing import CropSquare, check_box, crop_face, crop_faces, cut_square
from headpose_sdk.results import BoundingBox, Image


def smooth(height: int, width: int, period: float = 97.0) -> Image:
    """A picture without fine detail, different in every channel, at every place."""
    y, x = np.mgrid[0:height, 0:width] * (2 * np.pi / period)
    waves = np.stack([np.sin(x) + np.cos(y), np.sin(x + y), np.cos(0.7 * x - y)], axis=-1)
    return np.round(127 + 60 * waves).astype(np.uint8)


def exact(image: Image, square: CropSquare, size: int) -> NDArray[np.float64]:
    """The crop as the definition says it: bilinear samples at the centres of the crop's pixels, black outside."""
    cos, sin = np.cos(np.radians(square.turn)), np.sin(np.radians(square.turn))
    down, right = np.mgrid[0:size, 0:size] * (square.side / size) + square.side * (0.5 / size - 0.5)
    # Clockwise on the screen, where y points down.
    x = square.center_x + right * cos - down * sin - 0.5
    y = square.center_y + right * sin + down * cos - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    padded = np.pad(image.astype(np.float64), ((1, 1), (1, 1), (0, 0)))

    def pixel(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float64]:
        height, width = image.shape[:2]
        return padded[np.clip(row, -1, height) + 1, np.clip(column, -1, width) + 1]

    u, v = (x - left)[..., None], (y - top)[..., None]
    upper = pixel(top, left) * (1 - u) + pixel(top, left + 1) * u
    lower = pixel(top + 1, left) * (1 - u) + pixel(top + 1, left + 1) * u
    return upper * (1 - v) + lower * v


def differences(crop: Image, expected: NDArray[np.float64] | Image) -> NDArray[np.float64]:
    return np.abs(crop.astype(np.float64) - expected)


# The square


@pytest.mark.parametrize(
    ("box", "side"),
    [((10, 20, 50, 40), 40), ((10, 20, 30, 90), 70), ((-5, -5, 5, 5), 10), ((0.5, 0.25, 8, 16), 15.75)],
)
def test_the_short_side_is_extended_on_both_sides(box: tuple[float, ...], side: float) -> None:
    square = CropSquare.around(BoundingBox(*box), 1.0)
    assert (square.center_x, square.center_y) == ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    assert square.side == side
    assert CropSquare.around(BoundingBox(*box), 1.5).side == pytest.approx(1.5 * side)


def test_the_whole_photo_is_its_own_crop() -> None:
    photo = smooth(112, 112)
    assert np.array_equal(crop_face(photo, BoundingBox(0, 0, 112, 112), margin=1.0, size=112), photo)


@pytest.mark.parametrize("box", [(8, 4, 24, 20), (0, 0, 16, 16), (16, 8, 32, 24)])
def test_a_crop_of_its_own_size_is_the_very_slice(box: tuple[int, int, int, int]) -> None:
    photo = np.random.default_rng(3).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    x1, y1, x2, y2 = box
    assert np.array_equal(crop_face(photo, BoundingBox(*box), margin=1.0, size=16), photo[y1:y2, x1:x2])


def test_a_wide_box_is_padded_not_stretched() -> None:
    photo = np.full((20, 60, 3), 255, np.uint8)
    crop = crop_face(photo, BoundingBox(0, 0, 60, 20), margin=1.0, size=60)
    assert np.array_equal(np.flatnonzero(crop[:, 30, 0]), np.arange(20, 40))


# What lies outside


@pytest.mark.parametrize("size", [30, 60, 120])
def test_outside_the_photo_is_exactly_black(size: int) -> None:
    photo = np.full((60, 60, 3), 255, np.uint8)
    crop = crop_face(photo, BoundingBox(30, 30, 90, 90), margin=1.0, size=size)
    half = size // 2
    assert np.all(crop[: half - 1, : half - 1] == 255)
    assert np.all(crop[half + 1 :] == 0)
    assert np.all(crop[:, half + 1 :] == 0)


@pytest.mark.parametrize("side", [50.0, 300.0, 5000.0])  # enlarged, reduced, far larger than the photo
def test_a_box_around_the_photo_shows_it_in_the_middle(side: float) -> None:
    photo = np.full((40, 40, 3), 200, np.uint8)
    crop = cut_square(photo, CropSquare(20, 20, side), 100)
    assert crop.mean() == pytest.approx(200 * 40**2 / side**2, rel=0.15)
    weights = crop[..., 0] / crop[..., 0].sum()
    assert (weights.sum(axis=0) @ np.arange(100), weights.sum(axis=1) @ np.arange(100)) == pytest.approx(
        (49.5, 49.5), abs=0.05
    )


@pytest.mark.parametrize(
    "corners", [(-9, 2, 0, 8), (2, -9, 8, 0), (30, 2, 40, 8), (2, 20, 8, 40), (-1e6, -1e6, -1e5, -1e5)]
)
def test_a_box_wholly_outside_is_refused(corners: tuple[float, ...]) -> None:
    photo = np.zeros((20, 30, 3), np.uint8)
    with pytest.raises(InvalidBoxError, match=r"wholly outside the image of 30x20 pixels; give corners"):
        check_box(BoundingBox(*corners), photo)


@pytest.mark.parametrize("corners", [(-9, 2, 0.1, 8), (29.9, 19.9, 40, 40), (-1e6, -1e6, 1e6, 1e6), (0, 0, 1, 1)])
def test_a_box_partly_inside_is_returned_as_it_is(corners: tuple[float, ...]) -> None:
    box = BoundingBox(*corners)
    assert check_box(box, np.zeros((20, 30, 3), np.uint8)) is box


# Where things land


@pytest.mark.parametrize("turn", [0.0, 37.0, 180.0])
@pytest.mark.parametrize("side", [20.0, 64.0, 150.0, 500.0])
def test_a_dot_on_the_centre_lands_in_the_centre(side: float, turn: float) -> None:
    for x, y in [(150.0, 140.0), (150.5, 140.25), (149.8, 140.9)]:
        columns, rows = np.meshgrid(np.arange(300) + 0.5, np.arange(300) + 0.5)
        radius = side / 16
        dot = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))
        photo = np.repeat(np.round(dot).astype(np.uint8)[..., None], 3, axis=-1)
        crop = cut_square(photo, CropSquare(x, y, side, turn), 64)[..., 0].astype(np.float64)
        found = (crop.sum(axis=0) @ np.arange(64), crop.sum(axis=1) @ np.arange(64))
        assert np.array(found) / crop.sum() == pytest.approx([31.5, 31.5], abs=0.1)


@settings(deadline=None, max_examples=60)
@given(
    x=st.floats(-20, 220),
    y=st.floats(-20, 170),
    side=st.floats(2, 200),
    turn=st.sampled_from([0.0, 90.0, -25.0, 170.0]),
)
def test_every_pixel_is_the_one_that_the_definition_names(x: float, y: float, side: float, turn: float) -> None:
    photo = np.full((150, 200, 3), 90, np.uint8)
    photo[:] += smooth(150, 200, period=300.0) // 4
    square = CropSquare(x, y, side, turn)
    wrong = differences(cut_square(photo, square, 112), exact(photo, square, 112))
    # OpenCV places samples on a grid of 1/32 pixel; across the photo's edge that is up to 1/32 of a colour a side.
    assert np.quantile(wrong, 0.9) <= 2
    assert wrong.max() <= 16


def test_a_turned_square_turns_its_content_counter_clockwise() -> None:
    photo = np.zeros((100, 100, 3), np.uint8)
    photo[20:30, 45:55] = 255  # up, as seen
    quarter = cut_square(photo, CropSquare(50, 50, 100, turn=90), 100)
    assert np.array_equal(quarter, np.rot90(photo))
    left_of_center = cut_square(photo, CropSquare(50, 50, 100, turn=30), 100)[..., 0].astype(float)
    assert (left_of_center.sum(axis=0) @ np.arange(100)) / left_of_center.sum() < 40


# Large faces


@pytest.mark.parametrize("side", [225.0, 300.5, 448.0, 700.0])
@pytest.mark.parametrize("turn", [0.0, 20.0])
def test_a_large_face_is_averaged_down_to_the_same_picture(side: float, turn: float) -> None:
    photo = smooth(900, 1000, period=400.0)
    square = CropSquare(480.3, 450.8, side, turn)
    assert differences(cut_square(photo, square, 112), exact(photo, square, 112)).max() <= 4


def test_a_large_face_does_not_alias() -> None:
    photo = np.zeros((896, 896, 3), np.uint8)
    photo[:, ::8] = 255  # sampled at every 8th pixel this would be all white or all black
    crop = cut_square(photo, CropSquare(448, 448, 896), 112)
    assert differences(crop, np.full(crop.shape, 255 / 8)).max() <= 1


@pytest.mark.parametrize("side", [224, 260])
def test_from_twice_the_size_on_every_pixel_counts(side: int) -> None:
    photo = np.zeros((side, side, 3), np.uint8)
    photo[:, ::2] = 200  # of every two columns one
    crop = cut_square(photo, CropSquare(side / 2, side / 2, side), 112)
    assert differences(crop[8:-8, 8:-8], np.full((96, 96, 3), 100.0)).max() <= 25


# Unusual photos


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("shape", [(8, 70000), (70000, 8)])
def test_of_a_very_long_photo_only_what_is_around_the_square_is_looked_at(shape: tuple[int, int], at_end: bool) -> None:
    """OpenCV refuses more than 32767 pixels a side: more than a piece of it would be an error."""
    photo = np.full((*shape, 3), 77, np.uint8)
    along = shape[np.argmax(shape)] - 4 if at_end else 4
    x, y = (along, 4) if shape[1] > shape[0] else (4, along)
    assert np.all(cut_square(photo, CropSquare(x, y, 4), 16) == 77)
    assert cut_square(photo, CropSquare(x, y, 40_000), 16).max() < 77  # a line too thin to see


@pytest.mark.parametrize("shape", [(20, 20000), (20000, 20), (10, 40000), (40000, 10), (1, 33000)])
def test_very_long_photos(shape: tuple[int, int]) -> None:
    photo = np.zeros((*shape, 3), np.uint8)
    long, near_end = int(np.argmax(shape)), max(shape) - 30
    part = [slice(None), slice(None)]
    part[long] = slice(near_end - 5, near_end + 5)
    photo[tuple(part)] = 255
    center = [side / 2 for side in shape]
    center[long] = near_end
    crop = cut_square(photo, CropSquare(center[1], center[0], 20), 40)[..., 0]
    middle = crop[20] if long == 1 else crop[:, 20]
    assert np.array_equal(np.flatnonzero(middle > 127), np.arange(10, 30))

    # The photo as a whole is a line too thin to see, but not an error.
    assert cut_square(photo, CropSquare(shape[1] / 2, shape[0] / 2, max(shape)), 40).mean() < 2


def test_a_photo_of_one_pixel() -> None:
    photo = np.full((1, 1, 3), (10, 20, 30), np.uint8)
    crop = crop_face(photo, BoundingBox(0, 0, 1, 1), margin=1.0, size=11)
    assert crop[5, 5].tolist() == [10, 20, 30]
    assert np.count_nonzero(crop_face(photo, BoundingBox(-500, -500, 501, 501), margin=1.0, size=11)) <= 3


def test_views_of_any_strides_give_the_same_crop() -> None:
    photo = smooth(80, 90)
    box = BoundingBox(10, 5, 77, 66)
    expected = crop_face(photo, box, margin=1.2, size=48)
    rgb = np.ascontiguousarray(photo[..., ::-1])
    upside_down = np.ascontiguousarray(photo[::-1, ::-1])
    wide = np.ascontiguousarray(np.repeat(photo, 2, axis=1))
    before = photo.copy()
    photo.flags.writeable = False
    for view in (photo, rgb[..., ::-1], upside_down[::-1, ::-1], wide[:, ::2], np.asfortranarray(photo)):
        assert np.array_equal(crop_face(view, box, margin=1.2, size=48), expected)
    assert np.array_equal(photo, before)


def test_many_faces_are_one_batch() -> None:
    photo = smooth(60, 60)
    boxes = [BoundingBox(k, k, k + 20, k + 25) for k in (-5, 10, 50)]
    batch = crop_faces(photo, boxes, margin=1.1, size=32)
    assert (batch.shape, batch.dtype, batch.flags.c_contiguous) == ((3, 32, 32, 3), np.uint8, True)
    for crop, box in zip(batch, boxes, strict=True):
        assert np.array_equal(crop, crop_face(photo, box, margin=1.1, size=32))
    assert crop_faces(photo, [], margin=1.1, size=32).shape == (0, 32, 32, 3)


def test_training_may_fill_and_reflect() -> None:
    photo = np.full((20, 20, 3), 50, np.uint8)
    square = CropSquare(20, 20, 40)
    assert cut_square(photo, square, 40, fill=(1, 2, 3))[-1, -1].tolist() == [1, 2, 3]
    assert np.all(cut_square(photo, square, 40, border=cv2.BORDER_REFLECT_101) == 50)


# The numbers themselves: a network must go on seeing what it was trained on

GOLDEN = [
    (BoundingBox(20.25, 12.5, 44.75, 40.0), 1.2, [  # enlarged
        (179, 95, 187), (115, 68, 167), (70, 118, 120),
        (121, 68, 148), (57, 118, 183), (13, 179, 180),
        (134, 118, 82), (70, 179, 127), (26, 173, 172),
    ]),
    (BoundingBox(-14.0, 50.0, 46.0, 120.0), 1.2, [  # reaching out
        (0, 0, 0), (241, 184, 124), (122, 71, 79),
        (0, 0, 0), (133, 70, 133), (14, 182, 173),
        (0, 0, 0), (0, 0, 0), (0, 0, 0),
    ]),
    (BoundingBox(3.0, 2.0, 93.0, 88.5), 1.0, [  # reduced
        (189, 118, 185), (75, 145, 99), (183, 100, 107),
        (191, 145, 72), (77, 100, 146), (184, 162, 155),
        (170, 100, 178), (57, 162, 117), (164, 85, 91),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("box", "margin", "pixels"), GOLDEN, ids=["enlarged", "reaching out", "reduced"])
def test_the_crop_has_not_changed(box: BoundingBox, margin: float, pixels: list[tuple[int, int, int]]) -> None:
    crop = crop_face(smooth(100, 96, period=60.0), box, margin=margin, size=40)
    assert differences(crop[6::14, 6::14].reshape(-1, 3), np.array(pixels)).max() <= 1
