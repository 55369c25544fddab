"""``headpose train teacher``: a pose network from labelled heads, with the paper's losses (equations 1 to 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import MANIFEST
from headpose_sdk.training.checkpoint import CHECKPOINT
from headpose_sdk.training.config import TeacherConfig
from headpose_sdk.training.data import PROFILED, HeadCrops, load_crops, read_split, training_batch
from headpose_sdk.training.losses import pose_loss
from headpose_sdk.training.network import PoseNetwork, normalise
from headpose_sdk.training.provenance import data_settings, init_settings
from headpose_sdk.training.trainer import Trainer, shuffled_rows

__all__ = ["train_teacher"]


def train_teacher(
    data: Path, out: Path, config: TeacherConfig, *, resume: bool, init: Path | None = None, threads: int | None = None
) -> Path:
    """Train on ``data``, a folder with manifest.csv, and return the checkpoint's path.

    ``init`` is the folder of another run, whose averaged weights this one begins with.

    The heads of the validation part (by hash of ``source``) are left out of training; the export measures on them.
    ``out`` is made when all of ``data`` was read.

    Raises:
        DatasetError: if ``data`` is no data set that can be trained on.
        InvalidImageError: if one of its pictures cannot be read.
        TrainingError: if ``out`` holds a run that this one does not go on with, or the loss is no number any more.
        UnknownModelError: if timm does not know the backbone.
        ModelError: if ``init`` holds no checkpoint, or one of another network.
        OutputError: if ``out`` cannot be written.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    training, held_back = read_split(data)
    steps = config.crops // config.batch
    network = PoseNetwork(config.backbone).to(memory_format=torch.channels_last)
    settings = {
        "kind": "pose",
        **data_settings(data / MANIFEST, data.name, len(training) + len(held_back)),
        **init_settings(None if init is None else init / CHECKPOINT),
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
    load_crops(held_back)  # not kept: what cannot be read is told now instead of at the export
    crops = load_crops(training)

    def batch_at(step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([config.seed, step])
        rows = _rows(crops, config.batch, step, config.seed, config.photo_share)
        images, angles = training_batch(crops, rows, config.size_at(step / steps), rng)
        return torch.from_numpy(images), torch.from_numpy(angles)

    def loss_of(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
        images, angles = batch
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(normalise(images))
        return pose_loss(logits.float(), angles, sigma=config.label_sigma, mse_weight=config.mse_weight)

    trainer.run(batch_at, loss_of, items=config.batch, unit="crops")
    return trainer.checkpoint


def _rows(crops: HeadCrops, batch: int, step: int, seed: int, photo_share: float | None) -> NDArray[np.int64]:
    """The rows that the batch of ``step`` shows, with ``photo_share`` of them photos that are not profiled.

    Raises:
        DatasetError: if a share is asked for and one of the two kinds is missing.
    """
    if photo_share is None:
        return shuffled_rows(len(crops), batch, step, seed)
    photos, profiled = np.flatnonzero(~crops.profiled), np.flatnonzero(crops.profiled)
    if not len(photos) or not len(profiled):
        raise DatasetError(
            f"--photo-share needs rows of kind {PROFILED!r} and others; the data has {len(profiled)} and {len(photos)}"
        )
    wanted = round(batch * photo_share)
    return np.concatenate(
        [
            photos[shuffled_rows(len(photos), wanted, step, seed)],
            profiled[shuffled_rows(len(profiled), batch - wanted, step, seed)],
        ]
    )
