"""How far predicted facing directions lie from marks that people were asked to look at: pure functions, degrees.

A direction is pan and tilt: d = -rotation[:, 2] in OpenCV axes, pan = atan2(-d_x, -d_z), tilt = asin(-d_y). Pan > 0 is
towards the left edge of the image, tilt > 0 up. They are not yaw and pitch: of a head that is turned and leans, these
differ from where the face points.

People turn the head only part of the way to a mark; the eyes do the rest, in each person differently. Errors are
therefore taken after an affine map for each axis, ``slope * predicted + offset``, fitted on others than those
measured. The map belongs to the measure and calibrates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headpose_sdk.evaluation.metrics import bootstrap_interval
from headpose_sdk.rotation import FloatArray, direction_from_matrix, matrix_from_euler

__all__ = ["AffineMap", "DirectionMetrics", "cross_fitted", "direction_metrics", "fit_affine", "pan_tilt"]


@dataclass(frozen=True, slots=True)
class AffineMap:
    """``slope * predicted + offset`` for pan and for tilt; the offsets are degrees."""

    slope: tuple[float, float]
    offset: tuple[float, float]

    def __call__(self, predicted: ArrayLike) -> FloatArray:
        """The mapped pan and tilt (N, 2) of ``predicted`` (N, 2), degrees."""
        mapped: FloatArray = np.asarray(predicted, dtype=np.float64) * self.slope + self.offset
        return mapped

    def to_dict(self) -> dict[str, list[float]]:
        """``{"pan": [slope, offset], "tilt": [slope, offset]}``, rounded to 0.0001."""
        axes = zip(("pan", "tilt"), self.slope, self.offset, strict=True)
        return {axis: [round(slope, 4), round(offset, 4)] for axis, slope, offset in axes}


@dataclass(frozen=True, slots=True)
class DirectionMetrics:
    """Mean absolute errors of ``n`` directions in degrees.

    ``mean`` is that of pan and tilt, ``mean_interval`` its bootstrap 95 % interval over images. Images of one person
    are not independent, so other people would differ by more than it says.
    """

    n: int
    pan: float
    tilt: float
    mean: float
    mean_interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON, rounded to 0.0001."""
        low, high = self.mean_interval
        figures = {name: round(value, 4) for name, value in asdict(self).items() if name != "mean_interval"}
        return {**figures, "mean_interval": [round(low, 4), round(high, 4)]}


def pan_tilt(angles: ArrayLike) -> FloatArray:
    """Pan (-180 to 180) and tilt (-90 to 90), (N, 2) degrees, of ``angles`` (N, 3): yaw, pitch, roll in degrees."""
    x, y, z = np.moveaxis(direction_from_matrix(matrix_from_euler(angles)), -1, 0)
    directions: FloatArray = np.degrees(np.stack([np.arctan2(-x, -z), np.arcsin(np.clip(-y, -1, 1))], axis=-1))
    return directions


def fit_affine(predicted: ArrayLike, labels: ArrayLike) -> AffineMap:
    """The least-squares map of pan and tilt from ``predicted`` to ``labels``, both (N, 2) degrees, N > 0.

    Where all predictions of an axis are equal the slope is 0 and the offset the labels' mean.
    """
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 2 or x.shape[1] != 2 or len(x) == 0:
        raise ValueError(f"predicted {x.shape} and labels {y.shape} must have one shape (N, 2), pan tilt, N > 0")
    spread = x - x.mean(axis=0)
    variance = (spread**2).sum(axis=0)
    slope = np.where(variance > 0, (spread * y).sum(axis=0) / np.where(variance > 0, variance, 1), 0.0)
    offset = y.mean(axis=0) - slope * x.mean(axis=0)
    return AffineMap((float(slope[0]), float(slope[1])), (float(offset[0]), float(offset[1])))


def cross_fitted(
    predicted: ArrayLike, labels: ArrayLike, groups: Sequence[str], usable: NDArray[np.bool_]
) -> tuple[FloatArray, dict[str, AffineMap]]:
    """``predicted`` (N, 2), each group mapped as fitted on all other groups, and the map of each group.

    Only rows that are ``usable`` (N,) take part in a fit; missed faces are not.

    Raises:
        ValueError: if there is nothing to fit a group's map on.
    """
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    mapped = np.empty_like(x)
    maps: dict[str, AffineMap] = {}
    for group in dict.fromkeys(groups):
        inside = np.array([other == group for other in groups])
        fitted_on = ~inside & usable
        if not fitted_on.any():
            raise ValueError(f"there is nothing to fit on beside {group}")
        maps[group] = fit_affine(x[fitted_on], y[fitted_on])
        mapped[inside] = maps[group](x[inside])
    return mapped, maps


def direction_metrics(predicted: ArrayLike, labels: ArrayLike, *, seed: int = 0) -> DirectionMetrics:
    """The errors of ``predicted`` against ``labels``, both (N, 2) pan and tilt in degrees; nothing is folded by 180."""
    errors = np.abs(np.asarray(predicted, dtype=np.float64) - np.asarray(labels, dtype=np.float64))
    pan, tilt = (float(error) for error in errors.mean(axis=0))
    return DirectionMetrics(len(errors), pan, tilt, (pan + tilt) / 2, bootstrap_interval(errors, seed=seed))
