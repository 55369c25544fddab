"""What every benchmark here shares: timing, the machine's description, the table and the JSON.

{"benchmark": ..., "machine": {...}, "settings": {...}, "figures": {NAME: {"unit", "median", "p5", "p95", "runs",
"warm_up"}}, "ratios": {NAME: number}}
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from headpose_sdk.evaluation.views import sample_photo
from headpose_sdk.hardware import available_threads

WARM_UP = 5
LEAST_RUNS = 5
RUNS_A_TURN = 5
PAUSE = 0.02  # seconds: threads of the one before may still spin
PACKAGES = ("headpose-sdk", "onnxruntime", "onnxruntime-gpu", "openvino", "torch", "numpy", "opencv-python-headless")


def arguments(description: str) -> argparse.ArgumentParser:
    """The options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, help="CPU threads; default: what this process may use")
    parser.add_argument("--quick", action="store_true", help="under a minute, for a first look: not to be published")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser


def alternate(actions: Mapping[str, Callable[[], object]], *, seconds: float) -> dict[str, dict[str, Any]]:
    """Milliseconds of each action, run by turns so that what else the machine does hits all of them alike.

    A turn is one run that does not count, for caches and threads to come back from the one before, and
    ``RUNS_A_TURN`` that do. ``seconds`` is for all of them together.
    """
    for action in actions.values():
        for _ in range(WARM_UP):
            action()
    times: dict[str, list[float]] = {name: [] for name in actions}
    end = time.perf_counter() + seconds
    while len(next(iter(times.values()))) < LEAST_RUNS or time.perf_counter() < end:
        for name, action in actions.items():
            time.sleep(PAUSE)
            action()
            for _ in range(RUNS_A_TURN):
                start = time.perf_counter()
                action()
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: figure(values, "ms") for name, values in times.items()}


def figure(values: Sequence[float], unit: str, *, warm_up: int = WARM_UP) -> dict[str, Any]:
    """Median, 5th and 95th percentile of ``values``."""
    p5, median, p95 = (float(value) for value in np.percentile(values, (5, 50, 95)))
    return {"unit": unit, "median": median, "p5": p5, "p95": p95, "runs": len(values), "warm_up": warm_up}


def per_second(milliseconds: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The figure of a run over ``count`` things as things per second; slow runs are its lower end."""
    swapped = {"median": "median", "p5": "p95", "p95": "p5"}
    rates = {name: count * 1000 / milliseconds[other] for name, other in swapped.items()}
    return {**milliseconds, **rates, "unit": "1/s"}


def report(
    benchmark: str,
    options: argparse.Namespace,
    figures: Mapping[str, dict[str, Any]],
    *,
    providers: Sequence[str],
    ratios: Mapping[str, float] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Print the table, write the JSON if it is asked for, and return what is in it."""
    width = max(map(len, figures))
    for name, row in figures.items():
        print(f"{name:{width}}  median {row['median']:9.2f} {row['unit']:4} p5 {row['p5']:9.2f}  p95 {row['p95']:9.2f}")
    for name, ratio in (ratios or {}).items():
        print(f"{name}: {ratio:.2f} times")
    content = {
        "benchmark": benchmark,
        "machine": machine(providers, options.threads),
        "settings": {"quick": options.quick, "device": options.device, **settings},
        "figures": dict(figures),
        "ratios": dict(ratios or {}),
    }
    if options.json:
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return content


def ratio(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The median of the one figure over that of the other."""
    return float(one["median"] / other["median"])


def machine(providers: Sequence[str], threads: int | None) -> dict[str, Any]:
    """What the figures depend on."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": processor(),
        "threads": threads or available_threads(),
        "providers": list(providers),
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


def composite(width: int, height: int, faces: int, *, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A photo (height, width, 3) with the sample portrait ``faces`` times side by side, each lit differently."""
    rng = np.random.default_rng(seed)
    columns = max(1, int(np.ceil(np.sqrt(faces * width / height))))
    rows = max(1, -(-faces // columns))
    side = min(width // columns, height // rows)
    portrait = cv2.resize(sample_photo(), (side, side), interpolation=cv2.INTER_AREA)
    photo = rng.integers(90, 110, (height, width, 3), dtype=np.uint8)
    for index in range(faces):
        top, left = index // columns * side, index % columns * side
        photo[top : top + side, left : left + side] = cv2.convertScaleAbs(portrait, alpha=rng.uniform(0.8, 1.1))
    return photo
