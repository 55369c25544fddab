"""What fuzzing adds to hypothesis: a profile of many new examples, and an end to an example that hangs.

Hypothesis rather than a fuzzer that follows coverage: what is compiled here (OpenCV, ONNX Runtime) is not instrumented
in their wheels, a finding is reduced to its smallest form, and the same tests run, quickly, in every test run.
"""

from __future__ import annotations

import faulthandler
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from hypothesis import settings

MOST_SECONDS = 2.0  # of the processor's time: a busy machine is no failure
HANG = 120.0  # of the clock

settings.register_profile("fuzz", max_examples=int(os.environ.get("FUZZ_EXAMPLES", "25000")), deadline=None)

Limited = Callable[[], AbstractContextManager[None]]


@contextmanager
def _limited() -> Iterator[None]:
    began = time.process_time()
    # A loop inside of a library lets no Python run: a thread of the interpreter's own then ends the process, and shows
    # where it was.
    faulthandler.dump_traceback_later(HANG, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert time.process_time() - began < MOST_SECONDS


@pytest.fixture(scope="session")
def limited() -> Limited:
    """A block that fails if it takes more than two seconds, and ends the process if it never ends."""
    return _limited
