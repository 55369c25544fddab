"""docs/evaluation.md: its commands parse, and its figures are those of the files it names."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from headpose_sdk.cli import eval as eval_command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("headpose ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_is_one(command: str) -> None:
    parser = argparse.ArgumentParser()
    eval_command.add_parser(parser.add_subparsers(required=True))
    assert callable(parser.parse_args(shlex.split(command)[1:]).run)


def test_what_the_page_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


def rows(start: str) -> list[list[str]]:
    """The cells of the table whose first line begins with ``start``, without its head."""
    table = PAGE.split(f"| {start}", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table]


def results(name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((ROOT / "benchmarks" / "results" / name).read_text(encoding="utf-8"))
    return loaded


def test_the_figures_of_aflw2000_are_those_of_the_files() -> None:
    for _, yaw, pitch, roll, mae, interval, geodesic, file in rows("AFLW2000-3D, 16"):
        metrics = results(file.strip("`"))["metrics"]
        assert isinstance(metrics, dict)
        stated = dict(zip(("yaw", "pitch", "roll", "mae", "geodesic"), (yaw, pitch, roll, mae, geodesic), strict=True))
        assert {name: f"{metrics[name]:.2f}" for name in stated} == stated
        assert " to ".join(f"{bound:.2f}" for bound in metrics["mae_interval"]) == interval


def test_the_figures_of_pointing04_are_those_of_the_files() -> None:
    file = ""
    for number, (_, *stated, named) in enumerate(rows("Pointing'04, people")):
        file = file if named == "the same" else named.strip("`")
        figures = results(file)[("raw", "affine", "per_person")[number % 3]]
        assert isinstance(figures, dict)
        assert [f"{figures[axis]:.2f}" for axis in ("pan", "tilt", "mean")] == stated


def test_the_figures_of_uncertainty_are_those_of_the_file() -> None:
    measured: Any = results("pose_dev-uncertainty.json")
    faces, beside, text, others, everything = rows("the 250 photos of HELEN and AFW, labelled boxes")
    assert float(faces[1]) == round(measured["median_std"], 2)
    for (name, median, auc, caught), figures in (
        (beside, measured["kinds"]["beside"]),
        (text, measured["kinds"]["text"]),
        (everything, measured["all"]),
    ):
        assert (float(median), float(auc)) == (round(figures["median_std"], 2), figures["auc"]), name
        assert caught == f"{figures['caught']:.1%}".replace("%", " %"), name
    rest = [figures for name, figures in measured["kinds"].items() if name not in ("beside", "text")]
    assert others[1] == f"{min(figures['median_std'] for figures in rest):.2f} or more"
    assert {(figures["auc"], figures["caught"]) for figures in rest} == {(1, 1)}
    assert f"above {measured['threshold']:.2f} degrees" in PAGE
