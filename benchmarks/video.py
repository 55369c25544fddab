"""How fast a video is worked through, how steady its angles are, and whether memory stays flat.

    python benchmarks/video.py speed  [--threads N] [--json out.json]   # about two minutes on two cores
    python benchmarks/video.py steady [--json out.json]                 # jitter and lag of the smoothing
    python benchmarks/video.py memory [--frames 108000] [--json out.json]   # an hour at 30 frames/s

All on the sample photo, moved about on a 1280x720 canvas; the JSON names processor and versions.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from measuring import machine

from headpose_sdk import Frame, HeadPoseEstimator, HeadPoseTracker, Image, open_video
from headpose_sdk.evaluation.views import sample_photo
from headpose_sdk.rotation import FloatArray, geodesic_angle
from headpose_sdk.video.outputs import Outputs
from headpose_sdk.video.pipeline import WriteBehind, read_ahead
from headpose_sdk.video.records import RecordWriter
from headpose_sdk.video.writer import VideoWriter

FRAMES = 150  # five seconds
REPEATS = 3
SIZE = (1280, 720)
PACE = 1 / 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("speed", "steady", "memory"))
    parser.add_argument("--threads", type=int, help="CPU threads; default: what this process may use")
    parser.add_argument("--frames", type=int, default=108_000, help="of the memory test (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()

    estimator = HeadPoseEstimator(device="cpu", threads=arguments.threads)
    if arguments.what == "speed":
        figures = speed(estimator)
    elif arguments.what == "steady":
        figures = steady(estimator)
    else:
        figures = memory(estimator, arguments.frames)
    for name, figure in figures.items():
        print(f"{name:44} {figure:10.3f}")
    if arguments.json:
        report = {"machine": machine(estimator.providers, arguments.threads), arguments.what: figures}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


# Speed


def speed(estimator: HeadPoseEstimator) -> dict[str, float]:
    """Frames a second, medians: each stage alone, all together, and with fewer looks of the detector."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.mp4"), Path(folder, "out.mp4")
        with VideoWriter(source, 30) as writer:
            for index, image in enumerate(walking(FRAMES)):
                writer.write(image, index * PACE)
        frames = list(open_video(source))
        people = HeadPoseTracker(estimator).update(frames[0].image, frames[0].time)

        def infer(detect_every: int = 1) -> None:
            tracker = HeadPoseTracker(estimator, detect_every=detect_every)
            for frame in frames:
                tracker.update(frame.image, frame.time)

        def write() -> None:
            with Outputs(VideoWriter(target, 30), []) as outputs:
                for frame in frames:
                    outputs.write((frame, people))

        actions: dict[str, Callable[[], object]] = {
            "read alone": lambda: sum(1 for _ in open_video(source)),
            "infer alone": infer,
            "write alone": write,
            "whole, detect_every=1": lambda: whole(estimator, source, target, 1),
            "whole, detect_every=5": lambda: whole(estimator, source, target, 5),
        }
        rates: dict[str, list[float]] = {name: [] for name in actions}
        for _ in range(REPEATS):  # in turn, so that all meet the same moods of the machine
            for name, action in actions.items():
                start = time.perf_counter()
                action()
                rates[name].append(FRAMES / (time.perf_counter() - start))
    figures = {f"{name}, frames/s": statistics.median(rate) for name, rate in rates.items()}
    alone = min(figures[f"{stage} alone, frames/s"] for stage in ("read", "infer", "write"))
    every_frame, every_fifth = (figures[f"whole, detect_every={n}, frames/s"] for n in (1, 5))
    return {
        **figures,
        "whole / its slowest stage (bar: 0.8)": every_frame / alone,
        "detect_every=5 / detect_every=1 (bar: 1.6)": every_fifth / every_frame,
    }


def whole(estimator: HeadPoseEstimator, source: Path, target: Path, detect_every: int) -> None:
    """What ``headpose video`` does."""
    tracker = HeadPoseTracker(estimator, detect_every=detect_every)
    with (
        Outputs(VideoWriter(target, 30), []) as outputs,
        closing(read_ahead(open_video(source))) as frames,
        WriteBehind(outputs.write) as behind,
    ):
        for frame in frames:
            behind.put((frame, tracker.update(frame.image, frame.time)))


