"""What can be set for a training, and the defaults. Without torch, so that the command line can show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

__all__ = [
    "INPUT_SIZE",
    "PAPER_STUDENT",
    "PAPER_TEACHER",
    "SCORE_THRESHOLD",
    "DetectorConfig",
    "Precision",
    "TeacherConfig",
    "TrainingDevice",
    "shares_text",
    "stages_text",
]

Precision: TypeAlias = Literal["bf16", "fp32"]
TrainingDevice: TypeAlias = Literal["auto", "cpu", "cuda"]

INPUT_SIZE = 112  # pixels, of the crops that the pose network takes at inference
SCORE_THRESHOLD = 0.65  # from which an exported detector reports a face


def stages_text(stages: Iterable[Sequence[float]]) -> str:
    """Stages as the command line writes them: ``64:0.5,112:0.5``."""
    return ",".join(f"{size}:{part:g}" for size, part in stages)


def shares_text(shares: Iterable[tuple[str, float]]) -> str:
    """Shares as the command line writes them: ``photo=0.6,rendered=0.4``."""
    return ",".join(f"{kind}={part}" for kind, part in shares)


@dataclass(frozen=True)
class TeacherConfig:
    """What decides the result of a pose network's run, besides the data.

    ``crops``: how many are seen; with ``epochs`` instead, so many times as there are heads to train on. ``stages``:
    input sizes and the part of the run that each is used for; small ones first are several times as fast and cost no
    accuracy as long as the last stage is of the final size.
    ``shares``: kinds of the manifest and the part of the heads seen that each is, of sum 1; other kinds are not seen.
    None takes all rows as often as they come. ``nonface_share``: the part of what is seen that shows no face, so that
    the network learns to be unsure there. ``label_sigma``: degrees over which a label is spread across bins, 0 for the
    paper's hard labels; ``spread_weight`` times the column ``spread`` of a row widens that. ``precision`` of the
    forward pass: mostly, bfloat16 is faster for plain convolutions and float32 for depthwise ones.
    """

    backbone: str = "resnet18"
    crops: int = 450_000
    epochs: int | None = None
    batch: int = 128
    stages: tuple[tuple[int, float], ...] = ((64, 0.5), (88, 0.2), (INPUT_SIZE, 0.3))
    shares: tuple[tuple[str, float], ...] | None = None
    nonface_share: float = 0.03
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    label_sigma: float = 3.0
    spread_weight: float = 0.0
    mse_weight: float = 0.005
    precision: Precision = "bf16"
    seed: int = 0

    def for_heads(self, count: int) -> TeacherConfig:
        """The same with ``crops`` in place of ``epochs``, where ``count`` heads are there to train on."""
        return self if self.epochs is None else replace(self, crops=self.epochs * count, epochs=None)

    def size_at(self, done: float) -> int:
        """The input size when the part ``done`` (0 to 1) of the run is over."""
        reached = 0.0
        for size, part in self.stages:
            reached += part
            if done < reached:
                return size
        return self.stages[-1][0]


PAPER_TEACHER = TeacherConfig(
    backbone="resnet101",
    epochs=100,
    stages=((INPUT_SIZE, 1.0),),
    nonface_share=0.0,
    learning_rate=1e-4,
    weight_decay=0.0,
    label_sigma=0.0,
    mse_weight=1.0,
)
"""The paper's settings (EHPNet, section 4) as far as it states them: Adam, hard labels, equal losses, one size."""

PAPER_STUDENT = replace(PAPER_TEACHER, backbone="resnet18", epochs=200)


@dataclass(frozen=True)
class DetectorConfig:
    """What decides the result of a detector's run, besides the data; ``pictures`` is the number seen in training."""

    pictures: int = 250_000
    batch: int = 32
    size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    seed: int = 0
