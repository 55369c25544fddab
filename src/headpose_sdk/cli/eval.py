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
from headpose_sdk.detection import FaceDetector, OnnxFaceDetector
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import read_faces, read_manifest
from headpose_sdk.evaluation.evaluate import evaluate_detector, evaluate_poses
from headpose_sdk.images import atomic_write
from headpose_sdk.weights import DEFAULT_DETECTOR, DEFAULT_MODEL

__all__ = ["add_parser", "measure_faces", "measure_manifest"]

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
    manifest.add_argument(
        "--boxes",
        choices=("detector", "annotation"),
        default="detector",
        help="where face boxes come from (default: detector; faces it misses count as 0, 0, 0)",
    )
    _add_common_arguments(manifest, DEFAULT_MODEL)
    manifest.set_defaults(run=_run_manifest)

    faces = datasets.add_parser(
        "faces",
        help="a CSV of face boxes: file,x1,y1,x2,y2[,ignore]",
        description="Recall of a face detector at the lowest score threshold with precision 0.90.",
    )
    faces.add_argument("--csv", type=Path, required=True, metavar="FILE", help="a row a face; files beside it")
    _add_common_arguments(faces, DEFAULT_DETECTOR)
    faces.set_defaults(run=_run_faces)


def _add_common_arguments(parser: argparse.ArgumentParser, model: str) -> None:
    add_model_arguments(parser, model)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured here as well")


def _run_manifest(args: argparse.Namespace) -> int:
    _check_json(args.json)
    return measure_manifest(args, HeadPoseEstimator(args.model, device=args.device))


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
    metrics = report["metrics"]
    low, high = metrics["mae_interval"]
    print(f"{report['model']}, boxes from {report['boxes']}, n = {report['n']}, degrees")
    print("    yaw   pitch    roll     MAE    95 % interval   geodesic    MAEV")
    print(
        f"{metrics['yaw']:7.2f} {metrics['pitch']:7.2f} {metrics['roll']:7.2f} {metrics['mae']:7.2f}"
        f"   {low:6.2f} -{high:6.2f}    {metrics['geodesic']:7.2f} {metrics['maev']:7.2f}"
    )
    for sigmas in (1, 2):
        covered = metrics[f"coverage_{sigmas}_sigma"]
        if covered is not None:
            shares = "  ".join(f"{share:.1%}" for share in covered)
            print(f"errors within {sigmas} predicted std (yaw pitch roll): {shares}")
    if report["missed"]:
        print(f"missed faces, counted as 0 0 0: {len(report['missed'])} (--json names them)")
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
    for drop in report["dropped"]:
        complain(f"dropped {drop['reason']}")
    if json_path is not None:
        with atomic_write(json_path) as file:
            file.write((json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    return 1 if report["dropped"] else 0
