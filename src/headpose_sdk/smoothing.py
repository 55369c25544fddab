"""Rotations kept steady over time: the One-Euro filter (Casiez, Roussel and Vogel, CHI 2012), on quaternions.

A low-pass filter whose cut-off rises with the speed of the head: strong while the head is still, where jitter shows,
and weak while it turns, where delay does. It works on whole rotations, so there is no jump at +-180 degrees and no
trouble near gimbal lock, and on time stamps, so that frames may come irregularly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from headpose_sdk.rotation import FloatArray, matrix_from_quaternion, quaternion_from_matrix

__all__ = ["LEVELS", "OneEuro", "RotationFilter", "Smoothing"]

Smoothing: TypeAlias = Literal["off", "light", "strong"]

_SPEED_CUTOFF = 1.0  # Hz, of the filter on the speed itself: the value of the paper
_USUAL_SECONDS = 0.5  # how far back goes what is a usual std
_LEAST_TRUST = 1 / 16  # what a rotation counts at least, however unsure the network is of it


@dataclass(frozen=True, slots=True)
class OneEuro:
    """The two numbers of the filter.

    ``min_cutoff`` in Hz: how steady a still head is.
    ``beta`` in Hz per degree a second: how readily turns are followed.
    """

    min_cutoff: float
    beta: float

    def cutoff(self, speed: float) -> float:
        """Hz, for a head that turns by ``speed`` degrees a second."""
        return self.min_cutoff + self.beta * speed

    def delay(self, speed: float) -> float:
        """How far the filter lags behind a head that turns steadily by ``speed`` degrees a second; milliseconds."""
        return 1000 / (2 * math.pi * self.cutoff(speed))


LEVELS: dict[Smoothing, OneEuro | None] = {
    "off": None,
    "light": OneEuro(min_cutoff=0.2, beta=0.03),
    "strong": OneEuro(min_cutoff=0.1, beta=0.012),
}


class RotationFilter:
    """Smooths the rotations of one head; the first comes out as it went in."""

    def __init__(self, level: OneEuro) -> None:
        self._level = level
        self._time = -math.inf
        self._measured = self._smooth = np.array([0.0, 0.0, 0.0, 1.0])
        self._velocity = np.zeros(3)
        self._usual_std = 0.0

    def __call__(self, rotation: ArrayLike, time: float, std: float = 1.0) -> FloatArray:
        """The smoothed rotation (3, 3) at ``time`` in seconds, for a measured one (3, 3) in OpenCV axes.

        ``std`` is the network's uncertainty in any unit: a rotation twice as unsure as usual counts a quarter.

        Raises:
            ValueError: if ``time`` is not after that of the call before.
        """
        if not time > self._time:
            raise ValueError(f"time={time} is not after {self._time}; give the time of each frame, in seconds")
        measured = quaternion_from_matrix(rotation)
        if math.isinf(self._time):
            self._smooth, self._usual_std = measured, std
        else:
            self._smooth = self._blend(measured, time - self._time, std)
        self._measured, self._time = measured, time
        return matrix_from_quaternion(self._smooth)

    def _blend(self, measured: FloatArray, seconds: float, std: float) -> FloatArray:
        velocity = np.degrees(_turn_between(self._measured, measured)) / seconds
        self._velocity += _weight(_SPEED_CUTOFF, seconds) * (velocity - self._velocity)
        weight = _weight(self._level.cutoff(float(np.linalg.norm(self._velocity))), seconds)
        # weight / (1 - weight) is the ratio of two variances, as in a Kalman gain: the measured one scales it.
        trust = min(1.0, max(_LEAST_TRUST, (self._usual_std / std) ** 2)) if std > 0 else 1.0
        self._usual_std += -math.expm1(-seconds / _USUAL_SECONDS) * (std - self._usual_std)
        weight = weight * trust / (weight * trust + 1 - weight)
        return _turned(self._smooth, weight * _turn_between(self._smooth, measured))


def _weight(cutoff: float, seconds: float) -> float:
    """What the newest value counts in an exponential low-pass filter, for the ``seconds`` since the one before."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * seconds))


def _turn_between(a: FloatArray, b: FloatArray) -> FloatArray:
    """The shortest turn from quaternion ``a`` to ``b`` as a rotation vector (3,) in radians, in ``a``'s own axes."""
    x, y, z, w = _product(np.array([-a[0], -a[1], -a[2], a[3]]), b)
    vector = np.array([x, y, z]) * (1.0 if w >= 0 else -1.0)  # q and -q are one rotation
    sine = float(np.linalg.norm(vector))
    if sine == 0:
        return vector
    turn: FloatArray = vector * (2 * math.atan2(sine, abs(w)) / sine)
    return turn


def _turned(quaternion: FloatArray, vector: FloatArray) -> FloatArray:
    """``quaternion`` turned by a rotation vector in its own axes."""
    angle = float(np.linalg.norm(vector))
    axis = vector if angle == 0 else vector * (math.sin(angle / 2) / angle)
    product = _product(quaternion, np.array([*axis, math.cos(angle / 2)]))
    unit: FloatArray = product / np.linalg.norm(product)  # rounding would add up over hours
    return unit


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Hamilton's product of two quaternions, x, y, z, w."""
    vector = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.array([*vector, a[3] * b[3] - a[:3] @ b[:3]])
