"""The face detector's network: single shot, anchor free, strides 8, 16 and 32, about 0.75 M parameters.

A small ResNet (He et al. 2016), a top-down feature pyramid and one small head a stride, in the family of SCRFD
(Guo et al. 2021) and YuNet (Wu et al. 2023), without landmarks. Plain convolutions, not depthwise ones: at equal time,
on CPU and GPU alike, they do several times the work.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from timm.layers.conv_bn_act import ConvNormAct
from timm.models.resnet import BasicBlock
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name every torch user knows)

from headpose_sdk.detection import STRIDES
from headpose_sdk.training.network import normalise

STEM_WIDTHS = (16, 24)  # channels at strides 2 and 4
STAGE_WIDTHS = (48, 80, 96)  # channels at each of STRIDES
PYRAMID_WIDTH = 48
PRIOR_FACE_RATE = 0.01  # the score an untrained head gives, so that the first steps are not all about background


class FaceDetectorNetwork(nn.Module):
    """Pictures (N, 3, H, W) float, BGR, normalised, H and W multiples of 32 -> (N, A, 5) raw predictions.

    A = H*W/64 + H*W/256 + H*W/1024 cells, stride by stride, row by row. The five numbers are the face logit and
    the box as :func:`headpose_sdk.detection.decode_boxes` reads it.
    """

    def __init__(self) -> None:
        super().__init__()
        half, quarter = STEM_WIDTHS
        self.stem = nn.Sequential(ConvNormAct(3, half, 3, stride=2), ConvNormAct(half, quarter, 3, stride=2))
        widths = (quarter, *STAGE_WIDTHS)
        self.stages = nn.ModuleList(_stage(a, b) for a, b in pairwise(widths))
        self.lateral = nn.ModuleList(nn.Conv2d(width, PYRAMID_WIDTH, 1) for width in STAGE_WIDTHS)
        self.smooth = nn.ModuleList(ConvNormAct(PYRAMID_WIDTH, PYRAMID_WIDTH, 3) for _ in STRIDES)
        self.heads = nn.ModuleList(
            nn.Sequential(ConvNormAct(PYRAMID_WIDTH, PYRAMID_WIDTH, 3), nn.Conv2d(PYRAMID_WIDTH, 5, 1)) for _ in STRIDES
        )
        for head in self.heads:
            final = head[-1]  # type: ignore[index]
            nn.init.normal_(final.weight, std=0.01)
            nn.init.zeros_(final.bias)
            with torch.no_grad():
                final.bias[0] = torch.logit(torch.tensor(PRIOR_FACE_RATE))

    def forward(self, x: Tensor) -> Tensor:
        c8 = self.stages[0](self.stem(x))
        c16 = self.stages[1](c8)
        c32 = self.stages[2](c16)
        p32 = self.smooth[2](self.lateral[2](c32))
        p16 = self.smooth[1](self.lateral[1](c16) + F.interpolate(p32, scale_factor=2.0))
        p8 = self.smooth[0](self.lateral[0](c8) + F.interpolate(p16, scale_factor=2.0))
        cells = [head(p).flatten(2).transpose(1, 2) for head, p in zip(self.heads, (p8, p16, p32), strict=True)]
        return torch.cat(cells, dim=1)


def _stage(channels_in: int, channels_out: int) -> nn.Sequential:
    """Two residual blocks that halve the picture; the short cut averages, so that no pixel is skipped."""
    shortcut = nn.Sequential(
        nn.AvgPool2d(2), nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)
    )
    return nn.Sequential(BasicBlock(channels_in, channels_out, 2, shortcut), BasicBlock(channels_out, channels_out))


class DetectorGraph(nn.Module):
    """What is exported: one picture (1, H, W, 3) uint8 BGR -> cells (A, 5): face score 0 to 1, raw box."""

    def __init__(self, network: FaceDetectorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        raw = self.network(normalise(picture))[0]
        return torch.cat([torch.sigmoid(raw[:, :1]), raw[:, 1:]], dim=1)
