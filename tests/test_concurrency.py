"""One estimator in many threads, in pools of processes, in forked processes, and after Ctrl-C."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from fresh_python import run_python
from tiny_models import POSE_SIZE, write_pose_model

from headpose_sdk.config import open_folder
from headpose_sdk.errors import ProviderError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.results import HeadPose, Image
from headpose_sdk.runtime import OnnxModel

THREADS = 16
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@pytest.fixture(scope="module")
def photos(photo: Image) -> list[Image]:
    """Eight photos that differ: more or fewer people, of several sizes, one of them nobody."""
    half = np.asarray(cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    return [half, np.hstack([half, half]), half[:, ::-1], half[:200], half[40:, 30:], photo, half // 2, half * 0]


def predict_in_threads(estimator: HeadPoseEstimator, photos: list[Image], times: int) -> None:
    expected = [estimator.predict(photo) for photo in photos]
    assert {len(poses) for poses in expected} == {0, 1, 2}
    start = threading.Barrier(THREADS)

    def work(offset: int) -> int:
        start.wait()
        wrong = 0
        for at in islice(cycle(range(len(photos))), offset, offset + times):
            wrong += estimator.predict(photos[at]) != expected[at]
        return wrong

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(work, range(THREADS))) == 0


def test_sixteen_threads_give_the_serial_answer_to_the_bit(estimator: HeadPoseEstimator, photos: list[Image]) -> None:
    predict_in_threads(estimator, photos, 20)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_sixteen_threads_and_a_thousand_predictions_each(threads: int, photos: list[Image]) -> None:
    predict_in_threads(HeadPoseEstimator(device="cpu", threads=threads), photos, 1000)


def test_streams_side_by_side_do_not_mix(estimator: HeadPoseEstimator, photos: list[Image]) -> None:
    expected = list(estimator.predict_batch(photos, batch_size=3))

    def work(_: int) -> bool:
        return list(estimator.predict_batch(photos, batch_size=3)) == expected

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(8)))


# Processes


def predict_elsewhere(estimator: HeadPoseEstimator, photo: Image) -> list[HeadPose]:
    return estimator.predict(photo)


@pytest.mark.parametrize("method", [method for method in ("spawn", "fork") if hasattr(os, "fork") or method != "fork"])
def test_a_pool_of_processes(method: str, photos: list[Image]) -> None:
    estimator = HeadPoseEstimator(device="cpu", threads=2)
    expected = [estimator.predict(photo) for photo in photos[:4]]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        assert list(pool.map(predict_elsewhere, [estimator] * 4, photos, timeout=60)) == expected


FORKED = """
import os, sys
from headpose_sdk import HeadPoseEstimator, read_image
photo = read_image(sys.argv[1])
estimator = HeadPoseEstimator(device="cpu", threads=3)
expected = [estimator.predict(photo)] + list(estimator.predict_batch([photo] * 2))
child = os.fork()
answers = [estimator.predict(photo)] + list(estimator.predict_batch([photo] * 2))
if child == 0:
    grandchild = os.fork()  # what was started in the child is left behind as well
    answers += [estimator.predict(photo)]
    if grandchild == 0:
        sys.exit(7 if answers == expected + expected[:1] else 1)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
print(answers == expected, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@forks
def test_forked_processes_predict_and_end(tmp_path: Path) -> None:
    """They end as any program does, at which the threads of a session would be waited for."""
    photo = Path(__file__).parent.parent / "examples" / "astronaut.jpg"
    assert run_python(FORKED, photo, folder=tmp_path) == "True 7"


@forks
def test_what_a_forked_process_never_used_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    code = (
        "import os, sys; from headpose_sdk import HeadPoseEstimator; e = HeadPoseEstimator(device='cpu', threads=3); "
    )
    code += "child = os.fork()\nif child == 0: sys.exit(5)\nprint(os.waitpid(child, 0)[1] >> 8)"
    assert run_python(code, folder=tmp_path) == "5"


def test_a_process_forked_from_one_on_a_gpu_is_told_so(tmp_path: Path) -> None:
    model = OnnxModel(open_folder(write_pose_model(tmp_path / "model")), device="cpu", threads=1)
    model.providers = ("CUDAExecutionProvider", "CPUExecutionProvider")
    model.after_fork()
    with pytest.raises(ProviderError, match=r"CUDA does not work in a process forked from one that used it; .*spawn"):
        model.run(np.ones((1, POSE_SIZE, POSE_SIZE, 3), np.uint8))


# Ctrl-C


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """KeyboardInterrupt at any place of the block, as Ctrl-C would bring it."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(sys.platform == "win32", reason="no such timer there")
def test_an_interrupted_estimator_goes_on_as_before(estimator: HeadPoseEstimator, photos: list[Image]) -> None:
    expected = [estimator.predict(photo) for photo in photos]
    streamed = list(estimator.predict_batch(photos))  # of a batch the last bit of an angle may be another
    interruptions = 0
    for number in range(30):
        try:
            with interrupted_after(0.001 + 0.002 * number):
                for _ in range(50):
                    list(estimator.predict_batch(photos, batch_size=1 + number % 4))
        except KeyboardInterrupt:
            interruptions += 1
        assert estimator.predict(photos[number % 8]) == expected[number % 8]
    assert interruptions == 30
    assert list(estimator.predict_batch(photos)) == streamed
