"""An archive made on the spot, and the command run on it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from archives import executable, write_archive

from headpose_sdk.results import Image

Headpose = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def archive(tmp_path: Path, photo: Image, monkeypatch: pytest.MonkeyPatch) -> Path:
    """archive/ in the current folder: 24 pictures at two depths, half of them noise, one of them none."""
    monkeypatch.chdir(tmp_path)
    return write_archive(Path("archive"), photo, 24)


@pytest.fixture
def headpose() -> Headpose:
    """Runs the installed executable in the current folder."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [executable(), *map(str, words)], capture_output=True, text=True, timeout=120, check=False
        )

    return run
