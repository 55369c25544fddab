"""Diagrams of matplotlib (the extra ``plot``) as files, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headpose_sdk.errors import OutputError
from headpose_sdk.images import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_figure_name", "save_figure"]

EXTENSIONS = (".png", ".svg", ".pdf", ".jpg")


def check_figure_name(path: Path) -> None:
    """Raise OutputError if the extension of ``path`` is none that a diagram is written with."""
    extension = path.suffix.lower()
    if extension not in EXTENSIONS:
        raise OutputError(f"{path}: cannot write {extension or 'without an extension'}; use {', '.join(EXTENSIONS)}")


def save_figure(figure: Figure, path: Path) -> None:
    """Write ``figure`` in the format that the extension names.

    Raises:
        OutputError: the extension is unknown, or the file cannot be written.
    """
    check_figure_name(path)
    with atomic_write(path) as file:
        figure.savefig(file, format=path.suffix.lower()[1:], dpi=110)
