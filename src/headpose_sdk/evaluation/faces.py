"""How well a face detector finds faces: one matching of boxes, and the figures read off it.

Detections are compared with the labelled faces of their photo, best score first over all photos. Each takes the
still free face of highest intersection over union (IoU), if that reaches the threshold (0.5 by default), and is

- true, if that face is of the size class measured (shorter side of the labelled box, in pixels),
- neutral, if that face is smaller,
- neutral too, if it took none but lies on a face marked ``ignore``: with half of its own area, because such labels
  often cover a crowd, or with the IoU threshold where that is lower. Any number of detections may do so,
- false, if it matches nothing. A second detection of one face is false.

Precision is true / (true + false), recall is true / faces of the size class that are not ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import LabelledFace
from headpose_sdk.results import BoundingBox, FaceDetection
from headpose_sdk.rotation import FloatArray

__all__ = ["FaceMetrics", "FaceRecall", "face_metrics", "iou_matrix", "recall_at"]

_SHARE_ON_IGNORED = 0.5  # of the detection's area, from which it counts as a detection of an ignored face
_NEUTRAL = -1.0  # stands for the size of an ignored face: smaller than every size class
_FALSE = np.nan


@dataclass(frozen=True, slots=True)
class FaceMetrics:
    """A detector at the lowest score threshold whose precision is at least ``min_precision``.

    ``n`` is the number of faces with a shorter side of at least ``min_size`` pixels. ``threshold`` is None, and
    ``recall`` and ``precision`` are 0, where no threshold is precise enough. ``average_precision`` is the area under
    the curve of the best precision at each recall, over all thresholds.
    """

    min_size: float
    min_precision: float
    n: int
    threshold: float | None
    recall: float
    precision: float
    average_precision: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON, rounded to 0.0001; the threshold stays exact, it is for use."""
        rounded = {name: round(value, 4) for name, value in asdict(self).items() if name != "threshold"}
        return {**rounded, "threshold": self.threshold}


