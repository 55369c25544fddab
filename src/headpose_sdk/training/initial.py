"""The weights that a run begins with: random ones, those of another run, or a backbone that others trained."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors
from torch import Tensor, nn

from headpose_sdk.errors import ModelIntegrityError, ModelNotFoundError
from headpose_sdk.training.checkpoint import CHECKPOINT, load_averaged, read_checkpoint
from headpose_sdk.training.network import PoseNetwork

__all__ = ["begin_with"]


def begin_with(network: nn.Module, init: Path | None) -> dict[str, Any]:
    """Put the weights that ``init`` names into ``network``; return the settings that say which they were.

    A folder is that of another run, whose averaged weights are taken. A file is the state dict of a pose network's
    backbone, trained on RGB pictures: of timm (.pth of PyTorch, or .safetensors), or of others for the same
    network (.pth, which keeps the order of its layers), such as torchvision's mobilenet_v2 for mobilenetv2_100. None
    leaves the random weights.

    Raises:
        ModelNotFoundError: if there is no such file, or no checkpoint in the folder.
        ModelIntegrityError: if what is there cannot be read, or belongs to another network.
    """
    if init is None:
        return {"init": None, "init_sha256": None}
    file = init / CHECKPOINT if init.is_dir() else init
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelNotFoundError(
            f"{file} cannot be read: {error.strerror}; name as --init the --out folder of another run, "
            "or the file of a backbone's weights"
        ) from error
    if init.is_dir():
        load_averaged(network, read_checkpoint(file))
    else:
        _load_backbone(network, file, data)
    return {"init": init.resolve().name, "init_sha256": hashlib.sha256(data).hexdigest()}


def _load_backbone(network: nn.Module, file: Path, data: bytes) -> None:
    if not isinstance(network, PoseNetwork):
        raise ModelIntegrityError(
            f"{file} is a single file, which only a pose network begins with; name as --init the folder of a run"
        )
    theirs = {name: value for name, value in _state_dict(file, data).items() if not name.endswith(_COUNTER)}
    ours = {name: value for name, value in network.backbone.state_dict().items() if not name.endswith(_COUNTER)}
    if ours.keys() <= theirs.keys():
        theirs = {name: theirs[name] for name in ours}
    # Other implementations name their layers differently and build them in the same order, the classifier last.
    pairs = list(zip(ours.items(), theirs.items(), strict=False))
    wrong = next((pair for pair in pairs if pair[0][1].shape != pair[1][1].shape), None)
    if len(theirs) < len(ours) or wrong is not None:
        where = f"{wrong[1][0]} where {wrong[0][0]} is due" if wrong else f"{len(theirs)} tensors of {len(ours)}"
        raise ModelIntegrityError(
            f"{file} does not fit the backbone: it has {where}; give weights of the very network that --backbone names"
        )
    weights = {name: value for (name, _), (_, value) in pairs}
    first = next(iter(weights))
    weights[first] = weights[first].flip(1)  # RGB to BGR
    network.backbone.load_state_dict(weights, strict=False)  # not strict for the counters of batches seen


_COUNTER = "num_batches_tracked"


def _state_dict(file: Path, data: bytes) -> dict[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            return from_safetensors(data)
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ModelIntegrityError(
            f"{file} cannot be read as weights: {error}; give a .safetensors file or a .pth that holds tensors alone"
        ) from error
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ModelIntegrityError(f"{file} holds no state dict; give one whose values are tensors")
    return loaded
