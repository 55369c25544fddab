"""Running an estimator over labelled photos: one head a photo, cut by its label or found by the detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from headpose_sdk.detection import FaceDetector, OnnxFaceDetector
from headpose_sdk.errors import DatasetError, InvalidBoxError, InvalidImageError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import BoxedPhoto, PoseSample, Progress
from headpose_sdk.evaluation.faces import iou_matrix
from headpose_sdk.images import read_image
from headpose_sdk.results import HeadPose
from headpose_sdk.rotation import FloatArray

__all__ = [
    "FOUND_IOU",
    "PROTOCOLS",
    "BoxSource",
    "Predictions",
    "detector_name",
    "labels_of",
    "predict_samples",
    "refuse_nothing",
    "refuse_unboxed",
]

BoxSource = Literal["annotation", "detector"]

FOUND_IOU = 0.4
"""With the labelled box; lower than among detectors because data sets box heads differently: with or without brow."""

PROTOCOLS: dict[BoxSource, str] = {
    "annotation": "pose of each labelled face, cut out by its labelled box",
    "detector": (
        f"pose of the detected face of best IoU with the labelled box, at least {FOUND_IOU}; of the largest face "
        "where no box is labelled; a missed face counts as 0, 0, 0"
    ),
}

S = TypeVar("S", bound=BoxedPhoto)


@dataclass(frozen=True, slots=True)
class Predictions(Generic[S]):
    """The ``samples`` measured with their ``poses`` (None: missed), and the photos ``dropped`` (file and reason).

    ``boxes`` tells where the faces came from, ``networks`` what found and measured them, for :meth:`describe`.
    """

    samples: tuple[S, ...]
    poses: tuple[HeadPose | None, ...]
    dropped: tuple[dict[str, str], ...]
    boxes: BoxSource
    networks: dict[str, Any]

    @property
    def angles(self) -> FloatArray:
        """(N, 3) degrees, yaw pitch roll; a missed face is 0, 0, 0."""
        rows = [(0.0, 0.0, 0.0) if pose is None else (pose.yaw, pose.pitch, pose.roll) for pose in self.poses]
        return np.array(rows, dtype=np.float64).reshape(-1, 3)

    @property
    def std(self) -> FloatArray:
        """(N, 3) degrees; of a missed face NaN."""
        rows = [
            (np.nan, np.nan, np.nan) if pose is None else (pose.yaw_std, pose.pitch_std, pose.roll_std)
            for pose in self.poses
        ]
        return np.array(rows, dtype=np.float64).reshape(-1, 3)

    @property
    def missed(self) -> list[str]:
        """The files whose face the detector did not find."""
        pairs = zip(self.samples, self.poses, strict=True)
        return [sample.file.as_posix() for sample, pose in pairs if pose is None]

    def describe(self) -> dict[str, Any]:
        """What every report says of how it came about, ready for JSON."""
        return {
            **self.networks,
            "boxes": self.boxes,
            "samples": len(self.samples) + len(self.dropped),
            "n": len(self.samples),
            "missed": self.missed,
            "dropped": list(self.dropped),
            "version": version("headpose-sdk"),
        }


def predict_samples(
    estimator: HeadPoseEstimator,
    samples: Sequence[S],
    *,
    boxes: BoxSource,
    progress: Progress | None = None,
) -> Predictions[S]:
    """The pose of the labelled head in each photo, with faces from the labelled boxes or from the own detector.

    Photos that cannot be read, or whose labelled box lies outside of them, are dropped; everything else is measured.
    A detector's box outside of the photo is a miss.

    Raises:
        DatasetError: if no sample is given or usable, or ``boxes`` is "annotation" and a sample has no box.
    """
    if boxes not in PROTOCOLS:
        raise ValueError(f"boxes is {boxes!r}; it must be 'annotation' or 'detector'")
    if boxes == "annotation":
        refuse_unboxed(samples)

    measured, poses = [], []
    dropped: list[dict[str, str]] = []
    for done, sample in enumerate(samples, start=1):
        try:
            pose = _pose_of(estimator, sample, boxes)
        except (InvalidImageError, InvalidBoxError) as error:
            dropped.append({"file": sample.file.as_posix(), "reason": str(error)})
        else:
            measured.append(sample)
            poses.append(pose)
        if progress is not None:
            progress(done, len(samples))
    refuse_nothing(len(measured), dropped)
    networks = {
        "model": estimator.config.name,
        "providers": list(estimator.providers),
        "detector": detector_name(estimator.detector) if boxes == "detector" else None,
        "crop_margin": estimator.config.crop_margin,
    }
    return Predictions(tuple(measured), tuple(poses), tuple(dropped), boxes, networks)


def labels_of(measured: Predictions[PoseSample]) -> FloatArray:
    """(N, 3) degrees, yaw pitch roll."""
    return np.array([sample.angles for sample in measured.samples], dtype=np.float64)


def detector_name(detector: FaceDetector) -> str:
    """The name of its model, or of its class."""
    return detector.config.name if isinstance(detector, OnnxFaceDetector) else type(detector).__name__


def refuse_unboxed(samples: Sequence[BoxedPhoto]) -> None:
    """Raise DatasetError if a sample has no labelled box."""
    unboxed = [sample.file for sample in samples if sample.box is None]
    if unboxed:
        raise DatasetError(f"{unboxed[0]} has no labelled box; add x1, y1, x2, y2 or take boxes from the detector")


def refuse_nothing(usable: int, dropped: list[dict[str, str]]) -> None:
    """Raise DatasetError if there is nothing to measure."""
    if usable == 0 and dropped:
        raise DatasetError(f"none of {len(dropped)} photos is usable; the first: {dropped[0]['reason']}")
    if usable == 0:
        raise DatasetError("there are no samples; give a data set with at least one labelled photo")


def _pose_of(estimator: HeadPoseEstimator, sample: BoxedPhoto, boxes: BoxSource) -> HeadPose | None:
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
