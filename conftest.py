"""Leaves out the tests of a room whose packages are not installed, and says in the header how to install them."""

from __future__ import annotations

from importlib.util import find_spec

TRAINING_NEEDS = ("torch", "timm", "onnx", "safetensors", "tqdm")
TRAINING_LACKS = [package for package in TRAINING_NEEDS if find_spec(package) is None]

# The files too: pytest enters a folder that is named on its command line whatever is said of it here.
collect_ignore_glob = ["tests/training", "tests/training/*"] if TRAINING_LACKS else []


def pytest_report_header() -> list[str]:
    if not TRAINING_LACKS:
        return []
    return [
        f"tests/training is left out, as {', '.join(TRAINING_LACKS)} is not installed; to run it as well: "
        '.venv/bin/pip install -e ".[train,test]" && .venv/bin/pytest'
    ]
