"""``headpose models``: what can be asked for by name."""

from __future__ import annotations

import argparse

from headpose_sdk.cli.arguments import Subparsers
from headpose_sdk.weights import list_models

__all__ = ["add_parser"]

_COLUMNS = ("name", "kind", "MB", "licence", "accuracy", "bundled", "where")


def add_parser(subparsers: Subparsers) -> None:
    """Add ``models``."""
    parser = subparsers.add_parser(
        "models",
        help="list the models that can be asked for by name",
        description="Name, kind, size in MB, licence of the weights, one measured figure, whether the model is inside "
        "the package, and its folder or its repository on the Hugging Face Hub.",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    rows = [
        (
            model.name,
            model.kind,
            f"{model.size / 1e6:.1f}".rjust(len("12.3")),
            model.license,
            model.accuracy or "not measured",
            "yes" if model.bundled else "no",
            str(model.path or model.repository),
        )
        for model in list_models()
    ]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    for row in (_COLUMNS, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0
