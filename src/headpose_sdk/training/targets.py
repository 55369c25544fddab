"""What teachers say of each head, kept in a small table: a student that learns from it costs no teacher time.

Each head is shown to every teacher several times, straight and mirrored, moved, zoomed and turned a little. The mean of
the answers, taken back to the picture as it is, is the target, and how far they lie from it on average its ``spread``.
The table is a manifest like any other with these in place of labels: a student is taught by ``headpose train teacher``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from headpose_sdk.errors import DatasetError, OutputError
from headpose_sdk.evaluation.datasets import manifest_of, read_manifest
from headpose_sdk.images import atomic_write
from headpose_sdk.preprocessing import CropSquare, cut_square
from headpose_sdk.rotation import (
    FloatArray,
    euler_from_matrix,
    geodesic_angle,
    matrix_from_euler,
    mirror_matrix,
    rotate_in_plane,
)
from headpose_sdk.training.config import INPUT_SIZE, TrainingDevice
from headpose_sdk.training.data import STORED_MARGIN, STORED_SIZE, VALIDATION_PART, HeadCrops, load_crops
from headpose_sdk.training.ensemble import Ensemble
from headpose_sdk.training.labels import known_angles
from headpose_sdk.training.losses import BIN_CENTERS
from headpose_sdk.training.processes import torch_device
from headpose_sdk.training.split import split_by_hash

__all__ = ["View", "mean_answers", "write_targets"]

_MOVED, _ZOOMED, _TURNED = 0.05, (1.1, 1.35), 15.0  # of the face's side; margins as CROP_MARGIN; degrees
_BATCH = 128


@dataclass(frozen=True, slots=True)
class View:
    """One way to show a stored crop: the square cut out of it, and whether that is mirrored then."""

    square: CropSquare
    mirrored: bool

    @classmethod
    def drawn(cls, number: int, rng: Generator) -> View:
        """A view by chance; every second one is mirrored."""
        side = STORED_SIZE / STORED_MARGIN
        x, y = STORED_SIZE / 2 + rng.uniform(-_MOVED, _MOVED, 2) * side
        return cls(CropSquare(x, y, side * rng.uniform(*_ZOOMED), rng.uniform(-_TURNED, _TURNED)), number % 2 == 1)

    def of(self, stored: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """What is shown of stored crops (N, 128, 128, 3): (N, size, size, 3)."""
        shown = np.stack([cut_square(image, self.square, size) for image in stored])
        return np.ascontiguousarray(shown[:, :, ::-1]) if self.mirrored else shown

    def undone(self, angles: FloatArray) -> FloatArray:
        """The rotations (..., 3, 3), in the stored crop, of heads that have ``angles`` (..., 3) in the view."""
        matrices = matrix_from_euler(angles)
        # The square turned clockwise, so the picture in it turned the other way.
        return rotate_in_plane(mirror_matrix(matrices) if self.mirrored else matrices, self.square.turn)


def write_targets(
    data: Path,
    teachers: Sequence[Path],
    out: Path,
    *,
    views: int = 8,
    seed: int = 0,
    threads: int | None = None,
    device: TrainingDevice = "auto",
) -> dict[str, Any]:
    """Write the table ``out``, a copy of that of ``data`` in its folder, with what ``teachers`` say for labels.

    Rows that training never sees (held back by hash of ``source``) keep their labels, and so do heads with an angle
    that cannot be learnt. Returned are the number of heads ``taught`` and ``kept``, the mean ``spread`` and the mean
    geodesic ``change`` of the labels, in degrees.

    Raises:
        DatasetError, InvalidImageError: if ``data`` is no data set, or one of its pictures cannot be read.
        ModelIntegrityError: if a folder of ``teachers`` holds no checkpoint of a pose network.
        OutputError: if ``out`` exists, is elsewhere, or cannot be written.
        ProviderError: if ``device`` is "cuda" and PyTorch can use no GPU.
    """
    table = manifest_of(data)
    if out.exists():
        raise OutputError(f"{out} exists; name another file, or remove it first")
    if out.suffix != ".csv" or out.resolve().parent != table.resolve().parent:
        raise OutputError(f"{out}: targets name their pictures from where they lie; name a .csv in {table.parent}")
    if threads:
        torch.set_num_threads(threads)
    place = torch_device(device)
    ensemble = Ensemble.of(teachers).to(place)
    samples = read_manifest(data)
    training, _ = split_by_hash(range(len(samples)), lambda row: samples[row].source, VALIDATION_PART)
    rows = [row for row in training if known_angles(samples[row].angles).all()]
    if not rows:
        raise DatasetError(f"{table} has no head to be taught: all are held back, or look away from the camera")
    crops = load_crops([samples[row] for row in rows])
    rotations, spread = mean_answers(ensemble, crops, views=views, seed=seed, place=place)
    _write(table, out, dict(zip(rows, np.column_stack([euler_from_matrix(rotations), spread]), strict=True)))
    change = geodesic_angle(rotations, matrix_from_euler(crops.angles))
    return {
        "taught": len(rows),
        "kept": len(samples) - len(rows),
        "spread": round(float(spread.mean()), 3),
        "change": round(float(change.mean()), 3),
    }


def mean_answers(
    ensemble: Ensemble, crops: HeadCrops, *, views: int, seed: int, place: torch.device
) -> tuple[FloatArray, FloatArray]:
    """The mean rotation (N, 3, 3) of all answers to ``views`` of each head, and its spread (N,) in degrees."""
    rng = np.random.default_rng(seed)
    chosen = [View.drawn(number, rng) for number in range(views)]
    rotations, spreads = [], []
    for start in tqdm(range(0, len(crops), _BATCH), unit="batches", desc="asking", disable=None):
        stored = crops.images[start : start + _BATCH]
        answers = np.concatenate(
            [view.undone(_answers(ensemble, view.of(stored, INPUT_SIZE), place)) for view in chosen]
        )
        u, _, vt = np.linalg.svd(answers.mean(axis=0))
        u[:, :, 2] *= np.linalg.det(u @ vt)[
            :, None
        ]  # of the two orthogonal matrices nearby, the one that is a rotation
        rotations.append(u @ vt)
        spreads.append(geodesic_angle(answers, rotations[-1]).mean(axis=0))
    return np.concatenate(rotations), np.concatenate(spreads)


def _answers(ensemble: Ensemble, shown: NDArray[np.uint8], place: torch.device) -> FloatArray:
    """The angles (T, N, 3) that each of the T teachers gives."""
    angles = ensemble.each(torch.from_numpy(shown).to(place)) @ BIN_CENTERS.to(place)
    return np.asarray(angles.cpu().numpy(), np.float64)


def _write(table: Path, out: Path, targets: dict[int, FloatArray]) -> None:
    """Copy ``table`` to ``out`` with yaw, pitch, roll and spread of the rows in ``targets`` exchanged."""
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restval="")
        columns = [*(reader.fieldnames or ()), *(() if "spread" in (reader.fieldnames or ()) else ("spread",))]
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for number, row in enumerate(reader):
            if number in targets:
                figures = (f"{value:.2f}" for value in targets[number])
                row |= dict(zip(("yaw", "pitch", "roll", "spread"), figures, strict=True))
            writer.writerow(row)
    with atomic_write(out) as target:
        target.write(text.getvalue().encode())
