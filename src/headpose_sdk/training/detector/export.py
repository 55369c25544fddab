"""A face detector's model folder from a checkpoint; called by :func:`headpose_sdk.training.export.export`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from headpose_sdk.config import DetectorModelConfig, WeightsFile
from headpose_sdk.detection import STRIDES, OnnxFaceDetector
from headpose_sdk.errors import ModelIntegrityError
from headpose_sdk.evaluation.datasets import FaceSample, read_faces
from headpose_sdk.evaluation.evaluate import evaluate_detector
from headpose_sdk.evaluation.views import sample_photo
from headpose_sdk.images import read_image
from headpose_sdk.training.checkpoint import Checkpoint, load_averaged
from headpose_sdk.training.detector.network import DetectorGraph, FaceDetectorNetwork
from headpose_sdk.training.detector.train import split_by_file
from headpose_sdk.training.onnx_files import (
    new_folder,
    open_model,
    refuse_difference,
    to_onnx,
    training_of,
    write_config,
)
from headpose_sdk.training.provenance import refuse_other_data
from headpose_sdk.training.smaller import quantise

__all__ = ["export_detector"]

# Measured on held-back photos: docs/experiments.md.
MAX_SIDE, MIN_SIDE, COARSE_SIDE, SMALLEST_BOX, MAX_IOU = 1280, 640, 160, 20, 0.4
CALIBRATION_PHOTOS = 160
LARGEST_LOSS = 0.02  # of average precision, int8 against float
DOUBTFUL = 0.02  # the score from which on the measure looks for the best threshold


def export_detector(
    checkpoint: Checkpoint,
    data: Path | None,
    out: Path,
    *,
    name: str,
    license_id: str,
    score_threshold: float,
    face_scale: float,
    face_shift: float,
) -> dict[str, Any]:
    """Write the model folder ``out`` of a face detector; return what was measured.

    With ``data``, the CSV of the training, that is also how well it finds the faces of the photos held back, and photos
    of the rest calibrate an int8 file for CPUs. Without, there is the float file alone, for CPU and GPU.

    Raises:
        ModelIntegrityError: if the exported network does not do what the trained one does.
        DatasetError: if ``data`` is no table of faces, or none that can be measured on was held back.
        OutputError: if ``out`` cannot be written.
    """
    training, held_back = ([], []) if data is None else split_by_file(read_faces(data))
    if data is not None:
        refuse_other_data(checkpoint.settings, [data])
    network = FaceDetectorNetwork()
    load_averaged(network, checkpoint)
    graph = DetectorGraph(network).eval()
    photo = sample_photo()[None]
    with new_folder(out) as folder:
        file = folder / "model.fp32.onnx"
        dynamic = {"picture": {1: "height", 2: "width"}, "cells": {0: "cells"}}
        # Traced at one size and run at another, so that a size baked into the graph cannot pass unseen.
        to_onnx(graph, torch.from_numpy(photo[:, :256, :320].copy()), file, ["picture"], ["cells"], dynamic)
        config = DetectorModelConfig(
            name=name,
            score_threshold=score_threshold,
            max_iou=MAX_IOU,
            max_side=MAX_SIDE,
            min_side=MIN_SIDE,
            coarse_side=COARSE_SIDE,
            smallest_box=SMALLEST_BOX,
            face_scale=face_scale,
            face_shift=face_shift,
            files={"cpu": WeightsFile.of(file)},
            license=license_id,
            training=training_of(checkpoint),
        )
        (cells,) = open_model(folder, config).run(photo)
        with torch.no_grad():
            worst = float(np.abs(cells - graph(torch.from_numpy(photo)).numpy()).max())
        refuse_difference(worst, "cells on the sample photo")
        report: dict[str, Any] = {"model": str(out), "largest_difference": worst}
        if data is not None:
            report["float"] = _measure(folder, held_back, score_threshold)
            quantised = folder / "model.int8.onnx"
            quantise(file, quantised, "picture", _calibration_pictures(training), outputs_of_last=5)
            write_config(
                folder, replace(config, files={"cpu": WeightsFile.of(quantised), "cuda": WeightsFile.of(file)})
            )
            report["validation"] = _measure(folder, held_back, score_threshold)
            _accept(report["float"], report["validation"])
    return report


def _calibration_pictures(samples: list[FaceSample]) -> Iterator[NDArray[np.uint8]]:
    """Photos from all over the data set, (1, H, W, 3), cut to sides that the network takes."""
    chosen = samples[:: max(1, len(samples) // CALIBRATION_PHOTOS)]
    for sample in tqdm(chosen, unit="photos", desc="calibrating", leave=False, disable=None):
        photo = read_image(sample.file)
        height, width = (side // STRIDES[-1] * STRIDES[-1] for side in photo.shape[:2])
        if height and width:
            yield photo[None, :height, :width]


def _accept(exact: dict[str, Any], quantised: dict[str, Any]) -> None:
    """Raise ModelIntegrityError if int8 costs more average precision than ``LARGEST_LOSS`` in a class of sizes."""
    for before, after in zip(exact["size_classes"], quantised["size_classes"], strict=True):
        if before["n"] and not before["average_precision"] - after["average_precision"] <= LARGEST_LOSS:
            raise ModelIntegrityError(
                f"the int8 network has an average precision of {after['average_precision']:.3f} on faces from "
                f"{before['min_size']:g} px, the float one {before['average_precision']:.3f}; train on more photos, or "
                "export without --data, which leaves it in float"
            )


def _measure(folder: Path, samples: list[FaceSample], threshold: float) -> dict[str, Any]:
    """Recall and precision of the detector in ``folder``, without the names of the photos."""
    detector = OnnxFaceDetector(folder, score_threshold=min(DOUBTFUL, threshold), device="cpu")
    with tqdm(total=len(samples), unit="photos", desc="measuring", disable=None) as bar:
        measured = evaluate_detector(detector, samples, threshold=threshold, progress=lambda done, of: bar.update(1))
    recall = {key: value for key, value in measured["recall"].items() if key != "missed_files"}
    return {**{key: measured[key] for key in ("protocol", "photos", "faces", "size_classes")}, "recall": recall}
