"""Measurement protocols: run an estimator or a detector over labelled photos and tell everything that counts.

The result is a plain dict, ready for JSON, that names what a reader needs to repeat or doubt the numbers: protocol,
model, box source, crop margin, n, version, and by name every photo that was dropped and every face that was missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, Literal, TypeAlias

import numpy as np

from headpose_sdk.detection import FaceDetector, OnnxFaceDetector
from headpose_sdk.errors import DatasetError, InvalidBoxError, InvalidImageError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import FaceSample, LabelledFace, PoseSample
from headpose_sdk.evaluation.faces import face_metrics, iou_matrix, recall_at
from headpose_sdk.evaluation.metrics import pose_metrics
from headpose_sdk.images import read_image
from headpose_sdk.results import FaceDetection, HeadPose

__all__ = ["BoxSource", "Progress", "evaluate_detector", "evaluate_poses"]

BoxSource = Literal["annotation", "detector"]
Progress: TypeAlias = Callable[[int, int], None]
"""Called after each photo with the number done and the number of all."""

FOUND_IOU = 0.4
"""With the labelled box; lower than among detectors because data sets box heads differently: with or without brow."""

FACE_SIZES = (40.0, 20.0)
"""Smallest shorter side, in pixels, of the faces that the detector's measure counts."""

_PROTOCOLS: dict[BoxSource, str] = {
    "annotation": "pose of each labelled face, cut out by its labelled box",
    "detector": (
        f"pose of the detected face of best IoU with the labelled box, at least {FOUND_IOU}; of the largest face "
        "where no box is labelled; a missed face counts as 0, 0, 0"
    ),
}


def evaluate_poses(
    estimator: HeadPoseEstimator,
    samples: Sequence[PoseSample],
    *,
    boxes: BoxSource,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The errors of ``estimator`` on ``samples``, with faces from the labelled boxes or from its own detector.

    The keys are ``protocol``, ``model``, ``providers``, ``boxes``, ``detector`` (None for labelled boxes),
    ``crop_margin``, ``samples`` (listed), ``n`` (measured), ``metrics`` (see :class:`PoseMetrics`), ``missed``
    (files), ``dropped`` (file and reason) and ``version``. Photos that cannot be read, or whose labelled box lies
    outside of them, are dropped; everything else is measured. A detector's box outside of the photo is a miss.

    Raises:
        DatasetError: if no sample is given or usable, or ``boxes`` is "annotation" and a sample has no box.
    """
    if boxes not in _PROTOCOLS:
        raise ValueError(f"boxes is {boxes!r}; it must be 'annotation' or 'detector'")
    unboxed = [sample.file for sample in samples if sample.box is None]
    if boxes == "annotation" and unboxed:
        raise DatasetError(f"{unboxed[0]} has no labelled box; add x1, y1, x2, y2 or take boxes from the detector")

    labels, predicted, std = [], [], []
    missed: list[str] = []
    dropped: list[dict[str, str]] = []
    for done, sample in enumerate(samples, start=1):
        try:
            pose = _pose_of(estimator, sample, boxes)
        except (InvalidImageError, InvalidBoxError) as error:
            dropped.append({"file": sample.file.as_posix(), "reason": str(error)})
        else:
            labels.append(sample.angles)
            if pose is None:
                missed.append(sample.file.as_posix())
                predicted.append((0.0, 0.0, 0.0))
                std.append((np.nan, np.nan, np.nan))
            else:
                predicted.append((pose.yaw, pose.pitch, pose.roll))
                std.append((pose.yaw_std, pose.pitch_std, pose.roll_std))
        if progress is not None:
            progress(done, len(samples))
    _refuse_nothing(len(labels), dropped)

    return {
        "protocol": _PROTOCOLS[boxes],
        "model": estimator.config.name,
        "providers": list(estimator.providers),
        "boxes": boxes,
        "detector": _detector_name(estimator.detector) if boxes == "detector" else None,
        "crop_margin": estimator.config.crop_margin,
        "samples": len(samples),
        "n": len(labels),
        "metrics": pose_metrics(predicted, labels, std).to_dict(),
        "missed": missed,
        "dropped": dropped,
        "version": version("headpose-sdk"),
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
    _refuse_nothing(len(measured), dropped)

    faces = [sample.faces for sample in measured]
    recall = recall_at(faces, detections, threshold=threshold, iou=FOUND_IOU)
    missed_files = [measured[photo].file.as_posix() for photo in recall.missed_photos]
    return {
        "protocol": "detections matched at IoU 0.5; recall at the lowest score threshold with precision >= 0.90",
        "detector": _detector_name(detector),
        "photos": len(measured),
        "faces": recall.n,
        "size_classes": [_size_class(faces, detections, size) for size in FACE_SIZES],
        "recall": {**recall.to_dict(), "missed_files": missed_files},
        "dropped": dropped,
        "version": version("headpose-sdk"),
    }


def _pose_of(estimator: HeadPoseEstimator, sample: PoseSample, boxes: BoxSource) -> HeadPose | None:
    """The pose of the labelled face; None if the detector missed it."""
    image = read_image(sample.file)
    if boxes == "annotation" and sample.box is not None:
        return estimator.predict(image, [sample.box])[0]
    try:
        found = estimator.predict(image)
    except InvalidBoxError:  # the detector put a face outside of the photo: that is its mistake, not the label's
        return None
    if not found:
        return None
    if sample.box is None:
        return max(found, key=lambda pose: pose.box.width * pose.box.height)
    overlaps = iou_matrix([pose.box for pose in found], [sample.box])[:, 0]
    best = int(np.argmax(overlaps))
    return found[best] if overlaps[best] >= FOUND_IOU else None


def _size_class(
    faces: Sequence[Sequence[LabelledFace]], detections: Sequence[Sequence[FaceDetection]], min_size: float
) -> dict[str, Any]:
    """:class:`FaceMetrics` as a dict; its figures are None where no face is so large: nothing was measured."""
    if any(not face.ignore and min(face.box.width, face.box.height) >= min_size for photo in faces for face in photo):
        return face_metrics(faces, detections, min_size=min_size).to_dict()
    figures = dict.fromkeys(("min_precision", "threshold", "recall", "precision", "average_precision"))
    return {"min_size": min_size, "n": 0, **figures}


def _detector_name(detector: FaceDetector) -> str:
    return detector.config.name if isinstance(detector, OnnxFaceDetector) else type(detector).__name__


def _refuse_nothing(usable: int, dropped: list[dict[str, str]]) -> None:
    if usable == 0 and dropped:
        raise DatasetError(f"none of {len(dropped)} photos is usable; the first: {dropped[0]['reason']}")
    if usable == 0:
        raise DatasetError("there are no samples; give a data set with at least one labelled photo")
