from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Clothes, Headwear, Mask, Shape
from headpose_sdk.synthesis.mesh import Points
from headpose_sdk.synthesis.shape import HeadModel
from headpose_sdk.synthesis.wardrobe.accessories import SHOULDER_SLOPE, Collar, Covering, Cuts, FaceMask, Opening
from headpose_sdk.synthesis.wardrobe.anchors import Anchors, middle_of_eyes

WHITE = (1.0, 1.0, 1.0)
CHILD = Shape(
    male=0.0,
    races=(0.0, 1.0, 0.0),
    ages=(0.7, 0.3, 0.0),
    muscle=0.5,
    weight=0.5,
    details=(("chin/chin-height-incr", 0.5),),
)


def headwear(kind: str, *, edge: float = 0.45, thickness: float = 0.06) -> Headwear:
    return Headwear(kind, None, WHITE, WHITE, stripes=0.0, thickness=thickness, edge=edge)


def mask(*, top: float = 0.27, thickness: float = 0.06) -> Mask:
    return Mask(WHITE, WHITE, stripes=0.0, top=top, thickness=thickness)


def clothes(*, collar: float = 0.2, stand: float = 0.1) -> Clothes:
    return Clothes(WHITE, WHITE, stripes=0.0, collar=collar, stand=stand)


def left_out(cuts: Cuts, points: Points | Sequence[Sequence[float]]) -> NDArray[np.bool_]:
    """Which points (K, 3) in rest coordinates the shaders leave out by ``cuts``."""
    planes = np.reshape(cuts, (-1, 4))
    beyond: NDArray[np.bool_] = (np.asarray(points) @ planes[:, :3].T + planes[:, 3] > 0).any(axis=1)
    return beyond


def in_opening(opening: Opening | None, points: Points) -> NDArray[np.bool_]:
    assert opening is not None
    y, half_width, half_height, rear = opening
    inside = (points[:, 0] / half_width) ** 2 + ((points[:, 1] - y) / half_height) ** 2 < 1
    through: NDArray[np.bool_] = inside & (points[:, 2] > rear)
    return through


@pytest.fixture(scope="module")
def model(assets_folder: Path) -> HeadModel:
    return HeadModel(Assets(assets_folder))


@pytest.fixture(scope="module", params=["average", "child"])
def vertices(request: pytest.FixtureRequest, model: HeadModel) -> Points:
    return model.average if request.param == "average" else model.shaped(CHILD)


@pytest.fixture(scope="module")
def covering(model: HeadModel) -> Covering:
    return Covering(model)


@pytest.fixture(scope="module")
def face_mask(model: HeadModel) -> FaceMask:
    return FaceMask(model)


@pytest.fixture(scope="module")
def collar(model: HeadModel) -> Collar:
    return Collar(model)


def test_a_headscarf_lies_exactly_its_thickness_outside(covering: Covering, vertices: Points) -> None:
    taut = covering.fit(vertices, headwear("headscarf", thickness=0.0))
    fitted = covering.fit(vertices, headwear("headscarf", thickness=0.08))
    np.testing.assert_allclose(np.linalg.norm(fitted - taut, axis=1), 0.08, atol=1e-5)
    centre = taut.mean(axis=0)
    assert np.mean(np.linalg.norm(fitted - centre, axis=1) > np.linalg.norm(taut - centre, axis=1)) > 0.95


def test_a_head_is_inside_its_headscarf(covering: Covering, model: HeadModel, vertices: Points) -> None:
    fitted = covering.fit(vertices, headwear("headscarf", thickness=0.08))
    head = vertices[model.head]
    assert head[:, 1].max() < fitted[:, 1].max() < head[:, 1].max() + 0.09
    assert fitted[:, 2].min() < head[:, 2].min() - 0.06
    assert np.ptp(fitted[fitted[:, 1] > head[:, 1].mean(), 0]) > np.ptp(head[:, 0]) - 0.05


