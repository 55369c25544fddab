"""What each batch is made of: how many heads of each kind, which ones, and how many pictures without a face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.errors import DatasetError
from headpose_sdk.training.trainer import rows_at

__all__ = ["NO_KIND", "Mixture", "check_kinds", "counts_of_steps"]

NO_KIND = "(none)"  # how rows without a kind are told
GOLDEN_RATIO = (5**0.5 - 1) / 2


def check_kinds(kinds: Sequence[str], shares: Mapping[str, float]) -> None:
    """Refuse ``shares`` of kinds of which there is no row.

    Raises:
        DatasetError: naming them, and what there is.
    """
    missing = sorted(shares.keys() - set(kinds))
    if missing:
        there = ", ".join(sorted({kind or NO_KIND for kind in kinds}))
        raise DatasetError(
            f"--shares names {', '.join(missing)}, but the rows to train on are of kind {there}; "
            "name kinds that stand in the column kind of manifest.csv"
        )


@dataclass(frozen=True)
class Mixture:
    """The make-up of batches of ``batch`` pictures, a pure function of seed and step.

    ``groups`` are the rows of each kind, ``parts`` what is shown of them, of sum 1; ``nonface_share`` of every batch
    are pictures without a face.
    """

    groups: tuple[NDArray[np.int64], ...]
    parts: tuple[float, ...]
    nonface_share: float
    batch: int
    seed: int

    @classmethod
    def of(
        cls, kinds: NDArray[np.str_], shares: Mapping[str, float] | None, nonface_share: float, batch: int, seed: int
    ) -> Mixture:
        """For rows of ``kinds`` (N,); without ``shares`` all of them as often as they come."""
        if shares is None:
            return cls((np.arange(len(kinds)),), (1.0,), nonface_share, batch, seed)
        names = sorted(shares)  # what is shown does not depend on the order in which the kinds were named
        groups = tuple(np.flatnonzero(kinds == name) for name in names)
        return cls(groups, tuple(shares[name] for name in names), nonface_share, batch, seed)

    def at(self, step: int) -> tuple[NDArray[np.int64], int]:
        """The rows that ``step`` shows, and the number of pictures without a face beside them."""
        heads = 1 - self.nonface_share
        parts = np.array([self.nonface_share, *(part * heads for part in self.parts)])
        counts = counts_of_steps(parts, self.batch, np.arange(step + 1))
        nonfaces, *now = counts[step].tolist()
        _, *before = counts[:step].sum(axis=0).tolist()
        rows = [
            group[rows_at(len(group), np.arange(first, first + count), self.seed)]
            for group, first, count in zip(self.groups, before, now, strict=True)
        ]
        return np.concatenate(rows), nonfaces


def counts_of_steps(parts: NDArray[np.float64], batch: int, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole numbers (S, K) of ``batch`` pictures for ``parts`` (K,) of sum 1, one row a step of ``steps`` (S,).

    Each row adds up to ``batch`` and is off by less than 1 a part; over the steps the mean is right: a part of 0.24
    pictures a batch is one picture in every fourth batch or so.
    """
    edges = batch * np.cumsum(parts) / parts.sum()
    # All edges are moved by the same part of a picture and rounded down. The multiples of the golden ratio fill 0 to 1
    # evenly, however few there are.
    moved = np.floor(edges + (steps * GOLDEN_RATIO % 1)[:, None])
    moved[:, -1] = batch
    counts: NDArray[np.int64] = np.diff(moved, axis=1, prepend=0).astype(np.int64)
    return counts
