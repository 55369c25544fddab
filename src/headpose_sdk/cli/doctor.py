"""``headpose doctor``: what is installed, what really runs, and for each problem what mends it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict

from headpose_sdk.cli.arguments import Subparsers
from headpose_sdk.cli.messages import one_line
from headpose_sdk.doctor.findings import Findings, gather
from headpose_sdk.doctor.problems import Problem, diagnose, fitting_extra

__all__ = ["add_parser", "report"]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``doctor``."""
    parser = subparsers.add_parser(
        "doctor",
        help="look at this installation and say what is wrong with it",
        description="Looks at versions, at GPU, driver, CUDA and cuDNN, and at the bundled models, and predicts the "
        "bundled sample photo. Exit code 1 if something is wrong; each problem comes with what mends it.",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON, for a bug report")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    findings = gather()
    problems = diagnose(findings)
    if args.json:
        print(json.dumps({**asdict(findings), "problems": [asdict(problem) for problem in problems]}, indent=2))
    else:
        for line in report(findings, problems):
            print(line)
    return 1 if problems else 0


def report(findings: Findings, problems: list[Problem]) -> Iterator[str]:
    """The lines of the report, each without a line end."""
    for name, value in _rows(findings):
        yield f"{name:<15} {one_line(value)}"
    yield ""
    for problem in problems:
        yield f"PROBLEM  {one_line(problem.what)}"
        yield f"  mend:  {one_line(problem.mend)}"
    if not problems:
        yield "All is well."


def _rows(findings: Findings) -> Iterator[tuple[str, str]]:
    nvidia, prediction = findings.nvidia, findings.prediction
    yield "headpose-sdk", findings.version
    yield "Python", f"{findings.python} on {findings.system}"
    for module, packages in findings.packages.items():
        yield module, ", ".join(f"{name} {version}" for name, version in packages.items()) or "not installed"
    yield "built with", ", ".join(findings.built_in or ("ONNX Runtime cannot be imported",))
    gpus = [f"{gpu.name}, compute capability {'.'.join(map(str, gpu.compute_capability))}" for gpu in nvidia.gpus]
    yield "GPU", "; ".join(gpus) or "none that an NVIDIA driver knows of"
    if nvidia.gpus:
        yield "driver", f"for CUDA {'.'.join(map(str, nvidia.driver_cuda or ('unknown',)))}"
        yield "CUDA", nvidia.cuda or "not found"
        yield "cuDNN", nvidia.cudnn or "not found"
        yield "extra", f'pip install "headpose-sdk[{fitting_extra(nvidia)}]" fits this GPU and driver'
    yield "CPU threads", str(findings.threads)
    yield "Hub cache", findings.cache
    yield "runs on", ", ".join(prediction.providers) or f"nothing: {prediction.error}"
    if prediction.milliseconds is not None:
        faces = "; ".join("yaw {:+.1f}, pitch {:+.1f}, roll {:+.1f}".format(*angles) for angles in prediction.angles)
        yield "sample photo", f"{faces or 'no face'}, in {prediction.milliseconds} ms"
    for warning in prediction.warnings:
        yield "warning", warning
