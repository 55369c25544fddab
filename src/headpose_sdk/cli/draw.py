"""``headpose draw``: a copy of each photo with the axes, the box and the angles of every head."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from headpose_sdk.cli.arguments import Subparsers, add_model_arguments
from headpose_sdk.cli.messages import complain, one_line
from headpose_sdk.cli.outputs import plan_outputs
from headpose_sdk.cli.progress import Counter
from headpose_sdk.drawing import draw_poses
from headpose_sdk.errors import HeadPoseError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.images import read_image, write_image
from headpose_sdk.results import HeadPose
from headpose_sdk.weights import DEFAULT_MODEL

__all__ = ["add_parser", "face_line"]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``draw``."""
    parser = subparsers.add_parser(
        "draw",
        help="draw the pose of every head on a copy of a photo",
        description="Writes a copy of each photo with the face box, the three axes of the head (red to its side, green "
        "down, blue to where it looks) and the angles in degrees; prints the name of the copy and one line a face.",
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="photos: JPEG, PNG, WebP, BMP or TIFF files")
    parser.add_argument(
        "-o",
        "--out",
        metavar="OUT",
        help="a file, or a folder if there are several photos (default: NAME_pose.EXT in the current folder)",
    )
    add_model_arguments(parser, DEFAULT_MODEL)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    sources = [Path(name) for name in args.images]
    targets = plan_outputs(sources, args.out)
    estimator = HeadPoseEstimator(args.model, device=args.device)
    failed = 0
    with Counter(quiet=sys.stdout.isatty()) as counter:
        for done, (source, target) in enumerate(zip(sources, targets, strict=True), start=1):
            try:
                poses = _draw(estimator, source, target)
            except HeadPoseError as error:
                failed += 1
                counter.clear()
                complain(error)
            else:
                _tell(source, target, poses)
            counter(done, len(sources))
    return 1 if failed else 0


def _draw(estimator: HeadPoseEstimator, source: Path, target: Path) -> list[HeadPose]:
    image = read_image(source)
    poses = estimator.predict(image)
    write_image(target, draw_poses(image, poses))
    return poses


def _tell(source: Path, target: Path, poses: list[HeadPose]) -> None:
    lines = [face_line(pose) for pose in poses] or [f"no face found in {one_line(source)}"]
    print(f"wrote {one_line(target)}", *lines, sep="\n", flush=True)


def face_line(pose: HeadPose) -> str:
    """One face in words: angles and their std in degrees, the box's corners in pixels, the score from 0 to 1."""
    # Adding 0.0 makes a rounded -0.04 read +0.0.
    angles = [f"{name} {round(value, 1) + 0.0:+.1f}" for name, value in _named_angles(pose)]
    std = f"(std {pose.yaw_std:.1f} {pose.pitch_std:.1f} {pose.roll_std:.1f})"
    box = "box " + " ".join(f"{corner:.0f}" for corner in (pose.box.x1, pose.box.y1, pose.box.x2, pose.box.y2))
    score = [] if pose.score is None else [f"score {pose.score:.2f}"]
    return "  ".join([*angles, std, box, *score])


def _named_angles(pose: HeadPose) -> tuple[tuple[str, float], ...]:
    return ("yaw", pose.yaw), ("pitch", pose.pitch), ("roll", pose.roll)