def test_a_hood_stands_off_at_the_back_and_a_beanie_at_the_crown(covering: Covering, vertices: Points) -> None:
    close = covering.fit(vertices, headwear("headscarf"))
    hood, beanie = (
        np.linalg.norm(covering.fit(vertices, headwear(kind)) - close, axis=1) for kind in ("hood", "beanie")
    )
    rest = close - close.mean(axis=0)
    crown = rest[:, 1] > rest[:, 1].max() - 0.05
    middle = np.abs(close[:, 1] - close[crown, 1].mean() + 1.0) < 0.3
    back, front = (middle & (way * rest[:, 2] > 0.9 * (way * rest[middle, 2]).max()) for way in (-1, 1))
    assert hood[back].min() > 0.25
    assert hood[front].max() < 0.12
    assert beanie[crown].min() > 0.08
    assert beanie[middle].max() < 0.05


def test_a_beanie_ends_at_its_edge_on_the_forehead_and_lower_at_the_nape(covering: Covering, vertices: Points) -> None:
    cuts = covering.cuts(vertices, headwear("beanie", edge=0.5))
    forehead = [(0, 0.49, 0.2), (0.3, 0.49, 0.2), (0, 0.51, 0.2), (-0.3, 0.51, 0.2)]
    assert left_out(cuts, forehead).tolist() == [True, True, False, False]
    assert left_out(cuts, [(0, 0.1, -1.6), (0, -0.2, -1.6)]).tolist() == [False, True]


@pytest.mark.parametrize("kind", ["hood", "headscarf"])
def test_eyes_nose_and_mouth_look_out_and_crown_and_nape_do_not(
    covering: Covering, model: HeadModel, vertices: Points, kind: str
) -> None:
    opening = covering.opening(vertices, headwear(kind, edge=0.5))
    face = vertices[model.landmarks[27:]] - middle_of_eyes(model, vertices)
    assert in_opening(opening, face).all()
    cloth = covering.fit(vertices, headwear(kind, edge=0.5)) - middle_of_eyes(model, vertices)
    seen = ~in_opening(opening, cloth)
    assert seen[cloth[:, 1] > 0.55].all()
    assert seen[cloth[:, 2] < -0.6].all()
    assert not seen.all()


def test_the_openings_upper_end_is_the_edge(covering: Covering, vertices: Points) -> None:
    opening = covering.opening(vertices, headwear("headscarf", edge=0.37))
    points = np.array([(0, 0.36, 0.2), (0, 0.38, 0.2), (0, 0.36, -0.9)])
    assert in_opening(opening, points).tolist() == [True, False, False]
    assert covering.opening(vertices, headwear("beanie")) is None


def test_a_hoods_lower_edge_comes_down_to_the_chest(covering: Covering, model: HeadModel, vertices: Points) -> None:
    cuts = covering.cuts(vertices, headwear("hood"))
    neck = float((model.joint(vertices, "neck") - middle_of_eyes(model, vertices))[1])
    assert left_out(cuts, [(0, neck - 0.6, -0.2), (0, neck - 0.6, -1.4)]).tolist() == [False, True]
    assert left_out(cuts, [(0.8, neck - 0.4, -0.2), (-0.8, neck - 0.4, -0.2)]).tolist() == [False, False]
    assert left_out(cuts, [(0.8, neck - 0.6, -0.2), (-0.8, neck - 0.6, -0.2)]).tolist() == [True, True]


@pytest.mark.parametrize("kind", ["beanie", "fedora"])
def test_hair_above_the_edge_is_left_out_but_for_a_little(covering: Covering, vertices: Points, kind: str) -> None:
    cuts = covering.hair_cuts(vertices, headwear(kind, edge=0.4))
    assert left_out(cuts, [(0, 0.39, 0.2), (0, 0.43, 0.2), (0, 0.47, 0.2)]).tolist() == [False, False, True]
    at_the_back = left_out(cuts, [(0, 0.2, -1.5)])[0]
    assert at_the_back == (kind == "beanie"), "a hat sits level, a beanie comes down at the back"


