"""``headpose draw``: what it writes, where, and what it refuses before it does anything."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.cli.draw import face_line
from headpose_sdk.cli.main import main
from headpose_sdk.config import CONFIG_NAME
from headpose_sdk.images import read_image, write_image
from headpose_sdk.results import BoundingBox, HeadPose

from .conftest import Headpose

NO_MODEL = ("--model", "no-such-model")
"""With this, a command that says anything else has not got as far as loading a model."""

Capture = pytest.CaptureFixture[str]


def files(folder: Path) -> set[str]:
    """All files below ``folder``, hidden and temporary ones too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refusal(capsys: Capture) -> str:
    """The one line on stderr; nothing was printed on stdout."""
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith("headpose: ")
    return line.removeprefix("headpose: ")


def test_a_portrait_gives_one_face_line_and_a_picture(headpose: Headpose, photo: Path, folder: Path) -> None:
    done = headpose("draw", photo)
    assert (done.returncode, done.stderr) == (0, "")
    first, face = done.stdout.splitlines()
    assert first == "wrote photo_pose.jpg"
    number = r"[+-]\d+\.\d"
    assert re.match(
        rf"yaw {number}  pitch {number}  roll {number}  \(std [\d.]+ [\d.]+ [\d.]+\)  box .*score 0\.", face
    )
    drawn, original = read_image("photo_pose.jpg").astype(int), read_image(photo).astype(int)
    assert drawn.shape == original.shape
    assert np.abs(drawn - original).max() > 100
    assert files(folder) == {"photo.jpg", "photo_pose.jpg"}


def test_a_picture_without_a_face_is_copied_as_it_is(blank: Path, capsys: Capture) -> None:
    assert main(["draw", str(blank)]) == 0
    assert capsys.readouterr().out == "wrote blank_pose.png\nno face found in blank.png\n"
    assert np.array_equal(read_image("blank_pose.png"), read_image(blank))


def test_a_face_line_says_everything_with_its_sign() -> None:
    pose = HeadPose(-12.34, 4.5, -0.04, 3.14, 2.9, 2.2, BoundingBox(10.4, 20, 110.6, 140), 0.987)
    line = "yaw -12.3  pitch +4.5  roll +0.0  (std 3.1 2.9 2.2)  box 10 20 111 140"
    assert face_line(pose) == f"{line}  score 0.99"
    unscored = HeadPose(-12.34, 4.5, -0.04, 3.14, 2.9, 2.2, pose.box, None)
    assert face_line(unscored) == line