@dataclass(frozen=True, slots=True)
class FaceRecall:
    """A detector at a given ``threshold``: faces ``missed`` of ``n``, and false boxes per face.

    ``missed_photos`` are the positions of the photos with missed faces, one entry a face.
    """

    threshold: float
    iou: float
    n: int
    missed: int
    recall: float
    extra_per_face: float
    missed_photos: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON, rounded to 0.0001; without the positions, which mean nothing elsewhere."""
        fields = asdict(self)
        del fields["missed_photos"]
        return {name: round(value, 4) for name, value in fields.items()}


def iou_matrix(first: Sequence[BoundingBox], second: Sequence[BoundingBox]) -> FloatArray:
    """Intersection over union (F, S), 0 to 1, of every box of ``first`` with every box of ``second``."""
    shared = _intersections(first, second)
    return shared / (_areas(first)[:, None] + _areas(second)[None, :] - shared)


def face_metrics(
    faces: Sequence[Sequence[LabelledFace]],
    detections: Sequence[Sequence[FaceDetection]],
    *,
    min_size: float,
    min_precision: float = 0.9,
    iou: float = 0.5,
) -> FaceMetrics:
    """The measure of faces of at least ``min_size`` pixels; ``faces`` and ``detections`` hold one entry a photo.

    Raises:
        DatasetError: if there is no face of that size.
        ValueError: if ``faces`` and ``detections`` differ in length.
    """
    n = sum(_size(face) >= min_size for photo in faces for face in photo if not face.ignore)
    if n == 0:
        raise DatasetError(
            f"no labelled face has a shorter side of at least {min_size:g} px; measure on photos with such faces"
        )
    scores, sizes = _pooled(faces, detections, iou)
    order = np.argsort(-scores, kind="stable")
    scores, sizes = scores[order], sizes[order]
    true = np.cumsum(sizes >= min_size)
    false = np.cumsum(np.isnan(sizes))
    # A threshold admits all detections of equal score or none, so the curve exists only where the score changes,
    # and precision only where something is true or false.
    exists = np.append(scores[1:] != scores[:-1], True)[: len(scores)] & (true + false > 0)
    scores, true, false = scores[exists], true[exists], false[exists]
    precision, recall = true / (true + false), true / n

    precise = np.flatnonzero(precision >= min_precision)
    at = int(precise[-1]) if len(precise) else None
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return FaceMetrics(
        min_size=min_size,
        min_precision=min_precision,
        n=n,
        threshold=None if at is None else float(scores[at]),
        recall=0.0 if at is None else float(recall[at]),
        precision=0.0 if at is None else float(precision[at]),
        average_precision=float(np.sum(np.diff(recall, prepend=0.0) * best_from_here)),
    )


def recall_at(
    faces: Sequence[Sequence[LabelledFace]],
    detections: Sequence[Sequence[FaceDetection]],
    *,
    threshold: float,
    iou: float = 0.5,
) -> FaceRecall:
    """What a detector misses, and finds too much, among detections of at least the score ``threshold``.

    ``faces`` and ``detections`` hold one entry a photo; faces of every size count, except those marked ignore.

    Raises:
        DatasetError: if no face counts.
        ValueError: if ``faces`` and ``detections`` differ in length.
    """
    counted = np.array([sum(not face.ignore for face in photo) for photo in faces], dtype=np.int64)
    n = int(counted.sum())
    if n == 0:
        raise DatasetError("no labelled face counts, so none can be missed; measure on photos with faces")
    kept = [[found for found in photo if found.score >= threshold] for photo in detections]
    matches = [_match(*pair, iou) for pair in zip(faces, kept, strict=True)]
    found = np.array([np.count_nonzero(sizes > _NEUTRAL) for sizes in matches])
    missed_photos = tuple(int(photo) for photo in np.repeat(np.arange(len(faces)), counted - found))
    extra = sum(int(np.isnan(sizes).sum()) for sizes in matches)
    missed = len(missed_photos)
    return FaceRecall(threshold, iou, n, missed, (n - missed) / n, extra / n, missed_photos)


def _pooled(
    faces: Sequence[Sequence[LabelledFace]], detections: Sequence[Sequence[FaceDetection]], iou: float
) -> tuple[FloatArray, FloatArray]:
    """Score and match of every detection of every photo, as two arrays (D,)."""
    matches = [_match(*pair, iou) for pair in zip(faces, detections, strict=True)]
    scores = [found.score for photo in detections for found in sorted(photo, key=_descending)]
    return np.array(scores, dtype=np.float64), np.concatenate([np.empty(0), *matches])


def _match(faces: Sequence[LabelledFace], detections: Sequence[FaceDetection], iou: float) -> FloatArray:
    """What each detection of one photo found, (D,), best score first: the face's size, _NEUTRAL or _FALSE."""
    boxes = [found.box for found in sorted(detections, key=_descending)]
    counted = [face for face in faces if not face.ignore]
    ignored = [face.box for face in faces if face.ignore]
    overlaps = iou_matrix(boxes, [face.box for face in counted])
    on_ignored = _lies_on(boxes, ignored, iou)
    sizes = np.full(len(boxes), _FALSE)
    for row, overlap in enumerate(overlaps):
        best = int(np.argmax(overlap)) if len(counted) else None
        if best is not None and overlap[best] >= iou:
            sizes[row] = _size(counted[best])
            overlaps[:, best] = -1.0  # taken
        elif on_ignored[row]:
            sizes[row] = _NEUTRAL
    return sizes


def _lies_on(boxes: Sequence[BoundingBox], ignored: Sequence[BoundingBox], iou: float) -> NDArray[np.bool_]:
    """Whether each of ``boxes`` (D,) is a detection of one of the ``ignored`` faces."""
    share = _intersections(boxes, ignored) / _areas(boxes)[:, None]
    lies_on: NDArray[np.bool_] = np.any((iou_matrix(boxes, ignored) >= iou) | (share >= _SHARE_ON_IGNORED), axis=1)
    return lies_on


def _intersections(first: Sequence[BoundingBox], second: Sequence[BoundingBox]) -> FloatArray:
    a, b = _corners(first)[:, None, :], _corners(second)[None, :, :]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    product: FloatArray = np.prod(np.maximum(sides, 0.0), axis=-1)
    return product


def _areas(boxes: Sequence[BoundingBox]) -> FloatArray:
    return np.array([box.width * box.height for box in boxes], dtype=np.float64)


def _corners(boxes: Sequence[BoundingBox]) -> FloatArray:
    rows = [(box.x1, box.y1, box.x2, box.y2) for box in boxes]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _size(face: LabelledFace) -> float:
    return min(face.box.width, face.box.height)


def _descending(found: FaceDetection) -> float:
    return -found.score
