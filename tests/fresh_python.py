"""Code in an interpreter of its own, for what is decided at import or seen on the real stdout and stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_python(code: str, *arguments: object, folder: Path, quiet: bool = False, **environment: str) -> str:
    """What ``code`` prints, run in ``folder`` without a Hub cache; ``quiet``: not a word on stderr is allowed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "HF_HOME": str(folder / "hf"), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if quiet:
        assert done.stderr == ""
    return done.stdout.strip()
