"""The folder of a run: filled in any order, in pieces, by one run alone, and never half."""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headpose_sdk.errors import OutputError
from headpose_sdk.synthesis.writing.run_folder import ROWS, RunFolder


def run_folder(path: Path, **settings: object) -> RunFolder:
    return RunFolder(path, {"seed": 1, "poses": "front", **settings}, "table.csv", count=7, block=3)


def files_of(numbers: range) -> dict[str, bytes]:
    rows = "".join(f"{number},x\n" for number in numbers)
    return {f"{number}.webp": b"picture" for number in numbers} | {ROWS: rows.encode(), "points": b"p"}


def names(path: Path) -> list[str]:
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*"))


def test_blocks_in_any_order_make_one_table(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "new" / "out")
    run.check()
    assert not (tmp_path / "new").exists()
    with run.open():
        assert run.missing() == [range(3), range(3, 6), range(6, 7)]
        for numbers in (range(6, 7), range(3)):
            run.write_block(numbers, files_of(numbers))
        assert run.missing() == [range(3, 6)]
        run.write_block(range(3, 6), files_of(range(3, 6)))
        assert not run.finished
        run.finish(("number", "value"), {"points": b"".join(part.read_bytes() for part in run.parts("points"))})
    assert run.finished
    assert (run.path / "table.csv").read_text() == "number,value\n" + "".join(f"{n},x\n" for n in range(7))
    assert (run.path / "points").read_bytes() == b"ppp"
    assert json.loads((run.path / "render.json").read_text()) == {"seed": 1, "poses": "front"}
    pictures = [f"0000{n // 3}/{n}.webp" for n in range(7)]
    assert names(run.path) == sorted([*pictures, "00000", "00001", "00002", "points", "render.json", "table.csv"])
    assert run.file(5) == "00001/0000005.webp"


def test_a_run_goes_on_with_the_same_settings_only(tmp_path: Path) -> None:
    with run_folder(tmp_path / "out").open():
        pass
    (tmp_path / "out" / "sheet.png").touch()  # whatever somebody adds later is no concern of ours
    run_folder(tmp_path / "out").check()
    with pytest.raises(OutputError, match=r"out belongs to a run with other settings \(count, seed\); go on with"):
        run_folder(tmp_path / "out", seed=2, count=8).check()
    for content in (b"[1]", b"{", b"\xff"):
        (tmp_path / "out" / "render.json").write_bytes(content)
        with pytest.raises(OutputError, match=r"render\.json cannot be read .*choose another --out"):
            run_folder(tmp_path / "out").check()


def test_a_folder_with_anything_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("mine")
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds a\.txt, which is of no run .*; give an empty or a new folder"):
        run_folder(tmp_path).check()
    with pytest.raises(OutputError, match=r"a\.txt/out: cannot write, .*a\.txt is not a folder; choose another --out"):
        run_folder(tmp_path / "a.txt" / "out").check()
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_what_a_killed_run_was_writing_is_cleared_away(tmp_path: Path) -> None:
    run = run_folder(tmp_path)
    (tmp_path / ".headpose-00001.tmp").mkdir()
    (tmp_path / ".headpose-00001.tmp" / "3.webp").touch()
    (tmp_path / ".headpose-0badf00d.tmp").touch()
    run.check()
    with run.open():
        assert names(tmp_path) == ["render.json"]


def test_two_runs_do_not_write_to_one_folder_at_once(tmp_path: Path) -> None:
    with (
        run_folder(tmp_path).open(),
        pytest.raises(OutputError, match="is being written by another"),
        run_folder(tmp_path).open(),
    ):
        pytest.fail("the second run must not begin")
    with run_folder(tmp_path).open():
        assert names(tmp_path) == ["render.json"]


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow beyond 1,000 bytes; the system answers as for a full disk, with another number.

    Not a fixture: pytest's own report may go to a file too, and is written while fixtures stand.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_whole_blocks_only(tmp_path: Path) -> None:
    run = run_folder(tmp_path)
    with full_disk(), run.open():
        run.write_block(range(3), files_of(range(3)))
        before = names(tmp_path)
        with pytest.raises(OutputError, match=r"00001: cannot write \(File too large\); make room"):
            run.write_block(range(3, 6), files_of(range(3, 6)) | {"points": b"p" * 2000})
        with pytest.raises(OutputError, match=r"points: cannot write \(File too large\)"):
            run.finish(("number", "value"), {"points": b"p" * 2000})
        assert names(tmp_path) == before
    assert not run.finished


def test_a_folder_that_became_another_run_s_since_it_was_looked_at_is_refused(tmp_path: Path) -> None:
    run = run_folder(tmp_path, poses="full")
    run.check()
    with run_folder(tmp_path).open():
        pass
    with pytest.raises(OutputError, match=r"other settings \(poses\)"), run.open():
        pytest.fail("the run must not begin")
