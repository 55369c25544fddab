"""``headpose download``: a model on this machine, complete and verified."""

from __future__ import annotations

import argparse
from pathlib import Path

from headpose_sdk.cli.arguments import Subparsers
from headpose_sdk.weights import copy_model, download_model

__all__ = ["add_parser"]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``download``."""
    parser = subparsers.add_parser(
        "download",
        help="fetch a model, so that it can be used without a network",
        description="Fetches a model from the Hugging Face Hub into its cache, verifies it, and prints its folder. "
        "Without a commit after the @ it takes the newest one. HF_HOME, HF_ENDPOINT and HF_TOKEN are honoured.",
    )
    parser.add_argument("name", metavar="NAME", help="a name from `headpose models`, or org/repo[@revision]")
    parser.add_argument("--to", type=Path, metavar="DIR", help="copy the model into this new or empty folder as well")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    folder = download_model(args.name)
    print(folder if args.to is None else copy_model(folder, args.to))
    return 0
