"""``headpose eval``: measure a model on labelled photos, as a table on stdout and as JSON in a file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from headpose_sdk.cli.arguments import Subparsers, add_model_arguments
from headpose_sdk.cli.messages import complain
from headpose_sdk.cli.outputs import check_output
from headpose_sdk.cli.progress import Counter
from headpose_sdk.cli.reports import print_coverage, print_figures, print_median_std, print_names, print_title
from headpose_sdk.detection import FaceDetector, OnnxFaceDetector
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import read_aflw2000, read_faces, read_manifest, read_pointing04
from headpose_sdk.evaluation.evaluate import (
    evaluate_aflw2000,
    evaluate_detector,
    evaluate_pointing04,
    evaluate_poses,
)
from headpose_sdk.evaluation.robustness import TURN, WHAT_CHANGED, evaluate_robustness
from headpose_sdk.images import atomic_write
from headpose_sdk.weights import DEFAULT_DETECTOR, DEFAULT_MODEL

__all__ = [
    "add_parser",
    "measure_aflw2000",
    "measure_faces",
    "measure_manifest",
    "measure_pointing04",
    "measure_robustness",
]

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
    manifest.set_defaults(run=_run_manifest)

    aflw2000 = datasets.add_parser(
        "aflw2000",
        help="AFLW2000-3D as published: imageNNNNN.jpg and .mat",
        description="Mean absolute errors of yaw, pitch and roll in degrees, of all images; those with an angle beyond "
        'the 99 degrees at which publications drop them are told apart. Needs pip install "headpose-sdk[eval]".',
    )
    aflw2000.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder of the images and .mat")
    _add_pose_arguments(aflw2000)
    aflw2000.set_defaults(run=_run_aflw2000)

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
    pointing04.set_defaults(run=_run_pointing04)

    robustness = datasets.add_parser(
        "robustness",
        help="a folder with manifest.csv and boxes: what mirrors, turns, covers ... do to predictions",
        description="Each photo is predicted as it is, mirrored, turned by 30 degrees, coarse, partly covered, dark, "
        "and with red and blue exchanged; degrees. Needs labelled boxes.",
    )
    robustness.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder of manifest.csv")
    _add_common_arguments(robustness, DEFAULT_MODEL)
    robustness.set_defaults(run=_run_robustness)

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


def _add_common_arguments(parser: argparse.ArgumentParser, model: str) -> None:
    add_model_arguments(parser, model)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured here as well")


def _run_manifest(args: argparse.Namespace) -> int:
    _check_json(args.json)
    return measure_manifest(args, HeadPoseEstimator(args.model, device=args.device))


def _run_aflw2000(args: argparse.Namespace) -> int:
    _check_json(args.json)
    return measure_aflw2000(args, HeadPoseEstimator(args.model, device=args.device))


def _run_pointing04(args: argparse.Namespace) -> int:
    _check_json(args.json)
    return measure_pointing04(args, HeadPoseEstimator(args.model, device=args.device))


def _run_robustness(args: argparse.Namespace) -> int:
    _check_json(args.json)
    return measure_robustness(args, HeadPoseEstimator(args.model, device=args.device))


def _run_faces(args: argparse.Namespace) -> int:
    _check_json(args.json)
    detector = OnnxFaceDetector(args.model, score_threshold=_DOUBTFUL, device=args.device)
    return measure_faces(args, detector, threshold=detector.config.score_threshold)


def _check_json(path: Path | None) -> None:
    """An evaluation may take an hour: that its result has nowhere to go is told before."""
    if path is not None:
        check_output(path)


def measure_manifest(args: argparse.Namespace, estimator: HeadPoseEstimator) -> int:
    """Measure poses; the exit code is 1 if photos had to be dropped, else 0."""
    with Counter() as counter:
        report = evaluate_poses(estimator, read_manifest(args.root), boxes=args.boxes, progress=counter)
    print_title(report)
    print_figures(("", report["metrics"]))
    print_coverage(report["metrics"])
    if report["behind"]["n"] > 0:
        for name in ("front", "behind"):
            print_median_std(f"heads seen from {'the front' if name == 'front' else name}", report[name])
    return _finish(report, args.json)


def measure_aflw2000(args: argparse.Namespace, estimator: HeadPoseEstimator) -> int:
    """Measure poses on AFLW2000-3D; the exit code is that of :func:`measure_manifest`."""
    with Counter() as counter:
        samples = read_aflw2000(args.root, progress=counter)
        report = evaluate_aflw2000(estimator, samples, boxes=args.boxes, progress=counter)
    print_title(report)
    print(report["protocol"])
    within, beyond = report["within_99"], report["beyond_99"]
    print_figures(
        ("all", report["metrics"]),
        (f"within 99 (n = {within['n']})", within["metrics"]),
        (f"beyond 99 (n = {beyond['n']})", beyond["metrics"]),
    )
    print_coverage(report["metrics"])
    print_names("beyond 99 degrees in an angle", beyond["files"])
    return _finish(report, args.json)


def measure_pointing04(args: argparse.Namespace, estimator: HeadPoseEstimator) -> int:
    """Measure facing directions on Pointing'04; the exit code is that of :func:`measure_manifest`."""
    with Counter() as counter:
        data = read_pointing04(args.root, progress=counter)
        fit = None if args.fit is None else read_pointing04(args.fit, progress=counter)
        report = evaluate_pointing04(estimator, data, boxes=args.boxes, fit=fit, progress=counter)
    print_title(report)
    print(report["protocol"])
    print("     pan    tilt    mean    95 % interval")
    rows = (
        ("raw", "without a fit"),
        ("affine", f"affine, fitted on {report['fitted_on']}"),
        ("per_person", "affine per person, fitted on the other series"),
    )
    for key, name in rows:
        figures = report[key]
        low, high = figures["mean_interval"]
        print(f"{figures['pan']:8.2f} {figures['tilt']:7.2f} {figures['mean']:7.2f}   {low:6.2f} -{high:6.2f}   {name}")
    for incomplete in report["incomplete"]:
        print(f"incomplete: {incomplete}")
    print_names("left out, tilt +-90", report["left_out"])
    return _finish(report, args.json)


