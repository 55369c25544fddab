"""Backbones by name: those of timm, and the paper's BoTNet, which timm can build and has no name for."""

from __future__ import annotations

import timm
from timm.models.byobnet import ByoBlockCfg, ByobNet, ByoModelCfg
from torch import nn

from headpose_sdk.errors import TrainingError, UnknownModelError

__all__ = ["backbone", "check_sizes", "of_one_size"]

_BOTNETS = {"botnet50": (3, 4, 6, 3), "botnet101": (3, 4, 23, 3)}
"""Blocks of each stage, as of the ResNet of that depth."""


def backbone(name: str, size: int) -> nn.Module:
    """Pictures (N, 3, H, W) -> features (N, ``num_features``), average-pooled; random weights.

    ``botnet50`` and ``botnet101`` are ResNets whose last stage attends to the whole picture instead of convolving
    (A. Srinivas et al., Bottleneck Transformers for Visual Recognition, CVPR 2021). Their table of positions is made
    for pictures of ``size`` pixels, and they take no others. Every other name is timm's, and any size does.

    Raises:
        UnknownModelError: if timm has no network of that name either.
    """
    if name in _BOTNETS:
        return ByobNet(_botnet(_BOTNETS[name]), img_size=size, num_classes=0, global_pool="avg")
    try:
        return timm.create_model(name, pretrained=False, num_classes=0, global_pool="avg")
    except RuntimeError as error:  # timm's way to say that it knows no such name
        raise UnknownModelError(
            f"timm has no backbone {name!r}; `python -c 'import timm; print(timm.list_models())'` lists them, "
            f"and there are {' and '.join(_BOTNETS)}"
        ) from error


def of_one_size(name: str) -> bool:
    """Whether a network ``name`` sees pictures of one size only."""
    return name in _BOTNETS


def check_sizes(name: str, sizes: set[int]) -> None:
    """Raise TrainingError if a network ``name`` cannot see pictures of all these ``sizes``."""
    if of_one_size(name) and len(sizes) > 1:
        raise TrainingError(f"{name} sees pictures of one size only; give it one stage, such as --stages 112:1")


def _botnet(depths: tuple[int, ...]) -> ByoModelCfg:
    """ResNet's stages (bottlenecks to a quarter of the channels), the last of self-attention."""
    channels, strides, kinds = (256, 512, 1024, 2048), (1, 2, 2, 2), ("bottle", "bottle", "bottle", "self_attn")
    stages = zip(kinds, depths, channels, strides, strict=True)
    return ByoModelCfg(
        blocks=tuple(ByoBlockCfg(type=kind, d=d, c=c, s=s, gs=0, br=0.25) for kind, d, c, s in stages),
        stem_chs=64,
        stem_type="7x7",
        stem_pool="maxpool",
        fixed_input_size=True,
        self_attn_layer="bottleneck",
        self_attn_kwargs={},
    )
