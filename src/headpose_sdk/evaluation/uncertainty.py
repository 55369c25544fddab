"""Whether a network is unsure of what it cannot know: the predicted std of faces against that of pictures without one.

Such pictures come from a detector's mistakes, or from boxes that somebody else gives. For each labelled face there is
one of each kind of ``NO_FACES``, made from a seed: a part of the photo beside the face, where there is room for one;
the face itself, with nothing left to see; and what no photo shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from headpose_sdk.errors import InvalidBoxError, InvalidImageError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import PoseSample, Progress
from headpose_sdk.evaluation.predictions import refuse_nothing, refuse_unboxed
from headpose_sdk.images import read_image
from headpose_sdk.preprocessing import check_box, crop_face
from headpose_sdk.results import BoundingBox, Image
from headpose_sdk.rotation import FloatArray

__all__ = ["KEPT", "NO_FACES", "WHAT_IT_IS", "evaluate_uncertainty", "separation"]

KEPT = 0.95
"""The share of faces that a threshold on the std is to let pass."""


def evaluate_uncertainty(
    estimator: HeadPoseEstimator, samples: Sequence[PoseSample], *, progress: Progress | None = None
) -> dict[str, Any]:
    """How well the std that ``estimator`` predicts, the mean of its three, tells faces from ``NO_FACES``.

    ``auc``: the chance that of a face and such a picture the face has the lower std, of all kinds together and of each;
    ``threshold``: the std in degrees below which ``KEPT`` of the faces lie; ``caught``: the share of pictures above it.

    Raises:
        DatasetError: if no sample is usable, or one has no box.
    """
    refuse_unboxed(samples)
    faces: list[float] = []
    others: dict[str, list[float]] = {name: [] for name in NO_FACES}
    dropped: list[dict[str, str]] = []
    size, margin = estimator.config.input_size, estimator.config.crop_margin
    for number, sample in enumerate(samples):
        try:
            assert sample.box is not None, "refuse_unboxed has seen to it"
            photo = read_image(sample.file)
            face = crop_face(photo, check_box(sample.box, photo), margin=margin, size=size)
        except (InvalidImageError, InvalidBoxError) as error:
            dropped.append({"file": sample.file.as_posix(), "reason": str(error)})
        else:
            seen, rng = _Seen(photo, sample.box, face), np.random.default_rng(number)
            made = {name: make(seen, rng) for name, make in NO_FACES.items()}
            pictures = {name: picture for name, picture in made.items() if picture is not None}
            of_face, *of_others = (
                estimator.predict_crops(np.stack([face, *pictures.values()])).std.mean(axis=1).tolist()
            )
            faces.append(of_face)
            for name, std in zip(pictures, of_others, strict=True):
                others[name].append(std)
        if progress is not None:
            progress(number + 1, len(samples))
    refuse_nothing(len(faces), dropped)

    threshold = float(np.quantile(faces, KEPT))
    everything = [std for kind in others.values() for std in kind]
    return {
        "protocol": "mean of the three predicted std; labelled boxes; one picture of each kind a face",
        "model": estimator.config.name,
        "n": len(faces),
        "median_std": round(float(np.median(faces)), 4),
        "threshold": round(threshold, 4),
        "all": _told(faces, everything, threshold),
        "kinds": {name: _told(faces, stds, threshold) for name, stds in others.items() if stds},
        "dropped": dropped,
    }


def separation(lower: Sequence[float], higher: Sequence[float]) -> float:
    """The area under the ROC curve: how often one of ``lower`` is below one of ``higher``; a tie counts half."""
    low: FloatArray = np.sort(np.asarray(lower, np.float64))
    high = np.asarray(higher, np.float64)
    below, up_to = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    return float((below + up_to).mean() / (2 * len(low)))


def _told(faces: Sequence[float], others: Sequence[float], threshold: float) -> dict[str, Any]:
    return {
        "n": len(others),
        "median_std": round(float(np.median(others)), 4),
        "auc": round(separation(faces, others), 4),
        "caught": round(float((np.asarray(others) > threshold).mean()), 4),
    }


class _Seen(NamedTuple):
    photo: Image
    box: BoundingBox
    face: Image  # the crop, as the network gets it


def _beside(seen: _Seen, rng: Generator) -> Image | None:
    """A square of half the face's size to all of it that does not touch its box; other people may be in it."""
    height, width = seen.photo.shape[:2]
    side = max(seen.box.width, seen.box.height) * rng.uniform(0.5, 1.0)
    for _ in range(50):
        x, y = rng.uniform(0, (max(1.0, width - side), max(1.0, height - side))).tolist()
        apart = x >= seen.box.x2 or x + side <= seen.box.x1 or y >= seen.box.y2 or y + side <= seen.box.y1
        if apart and x + side <= width and y + side <= height:
            return crop_face(seen.photo, BoundingBox(x, y, x + side, y + side), margin=1.0, size=len(seen.face))
    return None


