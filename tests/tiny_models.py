"""Model folders with real ONNX networks so small that their answers can be told in the head.

The ``onnx`` package is not needed: a network of three nodes is a few hundred bytes of protobuf, written here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.config import DetectorModelConfig, ModelConfig, PoseModelConfig, WeightsFile, to_json

FLOAT, UINT8, INT64 = 1, 2, 7
POSE_SIZE = 16


def mean_colour_network() -> bytes:
    """Crops (N, S, S, 3) -> angles: their mean blue, green, red; std: the same over itself, so NaN if it is 0."""
    return _network(
        [
            _node("Cast", ["crops"], ["floats"], to=FLOAT),
            _node("ReduceMean", ["floats"], ["angles"], axes=[1, 2], keepdims=0),
            _node("Div", ["angles", "angles"], ["std"]),
        ],
        [_value("crops", UINT8, ["n", POSE_SIZE, POSE_SIZE, 3])],
        [_value("angles", FLOAT, ["n", 3]), _value("std", FLOAT, ["n", 3])],
    )


def infinite_network() -> bytes:
    """As :func:`mean_colour_network`, and std is infinite wherever an angle is not 0."""
    return _network(
        [
            _node("Cast", ["crops"], ["floats"], to=FLOAT),
            _node("ReduceMean", ["floats"], ["angles"], axes=[1, 2], keepdims=0),
            _node("Sub", ["angles", "angles"], ["nothing"]),
            _node("Div", ["angles", "nothing"], ["std"]),
        ],
        [_value("crops", UINT8, ["n", POSE_SIZE, POSE_SIZE, 3])],
        [_value("angles", FLOAT, ["n", 3]), _value("std", FLOAT, ["n", 3])],
    )


def failing_network() -> bytes:
    """It loads, and fails whenever it runs: std is the hundredth of three numbers."""
    index = _int(1, 1) + _int(2, INT64) + _bytes(8, b"hundredth") + _bytes(9, (99).to_bytes(8, "little"))
    return _network(
        [
            _node("Cast", ["crops"], ["floats"], to=FLOAT),
            _node("ReduceMean", ["floats"], ["angles"], axes=[1, 2], keepdims=0),
            _node("Gather", ["angles", "hundredth"], ["std"], axis=1),
        ],
        [_value("crops", UINT8, ["n", POSE_SIZE, POSE_SIZE, 3])],
        [_value("angles", FLOAT, ["n", 3]), _value("std", FLOAT, ["n", "any"])],
        (index,),
    )


def scattered_network(file: bytes) -> bytes:
    """Its std is three numbers that lie in another ``file``."""
    place = _bytes(13, _bytes(1, b"location") + _bytes(2, file)) + _bytes(13, _bytes(1, b"length") + _bytes(2, b"12"))
    elsewhere = _int(1, 3) + _int(2, FLOAT) + _bytes(8, b"known") + place + _int(14, 1)
    return _network(
        [
            _node("Cast", ["crops"], ["floats"], to=FLOAT),
            _node("ReduceMean", ["floats"], ["angles"], axes=[1, 2], keepdims=0),
            _node("Add", ["angles", "known"], ["std"]),
        ],
        [_value("crops", UINT8, ["n", POSE_SIZE, POSE_SIZE, 3])],
        [_value("angles", FLOAT, ["n", 3]), _value("std", FLOAT, ["n", 3])],
        (elsewhere,),
    )


def constant_detector(cells: NDArray[np.float32]) -> bytes:
    """One picture (1, H, W, 3) -> the same ``cells`` (A, 5) whatever it shows."""
    tensor = b"".join(_int(1, side) for side in cells.shape) + _int(2, FLOAT) + _bytes(8, b"known")
    return _network(
        [_node("Identity", ["known"], ["cells"])],
        [_value("picture", UINT8, [1, "height", "width", 3])],
        [_value("cells", FLOAT, list(cells.shape))],
        (tensor + _bytes(9, cells.astype("<f4").tobytes()),),
    )


def pose_config(network: bytes = b"", **changes: object) -> PoseModelConfig:
    """A pose model's config.json; the bundled detector goes with it."""
    fields = {
        "name": "tiny-pose",
        "input_size": POSE_SIZE,
        "crop_margin": 1.0,
        "bins": 62,
        "bin_width": 3.0,
        "convention": "300W-LP",
        "std_scale": (1.0, 0.5, 2.0),
        "detector": "ehpnet-face",
        "files": _files(network),
        "license": "MIT",
        "training": {"steps": 3},
    }
    return PoseModelConfig(**{**fields, **changes})  # type: ignore[arg-type]


def detector_config(network: bytes = b"", **changes: object) -> DetectorModelConfig:
    """A face detector's config.json."""
    fields = {
        "name": "tiny-face",
        "score_threshold": 0.5,
        "max_iou": 0.4,
        "max_side": 1280,
        "min_side": 1,
        "coarse_side": 256,
        "smallest_box": 1,
        "face_scale": 1.0,
        "face_shift": 0.0,
        "files": _files(network),
        "license": "MIT",
        "training": {},
    }
    return DetectorModelConfig(**{**fields, **changes})  # type: ignore[arg-type]


def write_model(folder: Path, config: ModelConfig, network: bytes) -> Path:
    """A model folder as `headpose train export` writes it."""
    folder.mkdir()
    (folder / "config.json").write_bytes(to_json(config))
    (folder / config.files["cpu"].name).write_bytes(network)
    return folder


def write_pose_model(folder: Path) -> Path:
    network = mean_colour_network()
    return write_model(folder, pose_config(network), network)


def write_detector(folder: Path, cells: NDArray[np.float32], **changes: object) -> Path:
    network = constant_detector(cells)
    return write_model(folder, detector_config(network, **changes), network)


def _files(network: bytes) -> dict[str, WeightsFile]:
    return {"cpu": WeightsFile("model.onnx", hashlib.sha256(network).hexdigest())}


# Protobuf: a key (field number and wire type), then a number, or a length and as many bytes.


def _varint(number: int) -> bytes:
    *low, last = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(part | 0x80 for part in low), last])


def _int(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


# The field numbers are those of onnx.proto.


def _node(kind: str, inputs: list[str], outputs: list[str], **attributes: int | list[int]) -> bytes:
    parts = [_bytes(1, name.encode()) for name in inputs] + [_bytes(2, name.encode()) for name in outputs]
    for name, value in attributes.items():
        if isinstance(value, int):
            content = _int(3, value) + _int(20, 2)  # kind 2: a number
        else:
            content = b"".join(_int(8, number) for number in value) + _int(20, 7)  # kind 7: numbers
        parts.append(_bytes(5, _bytes(1, name.encode()) + content))
    return b"".join(parts) + _bytes(4, kind.encode())


def _value(name: str, dtype: int, shape: list[int | str]) -> bytes:
    sides = [_int(1, side) if isinstance(side, int) else _bytes(2, side.encode()) for side in shape]
    tensor = _int(1, dtype) + _bytes(2, b"".join(_bytes(1, side) for side in sides))
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))


def _network(nodes: list[bytes], inputs: list[bytes], outputs: list[bytes], constants: tuple[bytes, ...] = ()) -> bytes:
    graph = b"".join(_bytes(1, node) for node in nodes) + _bytes(2, b"tiny")
    for field, contents in ((5, constants), (11, inputs), (12, outputs)):
        graph += b"".join(_bytes(field, content) for content in contents)
    opset = _bytes(8, _int(2, 13))
    return _int(1, 8) + _bytes(7, graph) + opset
