"""The counter: on terminals only, not for short work, gone at the end."""

from __future__ import annotations

import io

from headpose_sdk.cli.progress import Counter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Tells the time that it was set to, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def count(stream: io.StringIO, *, seconds_each: float, quiet: bool = False) -> str:
    """What three pieces of work leave on ``stream``."""
    clock = Clock()
    with Counter(quiet=quiet, stream=stream, clock=clock) as counter:
        for done in (1, 2, 3):
            clock.now += seconds_each
            counter(done, 3)
    return stream.getvalue()


def test_long_work_is_counted_and_the_line_emptied() -> None:
    assert count(Terminal(), seconds_each=0.6) == "\r2/3\r3/3\r   \r"


def test_short_work_shows_nothing() -> None:
    assert count(Terminal(), seconds_each=0.3) == ""


def test_nobody_watches_a_file_or_a_pipe() -> None:
    assert count(io.StringIO(), seconds_each=5) == ""


def test_quiet_shows_nothing() -> None:
    assert count(Terminal(), seconds_each=5, quiet=True) == ""


def test_it_redraws_ten_times_a_second_at_most() -> None:
    stream, clock = Terminal(), Clock()
    counter = Counter(stream=stream, clock=clock)
    for done in range(1, 301):
        clock.now += 0.01
        counter(done, 300)
    assert 15 <= stream.getvalue().count("\r") <= 22


def test_a_message_in_between_gets_an_empty_line() -> None:
    stream, clock = Terminal(), Clock()
    counter = Counter(stream=stream, clock=clock)
    clock.now += 2
    counter(1, 10)
    counter.clear()
    counter.clear()
    assert stream.getvalue() == "\r1/10\r    \r"


def test_with_a_unit_it_tells_the_pace_and_the_time_left() -> None:
    stream, clock = Terminal(), Clock()
    counter = Counter(unit="frames", stream=stream, clock=clock)
    clock.now += 2
    counter(50, 2050)
    clock.now += 2
    counter(60, None)  # a camera has no end
    long = "50/2050  25.0 frames/s  1:20 left"
    assert stream.getvalue() == f"\r{long}\r{'60  15.0 frames/s':{len(long)}}"
