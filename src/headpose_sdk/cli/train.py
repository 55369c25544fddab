"""``headpose train``: train the networks and turn them into model folders. The only command that needs PyTorch."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2

from headpose_sdk.cli.arguments import Subparsers, natural, positive, positive_float, share
from headpose_sdk.cli.messages import one_line
from headpose_sdk.errors import DatasetError, HeadPoseError
from headpose_sdk.weights import DEFAULT_DETECTOR

__all__ = ["add_parser"]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``train`` with one sub-command a kind of network, and ``export`` for both."""
    parser = subparsers.add_parser("train", help="train your own networks and export them (needs PyTorch)")
    tasks = parser.add_subparsers(metavar="TASK", required=True)

    teacher = _add_training(tasks, "teacher", "a pose network, from a folder with manifest.csv", _teacher_defaults)
    teacher.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of photos and manifest.csv")
    teacher.add_argument("--backbone", metavar="NAME", help="a network of timm without its head")
    teacher.add_argument("--crops", type=positive, metavar="N", help="heads seen in the whole run")
    teacher.add_argument("--learning-rate", type=positive_float, metavar="X", help="the highest rate of AdamW")
    _add_run_arguments(teacher, "heads a step")
    teacher.set_defaults(run=_run_teacher)

    detector = _add_training(tasks, "detector", "a face detector, from a CSV of face boxes", _detector_defaults)
    detector.add_argument(
        "--data", type=Path, required=True, metavar="CSV", help="file,x1,y1,x2,y2[,ignore]; photos beside it"
    )
    detector.add_argument("--pictures", type=positive, metavar="N", help="pictures seen in the whole run")
    _add_run_arguments(detector, "pictures a step")
    detector.set_defaults(run=_run_detector)

    export = tasks.add_parser(
        "export",
        help="a model folder for HeadPoseEstimator, from a run of either kind",
        description="Writes config.json and the ONNX file, checks them against the trained network on photos held back "
        "from training, and prints what was measured as JSON.",
    )
    export.add_argument("--run", type=Path, required=True, metavar="DIR", dest="trained", help="--out of the training")
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model folder; must not exist")
    export.add_argument("--data", type=Path, metavar="DIR", help="--data of the training; for a pose network only")
    export.add_argument("--name", metavar="NAME", help="the model's name (default: that of the folder)")
    export.add_argument(
        "--detector",
        default=DEFAULT_DETECTOR,
        metavar="NAME",
        help="the face detector that a pose network goes with (default: %(default)s)",
    )
    export.add_argument(
        "--license", default="not stated", metavar="TEXT", help="licence of the weights (default: %(default)s)"
    )
    export.add_argument(
        "--score-threshold",
        type=share,
        default=0.35,
        metavar="X",
        help="score, 0 to 1, from which a detector reports a face (default: %(default)s)",
    )
    export.set_defaults(run=_run_export)


def _add_training(
    tasks: Subparsers, name: str, what: str, load_defaults: Callable[[], dict[str, Any]]
) -> argparse.ArgumentParser:
    parser = tasks.add_parser(
        name,
        help=what,
        description=f"Trains {what}.",
        add_help=False,
        # What is not given stays absent, so that the defaults stand in one place, the network's configuration.
        argument_default=argparse.SUPPRESS,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("-h", "--help", action=_HelpWithDefaults, load_defaults=load_defaults)
    return parser


def _add_run_arguments(parser: argparse.ArgumentParser, batch: str) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for checkpoint.safetensors and log.jsonl"
    )
    parser.add_argument("--batch", type=positive, metavar="N", help=batch)
    parser.add_argument("--seed", type=natural, metavar="N", help="the same seed gives the same weights")
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads; PyTorch's own choice if left out")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out if there is one")
    parser.add_argument("--init", type=Path, metavar="RUN", help="begin with the averaged weights of another run")


class _HelpWithDefaults(argparse.Action):
    """``--help`` that shows the defaults too, if PyTorch is there, without which they cannot be imported."""

    def __init__(
        self, option_strings: Sequence[str], dest: str, *, load_defaults: Callable[[], dict[str, Any]], default: str
    ) -> None:
        super().__init__(option_strings, dest, nargs=0, default=default, help="show this help message and exit")
        self._load_defaults = load_defaults

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        with suppress(HeadPoseError):
            parser.set_defaults(**self._load_defaults())
        parser.print_help()
        parser.exit()


def _teacher_defaults() -> dict[str, Any]:
    with _training_installed():
        from headpose_sdk.training.train import TeacherConfig
    return asdict(TeacherConfig())


def _detector_defaults() -> dict[str, Any]:
    with _training_installed():
        from headpose_sdk.training.detector.train import DetectorConfig
    return asdict(DetectorConfig())


def _run_teacher(args: argparse.Namespace) -> int:
    with _training_installed():
        from headpose_sdk.training.train import TeacherConfig, train_teacher
    config = TeacherConfig(**_given(args, _teacher_defaults()))
    _refuse_empty_run("crops", config.crops, config.batch)
    return _train(train_teacher, config, args)


def _run_detector(args: argparse.Namespace) -> int:
    with _training_installed():
        from headpose_sdk.training.detector.train import DetectorConfig, train_detector
    config = DetectorConfig(**_given(args, _detector_defaults()))
    _refuse_empty_run("pictures", config.pictures, config.batch)
    return _train(train_detector, config, args)


def _train(train: Callable[..., Path], config: object, args: argparse.Namespace) -> int:
    cv2.setNumThreads(1)  # augmentation runs beside the network, which needs the cores
    options = vars(args)
    checkpoint = train(
        args.data,
        args.out,
        config,
        resume=options.get("resume", False),
        init=options.get("init"),
        threads=options.get("threads"),
    )
    print(f"wrote {one_line(checkpoint)}; make it a model with `headpose train export --run {one_line(args.out)}`")
    return 0


def _run_export(args: argparse.Namespace) -> int:
    with _training_installed():
        from headpose_sdk.training.export import export_detector, export_pose
        from headpose_sdk.training.trainer import CHECKPOINT, read_checkpoint
    settings, _, _ = read_checkpoint(args.trained / CHECKPOINT)
    common: dict[str, str] = {"name": args.name or args.out.resolve().name, "license_id": args.license}
    if settings.get("kind") == "detector":
        report = export_detector(args.trained, args.out, score_threshold=args.score_threshold, **common)
    elif args.data is None:
        raise DatasetError(
            f"{args.trained} holds a pose network, whose export measures and calibrates on photos; "
            "add --data with the folder that it was trained on"
        )
    else:
        report = export_pose(args.trained, args.data, args.out, detector=args.detector, **common)
    print(json.dumps(report, indent=2))
    return 0


def _given(args: argparse.Namespace, defaults: dict[str, Any]) -> dict[str, Any]:
    """Those settings of a network's configuration that stood on the command line."""
    return {name: value for name, value in vars(args).items() if name in defaults}


def _refuse_empty_run(name: str, total: int, batch: int) -> None:
    if total < batch:
        raise DatasetError(f"--{name} {total} is less than one batch of {batch}; give more, or a smaller --batch")


@contextmanager
def _training_installed() -> Iterator[None]:
    """Turn a missing package into the line that installs it."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").startswith("headpose_sdk"):
            raise  # a mistake of ours, which no installation would repair
        raise HeadPoseError(
            f'training needs PyTorch and some more ({error}); install them with `pip install "headpose-sdk[train]"`'
        ) from error
