"""``headpose eval``: measure a model on labelled photos, as a table on stdout and as JSON in a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from headpose_sdk.cli.arguments import Subparsers, add_model_arguments
from headpose_sdk.cli.measures import (
    measure_aflw2000,
    measure_faces,
    measure_manifest,
    measure_pointing04,
    measure_published,
    measure_robustness,
    measure_uncertainty,
)
from headpose_sdk.cli.messages import extra_installed
from headpose_sdk.cli.outputs import check_output
from headpose_sdk.detection import OnnxFaceDetector
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.figures import check_figure_name
from headpose_sdk.weights import DEFAULT_DETECTOR, DEFAULT_MODEL

__all__ = ["add_parser"]

_DOUBTFUL = 0.02
"""Score down to which the detector reports faces, so that the measure can look for the best threshold itself."""


def add_parser(subparsers: Subparsers) -> None:
    """Add ``eval`` with one sub-command a kind of data set; each sets ``run`` to what carries it out."""
    parser = subparsers.add_parser("eval", help="measure a model on labelled photos")
    datasets = parser.add_subparsers(metavar="DATASET", required=True)

    manifest = datasets.add_parser(
        "manifest",
        help="a folder with manifest.csv: file,yaw,pitch,roll[,x1,y1,x2,y2]",
        description="Mean absolute errors of yaw, pitch and roll in degrees. Angles have the signs of 300W-LP.",
    )
    manifest.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder of manifest.csv")
    _add_pose_arguments(manifest)
    _add_plot(manifest)
    manifest.set_defaults(run=partial(_run_poses, measure_manifest))

    aflw2000 = datasets.add_parser(
        "aflw2000",
        help="AFLW2000-3D as published: imageNNNNN.jpg and .mat",
        description="Mean absolute errors of yaw, pitch and roll in degrees, of all images; those with an angle beyond "
        'the 99 degrees at which publications drop them are told apart. Needs pip install "headpose-sdk[eval]".',
    )
    aflw2000.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder of the images and .mat")
    _add_pose_arguments(aflw2000)
    _add_plot(aflw2000)
    aflw2000.set_defaults(run=partial(_run_poses, measure_aflw2000))

    w300lp = datasets.add_parser(
        "300w-lp",
        help="300W-LP as published: AFW, AFW_Flip, HELEN, ... with NAME.jpg and .mat",
        description="Mean absolute errors of yaw, pitch and roll in degrees, of all images in the parts that are "
        'there. Needs pip install "headpose-sdk[eval]".',
    )
    w300lp.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder of AFW, HELEN, IBUG, LFPW, ...")
    _add_pose_arguments(w300lp)
    _add_plot(w300lp)
    w300lp.set_defaults(run=partial(_run_poses, partial(measure_published, dataset="300w-lp")))

    biwi = datasets.add_parser(
        "biwi",
        help="BIWI Kinect Head Pose as published: 01 to 24",
        description="Mean absolute errors of yaw, pitch and roll in degrees, of all frames; faces come from the "
        "detector, because none is labelled.",
    )
    biwi.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder of 01, 02, ...")
    _add_common_arguments(biwi, DEFAULT_MODEL)
    _add_plot(biwi)
    biwi.set_defaults(run=partial(_run_poses, partial(measure_published, dataset="biwi")), boxes="detector")

    pointing04 = datasets.add_parser(
        "pointing04",
        help="Pointing'04 as published: person...jpg and .txt",
        description="Mean absolute errors of pan and tilt of the facing direction in degrees: raw, after an affine map "
        "fitted on other people, and after one fitted on a person's other series.",
    )
    pointing04.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder of Person01, Person02, ...")
    pointing04.add_argument(
        "--fit",
        type=Path,
        metavar="DIR",
        help="folder of other people to fit the affine map on (default: all but the person measured)",
    )
    _add_pose_arguments(pointing04)
    pointing04.set_defaults(run=partial(_run_poses, measure_pointing04))

    robustness = datasets.add_parser(
        "robustness",
        help="a folder with manifest.csv and boxes: what mirrors, turns, covers ... do to predictions",
        description="Each photo is predicted as it is, mirrored, turned by 30 degrees, coarse, partly covered, dark, "
        "and with red and blue exchanged; degrees. Needs labelled boxes.",
    )
    robustness.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder of manifest.csv")
    _add_common_arguments(robustness, DEFAULT_MODEL)
    robustness.set_defaults(run=partial(_run_poses, measure_robustness))

    uncertainty = datasets.add_parser(
        "uncertainty",
        help="a folder with manifest.csv and boxes: the predicted std of faces against that of noise, text ...",
        description="Whether the predicted std tells faces from noise, plain colours, text, drawings, and from faces "
        "of which nothing is left to see. Needs labelled boxes.",
    )
    uncertainty.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder of manifest.csv")
    _add_common_arguments(uncertainty, DEFAULT_MODEL)
    uncertainty.set_defaults(run=partial(_run_poses, measure_uncertainty))

    faces = datasets.add_parser(
        "faces",
        help="a CSV of face boxes: file,x1,y1,x2,y2[,ignore]",
        description="Recall of a face detector at the lowest score threshold with precision 0.90.",
    )
    faces.add_argument("--csv", type=Path, required=True, metavar="FILE", help="a row a face; files beside it")
    _add_common_arguments(faces, DEFAULT_DETECTOR)
    faces.set_defaults(run=_run_faces)


def _add_pose_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--boxes",
        choices=("detector", "annotation"),
        default="detector",
        help="where face boxes come from (default: detector; faces it misses count as 0, 0, 0)",
    )
    _add_common_arguments(parser, DEFAULT_MODEL)


def _add_plot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help='draw the errors over the labelled angles: .png, .svg, .pdf or .jpg (pip install "headpose-sdk[plot]")',
    )


def _add_common_arguments(parser: argparse.ArgumentParser, model: str) -> None:
    add_model_arguments(parser, model)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured here as well")


def _run_poses(measure: Callable[[argparse.Namespace, HeadPoseEstimator], int], args: argparse.Namespace) -> int:
    _check_json(args.json)
    _check_plot(getattr(args, "plot", None))
    return measure(args, HeadPoseEstimator(args.model, device=args.device))


def _run_faces(args: argparse.Namespace) -> int:
    _check_json(args.json)
    detector = OnnxFaceDetector(args.model, score_threshold=_DOUBTFUL, device=args.device)
    return measure_faces(args, detector, threshold=detector.config.score_threshold)


def _check_plot(path: Path | None) -> None:
    if path is not None:
        with extra_installed("plot", "plotting needs matplotlib"):
            import matplotlib  # noqa: F401 - told now, not after the measurement
        check_figure_name(path)
        check_output(path)


def _check_json(path: Path | None) -> None:
    """An evaluation may take an hour: that its result has nowhere to go is told before."""
    if path is not None:
        check_output(path)
