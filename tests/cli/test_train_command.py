"""``headpose train`` as far as it needs no PyTorch: usage, and what it says where PyTorch is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headpose_sdk.cli.main import main

from .conftest import Headpose

TEACHER = ["train", "teacher", "--data", "data", "--out", "run"]
DETECTOR = ["train", "detector", "--data", "faces.csv", "--out", "run"]
EXPORT = ["train", "export", "--run", "run", "--out", "model"]


@pytest.mark.parametrize(
    "words",
    [
        ["train", "teacher", "--data", "data"],
        ["train", "detector", "--out", "run"],
        ["train", "export", "--run", "run"],
        [*TEACHER, "--crops", "0"],
        [*TEACHER, "--stages", "64"],
        [*TEACHER, "--stages", "64:0.5,112:0.6"],
        [*TEACHER, "--stages", "16:1"],
        [*TEACHER, "--photo-share", "0.5"],  # an option of old
        [*TEACHER, "--shares", "photo"],
        [*TEACHER, "--shares", "photo=0.5,rendered=0.6"],
        [*TEACHER, "--shares", "photo=0.5,photo=0.5"],
        [*TEACHER, "--shares", "photo=1.2,rendered=-0.2"],
        [*TEACHER, "--shares", "=1"],
        [*TEACHER, "--nonface-share", "1"],
        [*TEACHER, "--nonface-share", "-0.1"],
        [*TEACHER, "--crops", "1e6"],
        [*TEACHER, "--seed", "-1"],
        [*TEACHER, "--learning-rate", "0"],
        [*TEACHER, "--learning-rate", "nan"],
        [*TEACHER, "--pictures", "10"],
        [*DETECTOR, "--threads", "-2"],
        [*DETECTOR, "--crops", "10"],
        [*DETECTOR, "--learning-rate", "-1"],
        [*TEACHER, "--crops", "100"],
        [*TEACHER, "--crops", "1000", "--epochs", "3"],
        [*TEACHER, "--preset", "papers"],
        [*TEACHER, "--label-sigma", "-1"],
        [*TEACHER, "--mse-weight", "inf"],
        [*TEACHER, "--batch", "500000"],
        [*DETECTOR, "--pictures", "8", "--batch", "9"],
        [*EXPORT, "--score-threshold", "1"],
    ],
)
def test_wrong_usage_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(words)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err.startswith("usage: headpose")


@pytest.fixture
def without_torch(folder: Path) -> dict[str, str]:
    """An environment in which importing torch fails, as it does where it was never installed."""
    (folder / "lacking").mkdir()
    Path("lacking/torch.py").write_text("raise ImportError(\"No module named 'torch'\")\n", encoding="utf-8")
    return {**os.environ, "PYTHONPATH": "lacking"}


@pytest.mark.parametrize("words", [TEACHER, DETECTOR, EXPORT])
def test_without_torch_one_line_says_how_to_install_it(
    words: list[str], headpose: Headpose, without_torch: dict[str, str]
) -> None:
    done = headpose(*words, env=without_torch)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("headpose: training needs PyTorch")
    assert line.endswith('`pip install "headpose-sdk[train]"`')
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("task", "defaults"),
    [
        ("teacher", ["resnet18", "450000", "128", "0.001", "64:0.5,88:0.2,112:0.3", "0.03"]),
        ("detector", ["250000", "32", "0.002"]),
        ("export", ["ehpnet-face", "0.65", "not stated"]),
    ],
)
def test_without_torch_there_is_help_with_the_defaults(
    task: str, defaults: list[str], headpose: Headpose, without_torch: dict[str, str]
) -> None:
    done = headpose("train", task, "--help", env=without_torch)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: headpose train {task}")
    text = " ".join(done.stdout.split())
    assert "--out DIR" in text
    assert [value for value in defaults if f"(default: {value})" not in text] == []