def measure_robustness(args: argparse.Namespace, estimator: HeadPoseEstimator) -> int:
    """Measure what changes of photos do to poses; the exit code is that of :func:`measure_manifest`."""
    with Counter() as counter:
        report = evaluate_robustness(estimator, read_manifest(args.root), progress=counter)
    mirror, changed = report["mirror"], report["changed"]
    print(f"{report['model']}, {report['protocol']}, n = {report['n']}, degrees")
    print(f"{report['mae']:7.2f}   MAE of the photos as they are")
    for name, mae in changed.items():
        print(f"{mae:7.2f}   MAE of {WHAT_CHANGED[name]}")
    print(f"{mirror['yaw']:7.2f}   mean of abs(yaw + yaw of the mirror image); roll {mirror['roll']:.2f}")
    print(f"{report['turn']:7.2f}   geodesic angle from the turned pose, photos turned by {TURN:g} degrees either way")
    return _finish(report, args.json)


def measure_faces(args: argparse.Namespace, detector: FaceDetector, *, threshold: float) -> int:
    """Measure a detector, also at its usual ``threshold``; the exit code is 1 if photos had to be dropped, else 0."""
    with Counter() as counter:
        report = evaluate_detector(detector, read_faces(args.csv), threshold=threshold, progress=counter)
    print(f"{report['detector']}, {report['photos']} photos, {report['faces']} faces")
    print("faces of        n   threshold  precision  recall      AP")
    for row in report["size_classes"]:
        if row["n"] == 0:
            print(f">= {row['min_size']:3.0f} px       0  no face is so large")
            continue
        lowest = "none" if row["threshold"] is None else f"{row['threshold']:.4f}"
        print(
            f">= {row['min_size']:3.0f} px  {row['n']:6d}  {lowest:>10}     {row['precision']:.4f}"
            f"  {row['recall']:.4f}  {row['average_precision']:.4f}"
        )
    recall = report["recall"]
    print(
        f"at threshold {recall['threshold']:g} and IoU {recall['iou']:g}: {recall['missed']} of {recall['n']} "
        f"faces missed, {recall['extra_per_face']:.4f} false boxes a face"
    )
    return _finish(report, args.json)


def _finish(report: dict[str, Any], json_path: Path | None) -> int:
    if report.get("missed"):
        print(f"missed faces, counted as 0 0 0: {len(report['missed'])} (--json names them)")
    for drop in report["dropped"]:
        complain(f"dropped {drop['reason']}")
    if json_path is not None:
        with atomic_write(json_path) as file:
            file.write((json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    return 1 if report["dropped"] else 0
