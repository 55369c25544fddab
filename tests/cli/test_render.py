"""``headpose render`` as far as it draws nothing: usage, and what it says where its packages are missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headpose_sdk.cli.main import main

from .conftest import Headpose

RENDER = ["render", "--assets", "parts", "--out", "heads", "--count", "10", "--seed", "1"]


@pytest.mark.parametrize(
    "words",
    [
        RENDER[:-2],
        [*RENDER[:5], *RENDER[7:]],
        [*RENDER[:3], *RENDER[5:]],
        [*RENDER[:1], *RENDER[3:]],
        [*RENDER, "--count", "0"],
        [*RENDER, "--count", "-5"],
        [*RENDER, "--count", "1e3"],
        [*RENDER, "--count", "10000001"],
        [*RENDER, "--seed", "-1"],
        [*RENDER, "--seed", "4294967296"],
        [*RENDER, "--seed", "now"],
        [*RENDER, "--workers", "0"],
        [*RENDER, "--workers", "257"],
        [*RENDER, "--workers", "two"],
        [*RENDER, "--poses", "back"],
    ],
)
def test_wrong_usage_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(words)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err.startswith("usage: headpose")
    assert not Path("heads").exists()


@pytest.mark.parametrize(
    ("option", "value", "bounds"),
    [
        ("--count", "0", "from 1 to 10000000"),
        ("--seed", "4294967296", "from 0 to 4294967295"),
        ("--workers", "300", "from 1 to 256"),
    ],
)
def test_a_number_out_of_bounds_is_told_with_the_bounds(
    option: str, value: str, bounds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*RENDER, option, value])
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"headpose render: error: argument {option}: '{value}' is not a whole number {bounds}"


@pytest.fixture
def without_the_extra(folder: Path) -> dict[str, str]:
    """An environment in which importing scipy fails, as it does where it was never installed."""
    (folder / "lacking").mkdir()
    Path("lacking/scipy.py").write_text("raise ImportError(\"No module named 'scipy'\")\n", encoding="utf-8")
    return {**os.environ, "PYTHONPATH": "lacking"}


def test_without_the_extra_one_line_says_how_to_install_it(
    headpose: Headpose, without_the_extra: dict[str, str]
) -> None:
    done = headpose(*RENDER, env=without_the_extra)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("headpose: drawing heads needs moderngl")
    assert line.endswith('`pip install "headpose-sdk[synthesis]"`')
    assert not Path("heads").exists()


def test_without_the_extra_there_is_help(headpose: Headpose, without_the_extra: dict[str, str]) -> None:
    done = headpose("render", "--help", env=without_the_extra)
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    assert text.startswith("usage: headpose render")
    assert [word for word in ("--without GROUP,...", "(default: front)", "--sheet FILE") if word not in text] == []
