"""``headpose models``: what can be asked for by name."""

from __future__ import annotations

import argparse

from headpose_sdk.cli.arguments import Subparsers
from headpose_sdk.weights import list_models

__all__ = ["add_parser"]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``models``."""
    parser = subparsers.add_parser(
        "models",
        help="list the models that can be asked for by name",
        description="Name, kind, size in MB, licence of the weights, and folder of every model in the package.",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    rows = [("name", "kind", "MB", "licence", "folder")]
    rows += [(m.name, m.kind, f"{m.size / 1e6:.1f}", m.license, str(m.path)) for m in list_models()]
    name, kind, size, licence, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    for row in rows:
        print(f"{row[0]:{name}}  {row[1]:{kind}}  {row[2]:>{size}}  {row[3]:{licence}}  {row[4]}")
    return 0
