"""``headpose batch``: the rows, resuming, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archives import executable

from headpose_sdk import BoundingBox, HeadPose, HeadPoseEstimator, ImageResult, OutputError
from headpose_sdk.batch import archive as room
from headpose_sdk.batch.archive import Engine, local_engine, write_parquet
from headpose_sdk.batch.work_folder import Part
from headpose_sdk.cli.main import main
from headpose_sdk.errors import InvalidImageError
from headpose_sdk.images import find_images
from headpose_sdk.tables import COLUMNS, rows, to_table

from .conftest import Headpose

Capture = pytest.CaptureFixture[str]
SETTINGS = {"model": "m", "batch_size": 32}


def complaints_to_nobody(error: InvalidImageError) -> None:
    raise AssertionError(error)


@pytest.fixture
def engine(estimator: HeadPoseEstimator) -> Engine:
    return local_engine(lambda: estimator)


def interrupted(engine: Engine, after: int) -> Engine:
    """``engine`` that is interrupted when it has done ``after`` parts."""

    def run(parts: Iterable[Part], /) -> Generator[tuple[int, pa.Table], None, None]:
        for number, done in enumerate(engine(parts)):
            if number == after:
                raise KeyboardInterrupt
            yield done

    return run


def counting(engine: Engine, indices: list[int]) -> Engine:
    def run(parts: Iterable[Part], /) -> Generator[tuple[int, pa.Table], None, None]:
        for index, table in engine(parts):
            indices.append(index)
            yield index, table

    return run


def write(source: Path, target: Path, engine: Engine, **options: Any) -> room.Summary:
    settings = options.pop("settings", SETTINGS)
    fixed = {"part_images": 5, "on_error": complaints_to_nobody, **options}
    return write_parquet([source], target, engine, settings, **fixed)


# Rows


def test_a_row_a_face_and_one_where_there_is_none() -> None:
    box = BoundingBox(1, 2, 30, 40)
    two = ImageResult("a.jpg", 90, 80, (HeadPose(1, 2, 3, 4, 5, 6, box, 0.5), HeadPose(-1, 2, 3, 4, 5, 6, box, None)))
    bad = ImageResult("c.jpg", None, None, (), "cut off")
    table = to_table([two, ImageResult("b.jpg", 9, 8, ()), bad])
    assert table.column_names == list(COLUMNS)
    assert table["file"].to_pylist() == ["a.jpg", "a.jpg", "b.jpg", "c.jpg"]
    assert table["face"].to_pylist() == [0, 1, None, None]
    assert table["yaw"].to_pylist() == [1, -1, None, None]
    assert table["x2"].to_pylist() == [30, 30, None, None]
    assert table["score"].to_pylist() == [0.5, None, None, None]
    assert table["width"].to_pylist() == [90, 90, 9, None]
    assert table["error"].to_pylist() == [None, None, None, "cut off"]


def test_a_name_that_is_no_text_is_written_as_it_can_be() -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    [row] = to_table([ImageResult(name, None, None, (), f"{name}: empty")]).to_pylist()
    assert (row["file"], row["error"]) == (r"caf\xe9.jpg", r"caf\xe9.jpg: empty")


def test_the_file_holds_the_rows_of_predict_files_in_the_order_of_the_files(
    archive: Path, estimator: HeadPoseEstimator, engine: Engine
) -> None:
    summary = write(archive, Path("out.parquet"), engine)
    results = list(estimator.predict_files(find_images(archive)))
    table = pq.read_table("out.parquet")
    assert table.to_pylist() == [row for result in results for row in rows(result)]
    assert (summary.images, summary.failed) == (25, 1)
    assert summary.faces == sum(len(result.faces) for result in results) > 8
    assert json.loads(table.schema.metadata[b"headpose"]) == SETTINGS
    assert not Path("out.parquet.parts").exists()


def test_row_groups_are_full_whatever_the_parts_were(
    archive: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "GROUP_ROWS", 10)
    for size in (4, 9):
        write(archive, Path(f"{size}.parquet"), engine, part_images=size)
        groups = pq.ParquetFile(f"{size}.parquet").metadata
        assert [groups.row_group(index).num_rows for index in range(groups.num_row_groups)] == [10, 10, 5]
    assert Path("4.parquet").read_bytes() == Path("9.parquet").read_bytes()


# Going on


def test_an_interrupted_run_goes_on_and_ends_as_an_undisturbed_one(archive: Path, engine: Engine) -> None:
    write(archive, Path("whole.parquet"), engine)
    with pytest.raises(KeyboardInterrupt):
        write(archive, Path("out.parquet"), interrupted(engine, 2))
    assert not Path("out.parquet").exists()
    Path("out.parquet.parts/part-0000001.parquet").write_bytes(b"")  # as after a power cut
    done: list[int] = []
    shown: list[tuple[int, int | None]] = []
    write(archive, Path("out.parquet"), counting(engine, done), progress=lambda *numbers: shown.append(numbers))
    assert done == [1, 2, 3, 4]
    assert shown == [(5, 20), (10, 20), (15, 20), (20, 20)]
    assert Path("out.parquet").read_bytes() == Path("whole.parquet").read_bytes()


def test_parts_may_come_in_any_order(archive: Path, engine: Engine) -> None:
    write(archive, Path("whole.parquet"), engine)

    def backwards(parts: Iterable[Part], /) -> Generator[tuple[int, pa.Table], None, None]:
        yield from reversed(list(engine(parts)))

    write(archive, Path("out.parquet"), backwards)
    assert Path("out.parquet").read_bytes() == Path("whole.parquet").read_bytes()


def test_an_unfinished_run_with_other_settings_or_files_is_not_gone_on_with(archive: Path, engine: Engine) -> None:
    target = Path("out.parquet")
    with pytest.raises(KeyboardInterrupt):
        write(archive, target, interrupted(engine, 2))
    other = {**SETTINGS, "batch_size": 8}
    with pytest.raises(OutputError, match=r"unfinished run with other settings .batch_size 32 then, 8 now"):
        write(archive, target, engine, settings=other)
    (archive / "0" / "000.jpg").unlink()
    with pytest.raises(OutputError, match=r"unfinished run with other files .25 then, 24 now"):
        write(archive, target, engine)
    done: list[int] = []
    write(archive, target, counting(engine, done), overwrite=True)
    assert done == [0, 1, 2, 3, 4]
    write(archive, Path("whole.parquet"), engine)
    assert target.read_bytes() == Path("whole.parquet").read_bytes()


def test_a_changed_picture_counts_as_another_file(archive: Path, engine: Engine) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(archive, Path("out.parquet"), interrupted(engine, 2))
    (archive / "0" / "000.jpg").write_bytes((archive / "1" / "001.jpg").read_bytes())
    with pytest.raises(OutputError, match="or some of them changed"):
        write(archive, Path("out.parquet"), engine)


def test_killed_it_goes_on_and_ends_as_an_undisturbed_run(archive: Path, headpose: Headpose) -> None:
    words = ["batch", archive, "out.parquet", "--part-images", "2", "--device", "cpu"]
    killed = subprocess.Popen([executable(), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    parts = Path("out.parquet.parts")
    while not any(parts.glob("part-*.parquet")):
        assert killed.poll() is None, "it ended before it could be killed"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not Path("out.parquet").exists()
    before = len(list(parts.glob("part-*.parquet")))
    assert 0 < before < 13
    assert headpose(*words).returncode == 1  # one file is no picture
    words[2] = "whole.parquet"
    assert headpose(*words).returncode == 1
    assert Path("out.parquet").read_bytes() == Path("whole.parquet").read_bytes()
    assert sorted(path.name for path in Path().iterdir()) == ["archive", "out.parquet", "whole.parquet"]


def test_two_at_once_do_not_write_the_same_file(archive: Path, engine: Engine) -> None:
    def meanwhile(parts: Iterable[Part], /) -> Generator[tuple[int, pa.Table], None, None]:
        with pytest.raises(OutputError, match="another `headpose batch` is at work on it"):
            write(archive, Path("out.parquet"), engine)
        yield from engine(parts)

    assert write(archive, Path("out.parquet"), meanwhile).images == 25


# The command


def test_an_existing_file_is_not_touched_unless_asked(archive: Path, capsys: Capture) -> None:
    target = Path("out.parquet")
    target.write_text("mine")
    assert main(["batch", "archive", "out.parquet"]) == 1
    assert capsys.readouterr().err == (
        "headpose: out.parquet: exists already; give another name, or --overwrite to replace it when all is done\n"
    )
    assert target.read_text() == "mine"
    assert main(["batch", "archive", "out.parquet", "--overwrite"]) == 1
    printed = capsys.readouterr()
    assert printed.out == f"wrote out.parquet: 25 images, {pq.read_table(target)['face'].drop_null().length()} faces\n"
    assert printed.err == "headpose: 1 of 25 files could not be read; their rows say why under error\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hollow", "out.parquet"], "no pictures in hollow"),
        (["missing", "out.parquet"], "missing: no such file or folder"),
        (["archive", "nowhere/out.parquet"], "nowhere is no folder"),
        (["archive", "archive"], "it is a folder"),
        (["archive", "out.parquet", "--model", "nobody"], "nobody"),
    ],
)
def test_what_cannot_be_is_told_in_one_line_and_leaves_nothing(
    words: list[str], said: str, archive: Path, capsys: Capture
) -> None:
    Path("hollow").mkdir()
    assert main(["batch", *words]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("headpose: ")
    assert said in line
    assert sorted(path.name for path in Path().iterdir()) == ["archive", "hollow"]


def test_an_empty_folder_beside_a_good_one_is_told_and_the_rest_goes_on(archive: Path, capsys: Capture) -> None:
    Path("hollow").mkdir()
    assert main(["batch", "hollow", "archive/0", "archive/1/001.jpg", "out.parquet"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("headpose: hollow: no pictures in this folder")
    assert pq.read_table("out.parquet")["file"].to_pylist()[-1] == "archive/1/001.jpg"


def test_options_of_a_cluster_are_for_one(archive: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["batch", "archive", "out.parquet", "--workers", "2"])
    assert "--workers is for --engine ray" in capsys.readouterr().err
