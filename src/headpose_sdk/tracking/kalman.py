"""How a face box moves: a Kalman filter on its centre, with a velocity, and on its size, without."""

from __future__ import annotations

import numpy as np

from headpose_sdk.results import BoundingBox
from headpose_sdk.rotation import FloatArray

__all__ = ["BoxMotion"]

# Everything in units of the face's size and seconds, so that near and far faces are treated alike.
_CENTER_STD = 0.05  # of a measured centre
_STRAY_STD = 0.085  # by which a face may stray from what is expected and be the same: detectors jump, heads jerk
_SIZE_STD = 0.1  # of the logarithm of a measured width or height
_FIRST_SPEED_STD = 3.0  # of a face just found, sizes a second
_ACCELERATION = 8.0  # spectral density, sizes^2 a second^3: a third of a second unseen leaves it 0.3 sizes unsure
_SIZE_CHANGE = 0.25  # spectral density of the logarithm of the size, a second


class BoxMotion:
    """Where a face is and where to expect it; all times in seconds."""

    def __init__(self, box: BoundingBox, time: float) -> None:
        self._time = time
        self._center, self._log_size = _measured(box)
        self._velocity = np.zeros(2)  # pixels a second
        # x and y are measured and move alike: one covariance of position and velocity serves both.
        self._covariance = np.diag([_CENTER_STD**2, _FIRST_SPEED_STD**2])
        self._size_variance = _SIZE_STD**2

    @property
    def box(self) -> BoundingBox:
        """The face at the time last predicted or measured."""
        half = np.exp(self._log_size) / 2
        return BoundingBox(*(self._center - half).tolist(), *(self._center + half).tolist())

    def predict(self, time: float) -> None:
        """Go on to ``time`` at the same velocity."""
        seconds = time - self._time
        step = np.array([[1.0, seconds], [0.0, 1.0]])
        noise = np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]]) * _ACCELERATION
        self._center = self._center + seconds * self._velocity
        self._covariance = step @ self._covariance @ step.T + noise
        self._size_variance += _SIZE_CHANGE * seconds
        self._time = time

    def measure(self, box: BoundingBox) -> None:
        """Take in where the face was found, at the time last predicted."""
        center, log_size = _measured(box)
        gain = self._covariance[:, 0] / (self._covariance[0, 0] + _CENTER_STD**2)
        surprise = center - self._center
        self._center = self._center + gain[0] * surprise
        self._velocity = self._velocity + gain[1] * surprise
        self._covariance = self._covariance - np.outer(gain, self._covariance[0])
        size_gain = self._size_variance / (self._size_variance + _SIZE_STD**2)
        self._log_size = self._log_size + size_gain * (log_size - self._log_size)
        self._size_variance *= 1 - size_gain

    def distance(self, box: BoundingBox) -> tuple[float, float]:
        """How far ``box`` is from what is expected, in squared standard deviations; and its negative log likelihood."""
        center, log_size = _measured(box)
        center_variance = self._covariance[0, 0] + _STRAY_STD**2
        size_variance = self._size_variance + _SIZE_STD**2
        size = float(np.exp(self._log_size.mean()))
        offset = (center - self._center) / size
        squared = offset @ offset / center_variance + np.sum((log_size - self._log_size) ** 2) / size_variance
        return float(squared), float(squared / 2 + np.log(center_variance) + np.log(size_variance))


def _measured(box: BoundingBox) -> tuple[FloatArray, FloatArray]:
    return np.array(box.center), np.log([box.width, box.height])
