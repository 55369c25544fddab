"""Teachers that answer together: equation 4 on the networks of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from headpose_sdk.errors import ModelIntegrityError
from headpose_sdk.training.checkpoint import CHECKPOINT, load_averaged, read_checkpoint
from headpose_sdk.training.losses import ensemble
from headpose_sdk.training.network import PoseNetwork, normalise

__all__ = ["Ensemble"]


class Ensemble(nn.Module):
    """Crops (N, S, S, 3) uint8 BGR -> the mean distribution of the teachers (N, 3, 62). Learns nothing any more."""

    def __init__(self, networks: Sequence[PoseNetwork]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.requires_grad_(False).eval()

    @classmethod
    def of(cls, runs: Sequence[Path]) -> Ensemble:
        """The averaged networks of ``runs``, folders of pose networks.

        Raises:
            ModelIntegrityError: if a folder holds no checkpoint of a pose network.
        """
        networks = []
        for run in runs:
            checkpoint = read_checkpoint(run / CHECKPOINT)
            if checkpoint.settings.get("kind") != "pose":
                raise ModelIntegrityError(f"{run} holds no pose network; name as --teachers runs of a pose network")
            network = PoseNetwork(checkpoint.settings["backbone"])
            load_averaged(network, checkpoint)
            networks.append(network.to(memory_format=torch.channels_last))
        return cls(networks)

    @torch.no_grad()
    def forward(self, crops: Tensor) -> Tensor:
        images = normalise(crops)
        return ensemble([network(images).float() for network in self.networks])
