"""How time grows: with the faces in a photo, with its size, and with the threads.

python benchmarks/scaling.py [--device cpu|cuda|auto] [--quick] [--json out.json]
"""

from __future__ import annotations

from functools import partial
from typing import Any

from measuring import alternate, arguments, composite, per_second, report

from headpose_sdk import HeadPoseEstimator
from headpose_sdk.evaluation.views import sample_views
from headpose_sdk.hardware import available_threads

FACES = (0, 1, 2, 5, 10, 20)
SIZES = ((320, 240), (640, 480), (1280, 960), (1920, 1080), (4000, 3000))


def main() -> None:
    options = arguments(__doc__.splitlines()[0]).parse_args()
    seconds = 1 if options.quick else 20
    estimator = HeadPoseEstimator(device=options.device, threads=options.threads)
    by_faces = {
        f"predict, 1280x960, {count} faces": partial(estimator.predict, composite(1280, 960, count))
        for count in (FACES[:2] if options.quick else FACES)
    }
    by_size = {
        f"predict, {width}x{height}, 1 face": partial(estimator.predict, composite(width, height, 1))
        for width, height in (SIZES[:2] if options.quick else SIZES)
    }
    figures = {
        **alternate(by_faces, seconds=seconds),
        **alternate(by_size, seconds=seconds),
        **by_threads(options.device, options.threads or available_threads(), seconds=seconds),
    }
    report("scaling", options, figures, providers=estimator.providers)


def by_threads(device: Any, most: int, *, seconds: float) -> dict[str, Any]:
    """Crops per second at batch 32 with 1, 2, 4 ... threads."""
    counts = sorted({1, *(2**power for power in range(most.bit_length()) if 2**power <= most), most})
    estimators = {count: HeadPoseEstimator(device=device, threads=count) for count in counts}
    config = estimators[1].config
    views = sample_views(32, size=config.input_size, margin=config.crop_margin)
    actions = {f"{count}": partial(estimators[count].predict_crops, views) for count in counts}
    times = alternate(actions, seconds=seconds)
    return {f"crops, batch 32, {count} threads": per_second(row, 32) for count, row in times.items()}


if __name__ == "__main__":
    main()
