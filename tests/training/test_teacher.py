"""A pose network from a manifest: it learns, and what is wrong with the data is told before it starts."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from headpose_sdk.errors import DatasetError, InvalidImageError, UnknownModelError
from headpose_sdk.evaluation.datasets import PoseSample
from headpose_sdk.training import train as teacher
from headpose_sdk.training.checkpoint import read_checkpoint
from headpose_sdk.training.config import TeacherConfig
from headpose_sdk.training.data import HeadCrops, load_crops, plain_batch, read_split, training_batch
from headpose_sdk.training.losses import pose_loss
from headpose_sdk.training.network import PoseGraph, PoseNetwork, normalise
from headpose_sdk.training.nonfaces import nonface_batch
from headpose_sdk.training.provenance import source_commit
from headpose_sdk.training.train import train_teacher


def trained_network(run: Path) -> PoseNetwork:
    network = PoseNetwork()
    network.load_state_dict(read_checkpoint(run / "checkpoint.safetensors").averaged)
    return network.eval()


def test_the_loss_falls(teacher_run: Path, views_folder: Path) -> None:
    crops = load_crops(read_split([views_folder])[0])
    images, angles, known = training_batch(crops, np.arange(len(crops)), 32, np.random.default_rng(99))

    @torch.no_grad()
    def loss(network: PoseNetwork) -> float:
        logits = network(normalise(torch.from_numpy(images)))
        terms = pose_loss(logits, torch.from_numpy(angles), torch.from_numpy(known), sigma=3, mse_weight=0.005)
        return sum(float(term) for term in terms.values())

    torch.manual_seed(0)  # that of the run: the network it began with
    assert loss(trained_network(teacher_run)) < 0.75 * loss(PoseNetwork().eval())


def test_the_checkpoint_says_what_it_was_trained_with(teacher_run: Path, views_folder: Path) -> None:
    checkpoint = read_checkpoint(teacher_run / "checkpoint.safetensors")
    assert checkpoint.step == 40
    assert checkpoint.commit == source_commit()
    manifest = (views_folder / "manifest.csv").read_bytes()
    assert checkpoint.settings == {
        "kind": "pose",
        "data": [views_folder.name], "data_sha256": [hashlib.sha256(manifest).hexdigest()], "rows": [60],
        "init": None, "init_sha256": None, "backbone": "resnet18", "crops": 640, "batch": 16,
        "stages": [[32, 1.0]], "shares": None, "nonface_share": 0.03, "learning_rate": 0.01, "weight_decay": 0.05,
        "label_sigma": 3.0, "spread_weight": 0.0, "mse_weight": 0.005,
        "precision": "bf16", "seed": 0,
    }  # fmt: skip


def test_predicted_angles_are_those_of_the_exported_graph(teacher_run: Path, views_folder: Path) -> None:
    network = trained_network(teacher_run)
    validation = load_crops(read_split([views_folder])[1])
    scale = torch.tensor([1.0, 2.0, 0.5])
    with torch.no_grad():
        crops = torch.from_numpy(plain_batch(validation, slice(None), 112))
        angles, std = PoseGraph(network, torch.ones(3)).eval()(crops)
        _, scaled = PoseGraph(network, scale).eval()(crops)
    assert angles.shape == (len(validation), 3)
    assert scaled.numpy() == pytest.approx((std * scale).numpy(), rel=1e-5)


def test_the_stages_follow_each_other() -> None:
    config = TeacherConfig(stages=((64, 0.5), (88, 0.2), (112, 0.3)))
    assert [config.size_at(done) for done in (0, 0.49, 0.5, 0.69, 0.71, 0.99, 1.0)] == [64, 64, 88, 88, 112, 112, 112]


def test_an_unknown_backbone_is_named(views_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"timm has no backbone 'resnet19'.*list_models"):
        train_teacher([views_folder], tmp_path / "out", TeacherConfig("resnet19"), resume=False, threads=1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("before", "after", "error", "says"),
    [
        ("roll", "tilt", DatasetError, r"manifest\.csv has no column roll"),
        ("\n7.png", "\nseven.png", DatasetError, r"manifest\.csv row 9: image 'seven.png' is not a file"),
        ("\n7.png,", "\n7.png,left,", DatasetError, r"row 9: yaw is 'left', not a number"),
        ("\n7.png,", "\n7.png,1000,", DatasetError, r"row 9: yaw is 1000, not within -180 to 180 degrees"),
        ("\n7.png", "\nbroken.png", InvalidImageError, r"broken\.png"),
    ],
)
def test_wrong_data_is_told_before_training_starts(
    views_folder: Path, tmp_path: Path, before: str, after: str, error: type[Exception], says: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(views_folder, data)
    (data / "broken.png").write_bytes((data / "7.png").read_bytes()[:500])
    manifest = data / "manifest.csv"
    assert manifest.read_text().count(before) == 1
    manifest.write_text(manifest.read_text().replace(before, after))
    with pytest.raises(error, match=says):
        train_teacher([data], tmp_path / "out", TeacherConfig(), resume=False, threads=1)
    assert not (tmp_path / "out").exists()


def test_a_kind_that_the_data_lacks_is_told_before_training_starts(views_folder: Path, tmp_path: Path) -> None:
    config = TeacherConfig(shares=(("photo", 0.5), ("rendered", 0.5)))
    with pytest.raises(
        DatasetError, match=r"--shares names rendered, but the rows to train on are of kind photo; name"
    ):
        train_teacher([views_folder], tmp_path / "out", config, resume=False, threads=1)
    assert not (tmp_path / "out").exists()


def test_a_kind_that_is_not_named_is_not_shown_and_folders_are_told_one_by_one(
    views_folder: Path, rendered_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[HeadCrops] = []

    def load(samples: list[PoseSample]) -> HeadCrops:
        read.append(load_crops(samples))
        return read[-1]

    monkeypatch.setattr(teacher, "load_crops", load)
    config = TeacherConfig("resnet10t", crops=8, batch=8, stages=((32, 1.0),), shares=(("rendered", 1.0),))
    folders = [views_folder, rendered_folder]
    checkpoint = read_checkpoint(train_teacher(folders, tmp_path / "out", config, resume=False, threads=1))
    held_back, shown = read
    assert set(held_back.kind.tolist()) == {"photo", "rendered"}  # the export measures on all
    assert set(shown.kind.tolist()) == {"rendered"}
    assert checkpoint.settings["shares"] == {"rendered": 1.0}
    assert checkpoint.settings["data"] == [views_folder.name, rendered_folder.name]
    assert checkpoint.settings["rows"] == [60, 60]
    assert checkpoint.settings["data_sha256"] == [
        hashlib.sha256((folder / "manifest.csv").read_bytes()).hexdigest() for folder in folders
    ]


def test_the_network_learns_to_be_unsure_where_there_is_no_face(views_folder: Path, tmp_path: Path) -> None:
    config = TeacherConfig(
        "resnet10t", crops=1280, batch=16, stages=((32, 1.0),), learning_rate=0.01, nonface_share=0.4
    )
    run = train_teacher([views_folder], tmp_path / "run", config, resume=False, threads=1)
    network = PoseNetwork("resnet10t")
    network.load_state_dict(read_checkpoint(run).averaged)
    graph = PoseGraph(network, torch.ones(3)).eval()
    heads = load_crops(read_split([views_folder]).held_back)
    nonfaces = nonface_batch(heads.images, 60, 32, np.random.default_rng(77))
    with torch.no_grad():
        _, sure = graph(torch.from_numpy(plain_batch(heads, slice(None), 32)))
        _, unsure = graph(torch.from_numpy(nonfaces))
    assert unsure[:, 0].median() > 40  # degrees of yaw; a flat distribution has 54
    assert sure[:, 0].median() < 25
