"""Head crops in memory, and the training batches that are cut from them with poses to match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import PoseSample, read_manifest
from headpose_sdk.images import read_image
from headpose_sdk.preprocessing import CropSquare, cut_square
from headpose_sdk.results import Image
from headpose_sdk.rotation import euler_from_matrix, matrix_from_euler, mirror_matrix, rotate_in_plane
from headpose_sdk.training.augment import colour_jitter, degrade, occlude
from headpose_sdk.training.labels import known_angles, within_yaw
from headpose_sdk.training.split import split_by_hash

__all__ = [
    "STORED_MARGIN",
    "HeadCrops",
    "Split",
    "load_crops",
    "plain_batch",
    "read_split",
    "split_by_source",
    "training_batch",
]

STORED_SIZE = 128
STORED_MARGIN = 1.4  # side of a stored crop divided by the longer side of the face box
CROP_MARGIN = 1.2  # of the square that the network is shown at inference
ZOOM = (0.93, 1.5)  # the range of that margin in training
SHIFT = 0.1  # of the face's side, each way
TURN = 45.0  # degrees in the image plane, each way
VALIDATION_PART = 0.05


@dataclass(frozen=True)
class HeadCrops:
    """N heads: ``images`` (N, 128, 128, 3) uint8 BGR with the face box in the middle 1/1.4, ``angles`` (N, 3).

    The angles are degrees, yaw pitch roll, written with a yaw within 90; ``known_angles`` of :mod:`labels` tells which
    of them can be learnt. ``kind`` (N,) is what the manifest says in that column, "" if it has none, ``spread`` (N,)
    how far the labels may be off, in degrees.
    """

    images: NDArray[np.uint8]
    angles: NDArray[np.float64]
    kind: NDArray[np.str_]
    spread: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.images)


class Split(NamedTuple):
    """The two parts of a data set, and how many ``rows`` each of its folders has."""

    training: list[PoseSample]
    held_back: list[PoseSample]
    rows: list[int]


def split_by_source(samples: list[PoseSample]) -> tuple[list[PoseSample], list[PoseSample]]:
    """Training and validation part, by hash of ``source``: turned versions of one photo stay together."""
    return split_by_hash(samples, lambda sample: sample.source, VALIDATION_PART)


def read_split(roots: Sequence[Path]) -> Split:
    """Training and validation part of all the folders with ``manifest.csv``, or such tables, together, in their order.

    Raises:
        DatasetError: if a row is wrong, or so little is there that one part is empty.
    """
    folders = [read_manifest(root) for root in roots]
    training, held_back = split_by_source([sample for folder in folders for sample in folder])
    if not training or not held_back:
        raise DatasetError(
            f"{', '.join(map(str, roots))}: {len(training)} training and {len(held_back)} validation heads after the "
            "split by source; give heads of at least some tens of sources"
        )
    return Split(training, held_back, [len(folder) for folder in folders])


def load_crops(samples: list[PoseSample]) -> HeadCrops:
    """Decode every sample once; 50,000 take 2.5 GB.

    A sample with a box is cut around it. One without is taken to be framed like a stored crop already. Any angles are
    taken: those of a head seen from behind are told as unknown later, when it was turned and mirrored.

    Raises:
        DatasetError: if a picture without a box is no square.
        InvalidImageError: if a picture cannot be read.
    """
    images = np.empty((len(samples), STORED_SIZE, STORED_SIZE, 3), np.uint8)
    for image, sample in zip(images, tqdm(samples, unit="crops", desc="reading", disable=None), strict=True):
        photo = read_image(sample.file)
        if sample.box is not None:
            image[:] = cut_square(photo, CropSquare.around(sample.box, STORED_MARGIN), STORED_SIZE)
        elif photo.shape[0] == photo.shape[1]:
            height, width = photo.shape[:2]
            image[:] = cut_square(photo, CropSquare(width / 2, height / 2, width), STORED_SIZE)
        else:
            raise DatasetError(
                f"{sample.file} is {photo.shape[1]}x{photo.shape[0]} and has no box; give x1,y1,x2,y2 in the manifest, "
                f"or squares of {STORED_MARGIN} times the face"
            )
    angles = np.array([sample.angles for sample in samples], np.float64).reshape(-1, 3)
    kind = np.array([sample.kind for sample in samples], np.str_)
    return HeadCrops(images, within_yaw(angles), kind, np.array([sample.spread for sample in samples], np.float64))


def plain_batch(crops: HeadCrops, rows: slice, size: int) -> NDArray[np.uint8]:
    """The crops (N, size, size, 3) that inference would show the network for exact face boxes."""
    square = _square(CROP_MARGIN)
    return np.stack([cut_square(image, square, size) for image in crops.images[rows]])


def training_batch(
    crops: HeadCrops, rows: NDArray[np.int64], size: int, rng: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
    """Crops (N, size, size, 3) uint8 BGR, varied in every way a photo can be, their angles (N, 3) degrees, and known.

    Known (N, 3) are the angles that can be learnt of the crop as it is now: see :func:`known_angles`.
    """
    matrices = matrix_from_euler(crops.angles[rows])
    turns = np.where(rng.random(len(rows)) < 0.5, rng.uniform(-TURN, TURN, len(rows)), rng.normal(0, 6, len(rows)))
    mirrored = rng.random(len(rows)) < 0.5
    # To turn the square clockwise is to turn the picture in it the other way.
    turned = known_angles(euler_from_matrix(rotate_in_plane(matrices, -turns)))
    lost = (known_angles(crops.angles[rows]) & ~turned).any(axis=1)
    turns[lost] = 0.0  # a profile that nods, turned on, leaves the range of the bins
    matrices = rotate_in_plane(matrices, -turns)
    matrices[mirrored] = mirror_matrix(matrices[mirrored])
    images = np.empty((len(rows), size, size, 3), np.uint8)
    for image, row, turn, mirror in zip(images, rows, turns, mirrored, strict=True):
        varied = _varied(crops.images[row], float(turn), size, rng)
        image[:] = varied[:, ::-1] if mirror else varied
    angles = euler_from_matrix(matrices)
    return images, angles.astype(np.float32), known_angles(angles)


def _varied(stored: Image, turn: float, size: int, rng: Generator) -> Image:
    margin = float(np.exp(rng.uniform(*np.log(ZOOM))))
    side = STORED_SIZE / STORED_MARGIN
    x, y = rng.uniform(-SHIFT, SHIFT, 2) * side
    square = CropSquare(STORED_SIZE / 2 + x, STORED_SIZE / 2 + y, side * margin, turn)
    # The stored crop ends where a photo would go on. What is drawn there must teach nothing.
    draw = rng.random()
    border = cv2.BORDER_REPLICATE if draw < 0.3 else cv2.BORDER_REFLECT_101 if draw < 0.5 else cv2.BORDER_CONSTANT
    fill = tuple(float(value) for value in rng.uniform(0, 255, 3)) if draw > 0.75 else (0.0, 0.0, 0.0)
    crop = cut_square(stored, square, size, border=border, fill=(fill[0], fill[1], fill[2]))
    return occlude(degrade(colour_jitter(crop, rng), rng), rng)


def _square(margin: float) -> CropSquare:
    return CropSquare(STORED_SIZE / 2, STORED_SIZE / 2, STORED_SIZE / STORED_MARGIN * margin)
