"""Reading, inference and writing side by side, so that the slowest of them sets the pace."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

__all__ = ["WriteBehind", "read_ahead"]

Item = TypeVar("Item")

_DEPTH = 4  # frames in flight between two stages: enough to even out their pace, few enough for 4K


class _Channel(Generic[Item]):
    """A bounded queue from one thread to another that either side can close."""

    def __init__(self, *, newest_only: bool) -> None:
        self._items: deque[Item] = deque(maxlen=1 if newest_only else None)
        self._full_at = 2 if newest_only else _DEPTH  # a full one that keeps the newest forgets the oldest instead
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._closed = False

    def put(self, item: Item) -> bool:
        """Add ``item`` when there is room; False, and not added, if nobody takes it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._full_at)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def close(self, error: BaseException | None = None) -> None:
        """Nothing more is put; what is in it can still be taken, and then ``error`` is raised there."""
        with self._changed:
            self._closed = True
            self._error = self._error or error
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._items))
                if not self._items:
                    break
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error


def read_ahead(items: Iterable[Item], *, newest_only: bool = False) -> Generator[Item, None, None]:
    """The same items, in order, fetched by a thread of their own; what fetching raises is raised here in its turn.

    ``newest_only`` is for what comes in its own time: items that nobody has taken when the next one comes are left out.
    """
    channel = _Channel[Item](newest_only=newest_only)

    def fetch() -> None:
        error: BaseException | None = None
        iterator = iter(items)
        try:
            for item in iterator:
                if not channel.put(item):
                    break
        except BaseException as raised:  # it belongs to the one who takes the items
            error = raised
        finally:
            if isinstance(iterator, Iterator) and hasattr(iterator, "close"):
                iterator.close()  # in this thread: a capture must not be released while it is read
            channel.close(error)

    thread = threading.Thread(target=fetch, name="headpose-read", daemon=True)
    thread.start()
    try:
        yield from channel
    finally:
        channel.close()
        thread.join(timeout=5)  # a camera that hangs is left behind


class WriteBehind(Generic[Item]):
    """Calls ``consume`` with each item put, in order, in a thread of its own; the block ends when all are consumed.

    What ``consume`` raises, the next ``put`` or the end of the block raises.
    """

    def __init__(self, consume: Callable[[Item], None]) -> None:
        self._consume = consume
        self._channel = _Channel[Item](newest_only=False)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="headpose-write", daemon=True)

    def __enter__(self) -> WriteBehind[Item]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()
        self._thread.join()
        if self._error is not None and kind is None:
            raise self._error

    def put(self, item: Item) -> None:
        """Hand over one item; waits while too many are on their way."""
        if not self._channel.put(item) and self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            for item in self._channel:
                self._consume(item)
        except BaseException as error:
            self._error = error
            self._channel.close()
