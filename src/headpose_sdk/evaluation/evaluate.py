"""Measurement protocols: what an estimator or a detector does on labelled photos, with everything that counts.

The result is a plain dict, ready for JSON, that names what a reader needs to repeat or doubt the numbers: protocol,
model, box source, crop margin, n, version, and by name every photo that was dropped and every face that was missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.detection import FaceDetector
from headpose_sdk.errors import InvalidImageError
from headpose_sdk.evaluation.datasets import FaceSample, LabelledFace, PoseSample, Progress
from headpose_sdk.evaluation.datasets.aflw2000 import AFLW2000_IMAGES
from headpose_sdk.evaluation.directions import pan_tilt
from headpose_sdk.evaluation.faces import face_metrics, recall_at
from headpose_sdk.evaluation.metrics import pose_metrics
from headpose_sdk.evaluation.pointing04 import evaluate_pointing04
from headpose_sdk.evaluation.predictions import (
    FOUND_IOU,
    PROTOCOLS,
    BoxSource,
    Predictions,
    detector_name,
    labels_of,
    predict_samples,
    refuse_nothing,
)
from headpose_sdk.images import read_image
from headpose_sdk.results import FaceDetection
from headpose_sdk.rotation import FloatArray

__all__ = [
    "BoxSource",
    "Progress",
    "box_step",
    "evaluate_aflw2000",
    "evaluate_detector",
    "evaluate_pointing04",
    "evaluate_poses",
    "evaluate_published",
    "predict_samples",
]

FACE_SIZES = (40.0, 20.0)
"""Smallest shorter side, in pixels, of the faces that the detector's measure counts."""

FRONT, BEHIND = 30.0, 120.0
"""Degrees that a head is turned by, at most and at least, to be seen from the front and from behind."""

WITHIN = 99.0
"""Degrees; publications drop the AFLW2000-3D images with an angle beyond them, 31 of 2000."""


def evaluate_poses(measured: Predictions[PoseSample]) -> dict[str, Any]:
    """The errors of what :func:`predict_samples` measured.

    The keys are ``protocol``, ``model``, ``providers``, ``boxes``, ``detector`` (None for labelled boxes),
    ``crop_margin``, ``samples`` (listed), ``n`` (measured), ``metrics`` (see :class:`PoseMetrics`), ``missed``
    (files), ``dropped`` (file and reason), ``version``, ``front`` and ``behind`` (``n`` and ``median_std`` of the
    heads that are turned away from the camera by at most 30 and by at least 120 degrees, missed ones not among them)
    and ``box_step`` (see :func:`box_step`).
    """
    return {
        "protocol": PROTOCOLS[measured.boxes],
        **measured.describe(),
        "metrics": _figures(measured),
        **_std_by_facing(measured),
        "box_step": box_step(measured) if measured.boxes == "detector" else None,
    }


def evaluate_published(measured: Predictions[PoseSample], *, dataset: str, published: int) -> dict[str, Any]:
    """:func:`evaluate_poses` on the public ``dataset``, of which ``published`` images exist."""
    return {"dataset": dataset, "published": published, **evaluate_poses(measured)}


def evaluate_aflw2000(measured: Predictions[PoseSample]) -> dict[str, Any]:
    """The errors on AFLW2000-3D: ``metrics`` of all images, and apart of those that others drop.

    ``within_99`` and ``beyond_99`` hold ``n`` and ``metrics`` (None for n = 0) of the images with all three labelled
    angles within 99 degrees and of the rest, whose ``files`` are named. The other keys are those of
    :func:`evaluate_poses` and ``published``, the images of the whole set.
    """
    beyond: NDArray[np.bool_] = np.abs(labels_of(measured)).max(axis=1) > WITHIN
    return {
        "dataset": "aflw2000",
        "protocol": "AFLW2000-3D: every image, none dropped by its angles; labelled box: min and max of pt3d_68; "
        f"errors not folded; {PROTOCOLS[measured.boxes]}",
        **measured.describe(),
        "published": AFLW2000_IMAGES,
        "metrics": _figures(measured),
        "within_99": {"n": int((~beyond).sum()), "metrics": _figures(measured, ~beyond)},
        "beyond_99": {
            "n": int(beyond.sum()),
            "metrics": _figures(measured, beyond),
            "files": [measured.samples[row].file.as_posix() for row in np.flatnonzero(beyond)],
        },
    }


