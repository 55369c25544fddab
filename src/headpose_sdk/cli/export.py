"""``headpose train export``: a run as a model folder, checked against the network that was trained."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

from headpose_sdk.cli.arguments import Subparsers, between_minus_one_and_one, open_fraction, positive_float
from headpose_sdk.cli.messages import extra_installed, one_line
from headpose_sdk.training.config import SCORE_THRESHOLD
from headpose_sdk.weights import DEFAULT_DETECTOR

__all__ = ["add_parser"]


def add_parser(tasks: Subparsers) -> None:
    """Add ``export`` to the tasks of ``train``."""
    parser = tasks.add_parser(
        "export",
        help="a model folder for HeadPoseEstimator, from a run of either kind",
        description="Writes config.json and the ONNX file, checks them against the trained network, and prints what "
        "was measured on photos held back from training as JSON.",
    )
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", dest="trained", help="--out of the training")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model folder; must not exist")
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="--data of the training, as often as there; without it a detector is not measured",
    )
    parser.add_argument("--name", metavar="NAME", help="the model's name (default: that of the folder)")
    parser.add_argument(
        "--detector",
        metavar="NAME",
        help=f"for a pose network only: the face detector it goes with (default: {DEFAULT_DETECTOR})",
    )
    parser.add_argument(
        "--license", default="not stated", metavar="TEXT", help="licence of the weights (default: %(default)s)"
    )
    parser.add_argument(
        "--score-threshold",
        type=open_fraction,
        metavar="X",
        help=f"for a detector only: score, 0 to 1, from which it reports a face (default: {SCORE_THRESHOLD})",
    )
    parser.add_argument(
        "--face-scale",
        type=positive_float,
        metavar="X",
        help="for a detector only: side of the face box that pose networks are trained with, in longer sides of the "
        "box it was taught to find (default: 1)",
    )
    parser.add_argument(
        "--face-shift",
        type=between_minus_one_and_one,
        metavar="X",
        help="for a detector only: how much lower the centre of that face box lies, in the same unit (default: 0)",
    )
    parser.set_defaults(run=partial(_run, parser))


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    with extra_installed("train", "training needs PyTorch"):
        from headpose_sdk.training.checkpoint import CHECKPOINT, read_settings
        from headpose_sdk.training.export import export
    kind = read_settings(args.trained / CHECKPOINT).get("kind")
    if kind == "pose" and not args.data:
        parser.error(
            f"{one_line(args.trained)} holds a pose network, whose export measures and calibrates on photos; "
            "add --data with the folders that it was trained on"
        )
    for name in ("score_threshold", "face_scale", "face_shift"):
        if kind == "pose" and getattr(args, name) is not None:
            option = "--" + name.replace("_", "-")
            parser.error(f"{option} is for a detector, but {one_line(args.trained)} holds a pose network")
    if kind == "detector" and len(args.data) > 1:
        parser.error(f"{one_line(args.trained)} holds a detector, which is measured on one CSV; give --data once")
    if kind == "detector" and args.detector is not None:
        parser.error(f"--detector is for a pose network, but {one_line(args.trained)} holds a detector")
    report = export(
        args.trained,
        args.out,
        data=args.data,
        name=args.name,
        license_id=args.license,
        detector=args.detector or DEFAULT_DETECTOR,
        score_threshold=args.score_threshold or SCORE_THRESHOLD,
        face_scale=args.face_scale or 1.0,
        face_shift=args.face_shift or 0.0,
    )
    print(json.dumps(report, indent=2))
    return 0
