"""What the command says on stderr: always one line a message, whatever is in a file's name."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["complain", "one_line", "plain_warnings"]


def one_line(text: object) -> str:
    """``text`` with line ends and everything else that is not printable written as an escape, such as ``\\n``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def complain(message: object) -> None:
    """Print ``headpose: <message>`` on stderr."""
    print(f"headpose: {one_line(message)}", file=sys.stderr)


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Show warnings as one line each while the block runs, without the place in the code that gave them."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        complain(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
