"""A model folder: what its ``config.json`` says, checked field by field, and its weights, checked byte by byte."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

from headpose_sdk.errors import ModelIntegrityError, ModelNotFoundError

__all__ = [
    "CONFIG_NAME",
    "DetectorModelConfig",
    "ModelConfig",
    "ModelFolder",
    "PoseModelConfig",
    "WeightsFile",
    "open_folder",
    "read_config",
    "to_json",
]

CONFIG_NAME = "config.json"
FORMAT = 1

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """An ONNX file of the folder and the SHA-256 of its bytes, in hexadecimal."""

    name: str
    sha256: str

    @classmethod
    def of(cls, path: Path) -> WeightsFile:
        """The entry for the file at ``path``, which must be readable."""
        return cls(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseModelConfig:
    """A head-pose network: uint8 BGR crops (N, input_size, input_size, 3) in, ``angles`` and ``std`` (N, 3) out.

    ``crop_margin``: side of the crop divided by the longer side of the face box. ``detector``: the model whose boxes
    it goes with. ``files``: by device, ``cpu`` and perhaps ``cuda``. ``bins`` and ``std_scale`` (one factor an angle,
    yaw pitch roll) are in the graph already and stand here to be read. ``training``: where the weights come from.
    """

    name: str
    input_size: int
    crop_margin: float
    bins: int
    bin_width: float
    convention: str
    std_scale: tuple[float, ...]
    detector: str
    files: Mapping[str, WeightsFile]
    license: str
    training: Mapping[str, Any]
    kind: str = "pose"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorModelConfig:
    """A face detector: one uint8 BGR picture (1, H, W, 3), H and W multiples of 32, in; ``cells`` (A, 5) out.

    ``score_threshold``: detections below are dropped. ``max_iou``: overlap at which the weaker of two boxes is.
    ``max_side``: longer photos are scaled down to it. ``min_side``: shorter ones (by their longer side) are enlarged to
    it, at most twice. ``coarse_side``: the photo is looked at again at half the scale, and at half of that, until its
    longer side is no more than this; so are faces found that fill the frame. ``smallest_box``: boxes with a shorter
    side below this many pixels, of the photo or of the look at it, are dropped: most are wrong. ``face_scale`` and
    ``face_shift``: the square face box that pose networks are trained with, measured in longer sides of the box that
    this detector finds: its side, and how much lower its centre lies.
    """

    name: str
    score_threshold: float
    max_iou: float
    max_side: int
    min_side: int
    coarse_side: int
    smallest_box: int
    face_scale: float
    face_shift: float
    files: Mapping[str, WeightsFile]
    license: str
    training: Mapping[str, Any]
    kind: str = "detector"


ModelConfig: TypeAlias = PoseModelConfig | DetectorModelConfig


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model on disk: its folder and the checked contents of its config.json."""

    path: Path
    config: ModelConfig

    def read_weights(self, device: str) -> bytes:
        """The ONNX file for ``device`` ("cpu" or "cuda"), read once and verified.

        Raises:
            ModelNotFoundError: if the file is missing.
            ModelIntegrityError: if its SHA-256 is not the one in config.json.
        """
        entry = self.config.files[device]
        path = self.path / entry.name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelNotFoundError(
                f"{path}, which {CONFIG_NAME} names, cannot be read: {error.strerror}; {_AGAIN}"
            ) from error
        digest = hashlib.sha256(data).hexdigest()
        if digest != entry.sha256:
            raise ModelIntegrityError(
                f"{path} has SHA-256 {digest[:12]}..., {CONFIG_NAME} says {entry.sha256[:12]}...: "
                f"the file is damaged or was exchanged; {_AGAIN}"
            )
        return data


def open_folder(path: Path) -> ModelFolder:
    """The model in the folder ``path``; raises as :func:`read_config` does."""
    return ModelFolder(path, read_config(path))


def read_config(folder: Path) -> ModelConfig:
    """The checked contents of ``folder/config.json``.

    Raises:
        ModelNotFoundError: if there is no such file.
        ModelIntegrityError: if it is no JSON, lacks a field, has one too many, or holds a value of the wrong kind.
    """
    path = folder / CONFIG_NAME
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelNotFoundError(
            f"{folder} has no {CONFIG_NAME}, so it is no model folder; "
            "give a folder written by `headpose train export`, or a name from `headpose models`"
        ) from error
    except OSError as error:
        raise ModelNotFoundError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    except (ValueError, RecursionError) as error:  # RecursionError: brackets nested a thousand deep
        raise ModelIntegrityError(f"{path} is no JSON: {error}; {_AGAIN}") from error
    return _checked(data, path)


