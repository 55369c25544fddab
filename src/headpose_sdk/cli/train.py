"""``headpose train``: train the networks and turn them into model folders. The only command that needs PyTorch."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import cv2

from headpose_sdk.cli import export
from headpose_sdk.cli.arguments import (
    Subparsers,
    fraction,
    natural,
    positive,
    positive_float,
    shares,
    stages,
)
from headpose_sdk.cli.messages import extra_installed, one_line
from headpose_sdk.training.config import (
    DetectorConfig,
    Precision,
    TeacherConfig,
    TrainingDevice,
    stages_text,
)

__all__ = ["add_parser"]

_TEACHER, _DETECTOR = TeacherConfig(), DetectorConfig()


def add_parser(subparsers: Subparsers) -> None:
    """Add ``train`` with one sub-command a kind of network, and ``export`` for both."""
    parser = subparsers.add_parser("train", help="train your own networks and export them (needs PyTorch)")
    tasks = parser.add_subparsers(metavar="TASK", required=True)
    _add_teacher(tasks)
    _add_distill(tasks)
    _add_detector(tasks)
    export.add_parser(tasks)


def _add_teacher(tasks: Subparsers) -> None:
    what = "a pose network, from the labels in folders with manifest.csv"
    parser = tasks.add_parser("teacher", help=what, description=f"Trains {what}.")
    _add_pose_arguments(parser)
    parser.set_defaults(run=partial(_run_teacher, parser))


def _add_distill(tasks: Subparsers) -> None:
    what = "a pose network, from the answers of others to the pictures in folders with manifest.csv"
    parser = tasks.add_parser("distill", help=what, description=f"Trains {what}.")
    parser.add_argument(
        "--teachers",
        type=Path,
        action="append",
        required=True,
        metavar="RUN",
        help="folder of a trained pose network; give it again for further ones, whose answers are averaged",
    )
    _add_pose_arguments(parser)
    parser.set_defaults(run=partial(_run_distill, parser))


def _add_pose_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help="folder of photos and manifest.csv; give it again for further ones",
    )
    parser.add_argument(
        "--backbone",
        default=_TEACHER.backbone,
        metavar="NAME",
        help="a network of timm without its head (default: %(default)s)",
    )
    parser.add_argument(
        "--crops",
        type=positive,
        default=_TEACHER.crops,
        metavar="N",
        help="pictures seen in the whole run, those without a face included (default: %(default)s)",
    )
    parser.add_argument(
        "--stages",
        type=stages,
        default=_TEACHER.stages,
        metavar="SIZE:PART,...",
        help=f"input sizes in pixels and the part of the run for each (default: {stages_text(_TEACHER.stages)})",
    )
    parser.add_argument(
        "--shares",
        type=shares,
        metavar="KIND=PART,...",
        help="parts of the heads seen, by the column kind of the manifests, of sum 1; a kind that is not named is not "
        "shown (default: all, as often as they come)",
    )
    parser.add_argument(
        "--nonface-share",
        type=fraction,
        default=_TEACHER.nonface_share,
        metavar="X",
        help="part of what is seen that shows no face, 0 for none (default: %(default)s)",
    )
    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        default=_TEACHER.precision,
        help="of the forward pass; fp32 is faster for depthwise convolutions (default: %(default)s)",
    )
    _add_run_arguments(parser, _TEACHER, "heads")


def _add_detector(tasks: Subparsers) -> None:
    what = "a face detector, from a CSV of face boxes"
    parser = tasks.add_parser("detector", help=what, description=f"Trains {what}.")
    parser.add_argument(
        "--data", type=Path, required=True, metavar="CSV", help="file,x1,y1,x2,y2[,ignore]; photos beside it"
    )
    parser.add_argument(
        "--pictures",
        type=positive,
        default=_DETECTOR.pictures,
        metavar="N",
        help="pictures seen in the whole run (default: %(default)s)",
    )
    _add_run_arguments(parser, _DETECTOR, "pictures")
    parser.set_defaults(run=partial(_run_detector, parser))


def _add_run_arguments(parser: argparse.ArgumentParser, defaults: TeacherConfig | DetectorConfig, items: str) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for checkpoint.safetensors and log.jsonl"
    )
    parser.add_argument(
        "--batch", type=positive, default=defaults.batch, metavar="N", help=f"{items} a step (default: %(default)s)"
    )
    parser.add_argument(
        "--learning-rate",
        type=positive_float,
        default=defaults.learning_rate,
        metavar="X",
        help="the highest rate of AdamW (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=natural,
        default=defaults.seed,
        metavar="N",
        help="the same seed gives the same weights (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        choices=get_args(TrainingDevice),
        default="auto",
        help="where to train: auto takes a GPU that PyTorch can use (default: %(default)s)",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads; PyTorch's own choice if left out")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out if there is one")
    parser.add_argument(
        "--init",
        type=Path,
        metavar="PATH",
        help="begin with the averaged weights of another run, given by its folder; a pose network also with a file of "
        "its backbone's weights, .pth or .safetensors",
    )


def _run_teacher(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    _refuse_empty_run(parser, "crops", args.crops, args.batch)
    with extra_installed("train", "training needs PyTorch"):
        from headpose_sdk.training.train import train_teacher
    return _train(partial(train_teacher, args.data), _pose_config(args), args)


def _run_distill(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    _refuse_empty_run(parser, "crops", args.crops, args.batch)
    with extra_installed("train", "training needs PyTorch"):
        from headpose_sdk.training.train import train_student
    return _train(partial(train_student, args.data, args.teachers), _pose_config(args), args)


def _pose_config(args: argparse.Namespace) -> TeacherConfig:
    return TeacherConfig(
        backbone=args.backbone,
        crops=args.crops,
        stages=args.stages,
        shares=args.shares,
        nonface_share=args.nonface_share,
        batch=args.batch,
        learning_rate=args.learning_rate,
        precision=args.precision,
        seed=args.seed,
    )


def _run_detector(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    _refuse_empty_run(parser, "pictures", args.pictures, args.batch)
    with extra_installed("train", "training needs PyTorch"):
        from headpose_sdk.training.detector.train import train_detector
    config = DetectorConfig(pictures=args.pictures, batch=args.batch, learning_rate=args.learning_rate, seed=args.seed)
    return _train(partial(train_detector, args.data), config, args)


def _refuse_empty_run(parser: argparse.ArgumentParser, name: str, total: int, batch: int) -> None:
    if total < batch:
        parser.error(f"--{name} {total} is less than one batch of {batch}; give more, or a smaller --batch")


def _train(train: Callable[..., Path], config: TeacherConfig | DetectorConfig, args: argparse.Namespace) -> int:
    cv2.setNumThreads(1)  # augmentation runs beside the network, which needs the cores
    checkpoint = train(args.out, config, resume=args.resume, init=args.init, threads=args.threads, device=args.device)
    print(f"wrote {one_line(checkpoint)}; make it a model with `headpose train export --run {one_line(args.out)}`")
    return 0
