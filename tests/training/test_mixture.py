"""What a batch is made of: kinds in the parts that were asked for, and pictures without a face among them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.views import SAMPLE_FACE, sample_photo
from headpose_sdk.preprocessing import crop_face
from headpose_sdk.training.config import TeacherConfig
from headpose_sdk.training.mixture import Mixture, check_kinds, counts_of_steps
from headpose_sdk.training.nonfaces import nonface_batch

KINDS = np.array(["photo"] * 10 + ["pseudo"] * 7 + ["rendered"] * 40 + ["profiled"] * 20)
SHARES = {"rendered": 0.23, "photo": 0.4, "pseudo": 0.37}


def mixture(shares: dict[str, float] | None, *, nonface_share: float = 0.03, batch: int = 16, seed: int = 0) -> Mixture:
    return Mixture.of(KINDS, shares, nonface_share, batch, seed)


def test_shares_hold_over_100_steps_and_nearly_in_each() -> None:
    plan = mixture(SHARES)
    steps = [plan.at(step) for step in range(100)]
    assert {len(rows) + nonfaces for rows, nonfaces in steps} == {16}
    for kind, share in {**SHARES, "profiled": 0.0}.items():
        counts = np.array([(KINDS[rows] == kind).sum() for rows, _ in steps])
        expected = 16 * 0.97 * share
        assert abs(counts.mean() - expected) < 0.03
        assert np.abs(counts - expected).max() < 1
    nonfaces = [count for _, count in steps]
    assert np.mean(nonfaces) == pytest.approx(16 * 0.03, abs=0.02)
    assert set(nonfaces) == {0, 1}


def test_a_batch_is_a_pure_function_of_seed_and_step() -> None:
    def shown(plan: Mixture, step: int) -> list[int]:
        return plan.at(step)[0].tolist()

    first = mixture(SHARES)
    before = [shown(first, step) for step in range(30)]
    again = mixture(dict(reversed(SHARES.items())))
    assert shown(again, 29) == before[29]  # neither earlier calls nor the order of the kinds matter
    assert shown(mixture(SHARES, seed=1), 29) != before[29]


@pytest.mark.parametrize("shares", [SHARES, None])
def test_every_row_of_a_kind_is_shown_equally_often(shares: dict[str, float] | None) -> None:
    plan = mixture(shares)
    rows = np.concatenate([plan.at(step)[0] for step in range(60)])
    for kind in shares or [None]:
        times = np.bincount(rows, minlength=len(KINDS))[kind == KINDS if kind else slice(None)]
        assert times.min() >= 1
        assert np.ptp(times) <= 1


@pytest.mark.parametrize("parts", [(0.03, 0.97), (0.001, 0.5, 0.499), (1 / 3, 1 / 3, 1 / 3), (0.0, 1.0)])
@pytest.mark.parametrize("batch", [1, 8, 128])
def test_counts_are_whole_add_up_and_are_right_on_average(parts: tuple[float, ...], batch: int) -> None:
    counts = counts_of_steps(np.array(parts), batch, np.arange(2000))
    assert counts.min() >= 0
    assert (counts.sum(axis=1) == batch).all()
    assert counts.mean(axis=0) == pytest.approx(batch * np.array(parts), abs=0.004)


def test_a_kind_that_the_data_lacks_is_one_clear_error() -> None:
    check_kinds(KINDS.tolist(), SHARES)
    with pytest.raises(
        DatasetError, match=r"--shares names drawn, but the rows to train on are of kind \(none\), photo; name kinds"
    ):
        check_kinds(["photo", ""], {"photo": 0.5, "drawn": 0.5})


@pytest.fixture(scope="module")
def heads() -> NDArray[np.uint8]:
    return crop_face(sample_photo(), SAMPLE_FACE, margin=1.4, size=128)[None]


def test_pictures_without_a_face_repeat_with_the_generator_and_differ_from_each_other(
    heads: NDArray[np.uint8],
) -> None:
    first, again = (nonface_batch(heads, 40, 64, np.random.default_rng(3)) for _ in range(2))
    assert (first.shape, first.dtype) == ((40, 64, 64, 3), np.uint8)
    assert np.array_equal(first, again)
    assert len({image.tobytes() for image in first}) == 40
    assert nonface_batch(heads, 0, 64, np.random.default_rng(3)).shape == (0, 64, 64, 3)


def test_none_of_them_looks_like_the_head_that_some_are_made_of(heads: NDArray[np.uint8]) -> None:
    # The face's middle, slid over the head itself and over what was made of it.
    face = cv2.cvtColor(heads[0, 34:94, 34:94], cv2.COLOR_BGR2GRAY)

    def likeness(image: NDArray[np.uint8]) -> float:
        return float(cv2.matchTemplate(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), face, cv2.TM_CCOEFF_NORMED).max())

    assert likeness(heads[0]) > 0.99
    assert max(likeness(image) for image in nonface_batch(heads, 300, 128, np.random.default_rng(0))) < 0.7


def test_what_shows_no_face_is_three_in_a_hundred_unless_said_otherwise() -> None:
    assert TeacherConfig().nonface_share == 0.03
    assert {mixture(None, nonface_share=0.0).at(step)[1] for step in range(50)} == {0}
