"""What the command says on stderr: always one line a message, whatever is in a file's name."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from headpose_sdk.errors import HeadPoseError

__all__ = ["complain", "extra_installed", "one_line", "plain_warnings"]


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


@contextmanager
def extra_installed(extra: str, needs: str) -> Iterator[None]:
    """A block that imports what an extra brings; a missing package becomes the line that installs it.

    ``needs`` says who needs what, such as "training needs PyTorch".

    Raises:
        HeadPoseError: if a package is missing.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").startswith("headpose_sdk"):
            raise  # a mistake of ours, which no installation would repair
        raise HeadPoseError(
            f'{needs} and some more ({error}); install them with `pip install "headpose-sdk[{extra}]"`'
        ) from error
