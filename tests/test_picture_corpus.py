"""Whatever file comes in, a picture of the right size comes out or an error that names the file and the cause."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from fresh_python import run_python
from picture_corpus import Case, corpus

from headpose_sdk.errors import InvalidImageError
from headpose_sdk.formats import find_format, picture_size
from headpose_sdk.images import read_image
from headpose_sdk.results import Image

CASES = corpus()
MOST_SECONDS = 2.0


def test_the_corpus_is_large_and_the_same_every_time() -> None:
    assert len(CASES) >= 300
    assert len({case.name for case in CASES}) == len(CASES)
    assert [(case.name, case.data) for case in corpus()] == [(case.name, case.data) for case in CASES]
    assert sum(case.cause is not None for case in CASES) >= 100
    assert sum(case.size is not None for case in CASES) >= 100


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_picture_of_the_right_size_or_an_error_with_file_and_cause(tmp_path: Path, case: Case) -> None:
    file = tmp_path / "upload"
    file.write_bytes(case.data)
    began = time.process_time()
    image, message = answer(file)
    assert time.process_time() - began < MOST_SECONDS
    if image is None:
        assert case.size is None, message
        assert message.startswith(f"{file}: ")
        assert (case.cause or "") in message
        assert message.isprintable(), message  # one line, and nothing that moves a terminal's cursor
        assert 20 < len(message) - len(str(file)) < 300
        return
    assert case.cause is None, "this file must be refused"
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    kind = find_format(case.data)
    assert kind is not None
    width, height = case.size or picture_size(kind, case.data)
    turned = case.size is None and image.shape == (width, height, 3)  # damage may make an orientation
    assert image.shape == (height, width, 3) or turned
    if case.pixels is not None:
        assert np.abs(image.astype(int) - case.pixels).max() <= 2


def answer(file: Path) -> tuple[Image | None, str]:
    """The picture, or what the error says; any other error fails the test."""
    try:
        return read_image(file), ""
    except InvalidImageError as error:
        return None, str(error)


PEAK = """
import resource, sys
from headpose_sdk import InvalidImageError, read_image
from headpose_sdk.images import MAX_BYTES
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read_image(sys.argv[1])
before = peak()
for file in sys.argv[2:]:
    try:
        read_image(file)
    except InvalidImageError:
        pass
print(peak() - before)
"""


def test_claims_and_bombs_take_no_memory(tmp_path: Path) -> None:
    files = []
    for number, case in enumerate(case for case in CASES if "claims" in case.name or "unfold" in case.name):
        files.append(tmp_path / f"{number}")
        files[-1].write_bytes(case.data)
    large = tmp_path / "large.jpg"
    large.write_bytes(next(case.data for case in CASES if case.name.startswith("jpeg")))
    with large.open("r+b") as file:
        file.truncate(500_000_000)  # a hole, which takes no room on the disk
    assert len(files) > 10
    first = next(case for case in CASES if case.size)
    (tmp_path / "first").write_bytes(first.data)
    kilobytes = int(run_python(PEAK, tmp_path / "first", *files, large, folder=tmp_path))
    assert kilobytes < 30_000