def walking(count: int) -> Iterator[Image]:
    """The sample photo on a busy canvas, moving left and right."""
    photo = sample_photo()
    canvas = cv2.resize(np.random.default_rng(0).integers(60, 120, (90, 160, 3), np.uint8), SIZE)
    for index in range(count):
        image = canvas.copy()
        x = round((SIZE[0] - 512) * (0.5 + 0.4 * np.sin(index / 20)))
        image[150:662, x : x + 512] = photo
        yield image


# Smoothing


def steady(estimator: HeadPoseEstimator) -> dict[str, float]:
    """Jitter of a still face with noise, and lag on a turn of 200 degrees a second, without smoothing and with it."""
    figures = {}
    for noise in (10, 20):
        raw, light, strong = predictions(estimator, noisy([0.0] * 150, noise))
        before = spread(raw[30:])
        figures[f"jitter at noise {noise}, off, degrees"] = before
        figures[f"jitter at noise {noise}, off / light (bar: 4)"] = before / spread(light[30:])
        figures[f"jitter at noise {noise}, off / strong"] = before / spread(strong[30:])
    raw, light, strong = predictions(estimator, noisy([-35.0] * 5 + list(np.arange(-35, 36, 200 * PACE)), 5))
    for name, series in (("light (bar: 50)", light), ("strong", strong)):
        figures[f"largest lag at 200 degrees/s, {name}, ms"] = float(geodesic_angle(raw, series).max()) / 200 * 1000
    return figures


def predictions(estimator: HeadPoseEstimator, images: Iterable[Image]) -> FloatArray:
    """Rotations (3, N, 3, 3) of the one face: unsmoothed, light, strong."""
    trackers = [HeadPoseTracker(estimator, smoothing=level) for level in ("off", "light", "strong")]
    return np.array(
        [
            [tracker.update(image, index * PACE)[0].pose.rotation for tracker in trackers]
            for index, image in enumerate(images)
        ]
    ).swapaxes(0, 1)


def noisy(turns: Iterable[float], sigma: float) -> Iterator[Image]:
    """The sample photo turned clockwise by each of ``turns`` degrees, with Gaussian noise of ``sigma`` grey levels."""
    photo, rng = sample_photo(), np.random.default_rng(1)
    for turn in turns:
        matrix = cv2.getRotationMatrix2D((221, 132), -turn, 1)
        turned = cv2.warpAffine(photo, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
        yield np.clip(turned + rng.normal(0, sigma, photo.shape), 0, 255).astype(np.uint8)


def spread(rotations: FloatArray) -> float:
    """Root mean square angle of (N, 3, 3) from their mean, degrees."""
    u, _, vt = np.linalg.svd(rotations.mean(axis=0))
    return float(np.sqrt(np.mean(geodesic_angle(u @ vt, rotations) ** 2)))


# Memory


def memory(estimator: HeadPoseEstimator, count: int) -> dict[str, float]:
    """Resident memory after a tenth of the frames and after all of them, from reading ahead to writing behind.

    Once into records alone; once into an mp4 as well, whose table of frames stays in memory until the file is closed.
    """
    photo = cv2.resize(sample_photo(), (240, 240), interpolation=cv2.INTER_AREA)

    def generated() -> Iterator[Frame]:
        for index in range(count):
            image = np.full((240, 320, 3), 90, np.uint8)
            x = round(40 + 40 * np.sin(index / 20))
            if index % 300 < 240:  # now and then she is away long enough to come back as somebody else
                image[:, x : x + 240] = photo
            yield Frame(index, index * PACE, image)

    figures = {"frames": float(count)}
    for name, with_video in (("records", False), ("records and mp4", True)):
        used: list[float] = []
        tracker = HeadPoseTracker(estimator, detect_every=10)
        with (
            tempfile.TemporaryDirectory() as folder,
            Outputs(
                VideoWriter(Path(folder, "out.mp4"), 30) if with_video else None,
                [RecordWriter(str(Path(folder, "out.jsonl")), "jsonl")],
            ) as outputs,
            closing(read_ahead(generated())) as frames,
            WriteBehind(outputs.write) as behind,
        ):
            for done, frame in enumerate(frames, start=1):
                behind.put((frame, tracker.update(frame.image, frame.time)))
                if done in (count // 10, count):
                    used.append(resident_megabytes())
        figures |= {
            f"{name}: MB after a tenth": used[0],
            f"{name}: MB at the end": used[1],
            f"{name}: growth, percent (bar: 3)": 100 * (used[1] / used[0] - 1),
        }
    return figures


def resident_megabytes() -> float:
    """Of this process, as Linux counts it."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
