"""Folders of rendered heads: labels that fit the pictures, the same bytes whatever happens on the way."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from headpose_sdk.cli.main import main
from headpose_sdk.errors import DatasetError, OutputError, RenderError
from headpose_sdk.evaluation.datasets import read_manifest
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.sampling.sampler import Catalogue, Diversity, sample_head
from headpose_sdk.synthesis.shape import HeadModel
from headpose_sdk.synthesis.studio import Studio
from headpose_sdk.synthesis.writing import fill
from headpose_sdk.synthesis.writing.fill import QUALITY
from headpose_sdk.synthesis.writing.write_heads import COLUMNS, render_heads

COUNT, SEED, BLOCK = 16, 5, 3


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def rendered(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads in blocks of three, drawn in one go by one process."""
    out = tmp_path_factory.mktemp("rendered") / "heads"
    done = render_heads(tiny_folder, out, count=COUNT, seed=SEED, block=BLOCK)
    assert (done.count, done.drawn) == (COUNT, COUNT)
    assert done.seconds > 0
    return out


def test_what_is_there_in_the_end(rendered: Path, tiny_folder: Path) -> None:
    crops = [f"0000{number // BLOCK}/{number:07d}.webp" for number in range(COUNT)]
    assert sorted(contents(rendered)) == sorted([*crops, "landmarks.npy", "manifest.csv", "render.json"])
    with (rendered / "manifest.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert [row[0] for row in rows] == crops
    assert {row[COLUMNS.index("kind")] for row in rows} == {"rendered"}
    assert [row[COLUMNS.index("source")] for row in rows] == [f"head-5-{number}" for number in range(COUNT)]
    landmarks = np.load(rendered / "landmarks.npy")
    assert (landmarks.shape, landmarks.dtype) == ((COUNT, 68, 2), np.float32)
    settings = json.loads((rendered / "render.json").read_text())
    assert (settings["seed"], settings["count"], settings["poses"]) == (SEED, COUNT, "front")
    assert settings["assets_sha256"] == Assets(tiny_folder).fingerprint
    assert set(settings["diversity"].values()) == {True}


def test_training_takes_the_folder_as_it_is(rendered: Path) -> None:
    for sample in read_manifest(rendered):
        crop = cv2.imread(str(sample.file))
        assert crop.shape == (128, 128, 3)
        assert sample.box is not None
        # The crop is the square of 1.4 times the face that training would cut around the box.
        assert sample.box.center == pytest.approx((64, 64), abs=0.01)
        assert max(sample.box.width, sample.box.height) == pytest.approx(128 / 1.4, abs=0.01)
        assert max(map(abs, sample.angles)) <= 90


def test_any_row_can_be_drawn_again_by_itself(assets_folder: Path, tmp_path: Path) -> None:
    render_heads(assets_folder, tmp_path, count=5, seed=SEED, poses="full", block=BLOCK, workers=2)
    assets = Assets(assets_folder)
    head = sample_head(Catalogue.of(assets, HeadModel(assets)), SEED, 4, "full")
    drawing = Studio(assets).draw(head)
    sample = read_manifest(tmp_path)[4]
    encoded = cv2.imencode(".webp", drawing.crop, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1]
    assert sample.file.read_bytes() == encoded.tobytes()
    assert sample.angles == pytest.approx((head.pose.yaw, head.pose.pitch, head.pose.roll), abs=1e-4)
    assert np.array_equal(np.load(tmp_path / "landmarks.npy")[4], drawing.landmarks.astype(np.float32))


def test_two_processes_write_what_one_does(rendered: Path, tiny_folder: Path, tmp_path: Path) -> None:
    render_heads(tiny_folder, tmp_path, count=COUNT, seed=SEED, block=BLOCK, workers=2)
    assert contents(tmp_path) == contents(rendered)


def test_another_seed_and_fewer_groups_give_other_heads(rendered: Path, tiny_folder: Path, tmp_path: Path) -> None:
    render_heads(tiny_folder, tmp_path / "seed", count=1, seed=SEED + 1)
    render_heads(tiny_folder, tmp_path / "plain", count=1, seed=SEED, diversity=Diversity(photography=False))
    crops = {(folder / "00000" / "0000000.webp").read_bytes() for folder in (tmp_path / "seed", tmp_path / "plain")}
    assert len({*crops, (rendered / "00000" / "0000000.webp").read_bytes()}) == 3


RUN = """
import sys
from pathlib import Path
from headpose_sdk.synthesis.writing.write_heads import render_heads
if __name__ == "__main__":
    render_heads(Path(sys.argv[1]), Path(sys.argv[2]), count=16, seed=5, block=3, workers=int(sys.argv[3]))
"""


def test_a_killed_run_goes_on_to_the_same_end(rendered: Path, tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(RUN)
    out = tmp_path / "heads"
    command = [sys.executable, tmp_path / "run.py", tiny_folder, out, "2"]
    with subprocess.Popen(command, start_new_session=True) as run:
        until(lambda: any(out.glob("0000*")))
        os.killpg(run.pid, signal.SIGKILL)
    assert not (out / "manifest.csv").exists()
    finished = {path: path.stat().st_mtime_ns for path in out.rglob("*.webp") if not path.parent.name.startswith(".")}
    done = render_heads(tiny_folder, out, count=COUNT, seed=SEED, block=BLOCK)
    assert contents(out) == contents(rendered)
    assert done.drawn == COUNT - len(finished)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished


def test_a_dead_worker_is_told_of_and_the_run_goes_on(rendered: Path, tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(RUN)
    out = tmp_path / "heads"
    command = [sys.executable, tmp_path / "run.py", tiny_folder, out, "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        until(lambda: any(out.glob("0000*")))
        os.kill(worker_of(run.pid), signal.SIGKILL)
        _, errors = run.communicate()
    last = errors.splitlines()[-1]
    assert last.startswith("headpose_sdk.errors.RenderError: a drawing process was killed (SIGKILL); run the same")
    assert not list(out.glob(".*"))
    render_heads(tiny_folder, out, count=COUNT, seed=SEED, block=BLOCK)
    assert contents(out) == contents(rendered)


def worker_of(parent: int) -> int:
    """The process that draws, among the children of ``parent``."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    [worker] = [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return int(worker)


def until(condition: object) -> None:
    limit = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_a_finished_run_is_left_as_it_is(rendered: Path, tiny_folder: Path) -> None:
    before = contents(rendered)
    (rendered / "00001" / "rows.csv").touch()  # killed after the manifest was written, before all was tidy
    done = render_heads(tiny_folder, rendered, count=COUNT, seed=SEED, block=BLOCK)
    assert (done.count, done.drawn) == (COUNT, 0)
    assert contents(rendered) == before


def test_a_folder_of_another_run_is_refused(rendered: Path, tiny_folder: Path) -> None:
    before = contents(rendered)
    with pytest.raises(OutputError, match=r"heads belongs to a run with other settings \(poses, seed\)"):
        render_heads(tiny_folder, rendered, count=COUNT, seed=SEED + 1, poses="full", block=BLOCK)
    assert contents(rendered) == before


def test_other_drawing_code_does_not_go_on_with_a_folder(
    rendered: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fill, "_SYNTHESIS", tmp_path)
    with pytest.raises(OutputError, match=r"other settings \(drawing_sha256\).* the version of this package"):
        render_heads(tiny_folder, rendered, count=COUNT, seed=SEED, block=BLOCK)
    (tmp_path / "writing").mkdir()
    for path, changes in (("a.py", True), ("b.frag", True), ("writing/c.py", False), ("d.txt", False)):
        before = fill._drawing_code()
        (tmp_path / path).write_text("x")
        assert (fill._drawing_code() != before) == changes


def test_what_cannot_begin_makes_no_folder(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        render_heads(tmp_path / "nothing", tmp_path / "heads", count=1, seed=0)
    monkeypatch.syspath_prepend(str(tmp_path))  # which processes inherit
    (tmp_path / "moderngl.py").write_text("raise ImportError('not here')")
    with pytest.raises(RenderError, match=r'pip install "headpose-sdk\[synthesis\]"'):
        render_heads(tiny_folder, tmp_path / "heads", count=1, seed=0)
    assert not (tmp_path / "heads").exists()


def test_the_command_draws_and_makes_a_sheet(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["render", "--assets", str(tiny_folder), "--out", "heads", "--count", "2", "--seed", "5"]
    assert main([*command, "--workers", "1", "--without", "masks,glasses", "--sheet", "heads/sheet.png"]) == 0
    output = capsys.readouterr()
    drew, wrote = output.out.splitlines()
    assert drew.startswith("drew 2 in ")
    assert drew.endswith(" images/s); heads holds all 2 heads")
    assert (wrote, output.err) == ("wrote heads/sheet.png", "")
    assert cv2.imread("heads/sheet.png").shape == (192, 1920, 3)
    diversity = json.loads(Path("heads/render.json").read_text())["diversity"]
    assert [name for name, on in diversity.items() if not on] == ["masks", "glasses"]

    assert main([*command, "--without", "glasses,masks"]) == 0
    assert capsys.readouterr().out == "heads holds all 2 heads\n"
    assert main([*command, "--poses", "full"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("headpose: heads belongs to a run with other settings (diversity, poses)")


def test_wrong_groups_and_sheets_are_told_before_anything_is_drawn(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["render", "--assets", str(tiny_folder), "--out", "heads", "--count", "2", "--seed", "5"]
    for options, message in (
        (("--without", "masks,moustaches"), "'moustaches' is none of people, features"),
        (("--without", ""), "'' is none of people"),
        (("--sheet", "sheet.txt"), "sheet.txt must end in one of .bmp"),
    ):
        with pytest.raises(SystemExit) as exit_info:
            main([*command, *options])
        assert exit_info.value.code == 2
        assert message in capsys.readouterr().err
    assert main([*command, "--sheet", "nowhere/sheet.png"]) == 1
    assert "nowhere is no folder" in capsys.readouterr().err
    assert not Path("heads").exists()
