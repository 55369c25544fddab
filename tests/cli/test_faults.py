"""Killed in the middle of the work, on a full disk, in a folder that may not be written to: no file is half of one.

What a killed process was writing stays beside it as ``.headpose-*.tmp``; nothing reads or counts that.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from videos import picture, write_video

from headpose_sdk.images import read_image, write_image

from .conftest import Headpose, executable


def killed_when(condition: str, *words: str, after: float = 0.0) -> None:
    """Run the command, and kill it ``after`` seconds from when a file that matches ``condition`` is there."""
    with subprocess.Popen([executable(), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 60
            while not list(Path().glob(condition)) and process.poll() is None and time.monotonic() < end:
                time.sleep(0.001)
            time.sleep(after)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGKILL, "it was through before it was killed: give it more to do"


def visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".headpose-")]


@pytest.mark.parametrize("after", [0.0, 0.017, 0.033])
def test_draw(folder: Path, photo: Path, headpose: Headpose, after: float) -> None:
    names = [f"{number:02}.jpg" for number in range(40)]
    for name in names:
        shutil.copy(photo, name)
    Path("out").mkdir()
    old = np.full((9, 9, 3), 7, np.uint8)
    for name in names[::2]:
        write_image(Path("out") / name.replace(".jpg", "_pose.jpg"), old)
    killed_when("out/01_pose.jpg", "draw", *names, "-o", "out", after=after)
    sizes = [read_image(path).shape for path in visible(Path("out"))]  # damage would be an error
    assert set(sizes) == {(9, 9, 3), (512, 512, 3)}
    assert headpose("draw", *names[:2], "-o", "out").returncode == 0
    assert {read_image(Path("out") / f"{name}_pose.jpg").shape for name in ("00", "01")} == {(512, 512, 3)}


def test_video(folder: Path, headpose: Headpose) -> None:
    """The video is the old one; of the records, which grow as they are made, there are whole lines."""
    write_video(Path("long.avi"), (picture(width=320, height=240) for _ in range(300)), codec="MJPG")
    Path("out.mp4").write_bytes(b"the old video")
    Path("out.jsonl").write_text("{}\n")
    killed_when(".headpose-*", "video", "long.avi", "-o", "out.mp4", "--json", "out.jsonl", after=0.1)
    assert Path("out.mp4").read_bytes() == b"the old video"
    written = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [record["frame"] for record in written] == list(range(len(written)))
    assert headpose("video", "long.avi", "-o", "out.mp4", "--json", "out.jsonl", "--end", "1").returncode == 0
    assert cv2.VideoCapture("out.mp4").get(cv2.CAP_PROP_FRAME_COUNT) == len(Path("out.jsonl").read_text().splitlines())


COPY = """
import os, signal, shutil
from headpose_sdk import weights
def copy_and_die(source, target, copy=shutil.copyfile):
    copy(source, target)
    os.truncate(target, os.path.getsize(target) // 2)
    os.kill(os.getpid(), signal.SIGKILL)
shutil.copyfile = copy_and_die
weights.copy_model(weights.find_model("ehpnet-resnet18").path, "copy")
"""


def test_download_to_a_folder(folder: Path, headpose: Headpose) -> None:
    done = subprocess.run([sys.executable, "-c", COPY], check=False)
    assert done.returncode == -signal.SIGKILL
    assert visible(folder) == []
    assert headpose("download", "ehpnet-resnet18", "--to", "copy").returncode == 0
    assert headpose("models").returncode == 0
    assert (folder / "copy" / "config.json").is_file()


# A disk that is full, or may only be read: a small one, which only this process and its children see.


def on_a_disk(options: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command with such a disk at ``disk``; what it leaves there is listed on stderr as well."""
    script = f'mkdir disk && mount -t tmpfs -o {options} tmpfs disk && "$@"; status=$?; ls -A disk >&2; exit $status'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", executable(), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    words = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="only root may mount a disk")
@pytest.mark.parametrize(
    ("words", "full", "read_only"),
    [
        (
            ["draw", "photo.jpg", "-o", "disk/out.jpg"],
            "cannot write (No space left on device); ",
            "cannot write, no perm",
        ),
        (
            ["download", "ehpnet-face", "--to", "disk/copy"],
            "cannot copy the model there (No space",
            "(Read-only file system",
        ),
        (["video", "clip.avi", "-o", "disk/out.mp4"], "only 0 MB are free there; ", "cannot write, no permission"),
        (["plot", "out.jsonl", "-o", "disk/out.png"], "cannot write (No space left", "cannot write, no permission"),
    ],
    ids=["draw", "download", "video", "plot"],
)
def test_a_full_disk_and_one_that_may_only_be_read(photo: Path, words: list[str], full: str, read_only: str) -> None:
    """Both are told in one line, and nothing is left there."""
    write_video(Path("clip.avi"), (picture(width=64, height=48) for _ in range(3)), codec="MJPG")
    face = {"identity": 1, **dict.fromkeys(("yaw", "pitch", "roll", "yaw_std", "pitch_std", "roll_std"), 1)}
    Path("out.jsonl").write_text(json.dumps({"frame": 0, "time": 0, "faces": [face]}) + "\n")
    if words[0] == "plot":
        pytest.importorskip("matplotlib")
    for options, said in (("size=16k", full), ("ro", read_only)):
        done = on_a_disk(options, *words)
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert line.startswith(f"headpose: {words[-1]}: ")
        assert said in line
        Path("disk").rmdir()
