"""``headpose train``: train the networks and turn them into model folders. The only command that needs PyTorch."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TypeVar, get_args

import cv2

from headpose_sdk.cli import export
from headpose_sdk.cli.arguments import (
    Subparsers,
    fraction,
    natural,
    non_negative,
    positive,
    positive_float,
    shares,
    stages,
)
from headpose_sdk.cli.messages import extra_installed, one_line
from headpose_sdk.training.config import (
    PAPER_STUDENT,
    PAPER_TEACHER,
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
    _add_targets(tasks)
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
    _add_teachers(parser)
    _add_pose_arguments(parser)
    parser.set_defaults(run=partial(_run_distill, parser))


def _add_teachers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--teachers",
        type=Path,
        action="append",
        required=True,
        metavar="RUN",
        help="folder of a trained pose network; give it again for further ones, whose answers are averaged",
    )


def _add_targets(tasks: Subparsers) -> None:
    parser = tasks.add_parser(
        "targets",
        help="a table of what teachers say of each head, to train students on without asking them again",
        description="Writes a copy of a manifest with the mean of what teachers say of each head in place of its label "
        "and how far their answers are apart as its spread. Give it to `headpose train teacher` as --data.",
    )
    _add_teachers(parser)
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder of photos and manifest.csv, or such a table"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="the table to write, in the same folder")
    parser.add_argument(
        "--views",
        type=positive,
        default=8,
        metavar="N",
        help="how often each head is shown to each teacher, every second time mirrored (default: %(default)s)",
    )
    parser.add_argument("--seed", type=natural, default=0, metavar="N", help="of the views (default: %(default)s)")
    _add_place(parser)
    parser.set_defaults(run=_run_targets)


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
        "--preset",
        choices=("own", "paper"),
        default="own",
        help="what the options below are if they are left out: our settings, or the paper's, which want a GPU "
        "(default: %(default)s)",
    )
    add = partial(_add_option, parser, _TEACHER)
    add("--backbone", str, "NAME", "a network of timm without its head, botnet50 or botnet101")
    length = parser.add_mutually_exclusive_group()
    _add_option(
        length, _TEACHER, "--crops", positive, "N", "pictures seen in the whole run, those without a face included"
    )
    _add_option(length, _TEACHER, "--epochs", positive, "N", "the same, as a multiple of the heads to train on")
    add("--stages", stages, "SIZE:PART,...", "input sizes in pixels and the part of the run for each")
    add(
        "--shares",
        shares,
        "KIND=PART,...",
        "parts of the heads seen, by the column kind of the manifests, of sum 1; a kind that is not named is not shown",
    )
    add("--nonface-share", fraction, "X", "part of what is seen that shows no face, 0 for none")
    add("--label-sigma", non_negative, "X", "degrees that a label is spread over, 0 for one bin alone")
    add("--spread-weight", non_negative, "X", "of the manifests' column spread, degrees that widen a row's label")
    add("--mse-weight", non_negative, "X", "of the squared error beside the cross-entropy")
    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        default=argparse.SUPPRESS,
        help=f"of the forward pass; fp32 is faster for depthwise convolutions (default: {_TEACHER.precision})",
    )
    _add_run_arguments(parser, _TEACHER, "heads")


def _add_detector(tasks: Subparsers) -> None:
    what = "a face detector, from a CSV of face boxes"
    parser = tasks.add_parser("detector", help=what, description=f"Trains {what}.")
    parser.add_argument(
        "--data", type=Path, required=True, metavar="CSV", help="file,x1,y1,x2,y2[,ignore]; photos beside it"
    )
    _add_option(parser, _DETECTOR, "--pictures", positive, "N", "pictures seen in the whole run")
    _add_run_arguments(parser, _DETECTOR, "pictures")
    parser.set_defaults(run=partial(_run_detector, parser))


def _add_run_arguments(parser: argparse.ArgumentParser, defaults: TeacherConfig | DetectorConfig, items: str) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for checkpoint.safetensors and log.jsonl"
    )
    add = partial(_add_option, parser, defaults)
    add("--batch", positive, "N", f"{items} a step")
    add("--learning-rate", positive_float, "X", "the highest rate of AdamW")
    add("--weight-decay", non_negative, "X", "of AdamW, 0 makes it Adam")
    add("--seed", natural, "N", "the same seed gives the same weights")
    _add_place(parser)
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out if there is one")
    parser.add_argument(
        "--init",
        type=Path,
        metavar="PATH",
        help="begin with the averaged weights of another run, given by its folder; a pose network also with a file of "
        "its backbone's weights, .pth or .safetensors",
    )


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        choices=get_args(TrainingDevice),
        default="auto",
        help="where to train: auto takes a GPU that PyTorch can use (default: %(default)s)",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads; PyTorch's own choice if left out")


def _add_option(
    parser: argparse._ActionsContainer,
    defaults: TeacherConfig | DetectorConfig,
    option: str,
    read: Callable[[str], object],
    metavar: str,
    what: str,
) -> None:
    """An option for the field of the same name, which is not among the arguments unless it was given."""
    value = getattr(defaults, option.removeprefix("--").replace("-", "_"))
    default = stages_text(value) if isinstance(value, tuple) else value
    told = what if value is None else f"{what} (default: {default})"
    parser.add_argument(option, type=read, metavar=metavar, default=argparse.SUPPRESS, help=told)


def _run_teacher(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    config = _config(parser, args, PAPER_TEACHER if args.preset == "paper" else _TEACHER)
    with extra_installed("train", "training needs PyTorch"):
        from headpose_sdk.training.train import train_teacher
    return _train(partial(train_teacher, args.data), config, args)


def _run_distill(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    config = _config(parser, args, PAPER_STUDENT if args.preset == "paper" else _TEACHER)
    with extra_installed("train", "training needs PyTorch"):
        from headpose_sdk.training.train import train_student
    return _train(partial(train_student, args.data, args.teachers), config, args)


def _run_targets(args: argparse.Namespace) -> int:
    with extra_installed("train", "training needs PyTorch"):
        from headpose_sdk.training.targets import write_targets
    cv2.setNumThreads(1)
    told = write_targets(
        args.data, args.teachers, args.out, views=args.views, seed=args.seed, threads=args.threads, device=args.device
    )
    print(
        f"wrote {one_line(args.out)}: {told['taught']} heads taught, {told['kept']} kept as they were; mean spread "
        f"{told['spread']}, mean change of the labels {told['change']} degrees"
    )
    return 0


def _run_detector(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    config = _config(parser, args, _DETECTOR)
    with extra_installed("train", "training needs PyTorch"):
        from headpose_sdk.training.detector.train import train_detector
    return _train(partial(train_detector, args.data), config, args)


Config = TypeVar("Config", TeacherConfig, DetectorConfig)


def _config(parser: argparse.ArgumentParser, args: argparse.Namespace, base: Config) -> Config:
    """``base`` with what was given."""
    given = {field.name: getattr(args, field.name) for field in fields(base) if field.name in args}
    if "crops" in given:
        given["epochs"] = None  # a preset's
    config = replace(base, **given)
    if isinstance(config, DetectorConfig):
        _refuse_empty_run(parser, "pictures", config.pictures, config.batch)
    elif config.epochs is None:
        _refuse_empty_run(parser, "crops", config.crops, config.batch)
    return config


def _refuse_empty_run(parser: argparse.ArgumentParser, name: str, total: int, batch: int) -> None:
    if total < batch:
        parser.error(f"--{name} {total} is less than one batch of {batch}; give more, or a smaller --batch")


def _train(train: Callable[..., Path], config: TeacherConfig | DetectorConfig, args: argparse.Namespace) -> int:
    cv2.setNumThreads(1)  # augmentation runs beside the network, which needs the cores
    checkpoint = train(args.out, config, resume=args.resume, init=args.init, threads=args.threads, device=args.device)
    print(f"wrote {one_line(checkpoint)}; make it a model with `headpose train export --run {one_line(args.out)}`")
    return 0
