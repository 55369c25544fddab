"""``headpose eval``: its arguments, its table, its JSON and its exit code."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headpose_sdk.cli.eval import add_parser
from headpose_sdk.cli.measures import (
    measure_aflw2000,
    measure_faces,
    measure_manifest,
    measure_pointing04,
    measure_published,
    measure_robustness,
)
from headpose_sdk.errors import DatasetError, ModelNotFoundError, OutputError
from headpose_sdk.results import BoundingBox, FaceDetection

from .benchmark_sets import write_300w_lp, write_aflw2000, write_biwi, write_pointing04
from .conftest import POSES
from .stand_ins import KeyedDetector, KeyedEstimator, QueuedEstimator, box_pose

Write = Callable[..., Path]


def parse(*words: str | Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="headpose")
    add_parser(parser.add_subparsers(required=True))
    return parser.parse_args(["eval", *map(str, words)])


def test_defaults_and_choices() -> None:
    args = parse("manifest", "--root", "photos")
    assert (args.root, args.boxes, args.device, args.json) == (Path("photos"), "detector", "auto", None)
    assert args.model == "ehpnet-resnet18"
    args = parse("faces", "--csv", "val.csv", "--json", "out.json")
    assert (args.model, args.json) == ("ehpnet-face", Path("out.json"))
    args = parse("aflw2000", "--root", "set")
    assert (args.root, args.boxes, args.model) == (Path("set"), "detector", "ehpnet-resnet18")
    args = parse("pointing04", "--root", "set", "--fit", "others", "--boxes", "annotation", "--device", "cpu")
    assert (args.fit, args.boxes, args.device) == (Path("others"), "annotation", "cpu")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["manifest"],
        ["faces"],
        ["biwi"],
        ["aflw2000"],
        ["robustness"],
        ["uncertainty"],
        ["300w-lp", "--root"],
        ["manifest", "--root", "x", "--boxes", "x"],
    ],
)
def test_wrong_usage_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        parse(*words)
    assert exit_info.value.code == 2
    assert "usage: headpose eval" in capsys.readouterr().err


def test_run_loads_the_model_asked_for(tmp_path: Path) -> None:
    model = tmp_path / "empty-model"
    model.mkdir()
    for words in (
        ["manifest", "--root", tmp_path],
        ["aflw2000", "--root", tmp_path],
        ["pointing04", "--root", tmp_path],
        ["300w-lp", "--root", tmp_path],
        ["biwi", "--root", tmp_path],
        ["robustness", "--root", tmp_path],
        ["uncertainty", "--root", tmp_path],
        ["faces", "--csv", tmp_path / "x.csv"],
    ):
        args = parse(*words, "--model", model, "--device", "cpu")
        with pytest.raises(ModelNotFoundError, match="empty-model"):
            args.run(args)


def test_manifest_table_and_json(write_dataset: Write, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_dataset("file,yaw,pitch,roll", "0.png,10,0,0", "1.png,6,0,0").parent
    estimator = KeyedEstimator({0: [box_pose((13, 0, 0))], 1: []})
    code = measure_manifest(parse("manifest", "--root", root, "--json", root / "out.json"), estimator)  # type: ignore[arg-type]
    printed = capsys.readouterr()
    assert code == 0
    assert printed.err == ""  # no progress where nobody watches
    title, header, numbers, *rest = printed.out.splitlines()
    assert title == "keyed, boxes from detector, n = 2, degrees"
    assert header.split()[:4] == ["yaw", "pitch", "roll", "MAE"]
    assert numbers.split()[:4] == ["4.50", "0.00", "0.00", "1.50"]
    assert "errors within 1 predicted std (yaw pitch roll): 100.0%  100.0%  100.0%" in rest
    assert rest[-1].startswith("missed faces, counted as 0 0 0: 1")
    report = json.loads((root / "out.json").read_text(encoding="utf-8"))
    assert report["metrics"]["yaw"] == 4.5
    assert report["missed"] == [(root / "1.png").as_posix()]


def test_aflw2000_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = write_aflw2000(tmp_path / "set", POSES), tmp_path / "out.json"
    estimator = QueuedEstimator([[box_pose((yaw, pitch + 6, roll))] for yaw, pitch, roll in POSES.values()])
    args = parse("aflw2000", "--root", root, "--boxes", "annotation", "--json", out)
    assert measure_aflw2000(args, estimator) == 0  # type: ignore[arg-type]
    printed = capsys.readouterr()
    assert printed.err == ""
    title, protocol, header, *rows = printed.out.splitlines()
    assert title == "keyed, boxes from annotation, n = 4 of the 2000 images published, degrees"
    report = json.loads(out.read_text(encoding="utf-8"))
    assert (protocol, header.split()[3]) == (report["protocol"], "MAE")
    assert [row.split()[3] for row in rows[:3]] == ["2.00"] * 3
    assert [row.rsplit("  ", 1)[1].strip() for row in rows[:3]] == ["all", "within 99 (n = 3)", "beyond 99 (n = 1)"]
    assert rows[-1] == "beyond 99 degrees in an angle (1): image00006.jpg"


def test_pointing04_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, fit, out = tmp_path / "set", tmp_path / "others", tmp_path / "out.json"
    write_pointing04(root, ("06",))
    write_pointing04(fit, ("01",), full=True)
    estimator = QueuedEstimator([[box_pose((0, 0, 0))]] * 500)
    args = parse("pointing04", "--root", root, "--fit", fit, "--boxes", "annotation", "--json", out)
    assert measure_pointing04(args, estimator) == 0  # type: ignore[arg-type]
    title, protocol, header, *rows = capsys.readouterr().out.splitlines()
    report = json.loads(out.read_text(encoding="utf-8"))
    assert title == f"keyed, boxes from annotation, n = {report['n']} of the 2790 images published, degrees"
    assert (protocol, header.split()[:3]) == (report["protocol"], ["pan", "tilt", "mean"])
    for row, key in zip(rows, ("raw", "affine", "per_person"), strict=False):
        assert row.split()[:3] == [f"{report[key][axis]:.2f}" for axis in ("pan", "tilt", "mean")]
    assert rows[1].endswith("affine, fitted on people 01")
    assert rows[3] == "incomplete: person 06 series 1: 24 of 93 images"
    assert rows[5].startswith("left out, tilt +-90 (4): person06100-90+0.jpg ")


def test_published_sets_have_a_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poses = {"AFW/AFW_1_1_0": (10.0, 0.0, 0.0)}
    for words, root, count, total in (
        (["300w-lp", "--boxes", "annotation"], write_300w_lp(tmp_path / "lp", poses), 2, 122450),
        (["biwi"], write_biwi(tmp_path / "biwi", {"01/frame_00003": (10.0, 0.0, 0.0)}), 1, 15678),
    ):
        out = tmp_path / f"{words[0]}.json"
        estimator = QueuedEstimator([[box_pose((13, 0, 0), (0, 0, 192, 192))], [box_pose((-13, 0, 0))]])
        args = parse(*words, "--root", root, "--json", out)
        assert measure_published(args, estimator, words[0]) == 0  # type: ignore[arg-type]
        title, _, numbers, *_ = capsys.readouterr().out.splitlines()
        assert f"n = {count} of the {total} images published" in title
        assert numbers.split()[:4] == ["3.00", "0.00", "0.00", "1.00"]
        assert json.loads(out.read_text(encoding="utf-8"))["dataset"] == words[0]


def test_robustness_table_and_json(write_dataset: Write, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_dataset("file,yaw,pitch,roll,x1,y1,x2,y2", "0.png,10,0,0,20,20,60,60").parent
    answers = [
        (13, 0, 0),
        (-11, 0, 2),
        (13, 0, 0),
        (13, 0, 0),
        (16, 0, 0),
        (10, 0, 0),
        (10, 0, 6),
        (13, 0, 0),
        (10, 0, 0),
    ]
    estimator = QueuedEstimator([[box_pose(angles)] for angles in answers])
    assert measure_robustness(parse("robustness", "--root", root, "--json", root / "out.json"), estimator) == 0  # type: ignore[arg-type]
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[:7]] == ["1.00", "2.00", "0.00", "2.00", "1.00", "0.00", "2.00"]
    assert rows[6].endswith("; roll 2.00")
    assert json.loads((root / "out.json").read_text(encoding="utf-8"))["mirror"]["yaw"] == 2


def test_dropped_photos_are_told_on_stderr_and_by_the_exit_code(
    write_dataset: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_dataset("file,yaw,pitch,roll", "0.png,10,0,0", "1.png,6,0,0").parent
    (root / "1.png").write_bytes(b"not a picture")
    estimator = KeyedEstimator({0: [box_pose((10, 0, 0))]})
    assert measure_manifest(parse("manifest", "--root", root), estimator) == 1  # type: ignore[arg-type]
    assert "1.png" in capsys.readouterr().err


def test_faces_table_and_json(write_dataset: Write, capsys: pytest.CaptureFixture[str]) -> None:
    table = write_dataset("file,x1,y1,x2,y2", "0.png,0,0,50,50", "1.png,0,0,30,30", name="faces.csv")
    detector = KeyedDetector({0: [FaceDetection(BoundingBox(0, 0, 50, 50), 0.75)], 1: []})
    out = table.parent / "out.json"
    assert measure_faces(parse("faces", "--csv", table, "--json", out), detector, threshold=0.8) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "KeyedDetector, 2 photos, 2 faces"
    assert lines[2].split() == [">=", "40", "px", "1", "0.7500", "1.0000", "1.0000", "1.0000"]
    assert lines[3].split() == [">=", "20", "px", "2", "0.7500", "1.0000", "0.5000", "0.5000"]
    assert lines[4] == "at threshold 0.8 and IoU 0.4: 2 of 2 faces missed, 0.0000 false boxes a face"
    assert json.loads(out.read_text(encoding="utf-8"))["size_classes"][0]["threshold"] == 0.75


def test_a_detector_without_any_precise_threshold_says_none(
    write_dataset: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_dataset("file,x1,y1,x2,y2", "0.png,0,0,50,50", name="faces.csv")
    assert measure_faces(parse("faces", "--csv", table), KeyedDetector({0: []}), threshold=0.5) == 0
    assert capsys.readouterr().out.splitlines()[2].split()[3:] == ["1", "none", "0.0000", "0.0000", "0.0000"]


def test_a_size_that_no_face_has_is_said_in_the_table(write_dataset: Write, capsys: pytest.CaptureFixture[str]) -> None:
    table = write_dataset("file,x1,y1,x2,y2", "0.png,0,0,30,30", name="faces.csv")
    assert measure_faces(parse("faces", "--csv", table), KeyedDetector({0: []}), threshold=0.5) == 0
    assert capsys.readouterr().out.splitlines()[2] == ">=  40 px       0  no face is so large"


def test_errors_leave_as_headpose_errors(write_dataset: Write, tmp_path: Path) -> None:
    estimator = KeyedEstimator({0: [box_pose((10, 0, 0))]})
    with pytest.raises(DatasetError, match=r"manifest\.csv does not exist"):
        measure_manifest(parse("manifest", "--root", tmp_path / "nowhere"), estimator)  # type: ignore[arg-type]
    root = write_dataset("file,yaw,pitch,roll", "0.png,10,0,0").parent
    with pytest.raises(OutputError, match=r"out\.json"):
        measure_manifest(
            parse("manifest", "--root", root, "--json", root / "nowhere" / "out.json"),
            estimator,  # type: ignore[arg-type]
        )
