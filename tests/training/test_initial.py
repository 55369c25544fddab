"""The weights a run begins with: of another run, or of a backbone that somebody else trained and named otherwise."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from headpose_sdk.errors import ModelIntegrityError, ModelNotFoundError
from headpose_sdk.training.checkpoint import CHECKPOINT
from headpose_sdk.training.initial import begin_with
from headpose_sdk.training.network import PoseNetwork
from headpose_sdk.training.trainer import Trainer

BACKBONE = "mobilenetv2_035"


def averaged_run(folder: Path, network: nn.Module) -> Path:
    trainer = Trainer(network, folder, {}, steps=1, learning_rate=0.1, weight_decay=0, warmup=1)
    folder.mkdir()
    trainer.save()
    return folder


def renamed(network: PoseNetwork, classes: int = 1000) -> dict[str, Tensor]:
    """The backbone as another implementation would store it: other names, RGB, and a classifier behind."""
    state = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    first = next(iter(state))
    state[first] = state[first].flip(1)
    others = {f"features.{k}.{name.rsplit('.', 1)[1]}": value for k, (name, value) in enumerate(state.items())}
    return others | {"classifier.1.weight": torch.zeros(classes, 1280), "classifier.1.bias": torch.zeros(classes)}


def test_without_anything_the_weights_stay_random() -> None:
    network = PoseNetwork(BACKBONE)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert begin_with(network, None) == {"init": None, "init_sha256": None}
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_run_gives_its_averaged_weights_and_its_name_and_hash(tmp_path: Path) -> None:
    first = nn.Linear(3, 2)
    run = averaged_run(tmp_path / "first", first)
    second = nn.Linear(3, 2)
    digest = hashlib.sha256((run / CHECKPOINT).read_bytes()).hexdigest()
    assert begin_with(second, run) == {"init": "first", "init_sha256": digest}
    assert torch.equal(second.weight, first.weight)
    with pytest.raises(ModelIntegrityError, match="do not fit the network"):
        begin_with(nn.Linear(5, 2), run)


@pytest.mark.parametrize("name", ["other.pth", "timm.pth", "timm.safetensors"])
def test_a_backbone_of_timm_or_of_others_is_taken_with_its_colours_swapped(tmp_path: Path, name: str) -> None:
    theirs, ours = PoseNetwork(BACKBONE), PoseNetwork(BACKBONE)
    state, file = renamed(theirs), tmp_path / name
    if file.stem == "timm":
        state = dict(zip(theirs.backbone.state_dict(), state.values(), strict=False))
    torch.save(state, file) if file.suffix == ".pth" else save_file(state, file)
    heads = ours.heads.weight.clone()
    assert begin_with(ours, file)["init"] == file.name
    pictures = torch.randn(2, 3, 64, 64)
    assert torch.equal(ours.backbone.eval()(pictures), theirs.backbone.eval()(pictures))
    assert torch.equal(ours.heads.weight, heads)


def test_another_network_is_refused_by_the_first_layer_that_differs(tmp_path: Path) -> None:
    file = tmp_path / "imagenet.pth"
    torch.save(renamed(PoseNetwork("mobilenetv2_050")), file)
    with pytest.raises(ModelIntegrityError, match=r"has features\.\d+\.\w+ where \S+ is due; .*that --backbone names"):
        begin_with(PoseNetwork(BACKBONE), file)
    state = renamed(PoseNetwork(BACKBONE))
    torch.save(dict(list(state.items())[:40]), file)
    with pytest.raises(ModelIntegrityError, match=r"has \d+ tensors of \d+; "):
        begin_with(PoseNetwork(BACKBONE), file)


@pytest.mark.parametrize("content", [{"epoch": 3}, [torch.zeros(1)], "text"])
def test_a_file_that_holds_no_state_dict_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(ModelIntegrityError, match="holds no state dict"):
        begin_with(PoseNetwork(BACKBONE), tmp_path / "other.pth")


@pytest.mark.parametrize("name", ["broken.pth", "broken.safetensors"])
def test_a_file_that_cannot_be_read_as_weights_is_refused(tmp_path: Path, name: str) -> None:
    for content in (b"", b"not weights at all"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelIntegrityError, match="cannot be read as weights"):
            begin_with(PoseNetwork(BACKBONE), tmp_path / name)


def test_a_pickle_with_more_than_tensors_runs_nothing(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"a": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(ModelIntegrityError, match="cannot be read as weights"):
        begin_with(PoseNetwork(BACKBONE), tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def test_what_is_missing_is_told_and_a_detector_takes_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"none cannot be read: .*name as --init"):
        begin_with(PoseNetwork(BACKBONE), tmp_path / "none")
    with pytest.raises(ModelNotFoundError, match=r"checkpoint\.safetensors cannot be read"):
        begin_with(PoseNetwork(BACKBONE), tmp_path)
    torch.save({}, tmp_path / "file.pth")
    with pytest.raises(ModelIntegrityError, match="only a pose network begins with"):
        begin_with(nn.Linear(1, 1), tmp_path / "file.pth")
