"""Photos with face boxes, cut, scaled, turned, recoloured and put together into training pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from headpose_sdk.evaluation.datasets import FaceSample
from headpose_sdk.images import read_image
from headpose_sdk.results import Image
from headpose_sdk.training.augment import colour_jitter, degrade

MOSAIC_RATE = 0.4
FACE_SIDE = (14.0, 300.0)  # the range, in pixels, to which the face a cut is made around is scaled
# A face whose shorter side falls below this is ignored, neither face nor background. Crowds hold so many of those that
# a network of this size would learn little else.
SMALLEST_FACE = 12.0
LEAST_VISIBLE = 0.45  # so is one of which less than this part lies inside the picture
MAX_ZOOM = 3.0


@dataclass(frozen=True)
class LabelledPhoto:
    """A picture with its boxes (G, 4) float32 in pixels and which of them are to be ignored (G,) bool."""

    image: Image
    boxes: NDArray[np.float32]
    ignore: NDArray[np.bool_]


def load_photos(samples: list[FaceSample]) -> list[LabelledPhoto]:
    """Decode every photo once; 4,000 of 500 x 400 pixels take about 2 GB."""
    photos = []
    for sample in tqdm(samples, unit="photos", desc="reading", disable=None):
        corners = [(face.box.x1, face.box.y1, face.box.x2, face.box.y2) for face in sample.faces]
        boxes = np.array(corners, np.float32).reshape(-1, 4)
        ignore = np.array([face.ignore for face in sample.faces], dtype=np.bool_)
        photos.append(LabelledPhoto(read_image(sample.file), boxes, ignore))
    return photos


def training_batch(
    photos: list[LabelledPhoto], rows: NDArray[np.int64], size: int, rng: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    """A picture for each of ``rows``: (N, size, size, 3) uint8 BGR, boxes (N, G, 4), kind (N, G) as in ``Targets``."""
    backdrops = [photo.image for photo in photos if not len(photo.boxes)]
    made = [_training_picture(photos, int(row), backdrops, size, rng) for row in rows]
    most = max(1, max(len(picture.boxes) for picture in made))
    boxes = np.zeros((len(made), most, 4), np.float32)
    kind = np.zeros((len(made), most), np.float32)
    for row, picture in enumerate(made):
        boxes[row, : len(picture.boxes)] = picture.boxes
        kind[row, : len(picture.boxes)] = np.where(picture.ignore, -1.0, 1.0)
    return np.stack([picture.image for picture in made]), boxes, kind


def _training_picture(
    photos: list[LabelledPhoto], row: int, backdrops: list[Image], size: int, rng: Generator
) -> LabelledPhoto:
    """A square picture made from ``photos[row]``, and from three others at random where it is a mosaic."""
    if rng.random() < MOSAIC_RATE:
        split_x, split_y = (int(value) for value in rng.uniform(0.3, 0.7, 2) * size)
        image = np.empty((size, size, 3), np.uint8)
        boxes, ignore = [], []
        others = rng.integers(0, len(photos), 3)
        for tile, source in zip(_tiles(split_x, split_y, size), (row, *others), strict=True):
            x, y, width, height = tile
            part = _cut(photos[int(source)], backdrops, width, height, rng)
            image[y : y + height, x : x + width] = part.image
            boxes.append(part.boxes + np.array([x, y, x, y], np.float32))
            ignore.append(part.ignore)
        picture = LabelledPhoto(image, np.concatenate(boxes), np.concatenate(ignore))
    else:
        picture = _cut(photos[row], backdrops, size, size, rng)
    if rng.random() < 0.5:
        mirrored = picture.boxes.copy()
        mirrored[:, [0, 2]] = size - picture.boxes[:, [2, 0]]
        picture = LabelledPhoto(np.ascontiguousarray(picture.image[:, ::-1]), mirrored, picture.ignore)
    return LabelledPhoto(degrade(colour_jitter(picture.image, rng), rng), picture.boxes, picture.ignore)


def _tiles(split_x: int, split_y: int, size: int) -> Iterator[tuple[int, int, int, int]]:
    """x, y, width, height of the four parts around the point (split_x, split_y)."""
    for x, width in ((0, split_x), (split_x, size - split_x)):
        for y, height in ((0, split_y), (split_y, size - split_y)):
            yield x, y, width, height


def _cut(photo: LabelledPhoto, backdrops: list[Image], width: int, height: int, rng: Generator) -> LabelledPhoto:
    """A (height, width) cut of the photo, around one of its faces if it has any, scaled and perhaps turned."""
    rows, columns = photo.image.shape[:2]
    usable = np.flatnonzero(~photo.ignore)
    if len(usable) and rng.random() < 0.9:
        box = photo.boxes[rng.choice(usable)]
        side = float(np.sqrt(np.prod(box[2:] - box[:2])))
        largest = max(FACE_SIDE[0] * 2, min(FACE_SIDE[1], 0.95 * min(width, height)))
        wanted = float(np.exp(rng.uniform(np.log(FACE_SIDE[0]), np.log(largest))))
        scale = float(np.clip(wanted / side, 0.15, MAX_ZOOM))
        center = (box[:2] + box[2:]) / 2
        # Anywhere in the cut, its middle a little inside the edge.
        target = rng.uniform(0.08, 0.92, 2) * (width, height)
    else:
        scale = float(np.exp(rng.uniform(np.log(0.3), np.log(1.6))))
        center = rng.uniform(0, 1, 2) * (columns, rows)
        target = np.array([width, height]) / 2
    turn = float(np.clip(rng.normal(0, 14), -50, 50)) if rng.random() < 0.5 else 0.0
    cos, sin = np.cos(np.radians(turn)) * scale, np.sin(np.radians(turn)) * scale
    linear = np.array([[cos, -sin], [sin, cos]])
    offset = target - linear @ center  # with linear: from the photo's to the cut's coordinates, edges at integers
    source, shrunk = photo.image, np.ones(2)
    if scale < 0.5:  # warpAffine does not average: shrink by a whole factor first
        factor = int(1 / scale)
        small = (max(1, columns // factor), max(1, rows // factor))
        source = np.asarray(cv2.resize(source, small, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        shrunk = np.array([columns / small[0], rows / small[1]])
    # OpenCV has pixel centres at integers, half a pixel inside the edges that boxes are measured from.
    warp = np.column_stack([linear * shrunk, linear @ (shrunk / 2) + offset - 0.5])
    image = _backdrop(backdrops, width, height, rng)
    cv2.warpAffine(source, warp, (width, height), image, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    boxes, ignore = _carry_boxes(photo, linear, offset, width, height)
    return LabelledPhoto(image, boxes, ignore)


def _backdrop(backdrops: list[Image], width: int, height: int, rng: Generator) -> Image:
    """What shows where the photo ends: black, as inference pads, one colour, or part of a photo without faces.

    On plain colours alone a network learns that whatever stands out from them is a face.
    """
    draw = rng.random()
    if draw < 0.25:
        return np.zeros((height, width, 3), np.uint8)
    if draw < 0.4 or not backdrops:
        return np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
    photo = backdrops[int(rng.integers(len(backdrops)))]
    rows, columns = photo.shape[:2]
    part = rng.uniform(0.4, 1.0)
    cut_height, cut_width = max(1, int(rows * part)), max(1, int(columns * part))
    y, x = int(rng.integers(rows - cut_height + 1)), int(rng.integers(columns - cut_width + 1))
    cut = photo[y : y + cut_height, x : x + cut_width]
    return np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _carry_boxes(
    photo: LabelledPhoto, linear: NDArray[np.float64], offset: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The photo's boxes in the cut: a face is taken for the ellipse in its box, so a turn does not swell it."""
    half = (photo.boxes[:, 2:] - photo.boxes[:, :2]) / 2
    center = (photo.boxes[:, :2] + half) @ linear.T + offset
    reach = np.sqrt((half**2) @ (linear.T**2))
    boxes = np.concatenate([center - reach, center + reach], axis=1).astype(np.float32)
    frame = np.array([width, height, width, height], np.float32)
    clipped = np.clip(boxes, 0, frame)
    area, visible = (2 * reach).prod(1), (clipped[:, 2:] - clipped[:, :2]).prod(1)
    inside = visible > 0.02 * area
    ignore = photo.ignore | ((2 * reach).min(1) < SMALLEST_FACE) | (visible < LEAST_VISIBLE * area)
    return boxes[inside], ignore[inside]
