"""Photos made on the spot, and the command run as a user runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.images import write_image

ASTRONAUT = Path(__file__).parents[2] / "examples" / "astronaut.jpg"

Headpose = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def blank(folder: Path) -> Path:
    """blank.png in the current folder: grey all over, no face in it."""
    write_image(folder / "blank.png", np.full((96, 128, 3), 128, np.uint8))
    return Path("blank.png")


@pytest.fixture
def photo(folder: Path) -> Path:
    """photo.jpg in the current folder: a portrait."""
    shutil.copy(ASTRONAUT, folder / "photo.jpg")
    return Path("photo.jpg")


@pytest.fixture
def headpose(folder: Path) -> Headpose:
    """Runs the installed executable in the current folder; stdout and stderr are captured as text."""

    def run(*words: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            [executable(), *map(str, words)],
            **{"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60, **options},
        )

    return run


def executable() -> str:
    found = shutil.which("headpose", path=str(Path(sys.executable).parent))
    assert found, "install the package first: pip install -e ."
    return found
