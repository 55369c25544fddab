"""How long things take on this machine: crops through the network, a photo through the detector, both together.

    python benchmarks/latency.py [--device cpu|cuda|auto] [--threads N] [--json out.json]

Times real views of the sample photo, warm, and prints medians; the JSON names processor and versions.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from headpose_sdk import HeadPoseEstimator
from headpose_sdk.evaluation.views import sample_photo, sample_views
from headpose_sdk.hardware import available_threads

WARM_UP = 10
SECONDS = 3.0
LEAST_RUNS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, help="CPU threads; default: what this process may use")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()

    estimator = HeadPoseEstimator(device=arguments.device, threads=arguments.threads)
    size, margin = estimator.config.input_size, estimator.config.crop_margin
    views = sample_views(32, size=size, margin=margin)
    # One face in a photo of the usual webcam size: the sample photo at its own scale, on black.
    photo = np.zeros((480, 640, 3), np.uint8)
    photo[:, 80:560] = cv2.resize(sample_photo(), (480, 480), interpolation=cv2.INTER_AREA)
    faces = len(estimator.predict(photo))

    figures = {
        "predict_crops, batch 1": timed(lambda: estimator.predict_crops(views[:1])),
        "predict_crops, batch 32": timed(lambda: estimator.predict_crops(views)),
        "detector.detect, 640x480": timed(lambda: estimator.detector.detect(photo)),
        f"predict, 640x480, {faces} face": timed(lambda: estimator.predict(photo)),
    }
    report = {"machine": machine(estimator, arguments.threads), "milliseconds": figures}
    for name, figure in figures.items():
        print(f"{name:28} median {figure['median']:7.2f} ms   p5 {figure['p5']:7.2f}   p95 {figure['p95']:7.2f}")
    print(f"{32 / figures['predict_crops, batch 32']['median'] * 1000:.0f} crops a second at batch 32")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def timed(action: Callable[[], object]) -> dict[str, float]:
    """Median, 5th and 95th percentile in milliseconds of at least 30 runs and 3 seconds."""
    for _ in range(WARM_UP):
        action()
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(times) < LEAST_RUNS or time.perf_counter() < end:
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1000)
    p5, *_, p95 = statistics.quantiles(times, n=20)
    return {"median": statistics.median(times), "p5": p5, "p95": p95, "runs": len(times)}


def machine(estimator: HeadPoseEstimator, threads: int | None) -> dict[str, Any]:
    """What the figures depend on."""
    packages = {}
    for name in ("headpose-sdk", "onnxruntime", "onnxruntime-gpu", "numpy", "opencv-python-headless"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": processor(),
        "threads": threads or available_threads(),
        "providers": list(estimator.providers),
        "python": platform.python_version(),
        "packages": packages,
    }


def processor() -> str:
    """The name of the CPU and, since it decides the figures, whether it has VNNI and AMX."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    values = {name.strip(): value.strip() for name, value in fields.items()}
    flags = values.get("flags", "").split()
    has = [name for name, flag in (("AVX512-VNNI", "avx512_vnni"), ("AMX", "amx_int8")) if flag in flags]
    name = values.get("model name", platform.processor())
    return f"{name} (family {values.get('cpu family')}, model {values.get('model')}; {', '.join(has) or 'no VNNI'})"


if __name__ == "__main__":
    main()
