"""``headpose train teacher`` and ``distill``: a pose network from labelled heads, or from the answers of teachers.

A teacher learns from the labels (the paper's equations 1 to 3), a student from an ensemble of teachers (4 and 5). Both
see the same pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from headpose_sdk.evaluation.datasets import manifest_of
from headpose_sdk.training.backbones import check_sizes
from headpose_sdk.training.checkpoint import CHECKPOINT
from headpose_sdk.training.config import TeacherConfig, TrainingDevice
from headpose_sdk.training.data import load_crops, read_split, training_batch
from headpose_sdk.training.ensemble import Ensemble
from headpose_sdk.training.initial import begin_with
from headpose_sdk.training.losses import distillation_loss, pose_loss
from headpose_sdk.training.mixture import Mixture, check_kinds
from headpose_sdk.training.network import PoseNetwork, normalise
from headpose_sdk.training.nonfaces import nonface_batch
from headpose_sdk.training.processes import Processes, training_processes
from headpose_sdk.training.provenance import folders_settings, teachers_settings
from headpose_sdk.training.trainer import Trainer

__all__ = ["train_student", "train_teacher"]


@dataclass(frozen=True)
class Batch:
    """Pictures (N, S, S, 3) uint8 BGR, their ``angles`` (N, 3) in degrees, which are ``known``, and ``sigma`` (N,)."""

    images: Tensor
    angles: Tensor
    known: Tensor
    sigma: Tensor

    def to(self, place: torch.device) -> Batch:
        """The same on that device."""
        tensors = (self.images, self.angles, self.known, self.sigma)
        return Batch(*(tensor.to(place, non_blocking=True) for tensor in tensors))


Loss: TypeAlias = Callable[[Tensor, Batch], Mapping[str, Tensor]]
"""From logits and what they answer to, to the terms of the loss."""


def train_teacher(
    data: Sequence[Path],
    out: Path,
    config: TeacherConfig,
    *,
    resume: bool,
    init: Path | None = None,
    threads: int | None = None,
    device: TrainingDevice = "auto",
) -> Path:
    """Train on the labels of ``data``, folders with manifest.csv, and return the checkpoint's path.

    ``init`` names the weights to begin with, see :func:`begin_with`. ``device``: "cuda", "cpu", or "auto", which takes
    a GPU that PyTorch can use.

    The heads of the validation part (by hash of ``source``) are left out of training; the export measures on them.
    ``out`` is made when all of ``data`` was read.

    Raises:
        DatasetError: if ``data`` is no data set that can be trained on, or has no row of a kind to be shown.
        InvalidImageError: if one of its pictures cannot be read.
        TrainingError: if ``out`` holds a run that this one does not go on with, or the loss is no number any more.
        UnknownModelError: if timm does not know the backbone.
        ModelError: if ``init`` cannot be read, or belongs to another network.
        OutputError: if ``out`` cannot be written.
        ProviderError: if ``device`` is "cuda" and PyTorch can use no GPU.
    """

    def loss(logits: Tensor, batch: Batch) -> Mapping[str, Tensor]:
        return pose_loss(logits, batch.angles, batch.known, sigma=batch.sigma, mse_weight=config.mse_weight)

    with training_processes(device) as processes:
        return _train(data, out, config, loss, {}, processes, resume=resume, init=init, threads=threads)


def train_student(
    data: Sequence[Path],
    teachers: Sequence[Path],
    out: Path,
    config: TeacherConfig,
    *,
    resume: bool,
    init: Path | None = None,
    threads: int | None = None,
    device: TrainingDevice = "auto",
) -> Path:
    """Train on what ``teachers``, folders of runs, say of the pictures in ``data``; else as :func:`train_teacher`.

    The averaged networks of the teachers answer for each picture as the student sees it, turned, covered and at its
    size. Of the labels it only matters whether they can be learnt at all: see :func:`distillation_loss`.

    Raises:
        ModelError: if a teacher cannot be read.
        And what :func:`train_teacher` raises.
    """
    ensemble = Ensemble.of(teachers)

    def loss(logits: Tensor, batch: Batch) -> Mapping[str, Tensor]:
        with torch.autocast(logits.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            answers = ensemble(batch.images)
        return distillation_loss(logits, answers, batch.known)

    settings = teachers_settings([folder / CHECKPOINT for folder in teachers])
    with training_processes(device) as processes:
        ensemble.to(processes.device)
        return _train(data, out, config, loss, settings, processes, resume=resume, init=init, threads=threads)


def _train(
    data: Sequence[Path],
    out: Path,
    config: TeacherConfig,
    loss: Loss,
    settings: Mapping[str, Any],
    processes: Processes,
    *,
    resume: bool,
    init: Path | None,
    threads: int | None,
) -> Path:
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    check_sizes(config.backbone, {size for size, _ in config.stages})
    training, held_back, rows = read_split(data)
    shares = None if config.shares is None else dict(config.shares)
    if shares is not None:
        check_kinds([sample.kind for sample in training], shares)
        training = [sample for sample in training if sample.kind in shares]
    config = config.for_heads(len(training))
    steps = config.crops // config.batch
    network = PoseNetwork(config.backbone, config.stages[-1][0]).to(memory_format=torch.channels_last)
    settings = {
        "kind": "pose",
        **settings,
        **folders_settings([manifest_of(root) for root in data], rows),
        **begin_with(network, init),
        **asdict(config),
        "stages": [list(stage) for stage in config.stages],
        "shares": shares,
    }
    del settings["epochs"]  # they are told as crops
    trainer = Trainer(
        network,
        out,
        settings,
        steps=steps,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        warmup=300,
        processes=processes,
    )
    trainer.start(resume)
    load_crops(held_back)  # not kept: what cannot be read is told now instead of at the export
    crops = load_crops(training)
    mixture = Mixture.of(crops.kind, shares, config.nonface_share, config.batch, config.seed)

    sigma = np.hypot(config.label_sigma, config.spread_weight * crops.spread).astype(np.float32)

    def batch_at(step: int) -> Batch:
        rng = np.random.default_rng(processes.seeds(config.seed, step))
        shown, nonfaces = mixture.at(step)
        shown, nonfaces = processes.share(shown), processes.share_of(nonfaces)
        size = config.size_at(step / steps)
        images, angles, known = training_batch(crops, shown, size, rng)
        images = np.concatenate([images, nonface_batch(crops.images, nonfaces, size, rng)])
        beside = ((0, nonfaces), (0, 0))  # they have no angles, and none is known
        angles, known = np.pad(angles, beside), np.pad(known, beside)
        widths = np.pad(sigma[shown], (0, nonfaces), constant_values=1)
        return Batch(
            torch.from_numpy(images), torch.from_numpy(angles), torch.from_numpy(known), torch.from_numpy(widths)
        )

    def loss_of(model: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        batch = batch.to(processes.device)
        with torch.autocast(processes.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            logits = model(normalise(batch.images))
        return loss(logits.float(), batch)

    trainer.run(batch_at, loss_of, items=config.batch, unit="crops")
    return trainer.checkpoint
