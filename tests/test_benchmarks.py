"""The benchmarks run, the JSON that they write is of one form, and so is every result that is kept in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
FIGURE = {"unit", "median", "p5", "p95", "runs", "warm_up"}
COMMANDS = {
    "latency": ["--quick"],
    "throughput": ["--quick", "--files", "5"],
    "scaling": ["--quick"],
    "endurance": ["--quick", "--crops", "80", "--photos", "64"],
    "memory": ["--quick", "--photos", "40"],
}


def check(content: dict[str, Any]) -> None:
    assert content.keys() == {"benchmark", "machine", "settings", "figures", "ratios"}
    assert content["machine"].keys() == {"processor", "threads", "providers", "python", "packages"}
    assert content["machine"]["threads"] >= 1
    assert content["machine"]["providers"]
    assert content["settings"].keys() >= {"quick", "device"}
    assert content["figures"]
    for name, figure in content["figures"].items():
        assert figure.keys() == FIGURE, name
        assert 0 < figure["p5"] <= figure["median"] <= figure["p95"], name
        assert figure["runs"] >= 1
    assert all(ratio > 0 for ratio in content["ratios"].values())


def run(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, BENCHMARKS / script, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_quick_run_prints_a_table_and_writes_its_figures(name: str, tmp_path: Path) -> None:
    done = run(f"{name}.py", *COMMANDS[name], "--threads", 1, "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "out.json").read_text())
    check(content)
    assert content["benchmark"] == name
    assert content["settings"]["quick"] is True
    table = done.stdout.splitlines()
    assert len(table) == len(content["figures"]) + len(content["ratios"])
    assert all(line.startswith(figure) for figure, line in zip(content["figures"], table, strict=False))


def test_results_of_this_form_that_are_kept_are_whole_and_no_quick_ones() -> None:
    for path in (BENCHMARKS / "results").glob("*.json"):
        content = json.loads(path.read_text())
        if "benchmark" in content:
            check(content)
            assert content["settings"]["quick"] is False, path


def test_the_page_names_every_benchmark_and_options_that_exist() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    commands = [line.split() for line in page.splitlines() if line.startswith("python benchmarks/")]
    assert {Path(words[1]).stem for words in commands} >= {*COMMANDS, "peers"}
    sources = (BENCHMARKS / "measuring.py").read_text()
    for words in commands:
        own = (ROOT / words[1]).read_text()
        assert all(f'"{word}"' in sources + own for word in words[2:] if word.startswith("--")), words
