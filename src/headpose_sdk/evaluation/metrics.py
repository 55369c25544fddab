"""How far predicted poses lie from the labels: pure functions on arrays, degrees, yaw pitch roll.

Errors are plain differences and are never folded by 180 or 360: a head said to be at -175 that is at +175 is
350 degrees off. The angles of two rotations that look alike may differ much near gimbal lock; the geodesic error
and MAEV compare the rotations themselves and are told beside the angles for that reason.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headpose_sdk.rotation import FloatArray, geodesic_angle, matrix_from_euler

__all__ = [
    "PoseMetrics",
    "absolute_errors",
    "bootstrap_interval",
    "coverage",
    "geodesic_errors",
    "pose_metrics",
    "vector_errors",
]

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class PoseMetrics:
    """The errors of ``n`` predictions, in degrees.

    ``yaw``, ``pitch``, ``roll`` are mean absolute errors, ``mae`` their mean, ``mae_interval`` its bootstrap 95 %
    interval. ``geodesic`` is the mean angle between the rotations, ``maev`` the mean angle between their column
    vectors. ``coverage_1_sigma`` and ``coverage_2_sigma`` are the fractions of errors (yaw, pitch, roll) within one
    and two predicted standard deviations over the ``n_with_std`` predictions that have one, None if none has; a
    calibrated Gaussian reaches 0.683 and 0.954.
    """

    n: int
    yaw: float
    pitch: float
    roll: float
    mae: float
    mae_interval: tuple[float, float]
    geodesic: float
    maev: float
    n_with_std: int
    coverage_1_sigma: tuple[float, float, float] | None
    coverage_2_sigma: tuple[float, float, float] | None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON, rounded to 0.0001; tuples as lists."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def absolute_errors(predicted: ArrayLike, labels: ArrayLike) -> FloatArray:
    """``|predicted - labels|`` (N, 3) float64 in degrees, not folded.

    Raises:
        ValueError: if the two are not finite arrays of one shape (N, 3) with N > 0.
    """
    first, second = np.asarray(predicted, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 2 or first.shape[1] != 3 or len(first) == 0:
        raise ValueError(
            f"predicted {first.shape} and labels {second.shape} must have one shape (N, 3), yaw pitch roll, N > 0"
        )
    errors: FloatArray = np.abs(first - second)
    if not np.isfinite(errors).all():
        # A mean that skipped NaN would hide exactly the predictions that went wrong.
        row = int(np.flatnonzero(~np.isfinite(errors).all(axis=1))[0])
        raise ValueError(f"row {row} of predicted or labels holds NaN or infinity; drop it by name beforehand")
    return errors


def geodesic_errors(predicted: ArrayLike, labels: ArrayLike) -> FloatArray:
    """The angle (N,) in degrees, 0 to 180, of the turn from each predicted rotation to its label."""
    return geodesic_angle(matrix_from_euler(predicted), matrix_from_euler(labels))


def vector_errors(predicted: ArrayLike, labels: ArrayLike) -> FloatArray:
    """Angles (N, 3) in degrees, 0 to 180, between the side, down and front vectors of prediction and label.

    These vectors are the columns of the rotation matrices; the mean of all is MAEV. It is the same in OpenCV and in
    300W-LP axes, because going from one to the other flips both vectors of a pair alike.
    """
    first, second = matrix_from_euler(predicted), matrix_from_euler(labels)
    cos = np.sum(first * second, axis=-2)
    sin = np.linalg.norm(np.cross(first, second, axis=-2), axis=-2)
    # arccos alone loses half of the digits where the vectors nearly agree, which is where good networks are.
    angles: FloatArray = np.degrees(np.arctan2(sin, cos))
    return angles


def bootstrap_interval(errors: ArrayLike, *, seed: int = 0, resamples: int = _RESAMPLES) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of ``errors`` (N,) or (N, 3), degrees, resampling rows.

    The three errors of a face are drawn together, because they are not independent of each other.
    """
    per_face = np.asarray(errors, dtype=np.float64)
    if per_face.ndim > 1:
        per_face = per_face.mean(axis=1)
    generator = np.random.default_rng(seed)
    n = len(per_face)
    means = [per_face[generator.integers(0, n, n)].mean() for _ in range(resamples)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def coverage(errors: ArrayLike, std: ArrayLike, sigmas: float) -> FloatArray:
    """The fraction (3,) of ``errors`` (N, 3) that are at most ``sigmas`` times their ``std`` (N, 3), degrees."""
    within: NDArray[np.bool_] = np.asarray(errors) <= sigmas * np.asarray(std)
    fractions: FloatArray = np.mean(within, axis=0, dtype=np.float64)
    return fractions


def pose_metrics(
    predicted: ArrayLike, labels: ArrayLike, std: ArrayLike | None = None, *, seed: int = 0
) -> PoseMetrics:
    """All measures at once for ``predicted`` and ``labels`` (N, 3), degrees, yaw pitch roll.

    ``std`` (N, 3) holds the predicted standard deviations in degrees. Rows of NaN stand for predictions without
    one, such as missed faces, and count in everything but the coverage.

    Raises:
        ValueError: if shapes disagree, nothing is given, or a prediction or label is not finite.
    """
    errors = absolute_errors(predicted, labels)
    yaw, pitch, roll = (float(value) for value in errors.mean(axis=0))
    deviations = np.full_like(errors, np.nan) if std is None else np.asarray(std, dtype=np.float64)
    if deviations.shape != errors.shape:
        raise ValueError(f"std {deviations.shape} must have the shape of predicted {errors.shape}")
    known = np.isfinite(deviations).all(axis=1)
    covered = [
        _three(coverage(errors[known], deviations[known], sigmas)) if known.any() else None for sigmas in (1.0, 2.0)
    ]
    return PoseMetrics(
        n=len(errors),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        mae=(yaw + pitch + roll) / 3,
        mae_interval=bootstrap_interval(errors, seed=seed),
        geodesic=float(geodesic_errors(predicted, labels).mean()),
        maev=float(vector_errors(predicted, labels).mean()),
        n_with_std=int(known.sum()),
        coverage_1_sigma=covered[0],
        coverage_2_sigma=covered[1],
    )


def _three(values: FloatArray) -> tuple[float, float, float]:
    yaw, pitch, roll = (float(value) for value in values)
    return yaw, pitch, roll


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value
