"""``headpose publish``: a model folder to a repository on the Hugging Face Hub."""

from __future__ import annotations

import argparse
from pathlib import Path

from headpose_sdk.cli.arguments import Subparsers
from headpose_sdk.config import open_folder
from headpose_sdk.publishing import CARD_NAME, prepare, upload

__all__ = ["add_parser"]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``publish``."""
    parser = subparsers.add_parser(
        "publish",
        help="upload a model folder to the Hugging Face Hub",
        description="Uploads config.json, the weights, metrics.json if there is one, the licence, and a model card "
        "made of them, as one commit. You must be logged in: `hf auth login`, or HF_TOKEN.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a model folder, as `headpose train export` writes it")
    parser.add_argument("repo", metavar="ORG/REPO", help="the repository, which is made if there is none")
    parser.add_argument("--dry-run", action="store_true", help="print what would be uploaded, and ask the Hub nothing")
    parser.add_argument("--private", action="store_true", help="make the repository a private one")
    parser.add_argument(
        "--license-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a text that goes with the weights, such as their licence; may be given again",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    publication = prepare(open_folder(args.folder), args.repo, license_files=args.license_file)
    if args.dry_run:
        for name, content in publication.files.items():
            print(f"{args.repo}/{name}: {len(content)} bytes")
        print(f"\n{CARD_NAME}:\n\n{publication.files[CARD_NAME].decode()}", end="")
        return 0
    commit = upload(publication, private=args.private)
    print(f"{args.repo}@{commit}")
    return 0
