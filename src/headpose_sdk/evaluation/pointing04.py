"""Pointing'04's protocol: facing directions against marks on the walls, raw and after affine maps."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.errors import DatasetError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import DirectionSample, Pointing04, Progress
from headpose_sdk.evaluation.datasets.pointing04 import BOX_SCALE, POINTING04_IMAGES, SERIES_IMAGES
from headpose_sdk.evaluation.directions import AffineMap, cross_fitted, direction_metrics, fit_affine, pan_tilt
from headpose_sdk.evaluation.predictions import PROTOCOLS, BoxSource, Predictions, predict_samples
from headpose_sdk.rotation import FloatArray

__all__ = ["evaluate_pointing04"]

_PROTOCOL = (
    f"Pointing'04: pan and tilt of the facing direction; labelled box: square of {BOX_SCALE} times the published one's "
    "longer side; tilt +-90 left out; affine: one least-squares map an axis, fitted on {fitted_on}; per person: fitted "
    "on one series of a person, measured on the other, both ways; missed faces take no part in a fit; {boxes}"
)
_NOBODY_FOUND = "the detector found no face among those that a map is fitted on; take --boxes annotation"


def evaluate_pointing04(
    estimator: HeadPoseEstimator,
    data: Pointing04,
    *,
    boxes: BoxSource,
    fit: Pointing04 | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The errors of ``estimator`` on ``data``: ``raw``, ``affine`` and ``per_person`` (:class:`DirectionMetrics`).

    The affine map of a person is fitted on all other people of ``data``, or on those of ``fit``. The other keys are
    those of :func:`evaluate_poses` and ``published`` (images of the whole set), ``people``, ``fitted_on``, ``maps``
    (people measured and their map), ``left_out`` (files of tilt +-90) and ``incomplete`` (series with images missing).

    Raises:
        DatasetError: before anything is measured, if there are no other people to fit on, somebody is in both folders
            or has a single series; or if the detector finds none of those to fit on.
    """
    _check_people(data, fit)
    total = len(data.samples) + (0 if fit is None else len(fit.samples))
    measured = predict_samples(estimator, data.samples, boxes=boxes, progress=_part(progress, 0, total))
    predicted, labels, found = pan_tilt(measured.angles), _labels(measured), _found(measured)
    people = [sample.person for sample in measured.samples]

    maps: list[tuple[list[str], AffineMap]]
    if fit is None:
        affine, map_of = _cross_fitted(predicted, labels, people, found)
        maps = [([person], fitted) for person, fitted in map_of.items()]
    else:
        tell = _part(progress, len(data.samples), total)
        others = predict_samples(estimator, fit.samples, boxes=boxes, progress=tell)
        usable = _found(others)
        if not usable.any():
            raise DatasetError(_NOBODY_FOUND)
        fitted = fit_affine(pan_tilt(others.angles)[usable], _labels(others)[usable])
        affine, maps = fitted(predicted), [(list(data.people), fitted)]
    per_person = np.empty_like(predicted)
    for person in dict.fromkeys(people):
        own = np.array([other == person for other in people])
        series = [sample.series for sample in measured.samples if sample.person == person]
        per_person[own], _ = _cross_fitted(predicted[own], labels[own], series, found[own])

    fitted_on = "all other people, leaving one out" if fit is None else f"people {' '.join(fit.people)}"
    return {
        "dataset": "pointing04",
        "protocol": _PROTOCOL.format(fitted_on=fitted_on, boxes=PROTOCOLS[boxes]),
        **measured.describe(),
        "published": POINTING04_IMAGES,
        "people": list(data.people),
        "fitted_on": fitted_on,
        "raw": direction_metrics(predicted, labels).to_dict(),
        "affine": direction_metrics(affine, labels).to_dict(),
        "per_person": direction_metrics(per_person, labels).to_dict(),
        "maps": [{"people": ids, **fitted.to_dict()} for ids, fitted in maps],
        "left_out": [sample.file.as_posix() for sample in data.left_out],
        "incomplete": _incomplete(data),
    }


def _check_people(data: Pointing04, fit: Pointing04 | None) -> None:
    if not data.samples:
        raise DatasetError("all images have tilt +-90, which is not measured; complete the data set")
    if fit is None and len(data.people) < 2:
        raise DatasetError(
            f"person {data.people[0]} is alone, and the affine map is fitted on other people; "
            "complete the data set, or name a folder of other people with --fit"
        )
    if fit is not None:
        both = sorted({*data.people} & {*fit.people})
        if both:
            raise DatasetError(
                f"person {both[0]} is in both folders, and the affine map must be fitted on other people; "
                "move them out of one of the two"
            )
        if not fit.samples:
            raise DatasetError("the folder to fit on has nothing but tilt +-90; complete it")
    for person in data.people:
        files = [sample for sample in data.samples if sample.person == person]
        if len({sample.series for sample in files}) < 2:
            raise DatasetError(
                f"{files[0].file.parent}: person {person} has series {files[0].series} alone, and the measure per "
                "person needs both; complete the data set"
            )


def _part(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Progress of one of two runs, told as part of both."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)


def _cross_fitted(
    predicted: FloatArray, labels: FloatArray, groups: list[str], found: NDArray[np.bool_]
) -> tuple[FloatArray, dict[str, AffineMap]]:
    if any(not found[[other != group for other in groups]].any() for group in set(groups)):
        raise DatasetError(_NOBODY_FOUND)
    return cross_fitted(predicted, labels, groups, found)


def _labels(measured: Predictions[DirectionSample]) -> FloatArray:
    """(N, 2) pan and tilt in degrees."""
    return np.array([(sample.pan, sample.tilt) for sample in measured.samples], dtype=np.float64)


def _found(measured: Predictions[DirectionSample]) -> NDArray[np.bool_]:
    return np.array([pose is not None for pose in measured.poses])


def _incomplete(data: Pointing04) -> list[str]:
    """The series that lack some of their images, those of tilt +-90 counted too."""
    counts = Counter((sample.person, sample.series) for sample in (*data.samples, *data.left_out))
    return [
        f"person {person} series {series}: {count} of {SERIES_IMAGES} images"
        for (person, series), count in sorted(counts.items())
        if count != SERIES_IMAGES
    ]
