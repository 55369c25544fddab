"""A student that learns from teachers: their answers, not the labels, and a run like any other."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from headpose_sdk.errors import ModelIntegrityError, TrainingError
from headpose_sdk.training.checkpoint import CHECKPOINT, read_checkpoint
from headpose_sdk.training.config import TeacherConfig
from headpose_sdk.training.data import load_crops, read_split, training_batch
from headpose_sdk.training.ensemble import Ensemble
from headpose_sdk.training.losses import distillation_loss
from headpose_sdk.training.network import PoseNetwork, normalise
from headpose_sdk.training.train import train_student

SHORT = TeacherConfig("resnet10t", crops=64, batch=16, stages=((32, 1.0),), learning_rate=0.005)


def pictures(folder: Path) -> torch.Tensor:
    crops = load_crops(read_split([folder])[0])
    images, _, _ = training_batch(crops, np.arange(len(crops)), 32, np.random.default_rng(99))
    return torch.from_numpy(images)


def test_an_ensemble_of_one_answers_as_its_network(teacher_run: Path, views_folder: Path) -> None:
    shown = pictures(views_folder)
    network = PoseNetwork()
    network.load_state_dict(read_checkpoint(teacher_run / CHECKPOINT).averaged)
    with torch.no_grad():
        alone = torch.softmax(network.eval()(normalise(shown)), dim=-1)
    assert torch.allclose(Ensemble.of([teacher_run])(shown), alone, atol=1e-5)
    assert torch.allclose(Ensemble.of([teacher_run, teacher_run])(shown), alone, atol=1e-5)


def test_a_student_comes_closer_to_its_teachers(teacher_run: Path, views_folder: Path, tmp_path: Path) -> None:
    config = TeacherConfig("resnet10t", crops=640, batch=16, stages=((32, 1.0),), learning_rate=0.005)
    train_student([views_folder], [teacher_run], tmp_path / "out", config, resume=False, threads=1)
    shown = pictures(views_folder)
    answers = Ensemble.of([teacher_run])(shown)
    known = torch.ones(len(shown), 3, dtype=torch.bool)

    @torch.no_grad()
    def divergence(network: PoseNetwork) -> float:
        return float(distillation_loss(network.eval()(normalise(shown)), answers, known)["divergence"])

    torch.manual_seed(0)  # that of the run: the network it began with
    before = divergence(PoseNetwork("resnet10t"))
    student = PoseNetwork("resnet10t")
    student.load_state_dict(read_checkpoint(tmp_path / "out" / CHECKPOINT).averaged)
    assert divergence(student) < 0.5 * before


def test_labels_do_not_matter_to_a_student(teacher_run: Path, views_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(views_folder, other)
    lines = (other / "manifest.csv").read_text().splitlines()
    mislabelled = [",".join([line.split(",")[0], "1", "2", "3", "photo"]) for line in lines[1:]]
    (other / "manifest.csv").write_text("\n".join([lines[0], *mislabelled]) + "\n")
    weights = []
    # A turn is given up where it would carry the label out of the bins, which none of these labels is near to.
    for data in (views_folder, other):
        out = tmp_path / f"out-{data.name}"
        train_student([data], [teacher_run], out, SHORT, resume=False, threads=1)
        weights.append(read_checkpoint(out / CHECKPOINT).averaged)
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_the_run_names_its_teachers_and_goes_on_with_them_alone(
    teacher_run: Path, views_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    train_student([views_folder], [teacher_run], out, SHORT, resume=False, threads=1)
    settings = read_checkpoint(out / CHECKPOINT).settings
    digest = hashlib.sha256((teacher_run / CHECKPOINT).read_bytes()).hexdigest()
    assert (settings["kind"], settings["teachers"], settings["teachers_sha256"]) == (
        "pose",
        [teacher_run.name],
        [digest],
    )
    train_student([views_folder], [teacher_run], out, SHORT, resume=True, threads=1)
    with pytest.raises(TrainingError, match=r"other settings \(teachers, teachers_sha256\)"):
        train_student([views_folder], [teacher_run, teacher_run], out, SHORT, resume=True, threads=1)


def test_what_is_no_pose_network_cannot_teach(views_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelIntegrityError, match="is not a checkpoint"):
        train_student([views_folder], [tmp_path], tmp_path / "out", SHORT, resume=False, threads=1)
    assert not (tmp_path / "out").exists()
