"""Whether memory, open files and the time of a prediction stay as they are over a million crops and 20,000 photos.

    python benchmarks/endurance.py [--crops 1000000] [--photos 20000] [--quick] [--json out.json]

Crops go through ``predict_crops`` one at a time, photos as files through ``predict_files``. Reads /proc (Linux).
The figures are of each quarter of a run; the ratios are those that docs/reliability.md sets bounds to.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measuring import arguments, composite, figure, report
from memory import resident_megabytes

from headpose_sdk import HeadPoseEstimator
from headpose_sdk.evaluation.views import sample_views
from headpose_sdk.images import write_image

ORIGINALS = 64
BATCH = 8
LOOK_EVERY = 100  # results from one look at /proc to the next


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--crops", type=int, help="default: 1000000, quick 400")
    parser.add_argument("--photos", type=int, help="default: 20000, quick 80")
    options = parser.parse_args()
    crops = options.crops or (400 if options.quick else 1_000_000)
    photos = options.photos or (80 if options.quick else 20_000)
    estimator = HeadPoseEstimator(device=options.device, threads=options.threads)
    figures: dict[str, dict[str, Any]] = {}
    ratios: dict[str, float] = {}

    views = sample_views(ORIGINALS, size=estimator.config.input_size, margin=estimator.config.crop_margin)
    add(figures, ratios, "crops", *watch(one_by_one(estimator, views, crops), crops, group=1))
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.jpg" for number in range(ORIGINALS)]
        for number, file in enumerate(files):
            write_image(file, composite(320, 240, 1 + number % 3, seed=number))
        paths = (files[number % ORIGINALS] for number in range(photos))
        results = estimator.predict_files(paths, batch_size=BATCH)
        add(figures, ratios, f"photos, {BATCH} at once", *watch(results, photos, group=BATCH))
    report("endurance", options, figures, providers=estimator.providers, ratios=ratios, crops=crops, photos=photos)


def one_by_one(
    estimator: HeadPoseEstimator, views: np.ndarray[Any, np.dtype[np.uint8]], count: int
) -> Iterator[object]:
    """Each view as a batch of its own, an array of its own."""
    for number in range(count):
        yield estimator.predict_crops(views[number % len(views)][None].copy())


def watch(results: Iterator[object], count: int, group: int) -> tuple[list[float], list[float], list[int]]:
    """Milliseconds for every ``group`` of ``count`` results, and now and then the megabytes and the open files."""
    times: list[float] = []
    memory: list[float] = []
    files: list[int] = []
    before = time.perf_counter()
    for number, _ in enumerate(results, start=1):
        if number % group == 0:
            times.append((time.perf_counter() - before) * 1000)
        if number % LOOK_EVERY == 0 or count < 4 * LOOK_EVERY:
            memory.append(resident_megabytes())
            files.append(sum(1 for _ in Path("/proc/self/fd").iterdir()))
        if number % group == 0:
            before = time.perf_counter()
    return times, memory, files


def add(
    figures: dict[str, dict[str, Any]],
    ratios: dict[str, float],
    what: str,
    times: list[float],
    memory: list[float],
    files: list[int],
) -> None:
    """Quarter by quarter; a leak shows as a last quarter above the second, when caches are full."""
    slowest = []
    for number in range(4):
        name = f"quarter {number + 1}"
        figures[f"{what}, memory, {name}"] = figure(quarter(memory, number), "MB", warm_up=0)
        figures[f"{what}, time, {name}"] = figure(quarter(times, number), "ms", warm_up=0)
        figures[f"{what}, open files, {name}"] = figure(quarter(files, number), "1", warm_up=0)
        slowest.append(float(np.percentile(quarter(times, number), 99)))
    ratios[f"{what}: peak memory of the last quarter / of the second"] = max(quarter(memory, 3)) / max(
        quarter(memory, 1)
    )
    ratios[f"{what}: p99 of the time of the last quarter / of the first"] = slowest[3] / slowest[0]
    ratios[f"{what}: open files at the end / at the beginning"] = files[-1] / files[0]


def quarter(values: list[Any], number: int) -> list[Any]:
    """The first, second, third or last quarter of ``values``."""
    return values[len(values) * number // 4 : len(values) * (number + 1) // 4]


if __name__ == "__main__":
    main()
