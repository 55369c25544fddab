"""What a pose network does on heads held back from training, told by the export."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from headpose_sdk.evaluation.metrics import absolute_errors, pose_metrics
from headpose_sdk.runtime import OnnxModel
from headpose_sdk.training.data import HeadCrops
from headpose_sdk.training.labels import facing_camera, known_angles
from headpose_sdk.training.mixture import NO_KIND

__all__ = ["in_batches", "measure"]


def in_batches(model: nn.Module | OnnxModel, crops: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Angles and std (N, 3) of crops (N, S, S, 3), from the torch graph or from the ONNX file."""
    parts = []
    for start in tqdm(range(0, len(crops), 128), unit="batches", desc="measuring", leave=False, disable=None):
        part = crops[start : start + 128]
        if isinstance(model, OnnxModel):
            parts.append(model.run(part))
        else:
            with torch.no_grad():
                parts.append([output.numpy() for output in model(torch.from_numpy(part))])
    angles, std = (np.concatenate(column) for column in zip(*parts, strict=True))
    return angles, std


def measure(heads: HeadCrops, angles: NDArray[Any], std: NDArray[Any]) -> dict[str, Any]:
    """How far the ``angles`` (N, 3) predicted for ``heads`` are off, in degrees, and how unsure they are (``std``).

    "validation" and "by_kind" are measured on the heads with all angles known, of which there must be some; "away",
    if there are any, on those that look away from the camera, whose std should be large.
    """
    known = known_angles(heads.angles).all(axis=1)
    errors = absolute_errors(angles[known], heads.angles[known]).mean(axis=1)
    kinds = heads.kind[known]
    measured: dict[str, Any] = {
        "validation": pose_metrics(angles[known], heads.angles[known], std[known]).to_dict(),
        "by_kind": {
            str(kind) or NO_KIND: {
                "n": int((kinds == kind).sum()),
                "mae": round(float(errors[kinds == kind].mean()), 4),
            }
            for kind in np.unique(kinds)
        },
    }
    away = ~facing_camera(heads.angles)
    if away.any():
        measured["away"] = {"n": int(away.sum()), "median_yaw_std": round(float(np.median(std[away, 0])), 4)}
    return measured
