"""Leaves out the tests of a room whose packages are not installed, and says in the header how to install them."""

from __future__ import annotations

from ctypes.util import find_library
from importlib.util import find_spec

TRAINING_NEEDS = ("torch", "timm", "onnx", "safetensors", "tqdm")
SYNTHESIS_NEEDS = ("moderngl", "scipy", "tqdm")
LACKS = {
    "training": [package for package in TRAINING_NEEDS if find_spec(package) is None],
    "synthesis": [package for package in SYNTHESIS_NEEDS if find_spec(package) is None],
    "batch": ["pyarrow"] if find_spec("pyarrow") is None else [],
    "cluster": [package for package in ("ray", "pyarrow") if find_spec(package) is None],
}
EXTRA = {"training": "train", "synthesis": "synthesis", "batch": "batch", "cluster": "ray"}
NO_EGL = find_library("EGL") is None  # the system's half of what the renderer needs

# The files too: pytest enters a folder that is named on its command line whatever is said of it here.
collect_ignore_glob = [
    pattern
    for room, lacks in LACKS.items()
    if lacks or (room == "synthesis" and NO_EGL)
    for pattern in (f"tests/{room}", f"tests/{room}/*")
]


def pytest_report_header() -> list[str]:
    lines = [
        f"tests/{room} is left out, as {', '.join(lacks)} is not installed; to run it as well: "
        f'.venv/bin/pip install -e ".[{EXTRA[room]},test]" && .venv/bin/pytest'
        for room, lacks in LACKS.items()
        if lacks
    ]
    if NO_EGL and not LACKS["synthesis"]:
        lines.append(
            "tests/synthesis is left out, as libEGL is not installed; to run it as well: "
            "apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri libgl1"
        )
    return lines
