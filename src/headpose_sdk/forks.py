"""What a forked process does with the networks that it inherits: their threads stayed behind in its parent.

An ONNX Runtime session would wait for them when it is destroyed, at the child's exit at the latest, and for ever.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Protocol
from weakref import WeakSet

__all__ = ["Inherited", "abandon", "tell_children"]


class Inherited(Protocol):
    """Something that a forked child has to start anew."""

    def after_fork(self) -> None:
        """Called in the child, before anything else of it runs."""
        ...


def tell_children(thing: Inherited) -> None:
    """Have ``thing.after_fork`` called in every process that this one forks, for as long as ``thing`` lives."""
    _register()
    _inherited.add(thing)


_inherited: WeakSet[Inherited] = WeakSet()


@cache
def _register() -> None:
    if hasattr(os, "register_at_fork"):  # Windows does not fork
        os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    for thing in list(_inherited):
        thing.after_fork()


def abandon(session: object) -> None:
    """Keep ``session`` from ever being destroyed in this process; its memory is shared with the parent anyway."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))
