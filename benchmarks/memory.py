"""Whether memory stays flat over a long stream of photos from a generator.

    python benchmarks/memory.py [--photos 20000] [--quick] [--json out.json]

Reads /proc (Linux). The photos are small, so that twenty thousand take minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from measuring import arguments, composite, figure, report

from headpose_sdk import HeadPoseEstimator
from headpose_sdk.results import Image


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, help="default: 20000, quick 80")
    options = parser.parse_args()
    count = options.photos or (80 if options.quick else 20_000)
    estimator = HeadPoseEstimator(device=options.device, threads=options.threads)
    seen = [resident_megabytes() for _ in estimator.predict_batch(photos(count))]
    quarters = [seen[count * part // 4 : count * (part + 1) // 4] for part in range(4)]
    figures = {f"resident, quarter {part + 1}": figure(values, "MB") for part, values in enumerate(quarters)}
    ratios = {"peak of the last quarter / peak of the second": max(quarters[3]) / max(quarters[1])}
    report("memory", options, figures, providers=estimator.providers, ratios=ratios, photos=count)


def photos(count: int) -> Iterator[Image]:
    """Photos of 160x120, each an array of its own."""
    originals = [composite(160, 120, 1 + seed % 2, seed=seed) for seed in range(16)]
    for index in range(count):
        yield originals[index % len(originals)].copy()


def resident_megabytes() -> float:
    """What this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
