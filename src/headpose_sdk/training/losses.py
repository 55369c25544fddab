"""The paper's losses (EHPNet, section 3.2), on logits (N, 3, 62) and angles (N, 3) in degrees, yaw pitch roll."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = [
    "BIN_CENTERS",
    "BIN_WIDTH",
    "cross_entropy",
    "distillation_loss",
    "ensemble",
    "expectation",
    "hard_targets",
    "mse",
    "pose_loss",
    "soft_targets",
]

BINS = 62
BIN_WIDTH = 3.0
LOWEST = -93.0
BIN_CENTERS = LOWEST + BIN_WIDTH * (torch.arange(BINS, dtype=torch.float32) + 0.5)
"""-91.5, -88.5, ... 91.5. The expectation over left edges instead would be off by -1.5 degrees everywhere."""


def expectation(logits: Tensor) -> Tensor:
    """Angles (N, 3) in degrees: the mean of the bin centres under the softmax of each head."""
    return torch.softmax(logits, dim=-1) @ BIN_CENTERS.to(logits.device)


def hard_targets(angles: Tensor) -> Tensor:
    """One-hot (N, 3, 62): the bin that holds the angle, as in the paper. Angles lie in [-93, 93)."""
    index = ((angles - LOWEST) / BIN_WIDTH).floor().long().clamp(0, BINS - 1)
    return F.one_hot(index, BINS).float()


def soft_targets(angles: Tensor, sigma: float | Tensor) -> Tensor:
    """Distributions (N, 3, 62): a Gaussian of ``sigma`` degrees, one or (N,), around the angle, for noisy labels."""
    width = torch.as_tensor(sigma, device=angles.device).reshape(-1, 1, 1)
    return torch.softmax(-0.5 * ((angles[..., None] - BIN_CENTERS.to(angles.device)) / width) ** 2, dim=-1)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Equation 1, for each angle (N, 3): cross-entropy of the bins with target distributions (N, 3, 62)."""
    return -(targets * torch.log_softmax(logits, dim=-1)).sum(-1)


def mse(logits: Tensor, angles: Tensor) -> Tensor:
    """Equation 2, for each angle (N, 3): squared error of the expectation, in square degrees."""
    return (expectation(logits) - angles) ** 2


def pose_loss(
    logits: Tensor, angles: Tensor, known: Tensor, *, sigma: float | Tensor, mse_weight: float
) -> dict[str, Tensor]:
    """Equation 3: both terms, summed over the three angles, mean over the batch.

    ``sigma``, one or (N,), is that of :func:`soft_targets`, 0: :func:`hard_targets`.

    ``known`` (N, 3) bool tells the angles that can be learnt. The target of the others is flat, the same for each of
    the 62 bins, whatever stands in ``angles``, which must be finite; they have no squared error, whose mean is over
    the known ones of each angle (0 if there are none).
    """
    width = torch.as_tensor(sigma, device=angles.device).expand(len(angles))
    soft = (width > 0)[:, None, None]
    targets = torch.where(soft, soft_targets(angles, width.clamp(min=1e-3)), hard_targets(angles))
    targets = _flat_where_unknown(targets, known)
    squared = torch.where(known, mse(logits, angles), 0.0)
    return {
        "cross_entropy": cross_entropy(logits, targets).sum(1).mean(),
        "mse": mse_weight * (squared.sum(0) / known.sum(0).clamp(min=1)).sum(),
    }


def ensemble(logits: Sequence[Tensor]) -> Tensor:
    """Equation 4: the mean of the teachers' distributions, (N, 3, 62), from the logits (N, 3, 62) of each."""
    return torch.stack([torch.softmax(each, dim=-1) for each in logits]).mean(0)


def distillation_loss(logits: Tensor, teachers: Tensor, known: Tensor) -> dict[str, Tensor]:
    """Equation 5: KL(teachers || student), summed over the three angles, mean over the batch.

    ``teachers`` (N, 3, 62) are the distributions of the ensemble. Angles that cannot be learnt, as ``known`` (N, 3)
    tells, have the flat target of :func:`pose_loss` instead of what the teachers make of them.
    """
    targets = _flat_where_unknown(teachers, known)
    divergence = torch.xlogy(targets, targets).sum(-1) + cross_entropy(logits, targets)
    return {"divergence": divergence.sum(1).mean()}


def _flat_where_unknown(targets: Tensor, known: Tensor) -> Tensor:
    return torch.where(known[..., None], targets, 1 / BINS)
