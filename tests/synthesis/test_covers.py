"""Things before a face: where they are, what they hide, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from headpose_sdk.synthesis.head import Cover
from headpose_sdk.synthesis.picture.covers import cover

SIZE = 128
BOX = (34.0, 24.0, 94.0, 104.0)  # 80 pixels high: the unit
PICTURE = np.full((SIZE, SIZE, 3), (40, 90, 200), np.uint8)
DISC = Cover(kind="disc", center=(0.0, 0.0), size=0.5, turn=0.0, colour=(0.1, 0.6, 0.1), seed=3)
KINDS = ("hand", "phone", "bar", "disc")


def middle(hidden: np.ndarray) -> np.ndarray:
    """Centre of what is hidden: x, y in pixels."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    return np.array([(columns * hidden).sum(), (rows * hidden).sum()]) / hidden.sum()


def test_nothing_before_the_face_is_the_picture_itself() -> None:
    image, hidden = cover(PICTURE, (), BOX)
    assert_array_equal(image, PICTURE)
    assert hidden.max() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_hides_is_painted_over_and_the_rest_at_most_shaded(kind: str) -> None:
    before = PICTURE.copy()
    image, hidden = cover(PICTURE, (replace(DISC, kind=kind, size=0.8),), BOX)
    assert_array_equal(PICTURE, before)
    assert hidden.shape == (SIZE, SIZE)
    assert 0 <= hidden.min() < 0.01
    assert 0.99 < hidden.max() <= 1
    whole, free = image[hidden > 0.99].astype(int), image[hidden < 0.002].astype(int)
    # The thing is green, or a dark lens of it or a finger on it; the picture is red everywhere.
    assert (np.abs(whole - PICTURE[0, 0]).max(axis=1) > 20).all()
    assert (free <= PICTURE[0, 0]).all()
    assert_allclose(free[:, 2] / 200, free[:, 1] / 90, atol=0.02)  # a shadow has no colour


def test_a_disc_hides_a_disc_of_its_size_where_it_says() -> None:
    # The rounder of the random ellipses: y is squeezed by a factor from 1 to 1.6.
    image, hidden = cover(PICTURE, (replace(DISC, center=(0.25, -0.2), size=0.4),), BOX)
    assert_allclose(middle(hidden), (64 + 0.25 * 80, 64 - 0.2 * 80), atol=0.3)
    assert_allclose((hidden[:, 84] > 0.5).sum(), 0.4 * 80 / 1.3, rtol=0.25)
    assert_allclose((hidden[48] > 0.5).sum(), 0.4 * 80, atol=1.1)
    assert (image[48, 84, 1] > image[48, 84, 2]).all()  # green before red


def test_a_bar_is_as_wide_as_it_says_and_turns_clockwise() -> None:
    upright = cover(PICTURE, (replace(DISC, kind="bar", size=0.25),), BOX)[1]
    assert_allclose((upright > 0.5).sum(axis=1), 0.25 * 80, atol=1.1)
    assert_allclose(middle(upright), (64, 64), atol=0.3)
    turned = cover(PICTURE, (replace(DISC, kind="bar", size=0.25, turn=45.0),), BOX)[1]
    assert turned[24, 104] > 0.99  # from the upper right
    assert turned[104, 24] > 0.99
    assert turned[24, 24] == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_hand_has_a_palm_below_and_fingers_above_with_gaps(seed: int) -> None:
    hand = replace(DISC, kind="hand", size=1.0, seed=seed)
    hidden = cover(PICTURE, (hand,), BOX)[1] > 0.5
    assert hidden[64 : 64 + 15, 64].all()  # the palm
    assert hidden[SIZE - 1, :].any()  # the arm goes on
    assert not hidden[:5].any()  # no finger is longer than the face
    assert 0.12 < hidden.mean() < 0.45
    # Fingers: along some line above the palm there are at least three of them.
    runs = (np.diff(hidden[:60].astype(int), axis=1) == 1).sum(axis=1)
    assert runs.max() >= 3


def test_hands_are_as_different_as_their_seeds_and_always_the_same_for_one() -> None:
    hands = [cover(PICTURE, (replace(DISC, kind="hand", size=1.0, seed=seed),), BOX) for seed in (1, 1, 2)]
    assert_array_equal(hands[0][0], hands[1][0])
    assert (hands[0][1] != hands[2][1]).mean() > 0.02


def test_a_hand_is_shaded_and_has_its_colour() -> None:
    skin = (0.5, 0.25, 0.15)
    image, hidden = cover(PICTURE, (replace(DISC, kind="hand", size=1.0, colour=skin),), BOX)
    hand = image[hidden > 0.99].astype(float)
    assert_allclose((hand.mean(axis=0) / 255) ** 2.2 / np.array(skin[::-1]), 0.9, atol=0.35)
    assert hand.std(axis=0).min() > 6


def test_of_two_things_the_second_is_in_front() -> None:
    red = replace(DISC, colour=(0.6, 0.05, 0.05))
    both = cover(PICTURE, (red, DISC), BOX)[0]
    assert both[64, 64, 1] > both[64, 64, 2]
    apart, hidden = cover(PICTURE, (replace(red, center=(-0.5, 0.0)), replace(DISC, center=(0.5, 0.0))), BOX)
    assert hidden[64, 24] > 0.99
    assert hidden[64, 104] > 0.99
    assert apart[64, 24, 2] > apart[64, 24, 1]


def test_what_is_outside_of_the_picture_hides_nothing() -> None:
    image, hidden = cover(PICTURE, (replace(DISC, center=(4.0, 0.0)),), BOX)
    assert hidden.max() == 0
    assert_array_equal(image, PICTURE)
