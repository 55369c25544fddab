"""CUDA graphs, by a stand-in session that records what it is asked to do; and on a GPU, where there is one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from headpose_sdk.cuda import BUCKETS, CudaGraphs, DeviceArray
from headpose_sdk.errors import ProviderError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.views import sample_views
from headpose_sdk.hardware import has_nvidia_driver
from headpose_sdk.weights import find_model

CROP = (4, 4, 3)


class HostArray:
    """Stands for memory of the GPU: what is read from it are copies."""

    def __init__(self, shape: Sequence[int], dtype: type[np.generic]) -> None:
        self.values = np.zeros(shape, dtype)

    def update_inplace(self, data: NDArray[Any]) -> None:
        assert (data.shape, data.dtype, data.flags.c_contiguous) == (self.values.shape, self.values.dtype, True)
        self.values[:] = data

    def numpy(self) -> NDArray[Any]:
        return self.values.copy()


class RecordingSession:
    """Answers with the mean colour of each crop, and twice that; allocates no array of more than ``limit`` crops."""

    def __init__(self, limit: int = 128) -> None:
        self.limit = limit
        self.bound: list[int] = []
        self.runs: list[int] = []
        self.running = threading.Lock()

    def allocate(self, shape: Sequence[int], dtype: type[np.generic]) -> DeviceArray:
        if shape[0] > self.limit:
            raise RuntimeError("CUDA out of memory\nat line 7")
        return HostArray(shape, dtype)

    def bind(self, batch: Any, outputs: Sequence[Any]) -> Any:
        self.bound.append(len(batch.values))
        return batch, outputs

    def run(self, binding: Any, graph: int) -> None:
        assert self.running.acquire(blocking=False), "two runs at once on one buffer"
        batch, (mean, double) = binding
        assert len(batch.values) == graph
        self.runs.append(graph)
        mean.values[:] = batch.values.mean(axis=(1, 2))
        double.values[:] = mean.values * 2
        self.running.release()


def graphs(session: RecordingSession) -> CudaGraphs:
    return CudaGraphs(session, crop=CROP, outputs=(3, 3))


def crops(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *CROP), dtype=np.uint8)


def test_every_bucket_is_bound_and_recorded_at_construction() -> None:
    session = RecordingSession()
    graphs(session)
    assert session.bound == session.runs == list(BUCKETS)


@pytest.mark.parametrize(
    ("count", "used"), [(1, [1]), (2, [8]), (8, [8]), (9, [32]), (33, [128]), (128, [128]), (300, [128, 128, 128])]
)
def test_a_batch_takes_the_smallest_bucket_that_holds_it(count: int, used: list[int]) -> None:
    session = RecordingSession()
    network = graphs(session)
    session.runs.clear()
    batch = crops(count)
    mean, double = network.run(batch)
    np.testing.assert_allclose(mean, batch.mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(double, 2 * mean)
    assert (session.runs, session.bound) == (used, list(BUCKETS))


def test_views_and_answers_are_nobody_elses() -> None:
    network = graphs(RecordingSession())
    batch = crops(8)
    first = network.run(batch[::-1, :, :, ::-1])[0]
    kept = first.copy()
    network.run(crops(8, seed=1))
    assert np.array_equal(first, kept)
    np.testing.assert_allclose(first, batch.mean(axis=(1, 2))[::-1, ::-1], rtol=1e-6)


def test_a_small_gpu_gets_smaller_buckets_and_then_an_error() -> None:
    session = RecordingSession(limit=40)
    network = graphs(session)
    assert (network.largest_batch, session.bound) == (32, [1, 8, 32])
    batch = crops(70)
    np.testing.assert_allclose(network.run(batch)[0], batch.mean(axis=(1, 2)), rtol=1e-6)
    with pytest.raises(ProviderError, match=r"not even one crop: CUDA out of memory; free the GPU's memory, or run wi"):
        graphs(RecordingSession(limit=0))


def test_threads_take_turns_and_get_their_own_answers() -> None:
    network = graphs(RecordingSession())
    wrong: list[int] = []

    def work(seed: int) -> None:
        batch = crops(8, seed)
        for _ in range(200):
            if not np.allclose(network.run(batch)[0], batch.mean(axis=(1, 2))):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


on_gpu = pytest.mark.skipif(not has_nvidia_driver(), reason="needs a CUDA GPU")


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:model ehpnet")  # as long as a bundled model has no file for CUDA
@on_gpu
@pytest.mark.parametrize("count", [1, 5, 32, 200])
def test_the_gpu_says_what_the_cpu_says(count: int) -> None:
    size = find_model("ehpnet-resnet18").config.input_size  # type: ignore[union-attr]
    views = sample_views(count, size=size, margin=1.2)
    on_gpu, on_cpu = HeadPoseEstimator(device="cuda"), HeadPoseEstimator(device="cpu")
    assert on_gpu.providers[0] == "CUDAExecutionProvider"
    difference = np.abs(on_gpu.predict_crops(views).angles - on_cpu.predict_crops(views).angles)
    assert difference.mean() < 0.3  # half precision on the one, int8 on the other