def to_json(config: ModelConfig) -> bytes:
    """``config.json`` as :func:`read_config` reads it."""
    return json.dumps({"format": FORMAT, **asdict(config)}, indent=2).encode() + b"\n"


_AGAIN = "export or download the model again"


def _checked(data: object, path: Path) -> ModelConfig:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ModelIntegrityError(f'{path} does not say "format": {FORMAT}; {_AGAIN} with this version')
    kinds: dict[str, type[PoseModelConfig] | type[DetectorModelConfig]] = {
        "pose": PoseModelConfig,
        "detector": DetectorModelConfig,
    }
    kind = data.get("kind")
    cls = kinds.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ModelIntegrityError(f'{path}: "kind" is {_short(kind)}, not one of {", ".join(kinds)}; {_AGAIN}')
    values = {name: value for name, value in data.items() if name != "format"}
    known = {field.name for field in fields(cls)}
    needed = {field.name for field in fields(cls) if field.default is MISSING}
    for problem, names in (("lacks", needed - values.keys()), ("has an unknown field", values.keys() - known)):
        if names:
            raise ModelIntegrityError(f"{path} {problem} {', '.join(sorted(names))[:300]}; {_AGAIN} with this version")
    return cls(**{name: _value(name, value, path) for name, value in values.items()})


def _value(name: str, value: Any, path: Path) -> Any:
    """The value of one field, in its Python form."""
    if name == "files":
        return _files(value, path)
    if name == "std_scale":
        value = tuple(value) if isinstance(value, list) else value
    describe, test = _RULES.get(name, ("a text", lambda v: isinstance(v, str) and v != ""))
    if not test(value):
        raise ModelIntegrityError(f'{path}: "{name}" is {_short(value)}, not {describe}; {_AGAIN}')
    return value


def _files(value: Any, path: Path) -> dict[str, WeightsFile]:
    if not isinstance(value, dict) or "cpu" not in value or not value.keys() <= {"cpu", "cuda"}:
        raise ModelIntegrityError(
            f'{path}: "files" is {_short(value)}; it must map cpu, and may map cuda, to name and sha256; {_AGAIN}'
        )
    files = {}
    for device, entry in value.items():
        if not isinstance(entry, dict) or entry.keys() != {"name", "sha256"}:
            raise ModelIntegrityError(f'{path}: "files" of {device} must hold name and sha256; {_AGAIN}')
        name, digest = entry["name"], entry["sha256"]
        # A plain name cannot lead out of the folder.
        if not isinstance(name, str) or not _PLAIN_NAME.fullmatch(name):
            raise ModelIntegrityError(f"{path}: {_short(name)} is no plain file name in the model folder; {_AGAIN}")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise ModelIntegrityError(f"{path}: the sha256 of {name} is not 64 hexadecimal digits; {_AGAIN}")
        files[device] = WeightsFile(name, digest)
    return files


def _short(value: object) -> str:
    """As it would be written in Python, cut where that is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and 0 < value <= _LARGEST


def _is_fraction(value: Any) -> bool:
    return _is_number(value) and 0 < value < 1


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_COUNT


_LARGEST, _LARGEST_COUNT = 100.0, 65_535

_RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    # A model of somebody else's must not make us cut crops of gigabytes.
    "input_size": ("a whole number from 1 to 1024", lambda v: _is_count(v) and v <= 1024),
    "bins": ("a whole number from 1 to 65535", _is_count),
    "max_side": ("a whole number from 1 to 65535", _is_count),
    "min_side": ("a whole number from 1 to 65535", _is_count),
    "coarse_side": ("a whole number from 1 to 65535", _is_count),
    "smallest_box": ("a whole number from 1 to 65535", _is_count),
    "crop_margin": ("a number above 0, up to 100", _is_positive),
    "bin_width": ("a number above 0, up to 100", _is_positive),
    "face_scale": ("a number above 0, up to 100", _is_positive),
    "face_shift": ("a number between -1 and 1", lambda v: _is_number(v) and -1 < v < 1),
    "score_threshold": ("a number between 0 and 1", _is_fraction),
    "max_iou": ("a number between 0 and 1", _is_fraction),
    "std_scale": (
        "three numbers above 0, up to 100",
        lambda v: isinstance(v, tuple) and len(v) == 3 and all(map(_is_positive, v)),
    ),
    "training": ("an object", lambda v: isinstance(v, dict)),
}