@pytest.mark.parametrize("kind", ["hood", "headscarf"])
def test_hair_is_left_only_where_the_face_looks_out(covering: Covering, vertices: Points, kind: str) -> None:
    worn = headwear(kind, edge=0.5)
    cuts, opening = covering.hair_cuts(vertices, worn), covering.opening(vertices, worn)
    x, y = np.mgrid[-1.2:1.2:49j, -1.5:1.2:55j]
    front = np.stack([x.ravel(), y.ravel(), np.full(x.size, 0.2)], axis=1)
    assert not left_out(cuts, front[in_opening(opening, front)]).any()
    assert left_out(cuts, front[front[:, 1] > 0.6]).all()
    assert left_out(cuts, front[np.abs(front[:, 0]) > 1]).all()
    assert left_out(cuts, [(0.0, 0.0, -0.9)]).all()
    assert len(cuts) <= 4 * 6, "the shaders know six planes"


def test_what_is_worn_follows_a_body_that_is_moved(covering: Covering, vertices: Points) -> None:
    way = np.array([1.0, -2.0, 3.0], np.float32)
    worn = headwear("hood")
    np.testing.assert_allclose(covering.fit(vertices + way, worn), covering.fit(vertices, worn) + way, atol=1e-4)
    np.testing.assert_allclose(covering.cuts(vertices + way, worn), covering.cuts(vertices, worn), atol=1e-5)
    opening, moved = covering.opening(vertices, worn), covering.opening(vertices + way, worn)
    assert moved == pytest.approx(opening, abs=1e-5)


def test_a_mask_lies_exactly_its_thickness_outside(face_mask: FaceMask, vertices: Points) -> None:
    taut, fitted = (face_mask.fit(vertices, mask(thickness=thickness))[0] for thickness in (0.0, 0.07))
    np.testing.assert_allclose(np.linalg.norm(fitted - taut, axis=1), 0.07, atol=1e-5)


def test_a_mask_lies_before_nose_mouth_and_chin(face_mask: FaceMask, model: HeadModel, vertices: Points) -> None:
    points, _ = face_mask.fit(vertices, mask())
    for landmark in (30, 33, 51, 57, 48, 54, 8):  # nose, lips, corners of the mouth, chin
        place = vertices[model.landmarks[landmark]]
        near = points[np.hypot(*(points - place)[:, :2].T) < 0.12]
        assert near[:, 2].max() > place[2] + 0.015


def test_a_mask_spans_the_hollow_beside_the_nose(face_mask: FaceMask, model: HeadModel) -> None:
    middle, nose = middle_of_eyes(model, model.average), model.average[model.landmarks[30]]
    points = face_mask.fit(model.average, mask(thickness=0.0))[0]
    beside = points[(np.abs(points - nose)[:, :2] < (0.35, 0.15)).all(axis=1)]
    starts = beside * (1, 1, 0) + (0, 0, middle[2] - 0.4) - middle
    skin = Anchors(model, starts, np.tile([0.0, 0.0, 1.0], (len(starts), 1))).on(model.average)
    clear = beside[:, 2] - skin[:, 2]
    assert clear.min() > -0.002, "it is nowhere under the skin"
    assert clear.max() > 0.02


def test_a_masks_upper_edge_comes_down_to_both_cheeks(face_mask: FaceMask) -> None:
    cuts = face_mask.cuts(mask(top=0.3))
    assert left_out(cuts, [(0, -0.29, 0.4), (0, -0.31, 0.4)]).tolist() == [True, False]
    assert left_out(cuts, [(0.5, -0.35, 0), (-0.5, -0.35, 0)]).tolist() == [True, True]
    assert left_out(cuts, [(0.5, -0.42, 0), (-0.5, -0.42, 0)]).tolist() == [False, False]


