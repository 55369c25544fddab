"""How predictions bear what photos do to a face: each photo is changed in a known way and predicted once more.

When a photo is mirrored or turned in its plane the pose must change with it; when it is made coarse or dark, partly
covered, or has its colours exchanged, the pose must not change at all. Faces are cut out by their labelled boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.random import Generator

from headpose_sdk.errors import InvalidBoxError, InvalidImageError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import PoseSample, Progress
from headpose_sdk.evaluation.metrics import absolute_errors, geodesic_errors
from headpose_sdk.evaluation.predictions import refuse_nothing, refuse_unboxed
from headpose_sdk.images import read_image
from headpose_sdk.results import BoundingBox, Image
from headpose_sdk.rotation import FloatArray, euler_from_matrix, matrix_from_euler, rotate_in_plane

__all__ = ["TURN", "WHAT_CHANGED", "evaluate_robustness"]

TURN = 30.0
"""Degrees in the image plane, both ways."""

COARSE = 24
"""Pixels of the face's longer side that are left when a photo is made coarse."""

_MIRROR = np.array([-1.0, 1.0, -1.0])  # what becomes of yaw, pitch, roll


class _View(NamedTuple):
    image: Image
    box: BoundingBox


def evaluate_robustness(
    estimator: HeadPoseEstimator, samples: Sequence[PoseSample], *, progress: Progress | None = None
) -> dict[str, Any]:
    """What changes of the photos in ``samples`` do to the poses that ``estimator`` predicts, in degrees.

    ``mirror``: the mean of abs(yaw + yaw of the mirror image), roll likewise, and abs of the difference in pitch.
    ``turn``: the mean geodesic angle between the pose of the photo turned by 30 degrees either way about the box's
    centre, borders replicated, and the turned pose. ``changed``: the MAE of each kind of changed photo; ``mae``: of the
    photos as they are; both against the labels. Covers lie at seeded places: a repetition gives the same numbers.

    Raises:
        DatasetError: if no sample is usable, or one has no box.
    """
    refuse_unboxed(samples)
    measured: list[PoseSample] = []
    dropped: list[dict[str, str]] = []
    rows: list[FloatArray] = []
    for number, sample in enumerate(samples):
        try:
            assert sample.box is not None, "refuse_unboxed has seen to it"
            seen = _views(_View(read_image(sample.file), sample.box), np.random.default_rng(number))
            poses = [estimator.predict(view.image, [view.box])[0] for view in seen]
        except (InvalidImageError, InvalidBoxError) as error:
            dropped.append({"file": sample.file.as_posix(), "reason": str(error)})
        else:
            measured.append(sample)
            rows.append(np.array([(pose.yaw, pose.pitch, pose.roll) for pose in poses]))
        if progress is not None:
            progress(number + 1, len(samples))
    refuse_nothing(len(measured), dropped)

    plain, mirrored, clockwise, counter, *changed = np.stack(rows, axis=1)
    labels = np.array([sample.angles for sample in measured])
    return {
        "protocol": "labelled boxes; each photo as it is and changed in each way once",
        "model": estimator.config.name,
        "n": len(measured),
        "mae": _mean(absolute_errors(plain, labels)),
        "mirror": dict(zip(("yaw", "pitch", "roll"), _means(np.abs(plain - mirrored * _MIRROR)), strict=True)),
        "turn": _mean(np.stack([_turn_errors(plain, clockwise, TURN), _turn_errors(plain, counter, -TURN)])),
        "changed": {
            name: _mean(absolute_errors(predicted, labels)) for name, predicted in zip(CHANGES, changed, strict=True)
        },
        "dropped": dropped,
    }


def _views(photo: _View, rng: Generator) -> list[_View]:
    return [photo, _mirrored(photo), _turned(photo, TURN), _turned(photo, -TURN)] + [
        _View(change(photo, rng), photo.box) for change in CHANGES.values()
    ]


def _mirrored(photo: _View) -> _View:
    width, box = photo.image.shape[1], photo.box
    image = np.ascontiguousarray(photo.image[:, ::-1])
    return _View(image, BoundingBox(width - box.x2, box.y1, width - box.x1, box.y2))


def _turned(photo: _View, degrees: float) -> _View:
    """The photo turned clockwise, as seen, about the centre of the box, which stays where it is."""
    height, width = photo.image.shape[:2]
    x, y = photo.box.center
    turn = cv2.getRotationMatrix2D((x - 0.5, y - 0.5), -degrees, 1.0)  # OpenCV turns counter-clockwise
    image = cv2.warpAffine(photo.image, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _View(np.asarray(image, dtype=np.uint8), photo.box)


def _coarse(photo: _View, rng: Generator) -> Image:
    height, width = photo.image.shape[:2]
    factor = min(1.0, COARSE / max(photo.box.width, photo.box.height))
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    shrunk = cv2.resize(photo.image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _covered(photo: _View, rng: Generator, *, part: float) -> Image:
    """With a grey rectangle of the box's proportions, and ``part`` of its area, at a random place inside it."""
    image, box = photo.image.copy(), photo.box
    width, height = box.width * part**0.5, box.height * part**0.5
    left = box.x1 + rng.uniform(0, box.width - width)
    top = box.y1 + rng.uniform(0, box.height - height)
    corners = np.round([left, top, left + width, top + height]).astype(int).clip(min=0)
    image[corners[1] : corners[3], corners[0] : corners[2]] = 128
    return image


def _dark(photo: _View, rng: Generator) -> Image:
    return (photo.image * 0.5).astype(np.uint8)


def _exchanged(photo: _View, rng: Generator) -> Image:
    return np.ascontiguousarray(photo.image[:, :, ::-1])


CHANGES: dict[str, Callable[[_View, Generator], Image]] = {
    "coarse": _coarse,
    "covered_16": partial(_covered, part=0.16),
    "covered_40": partial(_covered, part=0.4),
    "dark": _dark,
    "rgb_for_bgr": _exchanged,
}

WHAT_CHANGED = {
    "coarse": f"the face at {COARSE} pixels",
    "covered_16": "a rectangle of 40 % of the box's sides grey",
    "covered_40": "a rectangle of 40 % of the box's area grey",
    "dark": "half the brightness",
    "rgb_for_bgr": "red and blue exchanged",
}


def _turn_errors(plain: FloatArray, turned: FloatArray, degrees: float) -> FloatArray:
    expected = euler_from_matrix(rotate_in_plane(matrix_from_euler(plain), degrees))
    return geodesic_errors(turned, expected)


def _mean(errors: FloatArray) -> float:
    return round(float(errors.mean()), 4)


def _means(errors: FloatArray) -> list[float]:
    return [round(float(mean), 4) for mean in errors.mean(axis=0)]
