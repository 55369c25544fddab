"""Ray: a stage for Ray Data pipelines, and the engine of ``headpose batch --engine ray``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headpose_sdk.errors import HeadPoseError, InvalidBoxError, InvalidImageError, first_line
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.hardware import available_threads
from headpose_sdk.images import MAX_PIXELS, decode_image
from headpose_sdk.results import ImageResult
from headpose_sdk.runtime import Device
from headpose_sdk.tables import to_table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["HeadPosePredictor", "ray_engine"]

_CONNECT_SECONDS = 10.0
_TRY = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False)"
_TRY_SECONDS = 30.0
_WORKER_SECONDS = 300.0  # a cluster that grows on demand takes minutes to start a machine
_RETRIES = 3  # of a part whose worker dies; more would do the same for ever where a file kills it
_AHEAD = 2  # parts a worker has: one at work, one waiting
_STORE_BYTES = 256 * 1024**2  # of a cluster of our own: only names and rows go through it


class HeadPosePredictor:
    """A Ray Data stage: files in, a row a face out (the columns of :mod:`headpose_sdk.tables`).

    For ``dataset.map_batches(HeadPosePredictor, ...)``, which makes one of these, with one estimator, in each worker.
    A batch has the columns ``path`` and ``bytes``, as ``ray.data.read_binary_files(..., include_paths=True)`` gives
    them; without ``bytes`` the files are read by their paths in the worker. A file that is no picture is a row with
    ``error``, not an exception.

    Args:
        model: as for :class:`HeadPoseEstimator`; a folder must be there on every machine.
        device: "auto", "cpu" or "cuda"; with ``num_gpus=`` Ray shows each worker its own GPU.
        threads: CPU threads of a worker; give ``num_cpus=`` of ``map_batches`` the same number.
        batch_size: photos, or faces, that go through the network together, where files are read by their paths.
        max_pixels: as for :func:`read_image`.
        folder: where relative paths begin, if not in the folder that the worker happens to run in.
    """

    def __init__(
        self,
        model: str | PathLike[str] = "ehpnet-resnet18",
        *,
        device: Device = "auto",
        threads: int = 1,
        batch_size: int = 32,
        max_pixels: int = MAX_PIXELS,
        folder: str | None = None,
    ) -> None:
        import cv2

        if folder is not None:
            os.chdir(folder)  # the process is this worker's own

        cv2.setNumThreads(threads)  # or every worker would start as many threads as the machine has CPUs
        self._estimator = HeadPoseEstimator(model, device=device, threads=threads)
        self._batch_size = batch_size
        self._max_pixels = max_pixels

    def __call__(self, batch: Mapping[str, Iterable[Any]]) -> pa.Table:
        """The rows of a batch, in its order: columns of numpy or pandas, or a table with ``batch_format="pyarrow"``."""
        batch = batch.to_pydict() if hasattr(batch, "to_pydict") else batch
        paths = [str(path) for path in batch["path"]]
        if "bytes" not in batch:
            limits = {"batch_size": self._batch_size, "max_pixels": self._max_pixels}
            return to_table(self._estimator.predict_files(paths, **limits))
        return to_table(self._result(path, data) for path, data in zip(paths, batch["bytes"], strict=True))

    def _result(self, path: str, data: bytes) -> ImageResult:
        """One at a time: a batch of decoded photos could be gigabytes."""
        try:
            image = decode_image(data, name=path, max_pixels=self._max_pixels)
        except InvalidImageError as error:
            return ImageResult(path, None, None, (), str(error))
        height, width = image.shape[:2]
        try:
            return ImageResult(path, width, height, tuple(self._estimator.predict(image)))
        except InvalidBoxError as error:
            return ImageResult(path, width, height, (), str(error))


class _Engine(Protocol):
    def __call__(self, parts: Iterable[tuple[int, list[str]]], /) -> Generator[tuple[int, pa.Table], None, None]: ...


def ray_engine(
    model: str | PathLike[str],
    *,
    device: Device,
    threads: int,
    batch_size: int,
    max_pixels: int,
    address: str | None = None,
    workers: int | None = None,
    gpus: float = 0,
) -> _Engine:
    """What does the parts of ``headpose batch`` on the workers of a Ray cluster, each a :class:`HeadPosePredictor`.

    Files are read by the workers, which must see them under the same names. A worker that dies is started anew and
    does its parts again; a part that kills its worker four times is an error. ``address`` None starts a cluster of
    this machine's CPUs, without dashboard and usage statistics, that ends with the run.

    Raises:
        HeadPoseError: when the first table is asked for, if nobody answers at ``address``; and later if no worker
            could be started, or a part cannot be done.
    """

    import ray  # here, where a missing one is told

    def on_workers(parts: Iterable[tuple[int, list[str]]], /) -> Generator[tuple[int, pa.Table], None, None]:
        try:
            actor = ray.remote(HeadPosePredictor).options(
                num_cpus=threads, num_gpus=gpus, max_restarts=-1, max_task_retries=_RETRIES
            )
            count = workers or max(1, int(ray.cluster_resources().get("CPU", 1) // threads))
            fixed = {"device": device, "threads": threads, "batch_size": batch_size, "max_pixels": max_pixels}
            pool = [actor.remote(model, **fixed, folder=str(Path.cwd())) for _ in range(count)]
            yield from _distribute(pool, iter(parts))
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, HeadPoseError):
                raise cause from error
            raise HeadPoseError(
                f"a Ray worker failed: {_reason(error)}; what is done is kept, and the same command goes on from there"
            ) from error
        finally:
            ray.shutdown()

    def run(parts: Iterable[tuple[int, list[str]]], /) -> Generator[tuple[int, pa.Table], None, None]:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        with redirect_stdout(sys.stderr):  # where Ray says which worker died
            _connect(address, workers, threads)
            yield from on_workers(parts)

    return run


def _distribute(pool: list[Any], parts: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, pa.Table]]:
    """Parts go to whoever is ready for one, so that a slow worker holds up nobody, and nothing piles up."""
    import ray

    starting = {worker.__ray_ready__.remote(): worker for worker in pool}
    working: dict[Any, tuple[Any, int]] = {}

    def hand_out(worker: Any) -> None:
        if (part := next(parts, None)) is not None:
            index, files = part
            working[worker.__call__.remote({"path": files})] = worker, index

    while True:
        # Those that have not started are not waited for once there is nothing left to do.
        patience = None if working else _WORKER_SECONDS
        [ready], _ = _wait([*working, *starting], patience)
        if ready in starting:
            worker = starting.pop(ready)
            ray.get(ready)  # raises what its constructor raised
            for _ in range(_AHEAD):
                hand_out(worker)
        else:
            worker, index = working.pop(ready)
            table = ray.get(ready)
            hand_out(worker)
            yield index, table
        if not working:
            return


def _wait(waiting: list[Any], seconds: float | None) -> tuple[list[Any], list[Any]]:
    import ray

    ready, rest = ray.wait(waiting, num_returns=1, timeout=seconds)
    if not ready:
        raise HeadPoseError(
            f"no Ray worker has started within {seconds:.0f} seconds: the cluster has no CPUs or GPUs to spare; "
            "ask for less with --workers, --threads or --gpus, or wait"
        )
    return ready, rest


def _connect(address: str | None, workers: int | None, threads: int) -> None:
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": None}
    try:
        if address is None:
            ray.init(
                num_cpus=max(available_threads(), (workers or 1) * threads),
                object_store_memory=_STORE_BYTES,
                **{**quiet, "include_dashboard": False},
            )
        else:
            _check_answers(address)
            ray.init(address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise HeadPoseError(
            f"cannot use the Ray cluster at {address or 'this machine'}: {_reason(error)}; check with `ray status`"
        ) from error


def _check_answers(address: str) -> None:
    """Ray itself would try for minutes where nobody answers, or somebody else than Ray."""
    place = address.removeprefix("ray://")
    host, _, port = place.rpartition(":")
    if place in ("auto", "local"):
        return
    if not host or not port.isdecimal():
        raise ValueError(f"{address!r} is not HOST:PORT, ray://HOST:PORT or auto")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS):
        pass
    try:
        # Another process, as nothing ends an attempt of this one.
        subprocess.run([sys.executable, "-c", _TRY, address], timeout=_TRY_SECONDS, capture_output=True, check=False)
    except subprocess.TimeoutExpired as error:
        raise ConnectionError(f"what answers there was no Ray within {_TRY_SECONDS:.0f} seconds") from error


def _reason(error: BaseException) -> str:
    """The last line of a report that holds a worker's traceback, without the class of the error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not any(line.startswith("File ") for line in lines):
        return first_line(error)
    name, _, message = lines[-1].partition(": ")
    return message if message and " " not in name else lines[-1]
