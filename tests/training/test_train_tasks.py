"""``headpose train`` where PyTorch is installed: which options go with which kind of run, and what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from headpose_sdk.cli.main import main
from headpose_sdk.errors import DatasetError
from headpose_sdk.images import write_image
from headpose_sdk.training.checkpoint import CHECKPOINT, read_checkpoint
from headpose_sdk.training.config import SCORE_THRESHOLD
from headpose_sdk.training.detector.network import FaceDetectorNetwork
from headpose_sdk.training.export import export
from headpose_sdk.training.trainer import Trainer


@pytest.fixture(scope="module")
def detector_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of an untrained detector."""
    out = tmp_path_factory.mktemp("detector")
    torch.manual_seed(0)
    settings = {"kind": "detector", "data": "faces.csv"}
    trainer = Trainer(FaceDetectorNetwork(), out, settings, steps=1, learning_rate=1e-3, weight_decay=0.0, warmup=1)
    trainer.save()
    return out


def usage_error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The last line on stderr of a command that must be refused as wrong usage."""
    with pytest.raises(SystemExit) as exit_info:
        main(list(words))
    assert exit_info.value.code == 2
    usage, *_, last = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: headpose train export")
    return last


def test_a_pose_export_needs_data(teacher_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = usage_error(capsys, "train", "export", "--run", str(teacher_run), "--out", str(tmp_path / "model"))
    assert "holds a pose network" in said
    assert said.endswith("add --data with the folders that it was trained on")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--score-threshold", "--face-scale", "--face-shift"])
def test_a_pose_export_takes_no_option_of_a_detector(
    teacher_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    words = ["--out", str(tmp_path / "model"), "--data", "d", option, "0.4"]
    said = usage_error(capsys, "train", "export", "--run", str(teacher_run), *words)
    assert f"{option} is for a detector" in said


def test_a_detector_export_takes_no_detector(
    detector_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--out", str(tmp_path / "model"), "--detector", "ehpnet-face"]
    assert "--detector is for a pose network" in usage_error(
        capsys, "train", "export", "--run", str(detector_run), *words
    )


def test_a_detector_export_takes_one_csv(
    detector_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--out", str(tmp_path / "model"), "--data", "a.csv", "--data", "b.csv"]
    said = usage_error(capsys, "train", "export", "--run", str(detector_run), *words)
    assert said.endswith("holds a detector, which is measured on one CSV; give --data once")
    with pytest.raises(DatasetError, match="one CSV; give --data once"):
        export(detector_run, tmp_path / "model", data=[Path("a.csv"), Path("b.csv")])


def test_a_detector_export_prints_its_report_and_nothing_on_stderr(
    detector_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "export", "--run", str(detector_run), "--out", str(tmp_path / "model")]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["model"] == str(tmp_path / "model")
    assert report["largest_difference"] < 1e-3
    assert printed.err == ""
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (config["name"], config["score_threshold"]) == ("model", SCORE_THRESHOLD)


def test_a_detector_that_does_not_exist_is_told_in_one_line(
    teacher_run: Path, views_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--out", str(tmp_path / "model"), "--data", str(views_folder), "--detector", "no-such-face"]
    assert main(["train", "export", "--run", str(teacher_run), *words]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "no model is called 'no-such-face'" in line


def test_the_options_of_a_training_are_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["file,x1,y1,x2,y2"]
    for key in range(4):
        write_image(tmp_path / f"{key}.png", np.full((80, 80, 3), 40 * key, np.uint8))
        lines.append(f"{key}.png,10,10,50,60")
    (tmp_path / "faces.csv").write_text("\n".join(lines))
    words = ["--data", str(tmp_path / "faces.csv"), "--out", str(tmp_path / "run"), "--threads", "1"]
    options = ["--pictures", "2", "--batch", "2", "--learning-rate", "0.004", "--seed", "7"]
    assert main(["train", "detector", *words, *options]) == 0
    settings = read_checkpoint(tmp_path / "run" / CHECKPOINT).settings
    assert {name: settings[name] for name in ("pictures", "batch", "learning_rate", "seed", "rows")} == {
        "pictures": 2, "batch": 2, "learning_rate": 0.004, "seed": 7, "rows": 4,
    }  # fmt: skip
    printed = capsys.readouterr()
    assert printed.out.startswith("wrote ")
    assert printed.err == ""


def test_the_papers_preset_may_be_made_smaller(views_folder: Path, tmp_path: Path) -> None:
    """100 epochs of ResNet101 are for a GPU; whatever is given stands in their place."""
    small = ["--backbone", "resnet10t", "--epochs", "1", "--batch", "16", "--stages", "32:1", "--threads", "1"]
    words = ["train", "teacher", "--preset", "paper", "--data", str(views_folder), "--out", str(tmp_path / "run")]
    assert main([*words, *small]) == 0
    settings = read_checkpoint(tmp_path / "run" / CHECKPOINT).settings
    own = {"backbone": "resnet10t", "batch": 16, "stages": [[32, 1.0]]}
    paper = {"learning_rate": 1e-4, "weight_decay": 0.0, "label_sigma": 0.0, "mse_weight": 1.0, "nonface_share": 0.0}
    assert {name: settings[name] for name in own | paper} == own | paper
    assert 40 < settings["crops"] < 60  # the heads to train on, once; some are held back
