"""Which samples a training never sees: decided by a hash, so that neither order nor what else there is matters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["split_by_hash"]

Sample = TypeVar("Sample")


def split_by_hash(
    samples: Sequence[Sample], name_of: Callable[[Sample], str], part: float
) -> tuple[list[Sample], list[Sample]]:
    """Training and validation part, about ``part`` (0 to 1) of the names; what shares a name stays together."""
    training: list[Sample] = []
    held_back: list[Sample] = []
    for sample in samples:
        place = int(hashlib.sha256(name_of(sample).encode()).hexdigest()[:8], 16) / 2**32
        (held_back if place < part else training).append(sample)
    return training, held_back