def test_cords_run_from_the_seen_mask_back_to_the_ears(face_mask: FaceMask, model: HeadModel, vertices: Points) -> None:
    worn = mask(top=0.5)
    points, cords = face_mask.fit(vertices, worn)
    middle = middle_of_eyes(model, vertices)
    ends = cords.reshape(4, 2, -1, 3).mean(axis=2)  # the middle of each ring
    starts, ears = ends[:, 0], ends[:, 1]
    assert np.linalg.norm(points - starts[:, None], axis=2).min(axis=1) == pytest.approx(0, abs=1e-5)
    assert not left_out(face_mask.cuts(worn), starts - middle).any()
    assert np.sign(ears[:, 0] - middle[0]).tolist() == [-1, -1, 1, 1]
    assert (ears[:, 2] < starts[:, 2]).all()
    assert (starts[::2, 1] > starts[1::2, 1]).all()
    assert (ears[::2, 1] > ears[1::2, 1]).all()


def test_a_collar_stands_its_distance_off(collar: Collar, vertices: Points) -> None:
    close, wide = (collar.fit(vertices, clothes(stand=stand)) for stand in (0.0, 0.15))
    np.testing.assert_allclose(np.linalg.norm(wide - close, axis=1), 0.15, atol=1e-5)
    assert np.ptp(wide[:, 0]) == pytest.approx(np.ptp(close[:, 0]) + 0.3, abs=0.05)


def test_a_collar_goes_round_the_neck_and_moves_with_the_shoulders(
    collar: Collar, model: HeadModel, vertices: Points
) -> None:
    points = collar.fit(vertices, clothes())
    neck = model.joint(vertices, "neck")
    assert points[:, 0].mean() == pytest.approx(neck[0], abs=0.05)
    low = points[np.abs(points[:, 1] - neck[1]) < 0.3]
    assert low[:, 2].max() > neck[2] > low[:, 2].min()
    columns = collar.neck_weight.reshape(-1, 36)
    np.testing.assert_array_equal(columns, np.broadcast_to(columns[0], columns.shape))
    assert columns.mean() < 0.8


def test_a_collar_ends_in_its_plane(collar: Collar, model: HeadModel, vertices: Points) -> None:
    neck = float((model.joint(vertices, "neck") - middle_of_eyes(model, vertices))[1])
    cuts = collar.cuts(vertices, clothes(collar=0.3))
    front, back = neck + 0.3 + SHOULDER_SLOPE * 0.4, neck + 0.3 + SHOULDER_SLOPE * 1.4
    heights = [(0, front + 0.01, -0.4), (0, front - 0.01, -0.4), (0, back + 0.01, -1.4), (0, back - 0.01, -1.4)]
    assert left_out(cuts, heights).tolist() == [True, False, True, False]
    rest = collar.fit(vertices, clothes()) - middle_of_eyes(model, vertices)
    assert 0.1 < left_out(cuts, rest).mean() < 0.8


def test_neck_weights_are_shares(covering: Covering, face_mask: FaceMask, collar: Collar) -> None:
    for weights in (covering.neck_weight, face_mask.neck_weight, collar.neck_weight):
        assert weights.min() > -0.01
        assert weights.max() < 1.01
    assert covering.neck_weight[0] == pytest.approx(1, abs=1e-3), "the crown moves with the head"
    assert covering.neck_weight[-48:].mean() < 0.5, "the lowest row moves with the shoulders"


def test_everything_faces_outwards(covering: Covering, face_mask: FaceMask, collar: Collar, model: HeadModel) -> None:
    vertices = model.average
    middle = middle_of_eyes(model, vertices) + np.array([0, -0.4, -0.6])
    for mesh, points in (
        (covering.mesh, covering.fit(vertices, headwear("beanie"))),
        (face_mask.mesh, face_mask.fit(vertices, mask())[0]),
        (collar.mesh, collar.fit(vertices, clothes())),
    ):
        out = points - np.where(np.arange(3) == 1, points, middle)  # from the head's axis
        assert np.mean(np.einsum("nk,nk->n", mesh.normals(points), out) > 0) > 0.9
