"""Drawing processes, one a core, that take blocks of work; one that dies is told of, not waited for."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Protocol, cast

import cv2

from headpose_sdk.errors import HeadPoseError, RenderError

__all__ = ["Crew", "Task"]

# One process fills one core: threads of Mesa's or of the algebra library would only wait for each other. The number
# of threads also decides the order of additions, and so the last digits of a head.
_ONE_THREAD = dict.fromkeys(("LP_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_IDLE, _DRAWN = "idle", "drawn"


class Task(Protocol):
    """What a drawing process is for. It is pickled to the process and called there once."""

    def __call__(self) -> Callable[[range], Iterator[None]]:
        """Get ready to draw, which may take seconds; what is returned draws a block and yields after each picture."""


class Crew:
    """``size`` processes that are ready when the ``with`` block begins, draw once, and are gone when it ends.

    They are spawned, not forked, as OpenGL does not live through a fork: a script that uses this needs Python's
    ``if __name__ == "__main__"``.

    Raises:
        HeadPoseError: of whatever kind a process met while it got ready or drew.
        RenderError: if a process dies.
    """

    def __init__(self, task: Task, size: int) -> None:
        self._task = task
        self._size = size
        self._processes: dict[Connection, SpawnProcess] = {}

    def __enter__(self) -> Crew:
        try:
            self._start()
            for connection in self._processes:
                self._hear(connection)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def draw(self, blocks: Iterable[range], drawn: Callable[[], None]) -> None:
        """Have every block drawn and call ``drawn`` after each picture. No process is left when this ends."""
        rest = iter(blocks)
        try:
            busy = {connection for connection in self._processes if self._give(connection, rest)}
            while busy:
                for connection in cast(list[Connection], wait(busy)):
                    if self._hear(connection) == _DRAWN:
                        drawn()
                    elif not self._give(connection, rest):
                        busy.remove(connection)
        finally:
            self._end()

    def _start(self) -> None:
        context = get_context("spawn")
        with _for_children():
            for _ in range(self._size):
                here, there = context.Pipe()
                process = context.Process(target=_work, args=(self._task, there), daemon=True)
                process.start()
                there.close()  # the process's end alone stays open, so its death closes the pipe
                self._processes[here] = process

    def _give(self, connection: Connection, blocks: Iterator[range]) -> bool:
        block = next(blocks, None)
        if block is not None:
            try:
                connection.send(block)
            except OSError as error:
                raise self._death(connection) from error
        return block is not None

    def _hear(self, connection: Connection) -> str:
        try:
            message = connection.recv()
        except (EOFError, OSError) as error:
            raise self._death(connection) from error
        if isinstance(message, HeadPoseError):
            raise message
        return str(message)

    def _death(self, connection: Connection) -> RenderError:
        process = self._processes[connection]
        process.join()
        code = process.exitcode or 0
        how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
        return RenderError(
            f"a drawing process {how}; run the same command again to go on from the finished blocks, "
            "with fewer --workers if memory was short"
        )

    def _end(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for connection, process in self._processes.items():
            process.join()
            connection.close()
        self._processes.clear()


def _work(task: Task, connection: Connection) -> None:
    """The life of a process. It ends when the pipe does, whatever became of the other side."""
    cv2.setNumThreads(1)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            draw = task()
            connection.send(_IDLE)
            while True:
                for _ in draw(connection.recv()):
                    connection.send(_DRAWN)
                connection.send(_IDLE)
        except HeadPoseError as error:
            connection.send(error)


@contextmanager
def _for_children() -> Iterator[None]:
    """What processes inherit that start in this block: one thread each, and deafness to Ctrl-C.

    A terminal sends Ctrl-C to all of them, and each would print a traceback; it is for us to end them.
    """
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    resource_tracker.ensure_running()  # the first process would start it, and that unblocks the signal
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
