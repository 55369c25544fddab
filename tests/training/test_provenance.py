"""Where weights come from: the command of a run can be given again, and the commit is our own."""

from __future__ import annotations

import argparse
import shlex
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from headpose_sdk.cli import train as train_command
from headpose_sdk.training import provenance
from headpose_sdk.training.config import PAPER_STUDENT, TeacherConfig
from headpose_sdk.training.provenance import command_of, source_commit


def test_the_command_of_a_run_is_one_and_gives_its_settings_again() -> None:
    parser = argparse.ArgumentParser()
    train_command.add_parser(parser.add_subparsers(required=True))
    settings = {"kind": "detector", "data": "my faces.csv", "init": "old", "pictures": 96, "batch": 8, "size": 256,
                "learning_rate": 1e-4, "weight_decay": 0.02, "seed": 3}  # fmt: skip
    args = parser.parse_args(shlex.split(command_of(settings))[1:])
    assert (args.data, args.init) == (Path("my faces.csv"), Path("old"))
    assert (args.pictures, args.batch, args.learning_rate, args.seed) == (96, 8, 1e-4, 3)
    assert command_of({"kind": "pose", "data": ["d"], **asdict(TeacherConfig())}) == (
        "headpose train teacher --data d --out RUN --backbone resnet18 --crops 450000"
    )


def test_the_command_of_a_run_on_several_folders_names_them_all() -> None:
    parser = argparse.ArgumentParser()
    train_command.add_parser(parser.add_subparsers(required=True))
    shares = (("photo", 1 / 3), ("rendered", 2 / 3))
    config = TeacherConfig(shares=shares, nonface_share=0.0)
    command = command_of({"kind": "pose", "data": ["photos", "my heads"], **asdict(config), "shares": dict(shares)})
    args = parser.parse_args(shlex.split(command)[1:])
    assert args.data == [Path("photos"), Path("my heads")]
    assert (args.shares, args.nonface_share) == (shares, 0.0)


def test_the_command_of_a_student_names_its_teachers() -> None:
    parser = argparse.ArgumentParser()
    train_command.add_parser(parser.add_subparsers(required=True))
    settings = {"kind": "pose", "data": ["d"], "teachers": ["big", "my wide"], **asdict(TeacherConfig())}
    command = command_of(settings)
    assert command.startswith("headpose train distill --teachers big --teachers 'my wide' --data d ")
    args = parser.parse_args(shlex.split(command)[1:])
    assert (args.teachers, args.data) == ([Path("big"), Path("my wide")], [Path("d")])


def test_the_command_of_a_run_by_the_papers_settings_spells_them_out() -> None:
    config = PAPER_STUDENT.for_heads(1000)
    command = command_of({"kind": "pose", "data": ["d"], "teachers": ["t"], **asdict(config)})
    assert command == (
        "headpose train distill --teachers t --data d --out RUN --backbone resnet18 --crops 200000 --stages 112:1 "
        "--nonface-share 0.0 --learning-rate 0.0001 --weight-decay 0.0 --label-sigma 0.0 --mse-weight 1.0"
    )


def test_the_command_of_an_older_run_has_the_options_of_its_time() -> None:
    settings = {"kind": "pose", "data": "pose", "backbone": "resnet18", "crops": 800, "photo_share": 0.6}
    assert command_of(settings) == (
        "headpose train teacher --data pose --out RUN --backbone resnet18 --crops 800 --photo-share 0.6"
    )


def test_the_commit_is_that_of_our_own_checkout_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(provenance, "PACKAGE", package)
    assert source_commit() is None
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "another project, in whose folder we are installed")
    assert source_commit() is None
    git("add", ".")
    git("commit", "-q", "-m", "our own")
    assert source_commit() == git("rev-parse", "HEAD")
    (package / "__init__.py").write_text("changed = True\n")
    assert source_commit() == git("rev-parse", "HEAD") + "-dirty"
