"""The ``headpose`` command: its sub-commands, its exit codes, and how it ends when something goes wrong.

Exit codes: 0 done; 1 an error, told in one line on stderr (also when one of many files failed: the rest go on);
2 wrong usage; 130 interrupted; 141 nobody reads stdout any more.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TextIO, cast

from headpose_sdk import __version__
from headpose_sdk.cli import (
    batch,
    doctor,
    download,
    draw,
    eval,  # noqa: A004 (named as the command is)
    models,
    plot,
    predict,
    publish,
    render,
    train,
    triton,
    video,
)
from headpose_sdk.cli.messages import complain, plain_warnings
from headpose_sdk.errors import HeadPoseError

__all__ = ["build_parser", "main", "run_to_the_end"]

_INTERRUPTED, _BROKEN_PIPE = 130, 141  # 128 and the number of the signal, as shells have it


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments ``argv`` (those of the process if None) and return its exit code.

    Raises:
        SystemExit: from argparse, 2 for wrong usage and 0 after ``--help`` and ``--version``.
    """

    def command() -> int:
        args = build_parser().parse_args(argv)
        return int(args.run(args))

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may not fit the terminal's encoding
    with plain_warnings():
        return run_to_the_end(command)


def run_to_the_end(command: Callable[[], int]) -> int:
    """What ``command`` returns, or the exit code for what it raises, told on stderr."""
    try:
        with redirect_stdout(cast(TextIO, _Stdout(sys.stdout))):
            try:
                return command()
            finally:
                sys.stdout.flush()  # here, where a failure can still be told
    except KeyboardInterrupt:
        return _INTERRUPTED
    except _StdoutError as error:
        _abandon_stdout()
        if isinstance(error.__cause__, BrokenPipeError):
            return _BROKEN_PIPE
        complain(f"stdout: {error}")
    except HeadPoseError as error:
        complain(error)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else error)
    return 1


class _StdoutError(Exception):
    """What was printed could not be written. No OSError: it is not to be taken for one of another file."""


class _Stdout:
    """A stdout whose failures are :class:`_StdoutError`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with _as_stdout_error():
            return self._stream.write(text)

    def flush(self) -> None:
        with _as_stdout_error():
            self._stream.flush()


@contextmanager
def _as_stdout_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _StdoutError(error.strerror or str(error)) from error


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command, as ``main`` uses it."""
    parser = argparse.ArgumentParser(
        prog="headpose",
        description="Yaw, pitch and roll of every head in a photo.",
        epilog="`headpose COMMAND --help` tells more about a command.",
    )
    parser.add_argument("--version", action="version", version=f"headpose {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (draw, predict, batch, video, plot, models, download, publish, triton, eval, train, render, doctor):
        command.add_parser(subparsers)
    return parser


def _abandon_stdout() -> None:
    """Point stdout at nothing, or Python would try at exit once more to write there, and say that it failed."""
    with suppress(io.UnsupportedOperation):  # a stdout without a file, as in tests
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
