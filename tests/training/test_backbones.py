"""Backbones that are not timm's own: what they are made of, and that they see one size of picture."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from headpose_sdk.errors import TrainingError, UnknownModelError
from headpose_sdk.training.backbones import backbone
from headpose_sdk.training.config import TeacherConfig
from headpose_sdk.training.ensemble import Ensemble
from headpose_sdk.training.network import PoseNetwork, network_of
from headpose_sdk.training.train import train_teacher


def test_botnets_last_stage_attends_and_the_others_convolve() -> None:
    with torch.device("meta"):
        network, resnet = backbone("botnet101", 112), backbone("resnet101", 112)
    names = [type(block).__name__ for stage in network.stages for block in stage]  # type: ignore[union-attr]
    assert names == ["BottleneckBlock"] * (3 + 4 + 23) + ["SelfAttnBlock"] * 3
    ours, theirs = (sum(parameter.numel() for parameter in each.parameters()) for each in (network, resnet))
    convolution, queries_keys_values = 9 * 512 * 512, 3 * 512 * 512
    assert ours == pytest.approx(theirs + 3 * (queries_keys_values - convolution), rel=1e-3)  # and small tables


def test_attention_sees_where_things_are() -> None:
    """A convolution reaches no further than its window; of the last stage all of the picture is one."""
    torch.manual_seed(0)
    network = PoseNetwork("botnet50", 64).eval()
    picture = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        there, mirrored = (network(shown) for shown in (picture, picture.flip(-1)))
    assert not torch.allclose(there, mirrored, atol=1e-3)
    with pytest.raises(AssertionError):
        network(torch.randn(1, 3, 96, 96))


def test_a_network_of_one_size_is_told_before_anything_is_read(tmp_path: Path) -> None:
    config = TeacherConfig("botnet50", crops=64, batch=16, stages=((32, 0.5), (64, 0.5)))
    with pytest.raises(TrainingError, match="one size only; give it one stage, such as --stages 112:1"):
        train_teacher([tmp_path / "no data"], tmp_path / "out", config, resume=False)


def test_teachers_of_one_size_answer_for_pictures_of_another() -> None:
    botnet = network_of({"backbone": "botnet50", "stages": [[64, 1.0]]})
    small = torch.randint(0, 255, (2, 32, 32, 3), dtype=torch.uint8)
    answers = Ensemble([botnet, PoseNetwork("resnet10t")], [64, None])(small)
    assert answers.shape == (2, 3, 62)
    assert torch.allclose(answers.sum(-1), torch.ones(2, 3), atol=1e-5)


def test_an_unknown_name_says_where_names_are() -> None:
    with pytest.raises(UnknownModelError, match=r"no backbone 'resnet19'.*list_models.*botnet50 and botnet101"):
        backbone("resnet19", 112)
