"""Drawing processes with made-up work: all of it is done once, and what goes wrong in one of them is told."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from headpose_sdk.errors import OutputError, RenderError
from headpose_sdk.synthesis.writing.crew import Crew

BLOCKS = [range(3), range(3, 6), range(6, 8)]


@dataclass(frozen=True)
class Marks:
    """Leaves a file for each number, which says how the process was set up; some numbers are trouble."""

    folder: Path
    killed_at: int = -1
    full_at: int = -1
    slow: float = 0.0

    def __call__(self) -> Callable[[range], Iterator[None]]:
        def draw(numbers: range) -> Iterator[None]:
            for number in numbers:
                if number == self.killed_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                if number == self.full_at:
                    raise OutputError("the disk is full")
                time.sleep(self.slow)
                (self.folder / str(number)).write_text(f"{os.getpid()} {os.environ['LP_NUM_THREADS']}")
                yield

        return draw


@dataclass(frozen=True)
class Unable:
    """Cannot get ready."""

    def __call__(self) -> Callable[[range], Iterator[None]]:
        raise RenderError("no OpenGL here")


@pytest.mark.parametrize("size", [1, 3])
def test_every_number_is_drawn_once_by_processes_of_one_thread(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    done = []
    with Crew(Marks(tmp_path), size) as crew:
        crew.draw(BLOCKS, lambda: done.append(1))
    assert len(done) == 8
    marks = {path.name: path.read_text().split() for path in tmp_path.iterdir()}
    assert sorted(marks) == sorted(map(str, range(8)))
    assert len({process for process, _ in marks.values()}) == size
    assert {threads for _, threads in marks.values()} == {"1"}
    assert (os.environ.get("LP_NUM_THREADS"), os.environ["OMP_NUM_THREADS"]) == (None, "7")
    assert multiprocessing.active_children() == []


def test_a_killed_process_is_told_of_and_takes_the_others_with_it(tmp_path: Path) -> None:
    with (
        pytest.raises(RenderError, match=r"a drawing process was killed \(SIGKILL\); run the same command again"),
        Crew(Marks(tmp_path, killed_at=4, slow=0.01), 2) as crew,
    ):
        crew.draw([*BLOCKS, range(8, 100000)], lambda: None)
    assert multiprocessing.active_children() == []


def test_an_error_of_ours_in_a_process_is_raised_here_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"^the disk is full$"), Crew(Marks(tmp_path, full_at=7), 2) as crew:
        crew.draw(BLOCKS, lambda: None)
    with pytest.raises(RenderError, match=r"^no OpenGL here$"), Crew(Unable(), 2):
        pytest.fail("the block must not begin")
    assert multiprocessing.active_children() == []


PARENT = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from synthesis.test_crew import Crew, Marks
with Crew(Marks(Path(sys.argv[1]), slow=0.05), 1) as crew:
    crew.draw([range(100000)], lambda: None)
"""


@pytest.mark.parametrize(("sent", "to_all"), [(signal.SIGKILL, False), (signal.SIGINT, True)])
def test_processes_end_with_the_one_that_started_them(sent: signal.Signals, to_all: bool, tmp_path: Path) -> None:
    """Killed without a word, or by Ctrl-C, which a terminal sends to all of them: they keep quiet then."""
    command = [sys.executable, "-c", PARENT, str(tmp_path), str(Path(__file__).parents[1])]
    # A shell has its background jobs ignore Ctrl-C, and they hand that on.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heeding
    ) as parent:
        wait_for(lambda: (tmp_path / "2").exists())
        worker = int((tmp_path / "0").read_text().split()[0])
        if to_all:
            os.killpg(parent.pid, sent)
        else:
            parent.send_signal(sent)
        _, errors = parent.communicate(timeout=20)
    wait_for(lambda: not Path(f"/proc/{worker}/cmdline").exists() or not Path(f"/proc/{worker}/cmdline").read_bytes())
    assert errors.count("Traceback") == (1 if to_all else 0)
    assert "Process" not in errors


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)
