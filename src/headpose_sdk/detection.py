"""Finding faces: what a detector is, and the one in the wheel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.config import DetectorModelConfig
from headpose_sdk.errors import UnknownModelError
from headpose_sdk.images import check_image
from headpose_sdk.results import BoundingBox, FaceDetection, Image
from headpose_sdk.runtime import Device, OnnxModel, Provider
from headpose_sdk.weights import DEFAULT_DETECTOR, absolute_folder, find_model

__all__ = ["BOX_UNIT", "STRIDES", "FaceDetector", "OnnxFaceDetector", "cell_grid", "decode_boxes", "suppress"]

STRIDES = (8, 16, 32)
"""Pixels from one cell of the network's output to the next, on its three levels."""

LARGEST_ENLARGEMENT = 2.0
"""More only shows the network pixels."""

NESTED = 0.8
"""The part of the smaller of two boxes that the larger one must hold for them to be taken for one face."""

BOX_UNIT = 4.0
"""A raw width or height of 0 means a box of this many strides."""


@runtime_checkable
class FaceDetector(Protocol):
    """Anything that finds faces; pass your own as ``HeadPoseEstimator(detector=...)``."""

    def detect(self, image: Image) -> list[FaceDetection]:
        """Faces in ``image`` ((H, W, 3) uint8 BGR), boxes in its pixels, best score first.

        A box may reach outside the image but must not lie there wholly.
        """
        ...


