"""``headpose plot``: a picture of what ``headpose video --json`` wrote."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from videos import ScriptedEstimator, square

from headpose_sdk import HeadPoseTracker
from headpose_sdk.images import read_image
from headpose_sdk.video.plots import read_series
from headpose_sdk.video.records import RecordWriter

from .conftest import Headpose

needs_matplotlib = pytest.mark.skipif(find_spec("matplotlib") is None, reason='needs pip install "headpose-sdk[plot]"')


@pytest.fixture
def out(folder: Path) -> Path:
    """out.jsonl in the current folder: one person all the time, another in frames 10 to 19 of 30, told from 11 on."""
    one, other = square(50, 50, 40), square(150, 50, 40)
    script = [[one, other] if 10 <= index < 20 else [one] for index in range(30)]
    tracker = HeadPoseTracker(ScriptedEstimator(script, lambda call: (call, -10.0, 5.0)), smoothing="off")
    with RecordWriter("out.jsonl", "jsonl") as writer:
        for index in range(30):
            writer.write(index, index / 30, tracker.update(np.zeros((100, 200, 3), np.uint8), index / 30))
    return Path("out.jsonl")


def test_the_people_of_a_file(out: Path) -> None:
    people = read_series(out)
    assert sorted(people) == [1, 2]
    assert people[1].values["yaw"] == pytest.approx(range(30))
    assert people[1].stds["roll"] == pytest.approx([2.0] * 30)
    assert people[2].times == pytest.approx([index / 30 for index in range(11, 30)], abs=1e-4)
    assert np.isnan(people[2].values["pitch"]).tolist() == [False] * 9 + [True] * 10  # a gap, not a line across


@needs_matplotlib
@pytest.mark.parametrize("name", ["angles.png", "angles.svg"])
def test_a_picture_is_drawn(headpose: Headpose, out: Path, name: str) -> None:
    done = headpose("plot", out, "-o", name)
    assert (done.returncode, done.stdout) == (0, f"wrote {name}\n"), done.stderr
    if name.endswith("png"):
        picture = read_image(name).reshape(-1, 3).astype(int)
        colors = [(180, 119, 31), (14, 127, 255)]  # the first two of matplotlib, BGR
        assert all((np.abs(picture - color).max(axis=1) < 12).sum() > 100 for color in colors)
    else:
        assert "</svg>" in Path(name).read_text()


@needs_matplotlib
@pytest.mark.parametrize(
    ("records", "target", "says"),
    [
        ("no.jsonl", "a.png", "no.jsonl: cannot read"),
        ("bad.jsonl", "a.png", "bad.jsonl: line 2 is no record"),
        ("empty.jsonl", "a.png", "empty.jsonl: shows nobody"),
        ("out.jsonl", "a.gif", "a.gif: cannot write .gif"),
        ("out.jsonl", "no/a.png", "no/a.png: cannot write"),
    ],
)
def test_what_cannot_be_drawn(headpose: Headpose, out: Path, records: str, target: str, says: str) -> None:
    Path("bad.jsonl").write_text(json.dumps({"frame": 0, "time": 0, "faces": []}) + "\nhello\n")
    Path("empty.jsonl").write_text("")
    done = headpose("plot", records, "-o", target)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"headpose: {says}")
    assert not Path(target).exists()


def test_without_matplotlib_one_line_names_the_extra(headpose: Headpose, out: Path) -> None:
    Path("matplotlib").mkdir()
    Path("matplotlib/__init__.py").write_text("raise ImportError('No module named matplotlib', name='matplotlib')")
    path = os.pathsep.join([str(Path().absolute()), os.environ.get("PYTHONPATH", "")])
    done = headpose("plot", out, "-o", "a.png", env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("headpose: plotting needs matplotlib")
    assert 'pip install "headpose-sdk[plot]"' in line
