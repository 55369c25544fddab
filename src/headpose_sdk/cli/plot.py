"""``headpose plot``: what ``headpose video --json`` wrote, as curves."""

from __future__ import annotations

import argparse
from pathlib import Path

from headpose_sdk.cli.arguments import Subparsers
from headpose_sdk.cli.messages import extra_installed, one_line
from headpose_sdk.cli.outputs import check_output
from headpose_sdk.video.plots import plot_angles, read_series

__all__ = ["add_parser"]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``plot``."""
    parser = subparsers.add_parser(
        "plot",
        help="draw the angles over time that `headpose video --json` wrote",
        description="Yaw, pitch and roll over time, a colour a person, each with a band of one standard deviation. "
        'Needs pip install "headpose-sdk[plot]".',
    )
    parser.add_argument("records", type=Path, metavar="FILE", help="the JSON lines of `headpose video --json FILE`")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help="the picture: .png, .svg, .pdf or .jpg"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    check_output(args.out)
    people = read_series(args.records)
    with extra_installed("plot", "plotting needs matplotlib"):
        plot_angles(people, args.out)
    print(f"wrote {one_line(args.out)}")
    return 0