class OnnxFaceDetector:
    """The face detector in the wheel, or one trained with ``headpose train detector``; thread-safe.

    ``model`` is a name, a folder or a Hub repository as in ``HeadPoseEstimator``, and so are the other arguments.
    ``score_threshold`` (0 to 1) replaces the one in the model's config.json: lower finds more, rightly and wrongly.
    Pickles as its arguments, folders as absolute paths.

    Raises:
        ValueError: a value that no ``device``, ``threads`` or ``score_threshold`` can have.
        HeadPoseError: as ``HeadPoseEstimator``.
    """

    def __init__(
        self,
        model: str | PathLike[str] = DEFAULT_DETECTOR,
        *,
        score_threshold: float | None = None,
        device: Device = "auto",
        threads: int | None = None,
        providers: Sequence[Provider] | None = None,
        cache_dir: str | PathLike[str] | None = None,
        local_files_only: bool = False,
    ) -> None:
        self._rebuild = partial(
            type(self),
            absolute_folder(model),
            score_threshold=score_threshold,
            device=device,
            threads=threads,
            providers=providers,
            cache_dir=None if cache_dir is None else Path(cache_dir).absolute(),
            local_files_only=local_files_only,
        )
        if score_threshold is not None and not 0 < score_threshold < 1:
            raise ValueError(f"score_threshold={score_threshold} is not possible; give a number between 0 and 1")
        folder = find_model(model, cache_dir=cache_dir, local_files_only=local_files_only)
        if not isinstance(folder.config, DetectorModelConfig):
            raise UnknownModelError(
                f"{folder.config.name} is a {folder.config.kind} model, not a face detector; "
                "`headpose models` tells which is which"
            )
        self.config = folder.config
        self.score_threshold = folder.config.score_threshold if score_threshold is None else score_threshold
        self._network = OnnxModel(folder, device=device, threads=threads, providers=providers)
        self.providers = self._network.providers

    def __reduce__(self) -> tuple[Any, ...]:
        return self._rebuild, ()

    def with_threads(self, threads: int) -> OnnxFaceDetector:
        """The same detector, loaded once more, with so many CPU threads a photo."""
        return self._rebuild(threads=threads)

    def detect(self, image: Image) -> list[FaceDetection]:
        """Faces in ``image`` ((H, W, 3) uint8 BGR), boxes in its pixels, best score first.

        Boxes may reach outside the image, none lies there wholly.

        Raises:
            InvalidImageError: the array is no such image.
        """
        image = check_image(image)
        longest = max(image.shape[:2])
        enlarged = min(max(1.0, self.config.min_side / longest), LARGEST_ENLARGEMENT)
        scale = min(enlarged, self.config.max_side / longest)
        looks = [self._look(image, scale)]
        # Small networks find small faces best: a large one is found in a smaller copy of the photo, for a third more.
        while longest * scale > self.config.coarse_side:
            scale /= 2
            looks.append(self._look(image, scale))
        boxes, scores = (np.concatenate(parts) for parts in zip(*looks, strict=True))
        kept = suppress(boxes, scores, max_iou=self.config.max_iou)
        return [self._detection(BoundingBox(*boxes[index].tolist()), float(scores[index])) for index in kept]

    def _detection(self, box: BoundingBox, score: float) -> FaceDetection:
        side = max(box.width, box.height)
        x, y = box.center
        y += self.config.face_shift * side
        half = self.config.face_scale * side / 2
        return FaceDetection(box, score, face=BoundingBox(x - half, y - half, x + half, y + half))

    def _look(self, image: Image, scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes (K, 4) in the photo's pixels and scores (K,) above the threshold, at one scale of the photo."""
        height, width = image.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture = image if scale == 1 else cv2.resize(image, size, interpolation=interpolation)
        padded = np.zeros((_multiple(size[1]), _multiple(size[0]), 3), np.uint8)
        padded[: size[1], : size[0]] = picture
        (cells,) = self._network.run(padded[None])
        likely = np.flatnonzero(cells[:, 0] >= self.score_threshold)
        grid = cell_grid(padded.shape[0], padded.shape[1])
        boxes = decode_boxes(cells[likely, 1:], grid[likely])
        # The padding is no part of the photo: what lies in it alone is no face.
        inside = (boxes[:, 2:] > 0).all(axis=1) & (boxes[:, :2] < size).all(axis=1)
        large = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= self.config.smallest_box * max(1.0, scale)
        kept = inside & large
        to_photo = np.array([width / size[0], height / size[1]] * 2, np.float32)
        return boxes[kept] * to_photo, cells[likely[kept], 0]


def _multiple(side: int) -> int:
    """``side`` rounded up to a multiple of the coarsest stride."""
    return -(-side // STRIDES[-1]) * STRIDES[-1]


@lru_cache(maxsize=64)
def cell_grid(height: int, width: int) -> NDArray[np.float32]:
    """Centre x, centre y and stride (A, 3) in pixels of every cell of a (height, width) input, stride by stride."""
    levels = []
    for stride in STRIDES:
        y, x = np.mgrid[0 : height // stride, 0 : width // stride].astype(np.float32)
        centers = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride
        levels.append(np.column_stack([centers, np.full(len(centers), stride, np.float32)]))
    grid = np.concatenate(levels).astype(np.float32)
    grid.flags.writeable = False  # it is shared by every caller
    return grid


def decode_boxes(raw: NDArray[np.float32], cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Corners (K, 4) in input pixels from raw (K, 4) predictions of the ``cells`` (K, 3) of :func:`cell_grid`.

    Raw dx, dy move the cell's centre by that many strides; raw w, h are logarithms of ``BOX_UNIT`` strides. They are
    taken as if between -1e5 and 1e5, and between -6 and 6: no box is empty or infinite.
    """
    stride = cells[:, 2:]
    center = cells[:, :2] + np.clip(raw[:, :2], -1e5, 1e5) * stride
    half = np.exp(np.clip(raw[:, 2:], -6.0, 6.0)) * (stride * BOX_UNIT / 2)
    return np.concatenate([center - half, center + half], axis=1)


def suppress(boxes: NDArray[np.float32], scores: NDArray[np.float32], *, max_iou: float) -> NDArray[np.int64]:
    """Indices of the boxes (K, 4) that survive, best score first: neither near a better one nor nested with it.

    Near is an IoU above ``max_iou``. Nested is to share ``NESTED`` of the smaller area: close up, a look at full scale
    takes eyes and mouths for faces, and a coarse one a head with its shoulders.
    """
    corners_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    apart = np.asarray(cv2.dnn.NMSBoxes(corners_size.tolist(), scores.tolist(), 0.0, max_iou), np.int64).reshape(-1)
    kept: list[int] = []
    for index in apart:
        box, better = boxes[index], boxes[kept]
        sides = np.minimum(better[:, 2:], box[2:]) - np.maximum(better[:, :2], box[:2])
        smaller = np.minimum((better[:, 2:] - better[:, :2]).prod(axis=1), (box[2:] - box[:2]).prod())
        if not (sides.clip(min=0).prod(axis=1) >= NESTED * smaller).any():
            kept.append(int(index))
    return np.array(kept, np.int64)
