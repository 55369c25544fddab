"""Preparing what comes next on threads while the caller works on what came before, in the order of the source."""

from __future__ import annotations

import atexit
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Generic, TypeVar

__all__ = ["prepare_ahead"]

EXIT_SECONDS = 2.0
"""How long the interpreter's exit waits for what threads are in the middle of."""

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")


class _Task(Generic[Item, Prepared]):
    """One item on its way: what a thread made of it, or the error that it met."""

    def __init__(self, item: Item) -> None:
        self._item: Item | None = item
        self._done = Event()
        self._error: BaseException | None = None
        self._prepared: Prepared | None = None

    def run(self, prepare: Callable[[Item], Prepared]) -> None:
        item, self._item = self._item, None  # a photo must not live as long as its crops
        try:
            self._prepared = prepare(item)  # type: ignore[arg-type]
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def result(self) -> Prepared:
        while not self._done.wait(timeout=0.1):
            pass  # Windows delivers Ctrl-C between waits only
        if self._error is not None:
            raise self._error
        return self._prepared  # type: ignore[return-value]


_busy: set[_Task[Any, Any]] = set()
_exiting = Event()


@atexit.register
def _let_threads_finish() -> None:
    """A daemon thread that is inside of a C++ library when the interpreter goes takes the process down with it."""
    _exiting.set()
    end = time.monotonic() + EXIT_SECONDS
    while _busy and time.monotonic() < end:
        time.sleep(0.005)


def prepare_ahead(
    items: Iterable[Item], prepare: Callable[[Item], Prepared], *, threads: int, ahead: int
) -> Generator[Prepared, None, None]:
    """``prepare(item)`` for each of ``items``, in order; up to ``ahead`` items are read before they are asked for.

    ``items`` is read in the caller's thread, so that a generator need not know of threads; ``prepare`` runs in
    ``threads`` others, or, where ``ahead`` is 0, in the caller's. An error of the source or of ``prepare`` is raised
    in its place, after everything before it, and ends the iteration.

    The threads start with the first item asked for and end with the iteration, however it ends: whoever abandons it
    does not wait for them, and the interpreter's exit waits for ``EXIT_SECONDS`` at most.
    """
    if ahead == 0:
        for item in items:
            yield prepare(item)
        return
    source = iter(items)
    queue: SimpleQueue[_Task[Item, Prepared] | None] = SimpleQueue()
    pending: deque[_Task[Item, Prepared]] = deque()
    stop = Event()

    def work() -> None:
        while (task := queue.get()) is not None:
            _busy.add(task)
            if not stop.is_set() and not _exiting.is_set():
                task.run(prepare)
            _busy.discard(task)

    # Daemons, and no concurrent.futures: that joins its threads at exit, one that reads from a dead network drive too.
    workers = [Thread(target=work, name=f"headpose-prepare-{index}", daemon=True) for index in range(threads)]
    source_error: BaseException | None = None
    exhausted = False
    try:
        for worker in workers:
            worker.start()
        while True:
            while not exhausted and len(pending) <= ahead:
                try:
                    task: _Task[Item, Prepared] = _Task(next(source))
                except StopIteration:
                    exhausted = True
                except Exception as error:
                    exhausted, source_error = True, error
                else:
                    pending.append(task)
                    queue.put(task)
            if not pending:
                break
            yield pending.popleft().result()
    finally:
        stop.set()
        for _ in workers:
            queue.put(None)
    if source_error is not None:
        raise source_error
