"""docs/training.md: its commands parse, its table is a manifest, its Python runs."""

from __future__ import annotations

import argparse
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from headpose_sdk.cli import eval as eval_command
from headpose_sdk.cli import train as train_command
from headpose_sdk.evaluation.datasets import read_manifest
from headpose_sdk.evaluation.views import sample_photo
from headpose_sdk.images import write_image
from headpose_sdk.weights import DEFAULT_DETECTOR, find_model

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [part.split("```", 1)[0] for part in PAGE.split(f"```{language}\n")[1:]]


COMMANDS = [
    line for block in blocks("sh") for line in block.replace("\\\n", " ").splitlines() if line.startswith("headpose ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_is_one(command: str) -> None:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(required=True)
    train_command.add_parser(subparsers)
    eval_command.add_parser(subparsers)
    assert callable(parser.parse_args(shlex.split(command)[1:]).run)


def test_the_options_the_page_explains_exist() -> None:
    parser = argparse.ArgumentParser()
    train_command.add_parser(parser.add_subparsers(required=True))
    table = [line for line in PAGE.splitlines() if line.startswith("| `--")]
    words = [word for line in table for word in line.split("|")[1].replace("`", "").replace(",", " ").split()]
    values = {"--backbone": "resnet18", "--stages": "64:0.5,112:0.5", "--shares": "photo=1", "--nonface-share": "0"}
    values |= {"--device": "cpu", "--precision": "fp32", "--preset": "own"}
    options = [f"{word} {values.get(word, 1)}" for word in words if word.startswith("--") and word != "--epochs"]
    command = f"train teacher --data d --out o --resume {' '.join(options)}"
    parsed = parser.parse_args(command.split())
    assert (
        parser.parse_args(["train", "teacher", "--data", "d", "--out", "o", "--epochs", "3"]).epochs == 3
    )  # instead of --crops
    assert (parsed.backbone, parsed.crops, parsed.batch, parsed.seed, parsed.threads) == ("resnet18", 1, 1, 1, 1)


def test_the_manifest_of_the_page_is_read(tmp_path: Path) -> None:
    [manifest] = blocks("csv")
    (tmp_path / "manifest.csv").write_text(manifest, encoding="utf-8")
    for row in manifest.splitlines()[1:]:
        picture = tmp_path / row.split(",")[0]
        picture.parent.mkdir(exist_ok=True)
        picture.touch()
    samples = read_manifest(tmp_path)
    assert [(sample.source, sample.box is None) for sample in samples] == [
        ("ann", False),
        ("ann", False),
        ("bob", True),
    ]


def test_the_python_of_the_page_runs(exported: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(exported["model"], tmp_path / "my-model")
    shutil.copytree(find_model(DEFAULT_DETECTOR).path, tmp_path / "my-face")
    write_image(tmp_path / "photo.jpg", sample_photo())
    monkeypatch.chdir(tmp_path)
    names: list[set[str]] = []
    for block in blocks("python"):
        namespace: dict[str, Any] = {}
        exec(compile(block, "docs/training.md", "exec"), namespace)
        assert namespace["estimator"].config.name == "tiny"
        names.append(set(namespace))
    assert "poses" in names[0]