def evaluate_detector(
    detector: FaceDetector,
    samples: Sequence[FaceSample],
    *,
    threshold: float = 0.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """How well ``detector`` finds the faces of ``samples``; see :mod:`headpose_sdk.evaluation.faces` for the measure.

    The measure looks for the best score threshold, so the detector must return its doubtful faces too. The keys are
    ``protocol``, ``detector``, ``photos`` (measured), ``faces`` (those that count), ``size_classes`` (one
    :class:`FaceMetrics` a minimum size; with n = 0 and no figures where no face is so large), ``recall``
    (:class:`FaceRecall` at ``threshold`` and an IoU of 0.4, with ``missed_files``, one entry a face), ``dropped``
    (file and reason) and ``version``.

    Raises:
        DatasetError: if no sample is given or usable, or no labelled face counts.
    """
    measured, detections = [], []
    dropped: list[dict[str, str]] = []
    for done, sample in enumerate(samples, start=1):
        try:
            image = read_image(sample.file)
        except InvalidImageError as error:
            dropped.append({"file": sample.file.as_posix(), "reason": str(error)})
        else:
            measured.append(sample)
            detections.append(detector.detect(image))
        if progress is not None:
            progress(done, len(samples))
    refuse_nothing(len(measured), dropped)

    faces = [sample.faces for sample in measured]
    recall = recall_at(faces, detections, threshold=threshold, iou=FOUND_IOU)
    missed_files = [measured[photo].file.as_posix() for photo in recall.missed_photos]
    return {
        "protocol": "detections matched at IoU 0.5; recall at the lowest score threshold with precision >= 0.90",
        "detector": detector_name(detector),
        "photos": len(measured),
        "faces": recall.n,
        "size_classes": [_size_class(faces, detections, size) for size in FACE_SIZES],
        "recall": {**recall.to_dict(), "missed_files": missed_files},
        "dropped": dropped,
        "version": version("headpose-sdk"),
    }


def _figures(measured: Predictions[PoseSample], rows: NDArray[np.bool_] | None = None) -> dict[str, Any] | None:
    """:class:`PoseMetrics` of all, or of the chosen ``rows`` (N,), as a dict; None if there is none."""
    chosen = slice(None) if rows is None else rows
    labels = labels_of(measured)[chosen]
    if len(labels) == 0:
        return None
    return pose_metrics(measured.angles[chosen], labels, measured.std[chosen]).to_dict()


def _std_by_facing(measured: Predictions[PoseSample]) -> dict[str, dict[str, Any]]:
    """The median std of heads seen from the front and of heads seen from behind, which should be large."""
    found = np.isfinite(measured.std[:, 0])
    turned: FloatArray = np.abs(pan_tilt(labels_of(measured))[:, 0])
    chosen = {"front": found & (turned <= FRONT), "behind": found & (turned >= BEHIND)}
    return {
        name: {
            "n": int(rows.sum()),
            "median_std": np.median(measured.std[rows], axis=0).round(4).tolist() if rows.any() else None,
        }
        for name, rows in chosen.items()
    }


def box_step(measured: Predictions[PoseSample]) -> dict[str, float] | None:
    """From the detector's box to the labelled one: ``scale`` and ``shift``, medians over the faces found.

    In longer sides of the detector's box: how long the labelled box's longer side is, and how much lower its centre
    lies. None where no box is labelled.
    """
    steps = []
    for sample, pose in zip(measured.samples, measured.poses, strict=True):
        if sample.box is not None and pose is not None:
            side = max(pose.box.width, pose.box.height)
            lower = sample.box.center[1] - pose.box.center[1]
            steps.append((max(sample.box.width, sample.box.height) / side, lower / side))
    if not steps:
        return None
    scale, shift = np.median(steps, axis=0).round(4).tolist()
    return {"scale": scale, "shift": shift}


def _size_class(
    faces: Sequence[Sequence[LabelledFace]], detections: Sequence[Sequence[FaceDetection]], min_size: float
) -> dict[str, Any]:
    """:class:`FaceMetrics` as a dict; its figures are None where no face is so large: nothing was measured."""
    if any(not face.ignore and min(face.box.width, face.box.height) >= min_size for photo in faces for face in photo):
        return face_metrics(faces, detections, min_size=min_size).to_dict()
    figures = dict.fromkeys(("min_precision", "threshold", "recall", "precision", "average_precision"))
    return {"min_size": min_size, "n": 0, **figures}
