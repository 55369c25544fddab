from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Hair
from headpose_sdk.synthesis.mesh import Points
from headpose_sdk.synthesis.shape import HeadModel
from headpose_sdk.synthesis.wardrobe.anchors import middle_of_eyes
from headpose_sdk.synthesis.wardrobe.cloth import directions
from headpose_sdk.synthesis.wardrobe.garments import Garment
from headpose_sdk.synthesis.wardrobe.hair import Scalp

from .ball_body import CENTRE, EYES, BallBody

RADIUS = 0.9
ALL_ROUND = directions(np.arange(0, 360, 15), np.arange(80, -21, -10)[:, None]).reshape(-1, 3).astype(np.float32)


def hair(*, shift: tuple[float, float, float] = (0.0, 0.0, 0.0), widen: float = 1.0) -> Hair:
    return Hair("any", (0.1, 0.1, 0.1), shift, widen)


@pytest.fixture(scope="module")
def body() -> BallBody:
    return BallBody(RADIUS)


@pytest.fixture(scope="module")
def scalp(body: BallBody) -> Scalp:
    return Scalp(body)


def shell(height: float) -> Points:
    points: Points = CENTRE + (RADIUS + height) * ALL_ROUND
    return points


def heights(points: Points) -> Points:
    above: Points = np.linalg.norm(points - CENTRE, axis=1) - RADIUS
    return above


@pytest.mark.parametrize("height", [-0.1, 0.0, 0.05, 0.5])
def test_hair_that_is_not_moved_stays(scalp: Scalp, body: BallBody, height: float) -> None:
    np.testing.assert_allclose(scalp.moved(shell(height), body.average, hair()), shell(height), atol=0.01)


@pytest.mark.parametrize("shift", [(0.0, -0.3, 0.2), (0.1, 0.0, -0.3), (0.0, 0.3, 0.0)])
def test_no_hair_gets_into_the_head(scalp: Scalp, body: BallBody, shift: tuple[float, float, float]) -> None:
    for height in (0.02, 0.1, 0.3, 0.5):
        moved = heights(scalp.moved(shell(height), body.average, hair(shift=shift)))
        head = scalp.moved(shell(height), body.average, hair(shift=shift))[:, 1] > CENTRE[1] - 0.3
        assert moved[head].min() > min(height, 0.03) - 0.01


def test_roots_get_no_deeper_and_no_higher(scalp: Scalp, body: BallBody) -> None:
    roots = shell(-0.05)
    moved = scalp.moved(roots, body.average, hair(shift=(0.0, -0.1, 0.2)))
    head = moved[:, 1] > CENTRE[1] - 0.3
    np.testing.assert_allclose(heights(moved)[head], -0.05, atol=0.01)


def test_hair_on_the_forehead_slides_down_along_it(scalp: Scalp, body: BallBody) -> None:
    forehead = CENTRE + (RADIUS + 0.01) * np.array([[0.0, 0.5, 0.75**0.5]], np.float32)
    moved = scalp.moved(forehead, body.average, hair(shift=(0.0, -0.2, 0.0)))
    assert heights(moved)[0] == pytest.approx(0.01, abs=0.01)
    assert moved[0, 1] < forehead[0, 1] - 0.1
    assert moved[0, 2] > forehead[0, 2]


def test_hair_far_off_and_hair_down_the_neck_moves_freely(scalp: Scalp, body: BallBody) -> None:
    shift = np.array([0.1, -0.2, 0.15], np.float32)
    far = shell(0.6)
    low = CENTRE + np.array([[0.2, -2.0, -0.5], [0.9, -1.2, 0.0]], np.float32)
    for points in (far[ALL_ROUND[:, 2] > 0.3], low):
        moved = scalp.moved(points, body.average, hair(shift=(0.1, -0.2, 0.15)))
        np.testing.assert_allclose(moved, points + shift, atol=0.01)


def test_widening_moves_hair_away_from_the_heads_axis_alone(scalp: Scalp, body: BallBody) -> None:
    points = CENTRE + np.array([[1.5, 0.2, 0.0], [0.0, 0.2, 1.5], [0.0, 1.5, 0.0]], np.float32)
    moved = scalp.moved(points, body.average, hair(widen=1.1)) - CENTRE
    np.testing.assert_allclose(moved, [[1.65, 0.2, 0], [0, 0.2, 1.65], [0, 1.5, 0]], atol=0.01)


def test_it_knows_a_head_of_another_size_and_place(scalp: Scalp, body: BallBody) -> None:
    shift = (0.0, -0.3, 0.2)
    larger = (body.average - CENTRE) * np.float32(1.3) + CENTRE + 2
    points = CENTRE + 2 + (1.3 * RADIUS + 0.05) * ALL_ROUND
    moved = scalp.moved(points.astype(np.float32), larger, hair(shift=shift)) - CENTRE - 2
    head = moved[:, 1] > -0.4
    assert np.linalg.norm(moved[head], axis=1).min() > 1.3 * RADIUS + 0.02


def test_a_hat_presses_hair_and_lets_it_swell_below(scalp: Scalp, body: BallBody) -> None:
    edge = float(CENTRE[1] - EYES[1]) + 0.4  # in rest coordinates, for a plane 0.4 above the ball's middle
    pressed = scalp.pressed(shell(0.4), body.average, (0.0, 2.0, 0.0, -2.0 * edge), 0.04)
    under = shell(0.4)[:, 1] > CENTRE[1] + 0.4
    np.testing.assert_allclose(heights(pressed)[under], 0.04, atol=0.01)
    far_below = shell(0.4)[:, 1] < CENTRE[1] - 0.25
    np.testing.assert_allclose(pressed[far_below], shell(0.4)[far_below], atol=0.01)
    flat = scalp.pressed(shell(0.02), body.average, (0.0, 1.0, 0.0, -edge), 0.04)
    np.testing.assert_allclose(flat, shell(0.02), atol=0.01)


def test_a_fringe_comes_over_the_face(assets_folder: Path) -> None:
    assets = Assets(assets_folder)
    model = HeadModel(assets)
    style = Garment(assets, f"hair/{assets.hair[-1]}")
    points = style.fit(model.average)
    moved = Scalp(model).moved(points, model.average, hair(shift=(0.0, -0.3, 0.1)))
    front = points[:, 2] > middle_of_eyes(model, model.average)[2] - 0.2
    sunk = (points - moved)[front, 1]
    assert sunk.mean() > 0.15
    assert moved[front, 2].mean() > points[front, 2].mean() - 0.02