def _noise(seen: _Seen, rng: Generator) -> Image:
    grain = int(rng.choice([1, 2, 4, 8, 16]))
    side = -(-len(seen.face) // grain)
    return _enlarged(rng.integers(0, 256, (side, side, 3), dtype=np.uint8), len(seen.face))


def _blank(seen: _Seen, rng: Generator) -> Image:
    """A colour that passes into another one from side to side, or stays."""
    one, other = rng.uniform(0, 255, (2, 3)) if rng.random() < 0.5 else rng.uniform(0, 255, (1, 3)).repeat(2, axis=0)
    share = np.linspace(0, 1, len(seen.face))[:, None, None]
    stripe = one * (1 - share) + other * share
    return np.broadcast_to(stripe if rng.random() < 0.5 else stripe.swapaxes(0, 1), seen.face.shape).astype(np.uint8)


def _text(seen: _Seen, rng: Generator) -> Image:
    size = len(seen.face)
    page = np.full(seen.face.shape, rng.integers(200, 256), np.uint8)
    scale = float(rng.uniform(0.25, 0.9))
    for baseline in np.arange(rng.uniform(5, 15), size + 10, 32 * scale):
        words = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz      "), 60))
        start = (int(rng.integers(-20, 5)), int(baseline))
        cv2.putText(page, words, start, cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 20), 1, cv2.LINE_AA)
    return page


def _drawn(seen: _Seen, rng: Generator) -> Image:
    size = len(seen.face)
    picture = _blank(seen, rng).copy()
    for _ in range(int(rng.integers(3, 15))):
        colour = tuple(rng.uniform(0, 255, 3).tolist())
        (x1, y1), (x2, y2) = rng.integers(0, size, (2, 2)).tolist()
        filled = -1 if rng.random() < 0.5 else int(rng.integers(1, 5))
        shape = int(rng.integers(0, 3))
        if shape == 0:
            cv2.line(picture, (x1, y1), (x2, y2), colour, abs(filled), cv2.LINE_AA)
        elif shape == 1:
            cv2.rectangle(picture, (x1, y1), (x2, y2), colour, filled)
        else:
            cv2.circle(picture, (x1, y1), int(rng.integers(3, size // 3)), colour, filled, cv2.LINE_AA)
    return picture


def _blurred(seen: _Seen, rng: Generator) -> Image:
    return np.asarray(cv2.GaussianBlur(seen.face, (0, 0), sigmaX=len(seen.face) / 5), dtype=np.uint8)


def _tiny(seen: _Seen, rng: Generator) -> Image:
    small: NDArray[np.uint8] = np.asarray(cv2.resize(seen.face, (4, 4), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return _enlarged(small, len(seen.face))


def _enlarged(picture: Image, size: int) -> Image:
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


NO_FACES: dict[str, Callable[[_Seen, Generator], Image | None]] = {
    "beside": _beside,
    "noise": _noise,
    "blank": _blank,
    "text": _text,
    "drawn": _drawn,
    "blurred": _blurred,
    "tiny": _tiny,
}

WHAT_IT_IS = {
    "beside": "a part of the photo beside the face",
    "noise": "noise of several grains",
    "blank": "one colour, or one that passes into another",
    "text": "lines of text",
    "drawn": "lines, rectangles and circles",
    "blurred": "the face, blurred over a fifth of the crop",
    "tiny": "the face at 4 pixels",
}
