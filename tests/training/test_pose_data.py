"""Crops and their labels: whatever is done to the picture is done to the pose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import PoseSample, read_manifest
from headpose_sdk.evaluation.views import SAMPLE_FACE, sample_photo
from headpose_sdk.images import write_image
from headpose_sdk.preprocessing import crop_face
from headpose_sdk.results import BoundingBox, Image
from headpose_sdk.rotation import geodesic_angle, matrix_from_euler, mirror_matrix, rotate_in_plane
from headpose_sdk.training.data import (
    CROP_MARGIN,
    STORED_MARGIN,
    HeadCrops,
    load_crops,
    plain_batch,
    read_split,
    split_by_source,
    training_batch,
)

CENTER = 63.5


def one_head(image: Image, pose: tuple[float, float, float]) -> HeadCrops:
    return HeadCrops(image[None], np.array([pose]), np.array(["photo"]), np.zeros(1))


def sample(name: str, source: str) -> PoseSample:
    return PoseSample(Path(name), (0.0, 0.0, 0.0), None, source)


def test_a_source_is_on_one_side_of_the_split_and_stays_there() -> None:
    samples = [sample(f"{view}-{person}.png", f"person {person}") for person in range(400) for view in range(3)]
    training, held_back = split_by_source(samples)
    assert len(training) + len(held_back) == 1200
    assert {s.source for s in training} & {s.source for s in held_back} == set()
    assert 0.02 < len(held_back) / 1200 < 0.09
    # Neither the order nor what else is there moves anybody.
    fewer_training, fewer_held_back = split_by_source(samples[:600:-1])
    assert {s.source for s in fewer_training} <= {s.source for s in training}
    assert {s.source for s in fewer_held_back} <= {s.source for s in held_back}
    assert [s.source for s in split_by_source([sample("x.png", f"person {k}") for k in range(30)])[1]] == [
        s.source for s in held_back[::3] if int(s.source.split()[1]) < 30
    ]


def test_the_split_is_the_same_with_every_version() -> None:
    """Or networks trained before would be measured on what they were trained on."""
    _, held_back = split_by_source([sample("x.png", f"person {k}") for k in range(100)])
    assert [s.source for s in held_back] == [f"person {k}" for k in (45, 53, 64, 84, 97)]


def test_a_box_and_a_square_of_the_same_face_give_the_same_crop(tmp_path: Path) -> None:
    photo = sample_photo()
    write_image(tmp_path / "photo.png", photo)
    write_image(tmp_path / "square.png", crop_face(photo, SAMPLE_FACE, margin=STORED_MARGIN, size=128))
    corners = (SAMPLE_FACE.x1, SAMPLE_FACE.y1, SAMPLE_FACE.x2, SAMPLE_FACE.y2)
    (tmp_path / "manifest.csv").write_text(
        f"file,yaw,pitch,roll,x1,y1,x2,y2\nphoto.png,10,20,30,{','.join(map(str, corners))}\nsquare.png,-1,-2,-3,,,,\n"
    )
    crops = load_crops(read_manifest(tmp_path))
    assert np.array_equal(crops.images[0], crops.images[1])
    assert crops.angles.tolist() == [[10, 20, 30], [-1, -2, -3]]


def test_a_picture_that_is_no_square_needs_a_box(tmp_path: Path) -> None:
    write_image(tmp_path / "wide.png", np.zeros((40, 60, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"wide\.png is 60x40 and has no box; give x1,y1,x2,y2"):
        load_crops([PoseSample(tmp_path / "wide.png", (0, 0, 0), None, "wide")])


def test_a_data_set_too_small_to_be_split_says_so(views_folder: Path, tmp_path: Path) -> None:
    first = (views_folder / "manifest.csv").read_text().splitlines()[:2]
    (tmp_path / "0.png").write_bytes((views_folder / "0.png").read_bytes())
    (tmp_path / "manifest.csv").write_text("\n".join(first))
    with pytest.raises(DatasetError, match=r"1 training and 0 validation heads.*tens of sources"):
        read_split([tmp_path])


def test_several_folders_are_one_data_set(views_folder: Path, rendered_folder: Path) -> None:
    first, second = read_split([views_folder]), read_split([rendered_folder])
    both = read_split([views_folder, rendered_folder])
    assert both.training == first.training + second.training  # each row on the side on which it was
    assert both.held_back == first.held_back + second.held_back
    assert both.rows == [60, 60]


@pytest.mark.parametrize("size", [64, 112])
def test_plain_crops_are_what_inference_cuts_for_the_same_pixels(views_folder: Path, size: int) -> None:
    crops = load_crops(read_manifest(views_folder)[:4])
    half = 128 / STORED_MARGIN / 2
    face = BoundingBox(64 - half, 64 - half, 64 + half, 64 + half)
    expected = [crop_face(image, face, margin=CROP_MARGIN, size=size) for image in crops.images]
    assert np.array_equal(plain_batch(crops, slice(0, 4), size), np.stack(expected))


def test_plain_crops_differ_from_those_out_of_the_photo_by_resampling_only(tmp_path: Path) -> None:
    photo = sample_photo()
    write_image(tmp_path / "photo.png", photo)
    crops = load_crops([PoseSample(tmp_path / "photo.png", (0, 0, 0), SAMPLE_FACE, "photo")])
    direct = crop_face(photo, SAMPLE_FACE, margin=CROP_MARGIN, size=112).astype(float)
    plain = plain_batch(crops, slice(None), 112)[0].astype(float)
    assert np.abs(plain - direct).mean() < 3
    shifted = np.roll(direct, 1, axis=1)
    assert np.abs(plain - direct).mean() < 0.6 * np.abs(plain - shifted).mean()


def pattern(pose: tuple[float, float, float], axis: NDArray[np.float64]) -> HeadCrops:
    """A head in black: a large white dot for its middle, and a small one 36 px from it, where ``axis`` points."""
    image = np.zeros((128, 128, 3), np.uint8)
    x, y = CENTER + 36 * axis[:2]
    cv2.circle(image, (round(CENTER * 16), round(CENTER * 16)), 10 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    cv2.circle(image, (round(x * 16), round(y * 16)), 6 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    return one_head(image, pose)


def pointing(image: Image) -> float | None:
    """Degrees, clockwise from the right edge, from the larger dot to the smaller; None where others lie about."""
    grey = image.mean(axis=2)
    mask = (grey > (grey.min() + grey.max()) / 2).astype(np.uint8)
    count, _, stats, centers = cv2.connectedComponentsWithStats(mask)
    if count != 3:
        return None
    large, small = sorted((1, 2), key=lambda part: -stats[part, cv2.CC_STAT_AREA])
    dx, dy = centers[small] - centers[large]
    return float(np.degrees(np.arctan2(dy, dx)))


def batches(crops: HeadCrops, count: int) -> Iterator[tuple[Image, NDArray[np.float32]]]:
    images, angles, _ = training_batch(crops, np.zeros(count, np.int64), 112, np.random.default_rng(5))
    assert images.dtype == np.uint8
    assert angles.dtype == np.float32
    yield from zip(images, angles, strict=True)


# Columns of the rotation: down (to the chin) and, with its sign turned, front (to where the face looks).
@pytest.mark.parametrize(("column", "sign"), [(1, 1.0), (2, -1.0)])
def test_turns_and_mirrors_move_the_pixels_as_the_labels_say(column: int, sign: float) -> None:
    pose = (55.0, 20.0, 10.0)
    crops = pattern(pose, sign * matrix_from_euler(pose)[:, column])
    errors, mirrored = [], 0
    for image, angles in batches(crops, 300):
        seen = pointing(image)
        if seen is None:  # covered, or the border shows something bright
            continue
        x, y, _ = sign * matrix_from_euler(angles)[:, column]
        told = np.degrees(np.arctan2(y, x))
        errors.append(abs((seen - told + 180) % 360 - 180))
        mirrored += angles[0] < 0
    assert len(errors) > 90
    assert 0.3 < mirrored / len(errors) < 0.7
    assert np.median(errors) < 2
    assert np.mean(np.array(errors) < 8) > 0.9


def test_labels_are_the_pose_turned_in_the_plane_and_perhaps_mirrored() -> None:
    pose = (35.0, -15.0, 20.0)
    original = matrix_from_euler(pose)
    turns = []
    for _, angles in batches(one_head(np.zeros((128, 128, 3), np.uint8), pose), 200):
        label = matrix_from_euler(angles)
        # The determinant of nothing tells a mirror image: the pose has yaw > 0, and no turn here makes it negative.
        upright = mirror_matrix(label) if angles[0] < 0 else label
        relative = upright @ original.T
        turn = float(np.degrees(np.arctan2(relative[1, 0], relative[0, 0])))
        assert geodesic_angle(rotate_in_plane(original, turn), upright) < 1e-3
        turns.append(turn)
    assert min(turns) < -35
    assert max(turns) > 35
    assert np.abs(turns).max() < 45.01


@settings(deadline=None, max_examples=30)
@given(
    st.tuples(st.floats(-89.9, 89.9), st.floats(-92.9, 92.9), st.floats(-92.9, 92.9)),
    st.integers(0, 2**31),
)
def test_no_angle_leaves_the_range_of_the_bins(pose: tuple[float, float, float], seed: int) -> None:
    crops = one_head(np.zeros((128, 128, 3), np.uint8), pose)
    _, angles, _ = training_batch(crops, np.zeros(24, np.int64), 16, np.random.default_rng(seed))
    assert np.abs(angles).max() < 93


def test_a_profile_that_nods_is_mirrored_but_not_turned_out_of_range() -> None:
    crops = one_head(np.zeros((128, 128, 3), np.uint8), (80.0, 60.0, 80.0))
    _, angles, _ = training_batch(crops, np.zeros(100, np.int64), 16, np.random.default_rng(0))
    kept = np.isclose(np.abs(angles), [80, 60, 80], atol=1e-3).all(axis=1)
    assert kept.any()
    assert not kept.all()
    assert np.abs(angles).max() < 93


def test_a_batch_is_a_function_of_its_generator(views_folder: Path) -> None:
    crops = load_crops(read_manifest(views_folder)[:8])
    rows = np.arange(8)
    first, again = (training_batch(crops, rows, 64, np.random.default_rng(3)) for _ in range(2))
    other = training_batch(crops, rows, 64, np.random.default_rng(4))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == (8, 64, 64, 3)


def test_grey_pictures_are_grey_in_all_three_channels(views_folder: Path) -> None:
    crops = load_crops(read_manifest(views_folder)[:1])
    images, _, _ = training_batch(crops, np.zeros(200, np.int64), 32, np.random.default_rng(0))
    dark = images.reshape(200, -1, 3).mean(axis=1)
    # A channel that a grey augmentation forgot would be black, or unlike the other two by far more than a cast is.
    assert (dark.min(axis=1) > 0.2 * dark.max(axis=1)).all()
