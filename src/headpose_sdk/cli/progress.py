"""How far a long piece of work is, for somebody who watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

__all__ = ["Counter"]

_SILENT_SECONDS = 1.0
_REDRAW_SECONDS = 0.1


class Counter:
    """``done/total`` on stderr: on a terminal only, after the first second, and gone when the block ends.

    Calling it with the number done and the number of all is what the ``progress`` of an evaluation does. ``quiet``
    is for work whose results go to the same terminal line by line and show by themselves how far it is. With ``unit``
    it also tells how many of them are done a second, and the time left.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        unit: str | None = None,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream or sys.stderr
        self._visible = not quiet and self._stream.isatty()
        self._clock = clock
        self._unit = unit
        self._start = clock()
        self._next = self._start + _SILENT_SECONDS
        self._width = 0

    def __enter__(self) -> Counter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def __call__(self, done: int, total: int | None) -> None:
        now = self._clock()
        if not self._visible or now < self._next:
            return
        text = f"{done}/{total}" if total is not None else str(done)
        if self._unit is not None:
            text += self._pace(done, total, now - self._start)
        self._stream.write(f"\r{text:{self._width}}")  # a shorter text covers a longer one
        self._stream.flush()
        self._width = len(text)
        self._next = now + _REDRAW_SECONDS

    def _pace(self, done: int, total: int | None, seconds: float) -> str:
        rate = done / seconds
        text = f"  {rate:.1f} {self._unit}/s"
        if total is not None and rate > 0:
            minutes, rest = divmod(max(0, round((total - done) / rate)), 60)
            text += f"  {minutes}:{rest:02d} left"
        return text

    def clear(self) -> None:
        """Empty the line, so that another message can take it."""
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0
