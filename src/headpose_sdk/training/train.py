"""``headpose train teacher``: a pose network from labelled heads, with the paper's losses (equations 1 to 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headpose_sdk.training.data import load_split, training_batch
from headpose_sdk.training.losses import pose_loss
from headpose_sdk.training.network import PoseNetwork, normalise
from headpose_sdk.training.trainer import Trainer, shuffled_rows

__all__ = ["INPUT_SIZE", "TeacherConfig", "train_teacher"]

INPUT_SIZE = 112


@dataclass(frozen=True)
class TeacherConfig:
    """What decides the result of a run, besides the data.

    ``crops``: how many are seen. ``stages``: input sizes and the part of the run that each is used for; small ones
    first are several times as fast and cost no accuracy as long as the last stage is of the final size.
    ``label_sigma``: degrees over which a label is spread across bins, 0 for the paper's hard labels.
    """

    backbone: str = "resnet18"
    crops: int = 450_000
    batch: int = 128
    stages: tuple[tuple[int, float], ...] = ((64, 0.5), (88, 0.2), (INPUT_SIZE, 0.3))
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    label_sigma: float = 3.0
    mse_weight: float = 0.005
    seed: int = 0

    def size_at(self, done: float) -> int:
        """The input size when the part ``done`` (0 to 1) of the run is over."""
        reached = 0.0
        for size, part in self.stages:
            reached += part
            if done < reached:
                return size
        return self.stages[-1][0]


def train_teacher(
    data: Path, out: Path, config: TeacherConfig, *, resume: bool, init: Path | None = None, threads: int | None = None
) -> Path:
    """Train on ``data``, a folder with manifest.csv, and return the checkpoint's path.

    ``init`` is the folder of another run, whose averaged weights this one begins with.

    The heads of the validation part (by hash of ``source``) are left out of training; the export measures on them.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    steps = config.crops // config.batch
    network = PoseNetwork(config.backbone).to(memory_format=torch.channels_last)
    settings = {
        "kind": "pose",
        "data": data.name,
        "init": None if init is None else init.name,
        **asdict(config),
        "stages": [list(stage) for stage in config.stages],
    }
    trainer = Trainer(
        network,
        out,
        settings,
        steps=steps,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        warmup=300,
    )
    trainer.start(resume, init)
    crops, _ = load_split(data)

    def batch_at(step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([config.seed, step])
        rows = shuffled_rows(len(crops), config.batch, step, config.seed)
        images, angles = training_batch(crops, rows, config.size_at(step / steps), rng)
        return torch.from_numpy(images), torch.from_numpy(angles)

    def loss_of(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
        images, angles = batch
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(normalise(images))
        return pose_loss(logits.float(), angles, sigma=config.label_sigma, mse_weight=config.mse_weight)

    trainer.run(batch_at, loss_of, items=config.batch, unit="crops")
    return trainer.checkpoint
