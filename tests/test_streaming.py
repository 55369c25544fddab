"""Preparing ahead: in order, no further than promised, errors in their place, and threads that end."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fresh_python import run_python
from tiny_models import write_pose_model

from headpose_sdk.streaming import prepare_ahead


def working_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("headpose-prepare")]


def wait_until_no_thread_works() -> None:
    end = time.monotonic() + 10
    while working_threads():
        assert time.monotonic() < end, "the threads did not end"
        time.sleep(0.005)


@pytest.mark.parametrize("ahead", [0, 1, 3, 50])
@pytest.mark.parametrize("threads", [1, 4])
def test_the_order_is_the_sources_however_long_each_takes(threads: int, ahead: int) -> None:
    def prepare(item: int) -> int:
        time.sleep(0.003 * (item % 3))
        return item * item

    assert list(prepare_ahead(range(20), prepare, threads=threads, ahead=ahead)) == [item**2 for item in range(20)]
    assert list(prepare_ahead([], prepare, threads=threads, ahead=ahead)) == []
    wait_until_no_thread_works()


def test_items_are_prepared_side_by_side() -> None:
    meeting = threading.Barrier(3)  # passed only by three at the same time

    def prepare(item: int) -> int:
        meeting.wait(timeout=10)
        return item

    assert list(prepare_ahead(range(9), prepare, threads=3, ahead=3)) == list(range(9))
    wait_until_no_thread_works()


@pytest.mark.parametrize("ahead", [0, 1, 5])
def test_no_more_is_read_than_promised_and_nothing_before_it_is_asked_for(ahead: int) -> None:
    read = 0

    def endless() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            yield read

    stream = prepare_ahead(endless(), int, threads=2, ahead=ahead)
    assert (read, working_threads()) == (0, [])
    for count in range(1, 20):
        assert next(stream) == count
        assert read == count + ahead
    stream.close()  # type: ignore[attr-defined]
    wait_until_no_thread_works()


@pytest.mark.parametrize("ahead", [0, 1, 10])
def test_an_error_comes_in_its_place_and_ends_the_stream(ahead: int) -> None:
    stream = prepare_ahead(["1", "2", "x", "4"], int, threads=2, ahead=ahead)
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(ValueError, match="'x'"):
        next(stream)
    assert list(stream) == []

    def failing() -> Iterator[str]:
        yield "1"
        yield "2"
        raise ConnectionError("the camera is gone")

    stream = prepare_ahead(failing(), int, threads=2, ahead=ahead)
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(ConnectionError, match="the camera is gone"):
        next(stream)
    wait_until_no_thread_works()


def test_an_abandoned_stream_ends_its_threads_and_prepares_no_more() -> None:
    prepared: list[int] = []
    stream = prepare_ahead(range(100), prepared.append, threads=1, ahead=50)
    next(stream)
    del stream
    gc.collect()
    wait_until_no_thread_works()
    assert len(prepared) <= 52


def test_an_item_is_let_go_once_it_is_prepared() -> None:
    alive: list[weakref.ref[object]] = []

    def photos() -> Iterator[np.ndarray]:
        for _ in range(30):
            photo = np.zeros(1000)
            alive.append(weakref.ref(photo))
            yield photo
            del photo

    stream = prepare_ahead(photos(), len, threads=2, ahead=8)
    for _ in range(20):
        next(stream)
    assert sum(reference() is not None for reference in alive) <= 10
    assert sum(reference() is None for reference in alive) >= 19


STUCK = """
import threading
from headpose_sdk.streaming import prepare_ahead
stream = prepare_ahead(range(9), lambda item: item and threading.Event().wait(), threads=2, ahead=4)
print(next(stream))
"""


def test_the_interpreter_does_not_wait_for_a_thread_that_hangs(tmp_path: Path) -> None:
    assert run_python(STUCK, folder=tmp_path, quiet=True) == "0"


INTERRUPTED = """
import _thread, signal, sys, threading
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
import numpy as np
from headpose_sdk import HeadPoseEstimator
from headpose_sdk.results import BoundingBox, FaceDetection

class Detector:
    hangs = True
    def detect(self, image):
        if self.hangs:
            _thread.interrupt_main()  # what Ctrl-C does
            threading.Event().wait()
        return [FaceDetection(BoundingBox(0, 0, 9, 9), 0.5)]

image = np.ones((9, 9, 3), np.uint8)
detector = Detector()
estimator = HeadPoseEstimator(sys.argv[1], detector=detector, device="cpu", threads=1)
try:
    list(estimator.predict_batch([image] * 99, batch_size=8))
except KeyboardInterrupt:
    print("interrupted")
detector.hangs = False
print(len(estimator.predict(image)))
"""


def test_ctrl_c_ends_a_stream_at_once(tmp_path: Path) -> None:
    assert run_python(INTERRUPTED, write_pose_model(tmp_path / "tiny"), folder=tmp_path, quiet=True).split() == [
        "interrupted",
        "1",
    ]


LEFT = """
import numpy as np
from headpose_sdk import HeadPoseEstimator
estimator = HeadPoseEstimator(device="cpu", threads=2)
photos = np.random.default_rng(0).integers(0, 256, (40, 480, 640, 3), dtype=np.uint8)
stream = estimator.predict_batch(photos, batch_size=8)
print(len(next(stream)) >= 0)
"""


def test_a_program_may_end_while_threads_look_for_faces(tmp_path: Path) -> None:
    """Threads that the exit cuts off inside of ONNX Runtime would abort the process."""
    assert run_python(LEFT, folder=tmp_path, quiet=True) == "True"
