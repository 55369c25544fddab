"""The file that a training leaves: weights, their average, the optimiser's state, and what the run was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from headpose_sdk.errors import ModelIntegrityError

__all__ = ["CHECKPOINT", "Checkpoint", "below", "load_averaged", "read_checkpoint", "read_settings"]

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory: the run's ``settings``, the ``step`` reached, the source's ``commit`` if known."""

    path: Path
    settings: dict[str, Any]
    step: int
    commit: str | None
    tensors: dict[str, Tensor]

    @property
    def averaged(self) -> dict[str, Tensor]:
        """The averaged network's state dict."""
        return below(self.tensors, "averaged.")


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in the file ``path``.

    Raises:
        ModelIntegrityError: if the file is missing or is no checkpoint.
    """
    settings, step, commit, tensors = _read(path, with_tensors=True)
    return Checkpoint(path, settings, step, commit, tensors)


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of the checkpoint in the file ``path``, of which no more is read; raises as the above does."""
    return _read(path, with_tensors=False)[0]


def load_averaged(network: nn.Module, checkpoint: Checkpoint) -> None:
    """Put the averaged weights into ``network``.

    Raises:
        ModelIntegrityError: if they are not finite, or belong to another network.
    """
    weights = checkpoint.averaged
    broken = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    if broken:
        raise ModelIntegrityError(
            f"{checkpoint.path} holds weights that are no numbers ({broken[0]}); train again with a lower learning rate"
        )
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:  # torch's way to say that names or shapes differ
        reason = str(error).splitlines()[-1].strip()
        raise ModelIntegrityError(
            f"the weights in {checkpoint.path} do not fit the network: {reason}; "
            "use a run of the same kind and backbone, and the version that trained it"
        ) from error


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _read(path: Path, *, with_tensors: bool) -> tuple[dict[str, Any], int, str | None, dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            names = list(file.keys()) if with_tensors else []
            tensors = {name: file.get_tensor(name) for name in names}
        return json.loads(metadata["config"]), int(metadata["step"]), metadata.get("commit"), tensors
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelIntegrityError(
            f"{path} is not a checkpoint of `headpose train`: {error}; name the folder given as --out"
        ) from error