@pytest.mark.parametrize(
    ("source", "target"),
    [("a.JPG", "a_pose.JPG"), ("a.b.webp", "a.b_pose.webp"), ("a.jfif", "a_pose.jpg"), ("a", "a_pose.jpg")],
)
def test_the_default_name(source: str, target: str, blank: Path, folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    blank.rename(folder / "elsewhere" / source)
    assert main(["draw", f"elsewhere/{source}"]) == 0
    assert files(folder) == {f"elsewhere/{source}", target}


@pytest.mark.parametrize(
    ("out", "target"),
    [("b.jpg", "b.jpg"), ("there", "there/blank_pose.png"), ("new/one/", "new/one/blank_pose.png")],
)
def test_out_is_a_file_or_a_folder_for_one_picture(out: str, target: str, blank: Path, folder: Path) -> None:
    (folder / "there").mkdir()
    assert main(["draw", str(blank), "-o", out]) == 0
    assert files(folder) == {"blank.png", target}


def test_several_pictures_go_to_a_folder_that_is_made(blank: Path, folder: Path, capsys: Capture) -> None:
    shutil.copy(blank, "other.png")
    assert main(["draw", "blank.png", "other.png", "-o", "new/one"]) == 0
    assert files(folder) == {"blank.png", "other.png", "new/one/blank_pose.png", "new/one/other_pose.png"}
    assert capsys.readouterr().out.splitlines()[::2] == [
        f"wrote {Path('new/one/blank_pose.png')}",
        f"wrote {Path('new/one/other_pose.png')}",
    ]


def test_an_earlier_output_is_replaced(blank: Path, folder: Path) -> None:
    write_image("blank_pose.png", np.zeros((5, 5, 3), np.uint8))
    assert main(["draw", str(blank)]) == 0
    assert read_image("blank_pose.png").shape == (96, 128, 3)
    assert files(folder) == {"blank.png", "blank_pose.png"}


@pytest.mark.parametrize(
    "out", ["blank.png", "./blank.png", "there/../blank.png", "missing/../blank.png", "symbolic.png", "hard.png"]
)
def test_an_input_is_never_written_over_by_any_name(out: str, blank: Path, folder: Path, capsys: Capture) -> None:
    (folder / "there").mkdir()
    Path("symbolic.png").symlink_to(blank)
    Path("hard.png").hardlink_to(blank)
    before = blank.read_bytes()
    assert main(["draw", str(blank), "-o", out, *NO_MODEL]) == 1
    assert "this is the input blank.png" in refusal(capsys)
    assert blank.read_bytes() == before
    assert files(folder) == {"blank.png", "symbolic.png", "hard.png"}


def test_the_output_of_one_must_not_be_another_input(blank: Path, capsys: Capture) -> None:
    shutil.copy(blank, "blank_pose.png")
    assert main(["draw", "blank.png", "blank_pose.png", *NO_MODEL]) == 1
    assert refusal(capsys).startswith("blank_pose.png: this is the input blank_pose.png")


def test_two_inputs_of_one_name_are_refused_before_any_work(blank: Path, folder: Path, capsys: Capture) -> None:
    (folder / "there").mkdir()
    shutil.copy(blank, "there/blank.png")
    assert main(["draw", "blank.png", "there/blank.png", "-o", "new", *NO_MODEL]) == 1
    message = refusal(capsys)
    assert message.startswith(f"blank.png and {Path('there/blank.png')} would both be written to")
    assert not Path("new").exists()


@pytest.mark.parametrize(
    ("sources", "out", "cause"),
    [
        (["blank.png"], "out.gif", "out.gif: cannot write a .gif file; use .bmp"),
        (["blank.png"], "out", "out: cannot write a file without an extension; use .bmp"),
        (["blank.png"], "nowhere/out.png", "nowhere/out.png: cannot write, "),
        (["blank.png"], "file/out.png", "file/out.png: cannot write, "),
        (["blank.png"], "file/", "file: cannot make this folder (File exists)"),
        (["blank.png", "x.png"], "file/new", "file/new: cannot make this folder (Not a directory)"),
        (["blank.png", "x.png"], "file", "file: one file cannot hold 2 pictures"),
        (["blank.png", "x.png"], "new.png", "new.png: one file cannot hold 2 pictures"),
        (["blank.png"], "full", "full/blank_pose.png: cannot write, it is a folder"),
    ],
)
def test_what_cannot_be_written_is_told_before_a_model_is_loaded(
    sources: list[str], out: str, cause: str, blank: Path, folder: Path, capsys: Capture
) -> None:
    Path("file").touch()
    Path("full/blank_pose.png").mkdir(parents=True)
    assert main(["draw", *sources, "-o", out, *NO_MODEL]) == 1
    assert refusal(capsys).startswith(cause)
    assert files(folder) == {"blank.png", "file"}


def test_a_bad_picture_is_told_and_the_others_are_drawn(
    photo: Path, blank: Path, folder: Path, capsys: Capture
) -> None:
    Path("text.jpg").write_text("<!DOCTYPE html> not found", encoding="utf-8")
    Path("half.jpg").write_bytes(photo.read_bytes()[:20_000])
    Path("folder.jpg").mkdir()
    assert main(["draw", "text.jpg", "half.jpg", "folder.jpg", "missing.jpg", "blank.png", "-o", "new"]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == f"wrote {Path('new/blank_pose.png')}"
    causes = ["text.jpg: the file holds text", "half.jpg: the JPEG file is cut off", "folder.jpg: this is a folder"]
    for line, cause in zip(printed.err.splitlines(), [*causes, "missing.jpg: no such file"], strict=True):
        assert line.startswith(f"headpose: {cause}")
    assert files(folder / "new") == {"blank_pose.png"}


def test_a_picture_that_its_format_cannot_hold_leaves_no_file(blank: Path, folder: Path, capsys: Capture) -> None:
    write_image("wide.png", np.zeros((1, 20_000, 3), np.uint8))
    assert main(["draw", "wide.png", "-o", "wide.webp"]) == 1
    assert refusal(capsys).startswith("wide.webp: .webp cannot hold 20000 x 1 pixels")
    assert files(folder) == {"blank.png", "wide.png"}


def test_model_folders_that_are_none(blank: Path, folder: Path, capsys: Capture) -> None:
    Path("empty").mkdir()
    assert main(["draw", str(blank), "--model", "empty"]) == 1
    assert refusal(capsys).startswith("empty has no config.json, so it is no model folder")

    assert main(["draw", str(blank), "--model", "./missing"]) == 1
    assert "./missing does not exist" in refusal(capsys)

    assert main(["models"]) == 0
    [bundled] = [line.split()[-1] for line in capsys.readouterr().out.splitlines() if "  pose  " in line]
    shutil.copytree(bundled, "damaged")
    assert main(["draw", str(blank), "--model", "damaged"]) == 0
    capsys.readouterr()
    weights = next(Path("damaged").glob("*.onnx"))
    weights.write_bytes(weights.read_bytes()[:-1])
    assert main(["draw", str(blank), "--model", "damaged", "--device", "cpu"]) == 1
    assert refusal(capsys).startswith(f"{weights} has SHA-256 ")

    Path("damaged", CONFIG_NAME).write_text("{", encoding="utf-8")
    assert main(["draw", str(blank), "--model", "damaged"]) == 1
    assert refusal(capsys).startswith(f"{Path('damaged', CONFIG_NAME)} is no JSON")


def test_a_detector_is_no_pose_model(blank: Path, capsys: Capture) -> None:
    assert main(["draw", str(blank), "--model", "ehpnet-face"]) == 1
    assert refusal(capsys).startswith("ehpnet-face is a detector model, not a pose model")


def test_an_output_of_a_relative_link_lands_behind_the_link(blank: Path, folder: Path) -> None:
    (folder / "there").mkdir()
    Path("link.png").symlink_to("there/real.png")
    assert main(["draw", str(blank), "-o", "link.png"]) == 0
    assert files(folder) == {"blank.png", "link.png", "there/real.png"}
    assert Path("link.png").is_symlink()
