"""``headpose render``: draw labelled heads from CC0 parts, to train on. The only command that needs OpenGL."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path

from headpose_sdk.cli.arguments import Subparsers
from headpose_sdk.cli.messages import extra_installed, one_line
from headpose_sdk.cli.outputs import check_output
from headpose_sdk.hardware import available_threads
from headpose_sdk.images import WRITABLE_EXTENSIONS, write_image

__all__ = ["add_parser"]

_MOST_HEADS = 10_000_000
_LARGEST_SEED = 2**32 - 1
_MOST_WORKERS = 256


def add_parser(subparsers: Subparsers) -> None:
    """Add ``render``."""
    parser = subparsers.add_parser(
        "render",
        help="draw labelled heads to train on, from CC0 parts",
        description="Draws crops of heads whose pose is known exactly, with manifest.csv and 68 landmarks each: what "
        "`headpose train teacher --data` takes; or with --scenes whole pictures with faces.csv, what `headpose train "
        "detector` takes. The same seed gives the same pictures. A run that was stopped goes on when the same command "
        "is given again.",
    )
    parser.add_argument("--assets", type=Path, required=True, metavar="DIR", help="the parts; see docs/synthesis.md")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder, or one to go on with")
    parser.add_argument(
        "--count", type=_whole(1, _MOST_HEADS), required=True, metavar="N", help="how many pictures there are to be"
    )
    parser.add_argument(
        "--seed", type=_whole(0, _LARGEST_SEED), required=True, metavar="S", help="another seed, other pictures"
    )
    parser.add_argument(
        "--scenes", action="store_true", help="draw whole pictures with none to eight heads and a table of face boxes"
    )
    parser.add_argument(
        "--poses",
        choices=("front", "full"),
        help="front turns heads to either profile, full all round (default: front); not with --scenes, which has both",
    )
    parser.add_argument(
        "--workers",
        type=_whole(1, _MOST_WORKERS),
        metavar="W",
        help="drawing processes (default: one for each CPU that may be used); they do not change the result",
    )
    parser.add_argument(
        "--without", metavar="GROUP,...", help="kinds of diversity to leave out, such as masks; see docs/synthesis.md"
    )
    parser.add_argument(
        "--sheet",
        type=Path,
        metavar="FILE",
        help="write a contact sheet as well: the first 80 crops with their axes, or 24 scenes with their boxes",
    )
    parser.set_defaults(run=partial(_run, parser))


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    with extra_installed("synthesis", "drawing heads needs moderngl"):
        from headpose_sdk.synthesis.sampling.sampler import Diversity
        from headpose_sdk.synthesis.writing.sheet import contact_sheet, scene_sheet
        from headpose_sdk.synthesis.writing.write_heads import render_heads
        from headpose_sdk.synthesis.writing.write_scenes import FACES, render_scenes
    if args.scenes and args.poses is not None:
        parser.error("argument --poses: not with --scenes, whose heads are turned to the front and all round")
    switched_off = _groups(parser, args.without, [field.name for field in fields(Diversity)])
    if args.sheet is not None:
        _check_sheet(parser, args.sheet, args.out)
    diversity = Diversity(**dict.fromkeys(switched_off, False))
    workers = args.workers or available_threads()
    if args.scenes:
        what, done = (
            "scenes",
            render_scenes(
                args.assets, args.out, count=args.count, seed=args.seed, diversity=diversity, workers=workers
            ),
        )
    else:
        what, done = (
            "heads",
            render_heads(
                args.assets,
                args.out,
                count=args.count,
                seed=args.seed,
                poses=args.poses or "front",
                diversity=diversity,
                workers=workers,
            ),
        )
    speed = (
        f"drew {done.drawn} in {done.seconds:.1f} s ({done.drawn / done.seconds:.1f} images/s); " if done.drawn else ""
    )
    print(f"{speed}{one_line(args.out)} holds all {done.count} {what}")
    if args.sheet is not None:
        write_image(args.sheet, scene_sheet(args.out / FACES) if args.scenes else contact_sheet(args.out))
        print(f"wrote {one_line(args.sheet)}")
    return 0


def _groups(parser: argparse.ArgumentParser, text: str | None, known: list[str]) -> list[str]:
    groups = [] if text is None else text.split(",")
    unknown = [group for group in groups if group not in known]
    if unknown:
        parser.error(f"argument --without: {unknown[0]!r} is none of {', '.join(known)}")
    return groups


def _check_sheet(parser: argparse.ArgumentParser, sheet: Path, out: Path) -> None:
    if sheet.suffix.lower() not in WRITABLE_EXTENSIONS:
        parser.error(f"argument --sheet: {one_line(sheet)} must end in one of {', '.join(WRITABLE_EXTENSIONS)}")
    if sheet.parent.resolve() != out.resolve():  # which may have to be made first
        check_output(sheet)


def _whole(low: int, high: int) -> Callable[[str], int]:
    """The ``type`` of an argument that is a whole number from ``low`` to ``high``."""

    def whole(text: str) -> int:
        if not text.strip().isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return whole
