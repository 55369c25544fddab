"""README.md and docs/quickstart.md do what they say: every Python block runs, every command is one."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headpose_sdk.results import ImageResult

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "docs" / "quickstart.md"]
OWN_DETECTOR = "<!-- example: yunet -->\n"  # needs a model file that we may not ship; tests/training makes one


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"(?<!{OWN_DETECTOR})```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def cases(language: str) -> list[tuple[str, str]]:
    return [(page.name, block) for page in PAGES for block in blocks(page, language)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like a new user's: the sample photo below examples/, and a few photos of their own."""
    (tmp_path / "examples").mkdir()
    (tmp_path / "photos").mkdir()
    photo = ROOT / "examples" / "astronaut.jpg"
    for copy in ("examples/astronaut.jpg", "photos/one.jpg", "photo.jpg"):
        shutil.copy(photo, tmp_path / copy)
    return tmp_path


@pytest.mark.parametrize(("page", "code"), cases("python"))
def test_a_python_block_runs(page: str, code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(code, page, "exec"), {"__name__": "__main__"})


COMMANDS = [
    command.split("#")[0].strip().replace(".venv/bin/", "")
    for page in PAGES
    for block in blocks(page, "sh")
    for line in block.splitlines()
    for command in line.split("&&")
    if command.strip().replace(".venv/bin/", "").startswith("headpose ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, folder: Path) -> None:
    executable = str(Path(sys.executable).with_name("headpose"))
    line = command.replace("headpose", shlex.quote(executable), 1)
    done = subprocess.run(line, shell=True, cwd=folder, env=os.environ, capture_output=True, text=True, check=False)
    expected = (0, 1) if command == "headpose doctor" else (0,)  # something may be wrong with this machine
    assert done.returncode in expected, done.stderr


def test_the_pages_name_commands_at_all() -> None:
    assert len(COMMANDS) >= 6


def test_the_record_of_the_page_has_the_fields_of_a_record() -> None:
    [record] = (json.loads(block) for block in blocks(PAGES[1], "json"))
    assert record.keys() == ImageResult("", 1, 1, ()).to_dict().keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_exists(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert targets
    for target in targets:
        assert (page.parent / target).exists(), target
