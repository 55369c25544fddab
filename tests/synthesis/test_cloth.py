from __future__ import annotations

import numpy as np
import pytest

from headpose_sdk.synthesis.mesh import Points
from headpose_sdk.synthesis.wardrobe.anchors import Anchors, middle_of_eyes
from headpose_sdk.synthesis.wardrobe.cloth import Sheet, bare_mesh, directions, grid_triangles
from headpose_sdk.synthesis.wardrobe.tubes import SIDES, tube, tube_triangles

from .ball_body import CENTRE, COLUMNS, EYES, BallBody

ROWS = 22
RAYS = np.concatenate(
    [[[0.0, 1.0, 0.0]], directions(np.arange(0, 360, 5), np.arange(85, -16, -5)[:, None]).reshape(-1, 3)]
)


def ball_sheet(body: BallBody, tautness: int = 60) -> Sheet:
    """A sheet whose places are the ball's vertices down to a little below its middle."""
    starts = np.tile(CENTRE - EYES, (len(RAYS), 1))
    return Sheet(body, starts, RAYS, grid_triangles(ROWS, COLUMNS, closed=True, pole=True), tautness=tautness)


def radii(points: Points) -> Points:
    lengths: Points = np.linalg.norm(points - CENTRE, axis=1)
    return lengths


def place(column: int, row: int) -> int:
    return 1 + (row - 1) * COLUMNS + column


def test_azimuth_turns_to_the_persons_left_and_elevation_upwards() -> None:
    found = directions([0, 90, 180, 0], [0, 0, 0, 90])
    np.testing.assert_allclose(found, [[0, 0, 1], [1, 0, 0], [0, 0, -1], [0, 1, 0]], atol=1e-12)


def test_an_anchor_is_where_its_ray_leaves_the_skin_for_the_last_time() -> None:
    body = BallBody(0.9)
    # Both rays cross the whole ball: they start outside of it.
    anchors = Anchors(body, [CENTRE - EYES + (0, 0.02, -3), CENTRE - EYES + (-3, 0.02, 0.01)], [[0, 0, 2], [5, 0, 0]])
    found = anchors.on(body.average) - CENTRE
    np.testing.assert_allclose(found, [[0, 0.02, 0.9], [0.9, 0.02, 0.01]], atol=2e-3)


def test_an_anchor_stays_on_its_place_of_a_head_of_another_shape() -> None:
    body = BallBody(0.9)
    anchors = Anchors(body, np.tile(CENTRE - EYES, (2, 1)), [[0.3, 0.2, 1.0], [-1.0, 0.4, 0.1]])
    wide = (body.average - CENTRE) * np.array([1.5, 1, 1], np.float32) + 7
    np.testing.assert_allclose(anchors.on(wide), (anchors.on(body.average) - CENTRE) * (1.5, 1, 1) + 7, atol=1e-5)


def test_an_anchor_whose_ray_meets_no_skin_takes_the_vertex_it_passes_nearest_to() -> None:
    body = BallBody(0.9)
    found = Anchors(body, [CENTRE - EYES], [[0.02, -1.0, 0.0]]).on(body.average)[0]  # through the hole at the lower end
    lowest = body.average[1 + 33 * COLUMNS + 18]  # 80 degrees down, on the person's left
    np.testing.assert_allclose(found, lowest, atol=1e-6)


def test_anchors_blend_what_vertices_have() -> None:
    body = BallBody(0.9)
    anchors = Anchors(body, np.tile(CENTRE - EYES, (2, 1)), [[0.3, 0.2, 1.0], [-1.0, 0.4, 0.1]])
    heights = anchors.blend(np.ascontiguousarray(body.average[:, 1]))
    np.testing.assert_allclose(heights, anchors.on(body.average)[:, 1], rtol=1e-6)


def test_the_origin_of_rest_coordinates_is_between_the_eyes() -> None:
    body = BallBody()
    np.testing.assert_allclose(middle_of_eyes(body, body.average), EYES, atol=1e-6)


@pytest.mark.parametrize("distance", [0.0, 0.05, 0.3])
def test_a_sheet_round_a_ball_lies_exactly_its_distance_outside(distance: float) -> None:
    body = BallBody(0.9)
    np.testing.assert_allclose(radii(ball_sheet(body).fit(body.average, distance)), 0.9 + distance, atol=1.5e-3)


def test_a_sheet_spans_a_hollow() -> None:
    body = BallBody(0.9)
    hollow = place(column=0, row=12)
    body.average[hollow] = CENTRE + 0.6 * RAYS[hollow]
    sheet = ball_sheet(body)
    assert radii(sheet.on_skin(body.average))[hollow] == pytest.approx(0.6, abs=1e-3)
    taut = radii(sheet.taut(body.average))
    assert taut[hollow] == pytest.approx(0.9, abs=0.01)
    others = np.delete(taut, hollow)
    np.testing.assert_allclose(others, 0.9, atol=1e-3)


def test_a_sheet_rises_to_a_bump_from_all_sides_and_never_goes_under_the_skin() -> None:
    body = BallBody(0.9)
    bump = place(column=9, row=12)
    body.average[bump] = CENTRE + 1.2 * RAYS[bump]
    sheet = ball_sheet(body)
    taut = radii(sheet.taut(body.average))
    assert taut[bump] == pytest.approx(1.2, abs=1e-3)
    around = [place(8, 12), place(10, 12), place(9, 11), place(9, 13)]
    assert (taut[around] > 0.93).all()
    assert (taut >= radii(sheet.on_skin(body.average)) - 1e-5).all()


def test_a_sheets_room_is_added_along_its_rays() -> None:
    body = BallBody(0.9)
    sheet = ball_sheet(body)
    room = np.linspace(0, 0.5, len(RAYS), dtype=np.float32)
    np.testing.assert_allclose(radii(sheet.fit(body.average, 0.1, room)), 1.0 + room, atol=1.5e-3)


def test_a_sheets_triangles_face_outwards() -> None:
    body = BallBody(0.9)
    sheet = ball_sheet(body)
    normals = sheet.mesh.normals(sheet.on_skin(body.average))
    assert (np.einsum("nk,nk->n", normals, RAYS) > 0.99).all()


@pytest.mark.parametrize("closed", [False, True])
def test_a_tube_has_its_radius_and_faces_outwards(closed: bool) -> None:
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    path = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1).astype(np.float32)
    surface = tube(path, 0.05, closed=closed)
    from_path = surface.reshape(len(path), SIDES, 3) - path[:, None]
    np.testing.assert_allclose(np.linalg.norm(from_path, axis=2), 0.05, atol=1e-6)
    normals = bare_mesh([tube_triangles(len(path), closed=closed)]).normals(surface)
    assert (np.einsum("nk,nk->n", normals, from_path.reshape(-1, 3)) > 0.04).all()


def test_joined_pieces_keep_their_own_vertices() -> None:
    piece = np.array([[0, 1, 2], [0, 2, 3]])
    mesh = bare_mesh([piece, piece])
    np.testing.assert_array_equal(mesh.triangles, [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
