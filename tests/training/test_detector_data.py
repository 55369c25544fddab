"""Training pictures of the face detector: the boxes go where the faces go."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headpose_sdk.evaluation.datasets import FaceSample, LabelledFace
from headpose_sdk.images import write_image
from headpose_sdk.results import BoundingBox, Image
from headpose_sdk.training.detector.data import (
    LEAST_VISIBLE,
    LabelledPhoto,
    _carry_boxes,
    _cut,
    load_photos,
    training_batch,
)
from headpose_sdk.training.detector.train import split_by_file

FACE = np.array([[60.0, 40.0, 120.0, 120.0]], np.float32)


def ellipse_photo() -> LabelledPhoto:
    """A bright ellipse that fills its box, off the middle of a black photo of 240 x 200 pixels."""
    image = np.zeros((200, 240, 3), np.uint8)
    cv2.ellipse(image, (90, 80), (30, 40), 0, 0, 360, (255, 255, 255), -1, cv2.LINE_AA)
    return LabelledPhoto(image, FACE, np.array([False]))


def bright_area(image: Image, box: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """The box of the bright blob around the middle of ``box``; None if that place is dark."""
    grey = image.mean(axis=2)
    x, y = ((box[:2] + box[2:]) / 2).astype(int)
    inner = grey[y, x]
    outer = np.percentile(grey, 2)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((grey > (inner + outer) / 2).astype(np.uint8))
    if labels[y, x] == 0:
        return None
    left, top, width, height = stats[labels[y, x], :4]
    return np.array([left, top, left + width, top + height], np.float64)


def lies_within(box: NDArray[np.float32], size: int) -> bool:
    return bool((box > 2).all() and (box < size - 2).all())


def iou(a: NDArray[np.float64], b: NDArray[np.float32]) -> float:
    overlap = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return float(overlap / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - overlap))


def test_a_cut_turns_and_scales_the_box_with_the_ellipse() -> None:
    photo, black = ellipse_photo(), [np.zeros((50, 50, 3), np.uint8)]
    rng = np.random.default_rng(2)
    sides, turned_ratio = [], []
    for _ in range(400):
        cut = _cut(photo, black, 288, 288, rng)
        if len(cut.boxes) == 0 or cut.ignore[0] or not lies_within(cut.boxes[0], 288):
            continue
        seen = bright_area(cut.image, cut.boxes[0])
        if seen is None:  # one colour all around, as bright as the ellipse
            continue
        if (seen[2:] - seen[:2]).max() > 200:  # it has run together with such a colour
            continue
        slack = 2 + 0.03 * float(cut.boxes[0, 3] - cut.boxes[0, 1])
        assert seen == pytest.approx(cut.boxes[0], abs=slack)
        sides.append(float(cut.boxes[0, 3] - cut.boxes[0, 1]))
        turned_ratio.append((cut.boxes[0, 2] - cut.boxes[0, 0]) / (cut.boxes[0, 3] - cut.boxes[0, 1]))
    assert len(sides) > 100
    assert min(sides) < 20
    assert max(sides) > 150
    assert min(turned_ratio) == pytest.approx(0.75, abs=1e-3)  # upright, as drawn: 60 x 80
    assert max(turned_ratio) > 0.85  # turned far


def test_a_quarter_turn_swaps_the_sides_of_a_box() -> None:
    clockwise = np.array([[0.0, -1.0], [1.0, 0.0]])  # x right, y down
    boxes, ignore = _carry_boxes(ellipse_photo(), clockwise, np.array([200.0, 0.0]), 200, 240)
    assert boxes[0].tolist() == pytest.approx([80, 60, 160, 120])
    assert ignore.tolist() == [False]


def test_faces_out_of_the_picture_vanish_and_cut_ones_are_ignored() -> None:
    def at(x: float, size: float = 40) -> list[float]:
        return [x, 50, x + size, 50 + size]

    boxes = np.array([at(50), at(-18), at(-30), at(-39.9), at(-60), at(70, 6)], np.float32)
    photo = LabelledPhoto(np.zeros((100, 100, 3), np.uint8), boxes, np.array([False] * 6))
    carried, ignore = _carry_boxes(photo, np.eye(2), np.zeros(2), 100, 100)
    assert carried == pytest.approx(boxes[[0, 1, 2, 5]])
    assert 22 / 40 > LEAST_VISIBLE > 10 / 40
    assert ignore.tolist() == [False, False, True, True]  # whole, 22 of 40 px, 10 of 40 px, too small


def test_boxes_of_a_batch_enclose_what_they_name_in_cuts_mosaics_and_mirror_images() -> None:
    black = LabelledPhoto(np.zeros((64, 64, 3), np.uint8), np.empty((0, 4), np.float32), np.empty(0, np.bool_))
    photos = [ellipse_photo(), black]
    images, boxes, kind = training_batch(photos, np.zeros(120, np.int64), 288, np.random.default_rng(7))
    assert images.shape == (120, 288, 288, 3)
    assert boxes.shape == (120, kind.shape[1], 4)
    assert set(np.unique(kind)) <= {-1.0, 0.0, 1.0}
    assert (boxes[kind == 0] == 0).all()
    overlaps = []
    for image, image_boxes, image_kind in zip(images, boxes, kind, strict=True):
        for box in image_boxes[image_kind == 1]:
            if lies_within(box, 288) and box[3] - box[1] > 24:
                seen = bright_area(image, box)
                overlaps.append(0.0 if seen is None else iou(seen, box))
    assert len(overlaps) > 60
    assert np.mean(np.array(overlaps) > 0.75) > 0.75  # the rest ran together with a bright surrounding
    assert np.median(overlaps) > 0.85


def test_photos_are_read_with_their_boxes(tmp_path: Path) -> None:
    write_image(tmp_path / "two.png", np.full((30, 40, 3), 9, np.uint8))
    faces = (LabelledFace(BoundingBox(1, 2, 11, 12)), LabelledFace(BoundingBox(20, 5, 30, 25), ignore=True))
    with_faces, empty = load_photos([FaceSample(tmp_path / "two.png", faces), FaceSample(tmp_path / "two.png", ())])
    assert with_faces.boxes.tolist() == [[1, 2, 11, 12], [20, 5, 30, 25]]
    assert with_faces.ignore.tolist() == [False, True]
    assert with_faces.image.shape == (30, 40, 3)
    assert empty.boxes.shape == (0, 4)


def test_the_split_depends_on_the_name_alone(tmp_path: Path) -> None:
    samples = [FaceSample(tmp_path / f"{k}.jpg", ()) for k in range(500)]
    training, held_back = split_by_file(samples)
    assert len(training) + len(held_back) == 500
    assert 15 < len(held_back) < 70
    elsewhere = [FaceSample(tmp_path / "other" / s.file.name, ()) for s in samples[100:200]]
    names = {s.file.name for s in held_back}
    assert [s.file.name for s in split_by_file(elsewhere)[1]] == [
        s.file.name for s in samples[100:200] if s.file.name in names
    ]


def test_the_split_is_the_same_with_every_version(tmp_path: Path) -> None:
    """Or networks trained before would be measured on what they were trained on."""
    _, held_back = split_by_file([FaceSample(tmp_path / f"{k}.jpg", ()) for k in range(100)])
    assert [s.file.name for s in held_back] == [f"{k}.jpg" for k in (26, 34, 36, 91, 96)]
