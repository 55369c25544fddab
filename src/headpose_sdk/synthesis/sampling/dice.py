"""Chance, one group of choices at a time, so that no group can disturb another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

import numpy as np

__all__ = ["Dice"]

Option = TypeVar("Option")


class Dice:
    """The choices of one ``group`` for one head: the same three values give the same ones in any process.

    Raises:
        ValueError: ``seed`` or ``number`` is negative.
    """

    def __init__(self, seed: int, number: int, group: str) -> None:
        if seed < 0 or number < 0:
            raise ValueError(f"seed {seed} and number {number} must not be negative")
        # A group counts by its name, so that a new one changes nothing in the old ones.
        self._rng = np.random.default_rng([seed, number, crc32(group.encode())])

    def chance(self, probability: float) -> bool:
        """True with the ``probability`` from 0 to 1."""
        return bool(self._rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """Evenly spread from ``low`` to ``high``."""
        return low + (high - low) * float(self._rng.random())

    def between_factors(self, low: float, high: float) -> float:
        """From ``low`` to ``high``, doubling being as likely from any value: spread evenly in the logarithm."""
        return math.exp(self.between(math.log(low), math.log(high)))

    def bell(self, middle: float, spread: float, low: float = -math.inf, high: float = math.inf) -> float:
        """Normally distributed; what falls outside of ``low`` to ``high`` is taken for the nearer of the two."""
        return min(max(middle + spread * float(self._rng.standard_normal()), low), high)

    def pick(self, options: Sequence[Option], odds: Sequence[float] | None = None) -> Option:
        """One of the options, by odds that need no particular sum, or all equally likely."""
        if odds is None:
            return options[int(self._rng.random() * len(options))]
        mark = float(self._rng.random()) * sum(odds)
        for option, share in zip(options, odds, strict=True):
            mark -= share
            if mark < 0:
                return option
        return max(zip(odds, options, strict=True), key=lambda pair: pair[0])[1]  # rounding left a trace of the mark

    def shares(self, concentrations: Sequence[float]) -> tuple[float, ...]:
        """Parts of a whole (Dirichlet): the smaller the concentrations, the more one of them has nearly all."""
        parts = self._rng.dirichlet(concentrations)
        return tuple(float(part) for part in parts)

    def direction(self) -> tuple[float, float, float]:
        """A unit vector, any direction equally likely."""
        x, y, z = self._rng.standard_normal(3)
        length = math.sqrt(x * x + y * y + z * z)
        return float(x / length), float(y / length), float(z / length)

    def seed(self) -> int:
        """A seed for what is drawn later."""
        return int(self._rng.random() * 2**31)
