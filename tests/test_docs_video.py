"""docs/video.md does what it says: commands and examples run on a generated video, tables and schema are true."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from videos import bust, picture, write_video

from headpose_sdk.results import Image
from headpose_sdk.smoothing import LEVELS, Smoothing
from headpose_sdk.video.records import COLUMNS

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "video.md").read_text(encoding="utf-8")
LIVE = "<!-- example: live -->\n"


def blocks(language: str, *, after: str = "") -> list[str]:
    return re.findall(rf"{after or f'(?<!{LIVE})'}```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def clip(tmp_path: Path, photo: Image, monkeypatch: pytest.MonkeyPatch) -> Path:
    """clip.mp4 in the current folder: the astronaut moves a little, 12 frames."""
    monkeypatch.chdir(tmp_path)
    return write_video(Path("clip.mp4"), (picture((bust(photo, 200), 60 + 5 * i, 40)) for i in range(12)))


def test_the_commands_run_one_after_the_other(clip: Path) -> None:
    executable = str(Path(sys.executable).with_name("headpose"))
    commands = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) == 4
    for command in commands:
        if command.startswith("headpose plot") and find_spec("matplotlib") is None:
            continue
        line = command.replace("headpose", shlex.quote(executable), 1)
        done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
    assert {path.name for path in Path().iterdir()} >= {"clip_pose.mp4", "out.mp4", "out.jsonl", "out.csv"}


def test_every_option_of_the_command_is_on_the_page() -> None:
    executable = str(Path(sys.executable).with_name("headpose"))
    done = subprocess.run([executable, "video", "--help"], capture_output=True, text=True, check=True)
    options = set(re.findall(r"--[a-z-]+", done.stdout)) - {"--help", "--out", "--model", "--device"}
    assert {option for option in options if option not in PAGE} == set()


def test_the_example_of_a_file_runs(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [code] = blocks("python")
    exec(compile(code, "video.md", "exec"), {"__name__": "__main__"})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert all(" s  person 1  yaw " in line for line in lines)


def test_the_example_of_a_live_camera_runs_on_a_generated_video(clip: Path) -> None:
    """In place of camera and screen: the video, and a list of what is shown."""
    [code] = blocks("python", after=LIVE)
    assert len(code.splitlines()) < 30
    screen: list[Image] = []
    keys: Iterator[int] = iter([*[-1] * 5, ord("n"), *[-1] * 4, ord("q")])
    stand_in = SimpleNamespace(
        VideoCapture=lambda index: cv2.VideoCapture(str(clip)),
        imshow=lambda name, image: screen.append(image),
        waitKey=lambda milliseconds: next(keys),
    )
    code = code.replace("import cv2\n", "")
    exec(compile(code, "video.md", "exec"), {"__name__": "__main__", "cv2": stand_in})
    assert len(screen) == 11  # until q
    capture = cv2.VideoCapture(str(clip))
    for shown in screen:
        assert (np.abs(capture.read()[1].astype(int) - shown).max(axis=2) > 60).sum() > 300  # drawn on


def test_the_delays_are_those_of_the_filter() -> None:
    [header, *rows] = re.findall(r"^\|(.*°/s.*|.*\d+ ms.*)\|$", PAGE, re.MULTILINE)
    speeds = [0.0, *(float(speed) for speed in re.findall(r"(\d+)°/s", header))]
    assert len(rows) == len(LEVELS)
    for row in rows:
        [name] = re.findall(r"`(\w+)`", row)
        stated = [int(number) for number in re.findall(r"(\d+) ms", row)]
        level = LEVELS[_smoothing(name)]
        assert stated == [0 if level is None else round(level.delay(speed)) for speed in speeds]


def _smoothing(name: str) -> Smoothing:
    assert name in ("off", "light", "strong")
    return name  # type: ignore[return-value]


def test_the_schema_is_that_of_the_records(clip: Path) -> None:
    [example] = (json.loads(block) for block in blocks("json"))
    executable = str(Path(sys.executable).with_name("headpose"))
    subprocess.run([executable, "video", clip, "--no-draw", "--json", "a.jsonl", "--csv", "a.csv"], check=True)
    record = json.loads(Path("a.jsonl").read_text().splitlines()[0])
    assert list(record) == list(example)
    assert list(record["faces"][0]) == list(example["faces"][0])
    table = PAGE[PAGE.index("| field |") :]
    for field in [*record, *record["faces"][0]]:
        assert f"`{field}`" in table
    assert Path("a.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
    assert f"`{','.join(COLUMNS)}`" in PAGE


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_camera", DOCS / "draw_camera.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_what_its_script_draws_and_its_numbers_hold(script: ModuleType) -> None:
    apparent, corrected = script.corrected_yaws()
    assert apparent < -20  # at the right edge, facing along the axis: it seems to look out of the picture, to the right
    assert corrected == pytest.approx(0, abs=1e-9)
    assert script.neutral_yaws() == pytest.approx((35, 0))
    kept = cv2.imread(str(script.TARGET)).astype(int)
    drawn = script.draw().astype(int)
    assert kept.shape == drawn.shape
    assert (np.abs(kept - drawn).max(axis=2) > 60).mean() < 0.02  # fonts differ between versions of OpenCV


def test_what_the_page_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", PAGE):
        assert (DOCS / target).exists(), target
