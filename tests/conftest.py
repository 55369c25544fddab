"""What several test files need: the sample photo and one loaded estimator."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.images import read_image
from headpose_sdk.results import Image

ROOT = Path(__file__).parent.parent

# The same examples every time: a test that passed yesterday fails today only because the code changed.
# `pytest --hypothesis-profile=default` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)  # a busy machine is no failure
settings.load_profile("repeatable")

if paths := os.environ.get("PYTHONPATH"):  # programs that tests start elsewhere are to see the same package
    os.environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, paths.split(os.pathsep)))


@pytest.fixture(scope="session")
def photo() -> Image:
    """The sample photo (512, 512, 3), not to be written to."""
    image = read_image(ROOT / "examples" / "astronaut.jpg")
    image.flags.writeable = False
    return image


@pytest.fixture(scope="session")
def estimator() -> HeadPoseEstimator:
    """The bundled models on the CPU, in one thread."""
    return HeadPoseEstimator(device="cpu", threads=1)
