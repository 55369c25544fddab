"""A model folder as a model repository of NVIDIA's Triton Inference Server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from headpose_sdk.config import ModelFolder, PoseModelConfig
from headpose_sdk.errors import OutputError, UnknownModelError
from headpose_sdk.images import atomic_write

__all__ = ["BATCHES", "write_repository"]

LARGEST_BATCH = 128
BATCHES = (8, 32, 128)
"""Sizes that Triton waits for, at most ``QUEUE_MICROSECONDS``, before it runs what has come."""

QUEUE_MICROSECONDS = 2000


def write_repository(folder: ModelFolder, target: Path, *, device: str, outputs: Sequence[str], crops: str) -> Path:
    """Write ``target/<name>/config.pbtxt`` and ``target/<name>/1/model.onnx`` and return ``target/<name>``.

    The network takes crops (N, S, S, 3) uint8 BGR under the name ``crops`` and gives ``outputs``, each (N, 3) float32
    in degrees; ``device`` "cpu" or "cuda" says which of the model's files is taken and where Triton runs it.

    Raises:
        UnknownModelError: if it is no pose model.
        OutputError: if ``target/<name>`` exists, the model has no file for ``device``, or writing fails; then nothing
            is left.
        ModelIntegrityError: if the weights are damaged.
    """
    config = folder.config
    if not isinstance(config, PoseModelConfig):
        raise UnknownModelError(f"{config.name} is a {config.kind} model, not a pose model; see `headpose models`")
    if device not in config.files:
        raise OutputError(f"{config.name} has no file for {device}; it has {', '.join(sorted(config.files))}")
    place = target / config.name
    if place.exists():
        raise OutputError(f"{place}: exists already; delete it or choose another folder")
    weights = folder.read_weights(device)
    try:
        (place / "1").mkdir(parents=True)
        with atomic_write(place / "1" / "model.onnx") as file:
            file.write(weights)
        with atomic_write(place / "config.pbtxt") as file:
            file.write(_config(config.name, config.input_size, device, outputs, crops).encode())
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{place}: cannot write ({error.strerror}); choose another folder") from error
    return place


def _config(name: str, size: int, device: str, outputs: Sequence[str], crops: str) -> str:
    kind = "KIND_GPU" if device == "cuda" else "KIND_CPU"
    answers = ",\n".join(f"  {{ name: {json.dumps(output)} data_type: TYPE_FP32 dims: [ 3 ] }}" for output in outputs)
    return f"""\
name: {json.dumps(name)}
backend: "onnxruntime"
default_model_filename: "model.onnx"
max_batch_size: {LARGEST_BATCH}
input [
  {{ name: {json.dumps(crops)} data_type: TYPE_UINT8 dims: [ {size}, {size}, 3 ] }}
]
output [
{answers}
]
instance_group [
  {{ count: 1 kind: {kind} }}
]
dynamic_batching {{
  preferred_batch_size: [ {", ".join(map(str, BATCHES))} ]
  max_queue_delay_microseconds: {QUEUE_MICROSECONDS}
}}
"""
