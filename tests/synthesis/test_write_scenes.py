"""Folders of scenes: what the detector's training reads, the same bytes whatever happens on the way."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from headpose_sdk.cli.main import main
from headpose_sdk.errors import OutputError
from headpose_sdk.evaluation.datasets import read_faces
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.location import Location
from headpose_sdk.synthesis.sampling.sampler import Catalogue, Diversity
from headpose_sdk.synthesis.sampling.scenes import sample_scene
from headpose_sdk.synthesis.studio import Studio
from headpose_sdk.synthesis.writing.fill import webp
from headpose_sdk.synthesis.writing.write_heads import render_heads
from headpose_sdk.synthesis.writing.write_scenes import FACE_COLUMNS, render_scenes

COUNT, SEED, BLOCK = 16, 4, 3


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def rendered(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes in blocks of three, drawn in one go by one process."""
    out = tmp_path_factory.mktemp("rendered") / "scenes"
    done = render_scenes(tiny_folder, out, count=COUNT, seed=SEED, block=BLOCK)
    assert (done.count, done.drawn) == (COUNT, COUNT)
    return out


def test_the_detectors_training_takes_the_folder_as_it_is(rendered: Path, tiny_folder: Path) -> None:
    names = [f"0000{number // BLOCK}/{number:07d}.webp" for number in range(COUNT)]
    assert sorted(contents(rendered)) == sorted([*names, "faces.csv", "render.json"])
    samples = read_faces(rendered / "faces.csv")
    assert [sample.file.relative_to(rendered).as_posix() for sample in samples] == names

    assets = Assets(tiny_folder)
    studio = Studio(assets)
    location, catalogue = Location(studio), Catalogue.of(assets, studio.model)
    for number, sample in enumerate(samples):
        snapshot = location.draw(sample_scene(catalogue, SEED, number))
        assert sample.file.read_bytes() == webp(snapshot.image)
        assert [face.ignore for face in sample.faces] == [face.ignore for face in snapshot.faces]
        for read, drawn in zip(sample.faces, snapshot.faces, strict=True):
            assert (read.box.x1, read.box.y1) == pytest.approx((drawn.box.x1, drawn.box.y1), abs=0.006)
            assert (read.box.x2, read.box.y2) == pytest.approx((drawn.box.x2, drawn.box.y2), abs=0.006)


def test_a_picture_without_faces_has_one_row_with_an_empty_box(rendered: Path) -> None:
    with (rendered / "faces.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == FACE_COLUMNS
    empty = [row for row in rows if row[1:] == ["", "", "", "", ""]]
    assert empty
    for name, *_ in empty:
        assert sum(row[0] == name for row in rows) == 1
    assert [len(sample.faces) for sample in read_faces(rendered / "faces.csv")].count(0) == len(empty)


def test_two_processes_write_what_one_does(rendered: Path, tiny_folder: Path, tmp_path: Path) -> None:
    render_scenes(tiny_folder, tmp_path, count=COUNT, seed=SEED, block=BLOCK, workers=2)
    assert contents(tmp_path) == contents(rendered)


def test_a_stopped_run_goes_on_to_the_same_end(rendered: Path, tiny_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "scenes"
    # Killed in the second block: the first is there, the table is not. Its rows are those of the whole run.
    shutil.copytree(rendered, other)
    rows = (other / "faces.csv").read_text().splitlines(keepends=True)[1:]
    (other / "faces.csv").unlink()
    (other / "00000" / "rows.csv").write_text("".join(row for row in rows if row.startswith("00000/")))
    for block in sorted(other.glob("0*"))[1:]:
        shutil.rmtree(block)
    (other / ".headpose-00001.tmp").mkdir()
    done = render_scenes(tiny_folder, other, count=COUNT, seed=SEED, block=BLOCK)
    assert done.drawn == COUNT - BLOCK
    assert contents(other) == contents(rendered)
    assert render_scenes(tiny_folder, other, count=COUNT, seed=SEED, block=BLOCK).drawn == 0


def test_a_folder_of_heads_or_of_other_scenes_is_refused(rendered: Path, tiny_folder: Path) -> None:
    with pytest.raises(OutputError, match=r"other settings \(seed\)"):
        render_scenes(tiny_folder, rendered, count=COUNT, seed=SEED + 1, block=BLOCK)
    with pytest.raises(OutputError, match=r"other settings \(.*diversity"):
        render_scenes(tiny_folder, rendered, count=COUNT, seed=SEED, block=BLOCK, diversity=Diversity(masks=False))
    with pytest.raises(OutputError, match=r"other settings \(.*what"):
        render_heads(tiny_folder, rendered, count=COUNT, seed=SEED, block=BLOCK)


def test_the_command_draws_scenes_and_a_sheet(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["render", "--scenes", "--assets", str(tiny_folder), "--out", "scenes", "--count", "3", "--seed", "5"]
    assert main([*command, "--workers", "1", "--without", "covers", "--sheet", "sheet.png"]) == 0
    drew, wrote = capsys.readouterr().out.splitlines()
    assert drew.endswith(" images/s); scenes holds all 3 scenes")
    assert wrote == "wrote sheet.png"
    assert cv2.imread("sheet.png").shape == (320, 6 * 320, 3)
    settings = json.loads(Path("scenes/render.json").read_text())
    assert settings["what"] == "scenes"
    assert settings["diversity"]["covers"] is False
    with pytest.raises(SystemExit) as exit_info:
        main([*command, "--poses", "full"])
    assert exit_info.value.code == 2
    assert "argument --poses: not with --scenes" in capsys.readouterr().err


def test_pictures_differ(rendered: Path) -> None:
    shapes = {cv2.imread(str(path)).shape for path in rendered.rglob("*.webp")}
    assert len(shapes) > COUNT / 2
    assert max(max(shape) for shape in shapes) <= 640
    assert np.ptp([shape[0] / shape[1] for shape in shapes]) > 0.5
