from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Glasses, Shape
from headpose_sdk.synthesis.mesh import Points
from headpose_sdk.synthesis.shape import AVERAGE, HeadModel
from headpose_sdk.synthesis.wardrobe.anchors import middle_of_eyes
from headpose_sdk.synthesis.wardrobe.glasses import Eyewear

Kind = Literal["round", "oval", "square"]
WIDE = Shape(
    male=1.0, races=(0.0, 1.0, 0.0), ages=(0.0, 0.5, 0.5), muscle=0.5, weight=0.9,
    details=(("head/head-scale-horiz-incr", 0.8),),
)  # fmt: skip


def glasses(kind: Kind = "round", *, size: float = 1.0, slide: float = 0.0) -> Glasses:
    return Glasses(kind, size, slide, colour=(0, 0, 0), lens_colour=(0, 0, 0), darkness=0.0, reflection=0.0)


@pytest.fixture(scope="module")
def model(assets_folder: Path) -> HeadModel:
    return HeadModel(Assets(assets_folder))


@pytest.fixture(scope="module")
def eyewear(model: HeadModel) -> Eyewear:
    return Eyewear(model)


@pytest.fixture(scope="module", params=[AVERAGE, WIDE], ids=["average", "wide"])
def vertices(request: pytest.FixtureRequest, model: HeadModel) -> Points:
    return model.shaped(request.param)


def lens_middles(lenses: Points) -> Points:
    """Of the right and the left lens (2, 3)."""
    return lenses.reshape(2, -1, 3)[:, 0]


@pytest.mark.parametrize("kind", ["round", "oval", "square"])
def test_lenses_centre_on_the_eyes(eyewear: Eyewear, model: HeadModel, vertices: Points, kind: Kind) -> None:
    _, lenses = eyewear.fit(vertices, glasses(kind))
    left, right = model.eyes(vertices)
    middles = lens_middles(lenses)
    np.testing.assert_allclose(middles[:, :2], [right[:2], left[:2]], atol=2e-3)
    edges = lenses.reshape(2, -1, 3)
    np.testing.assert_allclose((edges.min(axis=1) + edges.max(axis=1))[:, :2] / 2, middles[:, :2], atol=1e-5)


def test_a_larger_size_widens_lenses_in_proportion(eyewear: Eyewear, vertices: Points) -> None:
    widths = [np.ptp(eyewear.fit(vertices, glasses(size=size))[1].reshape(2, -1, 3)[1, :, 0]) for size in (0.8, 1.2)]
    assert widths[1] / widths[0] == pytest.approx(1.5, rel=1e-4)


def test_large_lenses_do_not_meet_on_the_nose(eyewear: Eyewear, model: HeadModel, vertices: Points) -> None:
    _, lenses = eyewear.fit(vertices, glasses("square", size=1.25))
    left = lenses.reshape(2, -1, 3)[1] - middle_of_eyes(model, vertices)
    assert left[:, 0].min() == pytest.approx(0.025, abs=1e-4)


def test_sliding_brings_glasses_down_and_forward_on_the_nose(eyewear: Eyewear, vertices: Points) -> None:
    worn, slid = (lens_middles(eyewear.fit(vertices, glasses(slide=slide))[1]) for slide in (0.0, 0.2))
    np.testing.assert_allclose(slid[:, 1], worn[:, 1] - 0.2, atol=1e-5)
    assert (slid[:, 2] > worn[:, 2] + 0.02).all()


@pytest.mark.parametrize("slide", [0.0, 0.2])
def test_lenses_stay_before_eyes_brows_and_nose(
    eyewear: Eyewear, model: HeadModel, vertices: Points, slide: float
) -> None:
    _, lenses = eyewear.fit(vertices, glasses("square", slide=slide))
    skin = vertices[model.body.used]
    skin = skin[skin[:, 2] > middle_of_eyes(model, vertices)[2] - 0.3]
    for place in lenses:
        near = skin[np.hypot(*(skin - place)[:, :2].T) < 0.02]
        assert (near[:, 2] < place[2]).all()
    left, right = model.eyes(vertices)
    assert (lens_middles(lenses)[:, 2] > (right[2] + 0.15, left[2] + 0.15)).all()


def test_temples_pass_outside_of_the_head_and_end_behind_the_ears(
    eyewear: Eyewear, model: HeadModel, vertices: Points
) -> None:
    middle = middle_of_eyes(model, vertices)
    frame = eyewear.fit(vertices, glasses())[0] - middle
    skin = vertices[model.body.used] - middle
    for side in (-1, 1):
        temple = frame[(side * frame[:, 0] > 0.3) & (frame[:, 2] < -0.05)]
        beside = temple[temple[:, 2] > -0.7]
        assert len(beside) > 10
        for place in beside:
            level = skin[(np.abs(skin[:, 1] - place[1]) < 0.05) & (np.abs(skin[:, 2] - place[2]) < 0.05)]
            assert side * place[0] > (side * level[:, 0]).max(initial=0) - 0.01
        end = temple[np.argsort(temple[:, 2])[:3]].mean(axis=0)
        assert end[2] < -0.9
        assert end[1] < temple[np.argsort(temple[:, 2])[-3:], 1].mean(), "it bends down"


def test_glasses_are_mirror_images_on_an_even_head(eyewear: Eyewear, model: HeadModel) -> None:
    frame, lenses = eyewear.fit(model.average, glasses("oval"))
    right, left = lenses.reshape(2, -1, 3)
    np.testing.assert_allclose(right * (-1, 1, 1), left, atol=2e-3)
    assert frame[:, 0].min() == pytest.approx(-frame[:, 0].max(), abs=0.02)


def test_both_lenses_face_forward(eyewear: Eyewear, vertices: Points) -> None:
    _, lenses = eyewear.fit(vertices, glasses())
    normals = eyewear.lens_mesh.normals(lenses)
    assert (normals[:, 2] > 0.8).all()
    # They bulge: at the temples they look outwards.
    right, left = normals.reshape(2, -1, 3)
    assert left[25, 0] > 0.1
    assert right[25, 0] < -0.1


def test_glasses_follow_a_body_that_is_moved(eyewear: Eyewear, vertices: Points) -> None:
    way = np.array([1.0, -2.0, 3.0], np.float32)
    for moved, worn in zip(eyewear.fit(vertices + way, glasses()), eyewear.fit(vertices, glasses()), strict=True):
        np.testing.assert_allclose(moved, worn + way, atol=1e-4)
