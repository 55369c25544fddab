"""docs/synthesis.md: its commands parse, its tables name what there is, its Python runs."""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headpose_sdk.cli import render as render_command
from headpose_sdk.cli import train as train_command
from headpose_sdk.synthesis.sampling.diversity import Diversity
from headpose_sdk.synthesis.writing.write_heads import COLUMNS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "synthesis.md").read_text(encoding="utf-8")


def commands() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(required=True)
    render_command.add_parser(subparsers)
    train_command.add_parser(subparsers)
    return parser


def section(title: str) -> str:
    return re.split(r"^#+ ", PAGE.split(f"# {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """What stands in code in the first column of the section's tables."""
    return [
        name for line in text.splitlines() if line.startswith("| `") for name in line.split("|")[1].split("`")[1::2]
    ]


@pytest.mark.parametrize("command", re.findall(r"^ *(headpose .*)$", PAGE, re.MULTILINE))
def test_a_command_of_the_page_is_one(command: str) -> None:
    assert callable(commands().parse_args(shlex.split(command)[1:]).run)


def test_the_options_of_the_page_are_those_of_the_command() -> None:
    told = {cell.split()[0] for cell in first_cells(section("The command"))}
    taken = set(re.findall(r"--[a-z]+", commands_help()))
    assert told == taken - {"--help"}


def commands_help() -> str:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    render_command.add_parser(subparsers)
    options = subparsers.choices["render"]._actions
    return " ".join(name for action in options for name in action.option_strings)


def test_the_groups_of_the_page_are_those_that_can_be_switched_off() -> None:
    assert first_cells(section("What varies")) == [field.name for field in fields(Diversity)]


def test_the_columns_of_the_page_are_those_of_the_manifest() -> None:
    assert first_cells(section("What is written"))[-len(COLUMNS) :] == list(COLUMNS)


def test_the_rooms_of_the_page_are_files() -> None:
    folder = Path(render_command.__file__).parents[1] / "synthesis"
    rooms = first_cells(section("How it works"))
    assert len(rooms) >= 10
    assert [room for room in rooms if not (folder / room).exists()] == []


def test_what_the_page_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", PAGE):
        assert (DOCS / target).exists(), target


def test_the_python_of_the_page_runs(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parts").symlink_to(tiny_folder)
    monkeypatch.chdir(tmp_path)
    [block] = (part.split("```", 1)[0] for part in PAGE.split("```python\n")[1:])
    names: dict[str, Any] = {}
    exec(compile(block, "docs/synthesis.md", "exec"), names)
    assert (names["head"].seed, names["head"].number) == (1, 7)
    assert names["drawing"].crop.shape == (128, 128, 3)
    assert np.isfinite(names["drawing"].landmarks).all()
