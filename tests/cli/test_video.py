"""``headpose video``: what it writes, what it refuses, and how it ends early."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from videos import bust, picture, read_all, write_video

from headpose_sdk.cli.main import main
from headpose_sdk.images import read_image

from .conftest import Headpose, executable


@pytest.fixture
def clip(photo: Path) -> Path:
    """clip.mp4 in the current folder: two people who cross, 24 frames at 30 frames/s."""
    portrait = read_image(photo)
    frames = (
        picture((bust(portrait, 150), 10 + 10 * index, 20), (bust(portrait, 150), 240 - 10 * index, 160))
        for index in range(24)
    )
    return write_video(Path("clip.mp4"), frames)


def records(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def identities(path: str) -> list[list[int]]:
    return [[face["identity"] for face in record["faces"]] for record in records(path)]


def test_a_video_and_its_data(headpose: Headpose, clip: Path) -> None:
    done = headpose("video", clip, "--json", "a.jsonl", "--csv", "a.csv", env={**os.environ, "PATH": ""})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "wrote a.jsonl",
        "wrote a.csv",
        "wrote clip_pose.mp4, without sound: to keep the input's, install ffmpeg",
        "24 frames, 2 people",
    ]
    assert identities("a.jsonl") == [[1, 2]] * 24
    first, last = records("a.jsonl")[0], records("a.jsonl")[-1]
    assert first["faces"][0]["box"][0] < 150 < first["faces"][1]["box"][0]
    assert last["faces"][1]["box"][0] < 150 < last["faces"][0]["box"][0]
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert [(int(row["frame"]), int(row["identity"])) for row in rows] == [(i, k) for i in range(24) for k in (1, 2)]
    drawn, plain = read_all(Path("clip_pose.mp4")), read_all(clip)
    assert len(drawn) == 24
    for before, after, record in zip(plain, drawn, records("a.jsonl"), strict=True):
        x1, y1, x2, y2 = (round(value) for value in record["faces"][0]["box"])
        changed = np.abs(before.astype(int) - after)[max(y1, 0) : y2, max(x1, 0) : x2].max(axis=2) > 60
        assert changed.mean() > 0.02  # axes and box


def test_part_of_a_video_every_other_frame_with_everything_asked_for(headpose: Headpose, clip: Path) -> None:
    done = headpose(
        *("video", clip, "--no-draw", "--json", "b.jsonl", "--every", 2, "--start", 0.2, "--end", 0.6),
        *(
            "--detect-every",
            3,
            "--smoothing",
            "strong",
            "--neutral-seconds",
            0.1,
            "--camera-fov",
            70,
            "--device",
            "cpu",
        ),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [record["frame"] for record in records("b.jsonl")] == [6, 8, 10, 12, 14, 16]
    assert [record["faces"][0]["detected"] for record in records("b.jsonl")] == [True, False, False] * 2
    assert abs(records("b.jsonl")[0]["faces"][0]["pitch"]) < 0.01  # her own zero pose
    assert not Path("clip_pose.mp4").exists()


def test_a_file_that_is_cut_off_is_kept_as_far_as_it_goes(headpose: Headpose, clip: Path) -> None:
    whole = write_video(Path("whole.avi"), read_all(clip), codec="MJPG").read_bytes()
    Path("cut.avi").write_bytes(whole[: len(whole) // 2])
    done = headpose("video", "cut.avi", "-o", "out.avi", "--json", "cut.jsonl", "--detect-every", 6)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("headpose: cut.avi: ends after ")
    count = len(records("cut.jsonl"))
    assert 5 < count < 20
    assert len(read_all(Path("out.avi"))) == count


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no.mp4"], "no.mp4: no such file"),
        (["photo.txt"], "photo.txt: is text, or a list of videos elsewhere, and no video"),
        (["97"], "camera 97: cannot be opened"),
        (["rtsp://127.0.0.1:9/live"], "rtsp://127.0.0.1:9/live: this stream cannot be opened"),
        (["clip.mp4", "-o", "clip.mp4"], "clip.mp4: is clip.mp4 as well"),
        (["clip.mp4", "--json", "x", "--csv", "x"], "x: is x as well"),
        (["clip.mp4", "-o", "a.gif"], "a.gif: cannot write .gif videos"),
        (["clip.mp4", "-o", "no/a.mp4"], "no/a.mp4: cannot write"),
        (["clip.mp4", "--start", "1:00"], "clip.mp4: no frame from 60 s on"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(headpose: Headpose, clip: Path, words: list[str], says: str) -> None:
    Path("photo.txt").write_text("not a video")
    before = sorted(Path().iterdir())
    done = headpose("video", *words)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"headpose: {says}")
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["a.mp4", "--no-draw"],
        ["a.mp4", "--no-draw", "-o", "b.mp4"],
        ["a.mp4", "--start", "3", "--end", "2"],
        ["a.mp4", "--start", "-1"],
        ["a.mp4", "--end", "1:2:3:4"],
        ["a.mp4", "--every", "0"],
        ["a.mp4", "--camera-fov", "180"],
    ],
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["video", *words])
    assert ended.value.code == 2
    assert "headpose video: error:" in capsys.readouterr().err


@pytest.mark.skipif(cv2.currentUIFramework() != "", reason="this OpenCV has windows")
def test_a_window_needs_an_opencv_that_has_some(headpose: Headpose, clip: Path) -> None:
    done = headpose("video", clip, "--show", "--no-draw")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("headpose: --show needs an OpenCV with windows")


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
def test_ctrl_c_finishes_the_files(folder: Path) -> None:
    write_video(Path("long.avi"), (picture(width=320, height=240) for _ in range(2000)), codec="MJPG")
    process = subprocess.Popen(
        [executable(), "video", "long.avi", "-o", "out.mp4", "--json", "out.jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell has its background jobs ignore the signal, and they hand that on.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        while process.poll() is None and (not Path("out.jsonl").exists() or len(records("out.jsonl")) < 5):
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, err) == (130, "")
    count = len(records("out.jsonl"))
    assert 5 <= count < 2000
    assert len(read_all(Path("out.mp4"))) == count
    assert out.splitlines()[-1] == f"{count} frames, 0 people"
    assert sorted(path.name for path in Path().iterdir()) == ["long.avi", "out.jsonl", "out.mp4"]
