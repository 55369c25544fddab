"""Where torch is missing these tests are left out, and the header says so and how to get them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HIDDEN = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torch" else found(name, *rest)
sys.modules["torch"] = None
import pytest
sys.exit(pytest.main(["--collect-only", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


def collect(*arguments: str) -> str:
    command = [sys.executable, "-c", HIDDEN, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_they_are_left_out_and_the_header_names_the_line_that_installs_torch() -> None:
    output = collect("tests/training", "tests/test_rotation.py")
    assert "test_rotation.py" in output
    assert "test_losses.py" not in output
    assert "error" not in output.lower()
    assert '.venv/bin/pip install -e ".[train,test]" && .venv/bin/pytest' in output
    assert "tests/training is left out" in output
