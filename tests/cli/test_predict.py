"""``headpose predict``: a record a photo, in both formats, as it comes."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import pty
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headpose_sdk.cli.main import main
from headpose_sdk.cli.predict import CSV_COLUMNS, csv_rows
from headpose_sdk.images import write_image
from headpose_sdk.results import BoundingBox, HeadPose, ImageResult

from .conftest import Headpose, executable
from .test_main import open_when_read

Capture = pytest.CaptureFixture[str]


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_object_a_photo(headpose: Headpose, photo: Path, blank: Path) -> None:
    done = headpose("predict", photo, blank)
    assert (done.returncode, done.stderr) == (0, "")
    portrait, empty = records(done.stdout)
    assert empty == {"file": "blank.png", "width": 128, "height": 96, "faces": []}
    assert (portrait["file"], portrait["width"], portrait["height"]) == ("photo.jpg", 512, 512)
    [face] = portrait["faces"]
    assert list(face) == ["yaw", "pitch", "roll", "yaw_std", "pitch_std", "roll_std", "box", "score"]


def test_both_formats_say_the_same(photo: Path, blank: Path, capsys: Capture) -> None:
    assert main(["predict", "photo.jpg", "blank.png", "missing.jpg"]) == 1
    objects = records(capsys.readouterr().out)
    assert main(["predict", "photo.jpg", "blank.png", "missing.jpg", "--format", "csv"]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    [face] = objects[0]["faces"]
    assert [row["file"] for row in rows] == ["photo.jpg", "blank.png", "missing.jpg"]
    assert rows[0]["face"] == "0"
    assert [float(rows[0][name]) for name in ("yaw", "pitch", "roll", "score")] == [
        face[name] for name in ("yaw", "pitch", "roll", "score")
    ]
    assert [float(rows[0][name]) for name in ("x1", "y1", "x2", "y2")] == face["box"]
    assert {rows[1][name] for name in CSV_COLUMNS[1:]} == {""}
    assert rows[2]["error"] == objects[2]["error"]


def test_csv_columns_are_those_of_the_documentation() -> None:
    listed = "file,face,yaw,pitch,roll,yaw_std,pitch_std,roll_std,x1,y1,x2,y2,score,error"
    assert ",".join(CSV_COLUMNS) == listed


def test_csv_has_a_row_a_face() -> None:
    box = BoundingBox(1, 2, 30, 40)
    faces = (HeadPose(1, 2, 3, 4, 5, 6, box, 0.5), HeadPose(-1, -2, -3, 4, 5, 6, box, None))
    assert csv_rows(ImageResult("a.jpg", 90, 80, faces)) == [
        ["a.jpg", 0, 1, 2, 3, 4, 5, 6, 1, 2, 30, 40, 0.5, ""],
        ["a.jpg", 1, -1, -2, -3, 4, 5, 6, 1, 2, 30, 40, "", ""],
    ]
    assert csv_rows(ImageResult("a.jpg", 90, 80, ())) == [["a.jpg", *[""] * 13]]
    assert csv_rows(ImageResult("a.jpg", None, None, (), "cut off")) == [["a.jpg", *[""] * 12, "cut off"]]


def test_bad_files_are_records_too_and_the_rest_goes_on(photo: Path, blank: Path, capsys: Capture) -> None:
    Path("text.jpg").write_text("version https://git-lfs.github.com/spec/v1", encoding="utf-8")
    Path("half.jpg").write_bytes(photo.read_bytes()[:20_000])
    assert main(["predict", "text.jpg", "half.jpg", "missing.jpg", "blank.png"]) == 1
    printed = capsys.readouterr()
    text, half, missing, good = records(printed.out)
    assert text == {"file": "text.jpg", "width": None, "height": None, "error": text["error"]}
    assert "holds text" in text["error"]
    assert "cut off" in half["error"]
    assert "no such file" in missing["error"]
    assert good["faces"] == []
    assert printed.err == "headpose: 3 of 4 files could not be read; their records say why under error\n"


def test_the_limit_of_pixels_can_be_set(photo: Path, capsys: Capture) -> None:
    write_image("large.png", np.zeros((1100, 1000, 3), np.uint8))
    assert main(["predict", "large.png", photo.name, "--max-megapixels", "1"]) == 1
    large, usual = records(capsys.readouterr().out)
    assert "1000 x 1100 pixels are over the limit of 1 megapixels" in large["error"]
    assert len(usual["faces"]) == 1


def test_folders_are_searched_in_the_order_given(blank: Path, capsys: Capture) -> None:
    Path("b/deep").mkdir(parents=True)
    Path("a").mkdir()
    Path("a/notes.txt").touch()
    for target in ("b/2.PNG", "b/deep/1.jpg", "a/3.png"):
        shutil.copy(blank, target)
    assert main(["predict", "b", "blank.png", "a", "--batch-size", "2"]) == 0
    found = [Path(record["file"]).as_posix() for record in records(capsys.readouterr().out)]
    assert found == ["b/2.PNG", "b/deep/1.jpg", "blank.png", "a/3.png"]


def test_an_empty_folder_is_told_and_the_rest_goes_on(blank: Path, capsys: Capture) -> None:
    Path("hollow").mkdir()
    Path("hollow/notes.txt").touch()
    assert main(["predict", "hollow", "blank.png"]) == 1
    printed = capsys.readouterr()
    assert [record["file"] for record in records(printed.out)] == ["blank.png"]
    [line] = printed.err.splitlines()
    assert line.startswith("headpose: hollow: no pictures in this folder or below it; looked for .bmp")
    assert main(["predict", "hollow", "--format", "csv"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", line + "\n")


def test_a_folder_that_cannot_be_listed_is_told_and_the_rest_goes_on(
    blank: Path, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("album").mkdir()
    shutil.copy(blank, "album/1.png")
    # Folders in folders until their path is too long for the system: root may list everything else.
    for name in ("album", *["deep" * 60] * 20):
        Path(name).mkdir(exist_ok=True)
        monkeypatch.chdir(name)
    monkeypatch.chdir(folder)
    assert main(["predict", "album", "blank.png"]) == 1
    printed = capsys.readouterr()
    assert [Path(record["file"]).name for record in records(printed.out)] == ["1.png", "blank.png"]
    [line] = printed.err.splitlines()
    assert line.startswith("headpose: album/deepdeep")
    assert f"cannot list the folder ({os.strerror(errno.ENAMETOOLONG)}); check" in line


@pytest.mark.parametrize("stdout_is_a_terminal", [False, True])
def test_the_counter_shows_on_a_terminal_that_is_not_full_of_records(blank: Path, stdout_is_a_terminal: bool) -> None:
    os.mkfifo("later.jpg")
    terminal, end = pty.openpty()
    words = [executable(), "predict", "blank.png", "later.jpg", "--batch-size", "1"]
    stdout = end if stdout_is_a_terminal else subprocess.DEVNULL
    with subprocess.Popen(words, stdout=stdout, stderr=end) as process:
        os.close(end)
        writing = open_when_read("later.jpg")
        time.sleep(1.2)  # short work is not counted
        os.close(writing)
        process.wait(timeout=30)
    shown = ""
    with suppress(OSError):  # Linux's way to say that a terminal has come to its end
        while piece := os.read(terminal, 9999):
            shown += piece.decode()
    os.close(terminal)
    assert ("2/2" in shown) is not stdout_is_a_terminal
    assert "1 of 2 files could not be read" in shown


def test_a_file_name_with_line_ends_and_commas_stays_one_record(blank: Path, capsys: Capture) -> None:
    name = 'a,"b"\nc.png'
    blank.rename(name)
    assert main(["predict", name]) == 0
    [record] = records(capsys.readouterr().out)
    assert record["file"] == name
    assert main(["predict", name, "--format", "csv"]) == 0
    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))
    assert row["file"] == name


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_records_come_as_they_are_known(kind: str, blank: Path) -> None:
    os.mkfifo("later.jpg")
    words = [executable(), "predict", "blank.png", "later.jpg", "--batch-size", "1", "--format", kind]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # The second file has not even begun when the first one's record is there to read.
        early = [process.stdout.readline() for _ in range(2 if kind == "csv" else 1)]
        assert "blank.png" in early[-1]
        os.close(open_when_read("later.jpg"))
        late, _ = process.communicate(timeout=30)
    assert "later.jpg: the file is empty" in late
    assert process.returncode == 1
