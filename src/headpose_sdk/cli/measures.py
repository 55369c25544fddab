"""What ``headpose eval`` does with a data set: measure, print a table, write JSON; each returns the exit code."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from headpose_sdk.cli.messages import complain
from headpose_sdk.cli.progress import Counter
from headpose_sdk.cli.reports import print_coverage, print_figures, print_median_std, print_names, print_title
from headpose_sdk.detection import FaceDetector
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import (
    PoseSample,
    read_300w_lp,
    read_aflw2000,
    read_biwi,
    read_faces,
    read_manifest,
    read_pointing04,
)
from headpose_sdk.evaluation.datasets.biwi import BIWI_FRAMES
from headpose_sdk.evaluation.datasets.w300lp import W300LP_IMAGES
from headpose_sdk.evaluation.evaluate import (
    evaluate_aflw2000,
    evaluate_detector,
    evaluate_pointing04,
    evaluate_poses,
    evaluate_published,
    predict_samples,
)
from headpose_sdk.evaluation.plots import plot_errors
from headpose_sdk.evaluation.predictions import Predictions
from headpose_sdk.evaluation.robustness import TURN, WHAT_CHANGED, evaluate_robustness
from headpose_sdk.evaluation.uncertainty import KEPT, WHAT_IT_IS, evaluate_uncertainty
from headpose_sdk.images import atomic_write

__all__ = [
    "measure_aflw2000",
    "measure_faces",
    "measure_manifest",
    "measure_pointing04",
    "measure_published",
    "measure_robustness",
    "measure_uncertainty",
]


def measure_manifest(args: argparse.Namespace, estimator: HeadPoseEstimator) -> int:
    """Measure poses; the exit code is 1 if photos had to be dropped, else 0."""
    with Counter() as counter:
        measured = predict_samples(estimator, read_manifest(args.root), boxes=args.boxes, progress=counter)
    report = evaluate_poses(measured)
    _draw(measured, args.plot)
    print_title(report)
    print_figures(("", report["metrics"]))
    print_coverage(report["metrics"])
    if report["behind"]["n"] > 0:
        for name in ("front", "behind"):
            print_median_std(f"heads seen from {'the front' if name == 'front' else name}", report[name])
    return _finish(report, args.json)


def measure_published(args: argparse.Namespace, estimator: HeadPoseEstimator, dataset: str) -> int:
    """Measure poses on 300W-LP or BIWI; the exit code is that of :func:`measure_manifest`."""
    read, published = _PUBLISHED[dataset]
    with Counter() as counter:
        samples = read(args.root, progress=counter)
        measured = predict_samples(estimator, samples, boxes=args.boxes, progress=counter)
    report = evaluate_published(measured, dataset=dataset, published=published)
    _draw(measured, args.plot)
    print_title(report)
    print_figures(("", report["metrics"]))
    print_coverage(report["metrics"])
    return _finish(report, args.json)


_PUBLISHED = {"300w-lp": (read_300w_lp, W300LP_IMAGES), "biwi": (read_biwi, BIWI_FRAMES)}


def measure_aflw2000(args: argparse.Namespace, estimator: HeadPoseEstimator) -> int:
    """Measure poses on AFLW2000-3D; the exit code is that of :func:`measure_manifest`."""
    with Counter() as counter:
        samples = read_aflw2000(args.root, progress=counter)
        measured = predict_samples(estimator, samples, boxes=args.boxes, progress=counter)
    report = evaluate_aflw2000(measured)
    _draw(measured, args.plot)
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


def measure_uncertainty(args: argparse.Namespace, estimator: HeadPoseEstimator) -> int:
    """Measure the predicted std of what is no face; the exit code is that of :func:`measure_manifest`."""
    with Counter() as counter:
        report = evaluate_uncertainty(estimator, read_manifest(args.root), progress=counter)
    print(f"{report['model']}, {report['protocol']}, n = {report['n']}, degrees")
    print(f"{report['median_std']:7.2f}   median std of faces; {KEPT:.0%} of them are below {report['threshold']:.2f}")
    print("median std     AUC  caught     n")
    for name, row in [*report["kinds"].items(), ("all", report["all"])]:
        what = WHAT_IT_IS.get(name, "all of them")
        print(f"{row['median_std']:10.2f}  {row['auc']:.4f}  {row['caught']:6.1%}  {row['n']:4d}   {what}")
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


def _draw(measured: Predictions[PoseSample], path: Path | None) -> None:
    if path is not None:
        plot_errors(measured, path)


def _finish(report: dict[str, Any], json_path: Path | None) -> int:
    if report.get("missed"):
        print(f"missed faces, counted as 0 0 0: {len(report['missed'])} (--json names them)")
    for drop in report["dropped"]:
        complain(f"dropped {drop['reason']}")
    if json_path is not None:
        with atomic_write(json_path) as file:
            file.write((json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    return 1 if report["dropped"] else 0
