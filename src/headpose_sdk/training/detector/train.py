"""``headpose train detector``: a face detector from photos with face boxes, a part of which is held back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headpose_sdk.detection import cell_grid
from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import FaceSample, read_faces
from headpose_sdk.training.config import DetectorConfig, TrainingDevice
from headpose_sdk.training.detector.data import load_photos, training_batch
from headpose_sdk.training.detector.loss import Targets, detection_loss
from headpose_sdk.training.detector.network import FaceDetectorNetwork
from headpose_sdk.training.initial import begin_with
from headpose_sdk.training.network import normalise
from headpose_sdk.training.processes import Processes, training_processes
from headpose_sdk.training.provenance import data_settings
from headpose_sdk.training.split import split_by_hash
from headpose_sdk.training.trainer import Trainer, shuffled_rows

__all__ = ["split_by_file", "train_detector"]

VALIDATION_PART = 0.08


def train_detector(
    data: Path,
    out: Path,
    config: DetectorConfig,
    *,
    resume: bool,
    init: Path | None = None,
    threads: int | None = None,
    device: TrainingDevice = "auto",
) -> Path:
    """Train on ``data``, a CSV of face boxes, and return the checkpoint's path.

    ``init`` is the folder of another run, whose averaged weights this one begins with.

    The photos of the validation part (by hash of the file name) are left out: :func:`split_by_file` names them.
    ``out`` is made when all photos to train on were read.

    Raises:
        DatasetError: if ``data`` is no table of faces, or leaves no photo to train on.
        InvalidImageError: if a photo to train on cannot be read.
        TrainingError: if ``out`` holds a run that this one does not go on with, or the loss is no number any more.
        ModelError: if ``init`` cannot be read, or belongs to another network.
        OutputError: if ``out`` cannot be written.
        ProviderError: if ``device`` is "cuda" and PyTorch can use no GPU.
    """
    with training_processes(device) as processes:
        return _train(data, out, config, processes, resume=resume, init=init, threads=threads)


def _train(
    data: Path,
    out: Path,
    config: DetectorConfig,
    processes: Processes,
    *,
    resume: bool,
    init: Path | None,
    threads: int | None,
) -> Path:
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    training, held_back = split_by_file(read_faces(data))
    if not training:
        raise DatasetError(f"{data} leaves no photo to train on after the split by file name; it needs some tens")
    network = FaceDetectorNetwork().to(memory_format=torch.channels_last)
    settings = {
        "kind": "detector",
        **data_settings(data, data.name, len(training) + len(held_back)),
        **begin_with(network, init),
        **asdict(config),
    }
    trainer = Trainer(
        network,
        out,
        settings,
        steps=config.pictures // config.batch,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        warmup=300,
        processes=processes,
    )
    trainer.start(resume)
    photos = load_photos(training)
    cells = torch.from_numpy(cell_grid(config.size, config.size).copy()).to(processes.device)

    def batch_at(step: int) -> tuple[Tensor, Targets]:
        rng = np.random.default_rng(processes.seeds(config.seed, step))
        rows = processes.share(shuffled_rows(len(photos), config.batch, step, config.seed))
        images, boxes, kind = training_batch(photos, rows, config.size, rng)
        return torch.from_numpy(images), Targets(torch.from_numpy(boxes), torch.from_numpy(kind))

    def loss_of(model: nn.Module, batch: tuple[Tensor, Targets]) -> Mapping[str, Tensor]:
        images, targets = batch[0].to(processes.device), batch[1].to(processes.device)
        with torch.autocast(processes.device.type, torch.bfloat16):
            predictions = model(normalise(images))
        score_loss, box_loss = detection_loss(predictions.float(), cells, targets)
        return {"score": score_loss, "box": box_loss}

    trainer.run(batch_at, loss_of, items=config.batch, unit="pictures")
    return trainer.checkpoint


def split_by_file(samples: list[FaceSample]) -> tuple[list[FaceSample], list[FaceSample]]:
    """Training and validation part; a photo's place depends on its name alone, not on what else there is."""
    return split_by_hash(samples, lambda sample: sample.file.name, VALIDATION_PART)
