"""How much gets done in a second: crops by batch size, photos by number of faces, files one by one and as a stream.

python benchmarks/throughput.py [--device cpu|cuda|auto] [--threads N] [--quick] [--json out.json]
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from measuring import alternate, arguments, composite, figure, per_second, ratio, report

from headpose_sdk import HeadPoseEstimator, read_image
from headpose_sdk.evaluation.views import sample_views
from headpose_sdk.images import write_image

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FACES = (1, 5, 20)


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, help="JPEG files in the stream (default: 500, quick 8)")
    options = parser.parse_args()
    estimator = HeadPoseEstimator(device=options.device, threads=options.threads)
    files = options.files or (8 if options.quick else 500)
    figures = {
        **crops_per_second(estimator, BATCHES[:6:5] if options.quick else BATCHES, seconds=1 if options.quick else 60),
        **photos_per_second(estimator, FACES[:1] if options.quick else FACES, seconds=1 if options.quick else 20),
    }
    streams = files_per_second(estimator, files)
    ratios = {"predict_files / loop of read_image and predict": ratio(streams["stream"], streams["loop"])}
    figures |= {f"files of 1280x960, {name}": row for name, row in streams.items()}
    report("throughput", options, figures, providers=estimator.providers, ratios=ratios, files=files)


def crops_per_second(estimator: HeadPoseEstimator, batches: tuple[int, ...], *, seconds: float) -> dict[str, Any]:
    size, margin = estimator.config.input_size, estimator.config.crop_margin
    views = sample_views(max(batches), size=size, margin=margin)
    actions = {f"{count}": partial(estimator.predict_crops, views[:count]) for count in batches}
    times = alternate(actions, seconds=seconds)
    return {f"crops, batch {count}": per_second(row, int(count)) for count, row in times.items()}


def photos_per_second(estimator: HeadPoseEstimator, faces: tuple[int, ...], *, seconds: float) -> dict[str, Any]:
    actions = {f"{count}": partial(estimator.predict, composite(1280, 960, count)) for count in faces}
    times = alternate(actions, seconds=seconds)
    return {f"photos of 1280x960, {count} faces": per_second(row, 1) for count, row in times.items()}


def files_per_second(estimator: HeadPoseEstimator, count: int) -> dict[str, Any]:
    """The same JPEG files in a loop and as a stream, a fifth of them in each turn."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{index:03}.jpg" for index in range(count)]
        for index, path in enumerate(paths):
            write_image(path, composite(1280, 960, 1 + index % 3, seed=index))

        def loop(part: list[Path]) -> None:
            for path in part:
                estimator.predict(read_image(path))

        def stream(part: list[Path]) -> None:
            deque(estimator.predict_files(part), maxlen=0)

        actions: dict[str, Callable[[list[Path]], None]] = {"loop": loop, "stream": stream}
        for action in actions.values():
            action(paths[:4])
        share = max(1, count // 5)
        parts = [paths[start : start + share] for start in range(0, count - share + 1, share)]
        return _timed_by_turns(actions, parts)


def _timed_by_turns(actions: dict[str, Callable[[list[Path]], None]], parts: list[list[Path]]) -> dict[str, Any]:
    rates: dict[str, list[float]] = {name: [] for name in actions}
    for part in parts:
        for name, action in actions.items():
            start = perf_counter()
            action(part)
            rates[name].append(len(part) / (perf_counter() - start))
    return {name: figure(values, "1/s", warm_up=1) for name, values in rates.items()}


if __name__ == "__main__":
    main()
