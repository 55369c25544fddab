"""Teachers that answer together: equation 4 on the networks of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from headpose_sdk.errors import ModelIntegrityError
from headpose_sdk.training.backbones import of_one_size
from headpose_sdk.training.checkpoint import CHECKPOINT, load_averaged, read_checkpoint
from headpose_sdk.training.losses import ensemble
from headpose_sdk.training.network import PoseNetwork, network_of, normalise

__all__ = ["Ensemble"]


class Ensemble(nn.Module):
    """Crops (N, S, S, 3) uint8 BGR -> the mean distribution of the teachers (N, 3, 62). Learns nothing any more.

    ``sizes`` are the input sizes of those ``networks`` that see no other; None for the rest.
    """

    def __init__(self, networks: Sequence[PoseNetwork], sizes: Sequence[int | None]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.sizes = tuple(sizes)
        self.requires_grad_(False).eval()

    @classmethod
    def of(cls, runs: Sequence[Path]) -> Ensemble:
        """The averaged networks of ``runs``, folders of pose networks.

        Raises:
            ModelIntegrityError: if a folder holds no checkpoint of a pose network.
        """
        networks, sizes = [], []
        for run in runs:
            checkpoint = read_checkpoint(run / CHECKPOINT)
            if checkpoint.settings.get("kind") != "pose":
                raise ModelIntegrityError(f"{run} holds no pose network; name as --teachers runs of a pose network")
            network = network_of(checkpoint.settings)
            load_averaged(network, checkpoint)
            networks.append(network.to(memory_format=torch.channels_last))
            last = checkpoint.settings["stages"][-1][0]
            sizes.append(last if of_one_size(checkpoint.settings["backbone"]) else None)
        return cls(networks, sizes)

    @torch.no_grad()
    def forward(self, crops: Tensor) -> Tensor:
        return ensemble(self._logits(crops))

    @torch.no_grad()
    def each(self, crops: Tensor) -> Tensor:
        """The distributions of each of the T teachers: (T, N, 3, 62)."""
        return torch.softmax(torch.stack(self._logits(crops)), dim=-1)

    def _logits(self, crops: Tensor) -> list[Tensor]:
        images = normalise(crops)
        pairs = zip(self.networks, self.sizes, strict=True)
        return [network(_resized(images, size)).float() for network, size in pairs]


def _resized(images: Tensor, size: int | None) -> Tensor:
    if size is None or images.shape[-1] == size:
        return images
    return interpolate(images, size=(size, size), mode="bilinear", antialias=True)
