"""Head crops in memory, and the training batches that are cut from them with poses to match."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
from headpose_sdk.training.split import split_by_hash

__all__ = [
    "PROFILED",
    "STORED_MARGIN",
    "HeadCrops",
    "load_crops",
    "plain_batch",
    "read_split",
    "split_by_source",
    "training_batch",
]

PROFILED = "profiled"
STORED_SIZE = 128
STORED_MARGIN = 1.4  # side of a stored crop divided by the longer side of the face box
CROP_MARGIN = 1.2  # of the square that the network is shown at inference
ZOOM = (0.93, 1.5)  # the range of that margin in training
SHIFT = 0.1  # of the face's side, each way
TURN = 45.0  # degrees in the image plane, each way
LARGEST_ANGLE = 93.0  # what the bins reach to
LARGEST_YAW = 90.0  # what Euler angles of any rotation reach to
VALIDATION_PART = 0.05


@dataclass(frozen=True)
class HeadCrops:
    """N heads: ``images`` (N, 128, 128, 3) uint8 BGR with the face box in the middle 1/1.4, ``angles`` (N, 3).

    ``profiled`` (N,) tells the photos that were turned out of their plane from those as they were taken.
    """

    images: NDArray[np.uint8]
    angles: NDArray[np.float64]
    profiled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)


def split_by_source(samples: list[PoseSample]) -> tuple[list[PoseSample], list[PoseSample]]:
    """Training and validation part, by hash of ``source``: turned versions of one photo stay together."""
    return split_by_hash(samples, lambda sample: sample.source, VALIDATION_PART)


def read_split(root: Path) -> tuple[list[PoseSample], list[PoseSample]]:
    """Training and validation part of a folder with ``manifest.csv``.

    Raises:
        DatasetError: if a row is wrong, or so little is there that one part is empty.
    """
    training, held_back = split_by_source(read_manifest(root))
    if not training or not held_back:
        raise DatasetError(
            f"{root} gives {len(training)} training and {len(held_back)} validation heads after the split by source; "
            "it needs heads of at least some tens of sources"
        )
    return training, held_back


def load_crops(samples: list[PoseSample]) -> HeadCrops:
    """Decode every sample once; 50,000 take 2.5 GB.

    A sample with a box is cut around it. One without is taken to be framed like a stored crop already.

    Raises:
        DatasetError: if an angle cannot be learnt, or a picture without a box is no square.
        InvalidImageError: if a picture cannot be read.
    """
    for sample in samples:
        yaw, pitch, roll = sample.angles
        # The same rotation written with a yaw within 90 degrees has another pitch and roll, often beyond the bins.
        if abs(yaw) > LARGEST_YAW or max(abs(pitch), abs(roll)) >= LARGEST_ANGLE:
            raise DatasetError(
                f"{sample.file} is labelled {sample.angles}; yaw must lie within {LARGEST_YAW:g} degrees, pitch and "
                f"roll below {LARGEST_ANGLE:g}, where the network's bins end; leave such rows out of the manifest"
            )
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
    angles = np.array([sample.angles for sample in samples], np.float64)
    return HeadCrops(images, angles, np.array([sample.kind == PROFILED for sample in samples], np.bool_))


def plain_batch(crops: HeadCrops, rows: slice, size: int) -> NDArray[np.uint8]:
    """The crops (N, size, size, 3) that inference would show the network for exact face boxes."""
    square = _square(CROP_MARGIN)
    return np.stack([cut_square(image, square, size) for image in crops.images[rows]])


def training_batch(
    crops: HeadCrops, rows: NDArray[np.int64], size: int, rng: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Crops (N, size, size, 3) uint8 BGR, varied in every way a photo can be, and their angles (N, 3) degrees."""
    matrices = matrix_from_euler(crops.angles[rows])
    turns = np.where(rng.random(len(rows)) < 0.5, rng.uniform(-TURN, TURN, len(rows)), rng.normal(0, 6, len(rows)))
    mirrored = rng.random(len(rows)) < 0.5
    # To turn the square clockwise is to turn the picture in it the other way.
    angles = euler_from_matrix(rotate_in_plane(matrices, -turns))
    beyond = (np.abs(angles) >= LARGEST_ANGLE).any(axis=1)
    turns[beyond] = 0.0  # a profile that nods, turned on, leaves the range of the bins
    matrices = rotate_in_plane(matrices, -turns)
    matrices[mirrored] = mirror_matrix(matrices[mirrored])
    images = np.empty((len(rows), size, size, 3), np.uint8)
    for image, row, turn, mirror in zip(images, rows, turns, mirrored, strict=True):
        varied = _varied(crops.images[row], float(turn), size, rng)
        image[:] = varied[:, ::-1] if mirror else varied
    return images, euler_from_matrix(matrices).astype(np.float32)


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
