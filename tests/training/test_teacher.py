"""A pose network from a manifest: it learns, and what is wrong with the data is told before it starts."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from headpose_sdk.errors import DatasetError, InvalidImageError, UnknownModelError
from headpose_sdk.training.checkpoint import read_checkpoint
from headpose_sdk.training.config import TeacherConfig
from headpose_sdk.training.data import HeadCrops, load_crops, plain_batch, read_split, training_batch
from headpose_sdk.training.losses import pose_loss
from headpose_sdk.training.network import PoseGraph, PoseNetwork, normalise
from headpose_sdk.training.provenance import source_commit
from headpose_sdk.training.train import _rows, train_teacher


def trained_network(run: Path) -> PoseNetwork:
    network = PoseNetwork()
    network.load_state_dict(read_checkpoint(run / "checkpoint.safetensors").averaged)
    return network.eval()


def test_the_loss_falls(teacher_run: Path, views_folder: Path) -> None:
    crops = load_crops(read_split(views_folder)[0])
    images, angles = training_batch(crops, np.arange(len(crops)), 32, np.random.default_rng(99))

    @torch.no_grad()
    def loss(network: PoseNetwork) -> float:
        logits = network(normalise(torch.from_numpy(images)))
        return sum(
            float(term) for term in pose_loss(logits, torch.from_numpy(angles), sigma=3, mse_weight=0.005).values()
        )

    torch.manual_seed(0)  # that of the run: the network it began with
    assert loss(trained_network(teacher_run)) < 0.75 * loss(PoseNetwork().eval())


def test_the_checkpoint_says_what_it_was_trained_with(teacher_run: Path, views_folder: Path) -> None:
    checkpoint = read_checkpoint(teacher_run / "checkpoint.safetensors")
    assert checkpoint.step == 40
    assert checkpoint.commit == source_commit()
    manifest = (views_folder / "manifest.csv").read_bytes()
    assert checkpoint.settings == {
        "kind": "pose", "data": views_folder.name, "data_sha256": hashlib.sha256(manifest).hexdigest(), "rows": 60,
        "init": None, "init_sha256": None, "backbone": "resnet18", "crops": 640, "batch": 16,
        "stages": [[32, 1.0]], "photo_share": None, "learning_rate": 0.01, "weight_decay": 0.05,
        "label_sigma": 3.0, "mse_weight": 0.005,
        "seed": 0,
    }  # fmt: skip


def test_predicted_angles_are_those_of_the_exported_graph(teacher_run: Path, views_folder: Path) -> None:
    network = trained_network(teacher_run)
    validation = load_crops(read_split(views_folder)[1])
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
        train_teacher(views_folder, tmp_path / "out", TeacherConfig("resnet19"), resume=False, threads=1)
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
        train_teacher(data, tmp_path / "out", TeacherConfig(), resume=False, threads=1)
    assert not (tmp_path / "out").exists()


def test_a_batch_holds_the_share_of_photos_that_was_asked_for() -> None:
    profiled = np.arange(50) % 5 > 0  # 10 photos, 40 profiled
    crops = HeadCrops(np.zeros((50, 128, 128, 3), np.uint8), np.zeros((50, 3)), profiled)
    steps = [_rows(crops, 16, step, 0, 0.75) for step in range(20)]
    assert {int((~profiled[rows]).sum()) for rows in steps} == {12}
    assert set(np.concatenate(steps)) == set(range(50))
    assert len(_rows(crops, 16, 0, 0, None)) == 16
    only = HeadCrops(crops.images, crops.angles, np.zeros(50, np.bool_))
    with pytest.raises(DatasetError, match="--photo-share"):
        _rows(only, 16, 0, 0, 0.5)
