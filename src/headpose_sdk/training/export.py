"""``headpose train export``: from a checkpoint to a model folder, checked against the network it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from headpose_sdk.config import DetectorModelConfig, PoseModelConfig, WeightsFile
from headpose_sdk.errors import DatasetError, ModelIntegrityError, UnknownModelError
from headpose_sdk.evaluation.datasets import PoseSample, manifest_of
from headpose_sdk.evaluation.views import sample_views
from headpose_sdk.training.checkpoint import CHECKPOINT, Checkpoint, load_averaged, read_checkpoint
from headpose_sdk.training.config import INPUT_SIZE, SCORE_THRESHOLD
from headpose_sdk.training.data import CROP_MARGIN, load_crops, plain_batch, read_split, training_batch
from headpose_sdk.training.detector.export import export_detector
from headpose_sdk.training.labels import known_angles, within_yaw
from headpose_sdk.training.losses import BIN_CENTERS, BIN_WIDTH
from headpose_sdk.training.measure import in_batches, measure
from headpose_sdk.training.network import PoseGraph, network_of
from headpose_sdk.training.onnx_files import (
    new_folder,
    open_model,
    refuse_difference,
    refuse_existing,
    to_onnx,
    training_of,
    write_config,
)
from headpose_sdk.training.provenance import refuse_other_data
from headpose_sdk.training.smaller import halve, quantise
from headpose_sdk.weights import DEFAULT_DETECTOR, find_model

__all__ = ["GOLDEN", "GOLDEN_VIEWS", "calibration_rows", "export"]

CONVENTION = "degrees, yaw pitch roll, signs of 300W-LP: yaw > 0 to the image's left, pitch > 0 up, roll > 0 clockwise"
GOLDEN = "golden.json"
GOLDEN_VIEWS = 64
CALIBRATION_CROPS = 1024
YAW_STRATA = 32
LARGEST_QUANTISATION_LOSS = 0.3  # degrees of mean difference, int8 against float, on views of the sample photo
LARGEST_CHANGE_OF_ERROR = 0.1  # degrees of MAE on the heads held back, int8 against float
ONE_SIGMA = 0.6827


def export(
    run: Path,
    out: Path,
    *,
    data: Sequence[Path] = (),
    name: str | None = None,
    license_id: str = "not stated",
    detector: str = DEFAULT_DETECTOR,
    score_threshold: float = SCORE_THRESHOLD,
    face_scale: float = 1.0,
    face_shift: float = 0.0,
) -> dict[str, Any]:
    """Write the model folder ``out`` from the checkpoint in ``run``; return what was measured on the way.

    ``data`` is that of the training: the folders of a pose network, which needs them, or the CSV of a detector, which
    is measured if it is there. ``detector`` is the one that a pose network goes with; ``score_threshold``, and
    ``face_scale`` and ``face_shift`` of :class:`DetectorModelConfig`, are for a face detector. ``out`` appears when
    everything in it was checked, or not at all.

    Raises:
        ModelIntegrityError: if ``run`` holds no checkpoint of a known kind, or the exported network does not do what
            the trained one does.
        DatasetError: if ``data`` is missing for a pose network or more than one CSV for a detector, or is no data set
            of the kind.
        UnknownModelError, ModelNotFoundError: if there is no face detector ``detector``.
        OutputError: if ``out`` exists or cannot be written.
    """
    refuse_existing(out)
    checkpoint = read_checkpoint(run / CHECKPOINT)
    common = {"name": name or out.resolve().name, "license_id": license_id}
    kind = checkpoint.settings.get("kind")
    if kind == "detector":
        if len(data) > 1:
            raise DatasetError(f"{run} holds a detector, which is measured on one CSV; give --data once")
        return export_detector(
            checkpoint,
            data[0] if data else None,
            out,
            score_threshold=score_threshold,
            face_scale=face_scale,
            face_shift=face_shift,
            **common,
        )
    if kind != "pose":
        raise ModelIntegrityError(
            f"{run} holds a run of the kind {kind!r}, which this version cannot export; use the version that trained it"
        )
    if not data:
        raise DatasetError(
            f"{run} holds a pose network, whose export measures and calibrates on photos; "
            "add --data with the folders that it was trained on"
        )
    return _export_pose(checkpoint, data, out, detector=detector, **common)


def _export_pose(
    checkpoint: Checkpoint, data: Sequence[Path], out: Path, *, name: str, detector: str, license_id: str
) -> dict[str, Any]:
    """The validation part of ``data`` gives the scale of the std and the accuracy; the rest calibrates int8."""
    if not isinstance(find_model(detector).config, DetectorModelConfig):
        raise UnknownModelError(f"{detector} is no face detector; `headpose models` tells which models are")
    network = network_of(checkpoint.settings)
    load_averaged(network, checkpoint)
    training, held_back, _ = read_split(data)
    refuse_other_data(checkpoint.settings, [manifest_of(root) for root in data])
    training = [sample for sample in training if known_angles(within_yaw(sample.angles)).all()]
    validation = load_crops(held_back)
    known = known_angles(validation.angles).all(axis=1)
    if not training or not known.any():
        raise DatasetError(
            f"{', '.join(map(str, data))}: {len(training)} training and {known.sum()} validation heads have all angles "
            "within the bins; the export needs some of both that face the camera"
        )
    plain = plain_batch(validation, slice(None), INPUT_SIZE)

    angles, std = in_batches(PoseGraph(network, torch.ones(3)).eval(), plain)
    scale = np.quantile(np.abs(angles - validation.angles)[known] / std[known], ONE_SIGMA, axis=0)
    graph = PoseGraph(network, torch.tensor(scale, dtype=torch.float32)).eval()
    views = sample_views(GOLDEN_VIEWS, size=INPUT_SIZE, margin=CROP_MARGIN)
    golden, golden_std = in_batches(graph, views)

    with new_folder(out) as folder:
        float_file, quantised, half = (folder / f"{name}.onnx" for name in ("float", "model.int8", "model.fp16"))
        dynamic = {"crops": {0: "batch"}, "angles": {0: "batch"}, "std": {0: "batch"}}
        to_onnx(graph, torch.from_numpy(views[:2].copy()), float_file, ["crops"], ["angles", "std"], dynamic)
        # Relu too: between a quantised addition and the next convolution it would have to stay float.
        quantise(float_file, quantised, "crops", _calibration_batches(training), also=("Add", "Relu"))
        halve(float_file, half)

        reports: dict[str, dict[str, Any]] = {}
        config = PoseModelConfig(
            name=name,
            input_size=INPUT_SIZE,
            crop_margin=CROP_MARGIN,
            bins=len(BIN_CENTERS),
            bin_width=BIN_WIDTH,
            convention=CONVENTION,
            std_scale=tuple(round(float(value), 4) for value in scale),
            detector=detector,
            files={"cpu": WeightsFile.of(quantised), "cuda": WeightsFile.of(half)},
            license=license_id,
            training=training_of(checkpoint),
        )
        for file in (float_file, half, quantised):
            # Half precision is checked on the CPU too, which computes it in float from the rounded weights.
            model = open_model(folder, replace(config, files={"cpu": WeightsFile.of(file)}))
            on_views, std_on_views = in_batches(model, views)
            reports[file.name] = {
                "difference_on_views": float(np.abs(on_views - golden).mean()),
                "largest_difference_on_views": float(np.abs(on_views - golden).max()),
                "largest_std_difference_on_views": float(np.abs(std_on_views - golden_std).max()),
                **measure(validation, *in_batches(model, plain)),
            }
        _accept(reports[float_file.name], reports[half.name], "fp16")
        _accept(reports[float_file.name], reports[quantised.name], "int8")
        float_file.unlink()
        write_config(folder, config)
        (folder / GOLDEN).write_text(json.dumps({"views": GOLDEN_VIEWS, "angles": golden.round(4).tolist()}) + "\n")
    return {"model": str(out), "std_scale": scale.round(4).tolist(), **reports}


def _accept(exact: dict[str, Any], smaller: dict[str, Any], precision: str) -> None:
    """Raise ModelIntegrityError if the float file differs from torch, or the ``smaller`` one from the float one."""
    refuse_difference(exact["largest_difference_on_views"], "angles on views of the sample photo")
    refuse_difference(exact["largest_std_difference_on_views"], "std on views of the sample photo")
    loss = smaller["difference_on_views"]
    change = abs(smaller["validation"]["mae"] - exact["validation"]["mae"])
    for value, limit, what in (
        (loss, LARGEST_QUANTISATION_LOSS, "differs from the float one on views of the sample photo"),
        (change, LARGEST_CHANGE_OF_ERROR, "has another MAE than the float one on the heads held back,"),
    ):
        if not value <= limit:
            raise ModelIntegrityError(
                f"the {precision} network {what} by {value:.3f} degrees, more than {limit}; "
                "train on more, and more varied, heads, or take a backbone that bears quantisation, such as resnet18"
            )


def calibration_rows(yaw: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` different rows of ``yaw`` (N,), or all N, spread over its range and not over its distribution.

    Profiles are few, and they have activations of their own: every stratum of yaw gives one row after the other
    until it is empty.
    """
    edges = np.linspace(yaw.min(), yaw.max(), YAW_STRATA + 1)[1:-1]
    shuffled = rng.permutation(len(yaw))
    strata = np.digitize(yaw[shuffled], edges)
    turn = np.empty(len(yaw), np.int64)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        turn[members] = np.arange(len(members))
    rows: NDArray[np.int64] = shuffled[np.argsort(turn, kind="stable")][:count]
    return rows


def _calibration_batches(samples: list[PoseSample]) -> Iterator[NDArray[np.uint8]]:
    """Crops over the whole range of yaw, each as inference cuts it and once varied as in training."""
    rng = np.random.default_rng(0)
    yaw = within_yaw([sample.angles for sample in samples])[:, 0]
    rows = calibration_rows(yaw, CALIBRATION_CROPS, rng)
    crops = load_crops([samples[row] for row in rows])
    for start in tqdm(range(0, len(crops), 32), unit="batches", desc="calibrating", leave=False, disable=None):
        part = np.arange(start, min(start + 32, len(crops)))
        yield plain_batch(crops, slice(start, start + 32), INPUT_SIZE)
        yield training_batch(crops, part, INPUT_SIZE, rng)[0]
