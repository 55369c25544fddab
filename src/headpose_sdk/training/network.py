"""The pose network: a timm backbone and three heads of 62 bins, and the graph around it that is exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from headpose_sdk.training.backbones import backbone
from headpose_sdk.training.config import INPUT_SIZE
from headpose_sdk.training.losses import BIN_CENTERS, BINS

__all__ = ["PoseGraph", "PoseNetwork", "network_of", "normalise"]

EMBEDDING = 128


class PoseNetwork(nn.Module):
    """Normalised crops (N, 3, S, S) float BGR -> logits (N, 3, 62), angles in the order yaw, pitch, roll.

    Backbone, global average pool, a linear layer to 128, one linear layer an angle (EHPNet, section 3.2).
    """

    def __init__(self, backbone_name: str = "resnet18", size: int = INPUT_SIZE) -> None:
        """``size`` of the pictures in pixels, which matters to a network of one size alone, see :func:`backbone`."""
        super().__init__()
        self.backbone = backbone(backbone_name, size)
        features: int = self.backbone.num_features  # type: ignore[assignment]
        self.embedding = nn.Linear(features, EMBEDDING)
        self.heads = nn.Linear(EMBEDDING, 3 * BINS)  # three heads side by side

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.heads(self.embedding(self.backbone(x)))
        return logits.reshape(-1, 3, BINS)


def network_of(settings: Mapping[str, Any]) -> PoseNetwork:
    """The pose network of a run with these settings, with random weights."""
    return PoseNetwork(settings["backbone"], settings["stages"][-1][0])


class PoseGraph(nn.Module):
    """What is exported: crops (N, S, S, 3) uint8 BGR -> angles (N, 3) and std (N, 3) in degrees.

    Softmax a head; the angle is the expectation over the bin centres, std the distribution's standard deviation times
    ``std_scale`` (3,), which was fitted on photos held back from training.
    """

    def __init__(self, network: PoseNetwork, std_scale: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("std_scale", std_scale)
        self.register_buffer("centers", BIN_CENTERS)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.network(normalise(crops))
        probabilities = torch.softmax(logits, dim=-1)
        centers = self.get_buffer("centers")
        angles = probabilities @ centers
        # Not E[c^2] - E[c]^2: of two large numbers that nearly agree, half precision leaves nothing.
        variance = (probabilities * (centers - angles[..., None]) ** 2).sum(dim=-1)
        return angles, variance.sqrt() * self.get_buffer("std_scale")


def normalise(images: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, H, W) float32, about -1 to 1; channels last in memory, as it came."""
    return (images.permute(0, 3, 1, 2).float() - 127.5) / 128.0
