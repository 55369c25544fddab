"""The face detector's network: single shot, anchor free, strides 8, 16 and 32, about 0.37 M parameters.

A depthwise-separable backbone, a top-down feature pyramid and one small head a stride, in the family of YuNet
(Wu et al. 2023) and SCRFD (Guo et al. 2021), without landmarks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name every torch user knows)

from headpose_sdk.detection import STRIDES
from headpose_sdk.training.network import normalise

PRIOR_FACE_RATE = 0.01  # the score an untrained head gives, so that the first steps are not all about background


class SeparableBlock(nn.Sequential):
    """3x3 depthwise, then 1x1 pointwise, each with batch norm and ReLU; residual where the shape allows."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_in, 3, stride, 1, groups=channels_in, bias=False),
            nn.BatchNorm2d(channels_in),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_in, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )
        self.residual = channels_in == channels_out and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return x + y if self.residual else y


class FaceDetectorNetwork(nn.Module):
    """Pictures (N, 3, H, W) float, BGR, normalised, H and W multiples of 32 -> (N, A, 5) raw predictions.

    A = H*W/64 + H*W/256 + H*W/1024 cells, stride by stride, row by row. The five numbers are the face logit and
    the box as :func:`headpose_sdk.detection.decode_boxes` reads it.
    """

    def __init__(self, width: int = 40, pyramid: int = 80) -> None:
        super().__init__()
        w = width
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            SeparableBlock(16, w, 2),
            SeparableBlock(w, w),
        )
        self.stage8 = nn.Sequential(
            SeparableBlock(w, 2 * w, 2), SeparableBlock(2 * w, 2 * w), SeparableBlock(2 * w, 2 * w)
        )
        self.stage16 = nn.Sequential(SeparableBlock(2 * w, 4 * w, 2), *(SeparableBlock(4 * w, 4 * w) for _ in range(3)))
        self.stage32 = nn.Sequential(SeparableBlock(4 * w, 6 * w, 2), *(SeparableBlock(6 * w, 6 * w) for _ in range(2)))
        self.lateral = nn.ModuleList(nn.Conv2d(c * w, pyramid, 1) for c in (2, 4, 6))
        self.smooth = nn.ModuleList(SeparableBlock(pyramid, pyramid) for _ in STRIDES)
        self.heads = nn.ModuleList(
            nn.Sequential(SeparableBlock(pyramid, pyramid), nn.Conv2d(pyramid, 5, 1)) for _ in STRIDES
        )
        for head in self.heads:
            final = head[-1]  # type: ignore[index]
            nn.init.normal_(final.weight, std=0.01)
            nn.init.zeros_(final.bias)
            with torch.no_grad():
                final.bias[0] = torch.logit(torch.tensor(PRIOR_FACE_RATE))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        c8 = self.stage8(x)
        c16 = self.stage16(c8)
        c32 = self.stage32(c16)
        p32 = self.smooth[2](self.lateral[2](c32))
        p16 = self.smooth[1](self.lateral[1](c16) + F.interpolate(p32, scale_factor=2.0))
        p8 = self.smooth[0](self.lateral[0](c8) + F.interpolate(p16, scale_factor=2.0))
        cells = [head(p).flatten(2).transpose(1, 2) for head, p in zip(self.heads, (p8, p16, p32), strict=True)]
        return torch.cat(cells, dim=1)


class DetectorGraph(nn.Module):
    """What is exported: one picture (1, H, W, 3) uint8 BGR -> cells (A, 5): face score 0 to 1, raw box."""

    def __init__(self, network: FaceDetectorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        raw = self.network(normalise(picture))[0]
        return torch.cat([torch.sigmoid(raw[:, :1]), raw[:, 1:]], dim=1)
