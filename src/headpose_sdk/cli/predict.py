"""``headpose predict``: the poses of all heads in photos, a record a photo, as JSON lines or as CSV."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from headpose_sdk.cli.arguments import Subparsers, add_model_arguments, positive
from headpose_sdk.cli.messages import complain
from headpose_sdk.cli.progress import Counter
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.images import IMAGE_EXTENSIONS, MAX_PIXELS, find_images
from headpose_sdk.results import ImageResult
from headpose_sdk.weights import DEFAULT_MODEL

__all__ = ["CSV_COLUMNS", "add_parser", "csv_rows"]

_ANGLES = ("yaw", "pitch", "roll", "yaw_std", "pitch_std", "roll_std")
CSV_COLUMNS = ("file", "face", *_ANGLES, "x1", "y1", "x2", "y2", "score", "error")


def add_parser(subparsers: Subparsers) -> None:
    """Add ``predict``."""
    parser = subparsers.add_parser(
        "predict",
        help="print the pose of every head in photos as JSON lines or CSV",
        description="One record a photo on stdout, batch by batch. Angles are in degrees: yaw > 0 turns to the "
        "left edge of the image, pitch > 0 looks up, roll > 0 leans clockwise. Boxes are x1, y1, x2, y2 in pixels.",
    )
    parser.add_argument(
        "paths", nargs="+", metavar="FILE|DIR", help="photos, or folders, in which photos are looked for at any depth"
    )
    parser.add_argument(
        "--format",
        choices=("jsonl", "csv"),
        default="jsonl",
        help="jsonl: an object a photo; csv: a row a face, one with empty fields where there is none "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size",
        type=positive,
        default=32,
        metavar="N",
        help="read photos until there are N of them, or N faces, which go through the network together; 1 prints each "
        "record at once (default: %(default)s)",
    )
    parser.add_argument(
        "--max-megapixels",
        type=positive,
        default=MAX_PIXELS // 1_000_000,
        metavar="N",
        help="refuse photos that are larger, before memory is taken for them (default: %(default)s)",
    )
    add_model_arguments(parser, DEFAULT_MODEL)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    files, missing = _find_files(args.paths)
    if not files:
        return 1
    estimator = HeadPoseEstimator(args.model, device=args.device)
    write = _csv_writer() if args.format == "csv" else _write_json
    results = estimator.predict_files(files, batch_size=args.batch_size, max_pixels=args.max_megapixels * 1_000_000)
    failed = 0
    with Counter(quiet=sys.stdout.isatty()) as counter:
        for done, result in enumerate(results, start=1):
            write(result)
            sys.stdout.flush()
            failed += result.error is not None
            counter(done, len(files))
    if failed:
        complain(f"{failed} of {len(files)} files could not be read; their records say why under error")
    return 1 if failed or missing else 0


def _find_files(paths: Sequence[str]) -> tuple[list[Path], int]:
    """The files among ``paths`` and the pictures in the folders among them, in the order given.

    And the number of folders that hold none or cannot be listed, each of them told on stderr.
    """
    files: list[Path] = []
    complaints: list[object] = []
    for path in map(Path, paths):
        before = len(complaints)
        found = find_images(path, on_error=complaints.append) if path.is_dir() else [path]
        if not found and len(complaints) == before:
            complaints.append(
                f"{path}: no pictures in this folder or below it; looked for {', '.join(IMAGE_EXTENSIONS)}"
            )
        files += found
    for complaint in complaints:
        complain(complaint)
    return files, len(complaints)


def _write_json(result: ImageResult) -> None:
    print(json.dumps(result.to_dict()))  # in ASCII, which every terminal and locale can take


def _csv_writer() -> Callable[[ImageResult], None]:
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(CSV_COLUMNS)
    return lambda result: table.writerows(csv_rows(result))


def csv_rows(result: ImageResult) -> list[list[object]]:
    """A row a face in the order of ``CSV_COLUMNS``, counted from 0; one row without a face if there are none."""
    if not result.faces:
        return [[result.file, *[""] * (len(CSV_COLUMNS) - 2), result.error or ""]]
    rows: list[list[object]] = []
    for index, face in enumerate(result.to_dict()["faces"]):
        score = "" if face["score"] is None else face["score"]
        rows.append([result.file, index, *(face[name] for name in _ANGLES), *face["box"], score, ""])
    return rows
