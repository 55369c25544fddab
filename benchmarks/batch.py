"""An archive by one process of one thread, and by Ray with two workers of one thread; and both when they are killed.

python benchmarks/batch.py [--images 5000] [--device cpu] [--quick] [--json out.json]

The two engines take turns on the same files; every file they write has to be the same to the byte, that of a run whose
worker was killed and that of a run that was killed itself and given again too, or this ends with an error.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import arguments, composite, figure, ratio, report

from headpose_sdk import HeadPoseEstimator
from headpose_sdk.images import write_image

ENGINES = {"local, 1 thread": ["--engine", "local"], "ray, 2 workers": ["--engine", "ray", "--workers", "2"]}


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, help="JPEG files of 1280x960 (default: 5000, quick 60)")
    parser.add_argument("--turns", type=int, help="runs of each engine (default: 3, quick 1)")
    parser.add_argument("--part-images", type=int, help="images of a part (default: 250, quick 10)")
    options = parser.parse_args()
    if options.threads not in (None, 1):
        parser.error("--threads: a worker and the one process have one thread each here")
    options.threads = 1
    images = options.images or (60 if options.quick else 5000)
    turns = options.turns or (1 if options.quick else 3)
    part = options.part_images or (10 if options.quick else 250)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photos(folder / "photos", images)
        run = Command(folder, ["--device", options.device, "--part-images", str(part)])
        seconds: dict[str, list[float]] = {engine: [] for engine in ENGINES}
        written: list[Path] = []
        for turn in range(turns):
            for engine, words in ENGINES.items():
                start = time.perf_counter()
                written.append(run.whole(f"{turn}-{len(written)}.parquet", words))
                seconds[engine].append(time.perf_counter() - start)
        written.append(run.worker_killed("worker.parquet", ENGINES["ray, 2 workers"]))
        written += [
            run.killed_and_given_again(f"driver-{words[1]}.parquet", words, after_parts=1) for words in ENGINES.values()
        ]
        if len({path.read_bytes() for path in written}) != 1:
            sys.exit("the files differ")
        size = written[0].stat().st_size
    figures = {
        engine: figure([images / time_of for time_of in times], "1/s", warm_up=0) for engine, times in seconds.items()
    }
    figures["bytes in the file, an image"] = figure([size / images], "B", warm_up=0)
    local, ray = (figures[engine] for engine in ENGINES)
    ratios = {"ray, 2 workers / local, 1 thread": ratio(ray, local)}
    settings = {"images": images, "part_images": part, "files_the_same_to_the_byte": len(written)}
    providers = HeadPoseEstimator(device=options.device, threads=1).providers
    report("batch", options, figures, providers=providers, ratios=ratios, **settings)


def write_photos(folder: Path, count: int) -> None:
    """Photos of one to three faces, in folders of a thousand."""
    for index in range(count):
        place = folder / f"{index // 1000:03}"
        place.mkdir(parents=True, exist_ok=True)
        write_image(place / f"{index:06}.jpg", composite(1280, 960, 1 + index % 3, seed=index))


class Command:
    """``headpose batch`` on ``folder/photos``, as a process of its own, one thread in each of its processes."""

    def __init__(self, folder: Path, options: list[str]) -> None:
        self._folder = folder
        self._options = [*options, "--threads", "1"]
        self._executable = shutil.which("headpose", path=str(Path(sys.executable).parent))
        assert self._executable, "install the package first: pip install -e ."

    def whole(self, target: str, words: list[str]) -> Path:
        return self._finish(self._start(target, words), target)

    def worker_killed(self, target: str, words: list[str]) -> Path:
        process = self._start(target, words)
        self._wait_for_parts(process, target, 1)
        [victim, *_] = workers_below(process.pid)
        os.kill(victim, signal.SIGKILL)
        return self._finish(process, target)

    def killed_and_given_again(self, target: str, words: list[str], *, after_parts: int) -> Path:
        process = self._start(target, words)
        self._wait_for_parts(process, target, after_parts)
        process.kill()
        process.communicate()
        assert not (self._folder / target).exists()
        return self.whole(target, words)

    def _start(self, target: str, words: list[str]) -> subprocess.Popen[str]:
        line = [self._executable, "batch", "photos", target, *words, *self._options]
        # OpenCV decodes and resizes on threads of its own, in the one process as in the workers.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
        return subprocess.Popen(
            line, cwd=self._folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def _finish(self, process: subprocess.Popen[str], target: str) -> Path:
        _, errors = process.communicate()
        if process.returncode:
            sys.exit(f"{target}: {errors}")
        return self._folder / target

    def _wait_for_parts(self, process: subprocess.Popen[str], target: str, count: int) -> None:
        while len(list((self._folder / f"{target}.parts").glob("part-*.parquet"))) < count:
            if process.poll() is not None:
                sys.exit(f"{target}: ended before it could be killed; take more images or smaller parts")
            time.sleep(0.01)


def workers_below(ancestor: int) -> list[int]:
    """The processes that Ray has named after the predictor and that descend from ``ancestor``."""
    parents: dict[int, int] = {}
    named: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if (entry / "cmdline").read_bytes().startswith(b"ray::HeadPosePredictor"):
                    named.append(int(entry.name))
            except OSError:
                continue  # it has ended
    return [process for process in named if descends(process, ancestor, parents)]


def descends(process: int, ancestor: int, parents: dict[int, int]) -> bool:
    while process in parents:
        if process == ancestor:
            return True
        process = parents[process]
    return False


if __name__ == "__main__":
    main()
