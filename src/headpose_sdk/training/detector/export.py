"""A face detector's model folder from a checkpoint; called by :func:`headpose_sdk.training.export.export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from headpose_sdk.config import DetectorModelConfig, WeightsFile
from headpose_sdk.detection import OnnxFaceDetector
from headpose_sdk.evaluation.datasets import FaceSample, read_faces
from headpose_sdk.evaluation.evaluate import evaluate_detector
from headpose_sdk.evaluation.views import sample_photo
from headpose_sdk.training.checkpoint import Checkpoint, load_averaged
from headpose_sdk.training.detector.network import DetectorGraph, FaceDetectorNetwork
from headpose_sdk.training.detector.train import split_by_file
from headpose_sdk.training.onnx_files import new_folder, open_model, refuse_difference, to_onnx, training_of
from headpose_sdk.training.provenance import refuse_other_data

__all__ = ["export_detector"]

# Measured on held-back photos: docs/experiments.md.
MAX_SIDE, MIN_SIDE, COARSE_SIDE, SMALLEST_BOX, MAX_IOU = 1280, 640, 160, 20, 0.4
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
    """Write the model folder ``out`` of a face detector, in float32, as it is small; return what was measured.

    With ``data``, the CSV of the training, that is also how well it finds the faces of the photos held back.

    Raises:
        ModelIntegrityError: if the exported network does not do what the trained one does.
        DatasetError: if ``data`` is no table of faces, or none that can be measured on was held back.
        OutputError: if ``out`` cannot be written.
    """
    held_back = [] if data is None else split_by_file(read_faces(data))[1]
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
            report["validation"] = _measure(folder, held_back, score_threshold)
    return report


def _measure(folder: Path, samples: list[FaceSample], threshold: float) -> dict[str, Any]:
    """Recall and precision of the detector in ``folder``, without the names of the photos."""
    detector = OnnxFaceDetector(folder, score_threshold=min(DOUBTFUL, threshold), device="cpu")
    with tqdm(total=len(samples), unit="photos", desc="measuring", disable=None) as bar:
        measured = evaluate_detector(detector, samples, threshold=threshold, progress=lambda done, of: bar.update(1))
    recall = {key: value for key, value in measured["recall"].items() if key != "missed_files"}
    return {**{key: measured[key] for key in ("protocol", "photos", "faces", "size_classes")}, "recall": recall}
