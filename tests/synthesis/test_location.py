"""Whole pictures: boxes lie where faces are drawn, the nearer hides the farther, and what is hidden is ignored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.results import Image
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Cover, Head
from headpose_sdk.synthesis.location import Location, Snapshot
from headpose_sdk.synthesis.sampling.sampler import Catalogue
from headpose_sdk.synthesis.sampling.scenes import sample_scene
from headpose_sdk.synthesis.scene import Panel, Scene, Standing, Thing, ThingKind
from headpose_sdk.synthesis.studio import Studio

from .plain_head import plain_head, turned

GREY = (0.2, 0.2, 0.2)


@pytest.fixture(scope="module")
def assets(assets_folder: Path) -> Assets:
    return Assets(assets_folder)


@pytest.fixture(scope="module")
def studio(assets: Assets) -> Studio:
    return Studio(assets)


@pytest.fixture(scope="module")
def location(assets: Assets, studio: Studio) -> Location:
    return Location(studio)


@pytest.fixture(scope="module")
def plain(assets: Assets) -> Head:
    return plain_head(assets)


def scene(plain: Head, *people: Standing, things: tuple[Thing, ...] = (), panels: tuple[Panel, ...] = ()) -> Scene:
    """A picture of 400 x 300 pixels before a black background, with nothing done to it."""
    return Scene(
        seed=0,
        number=0,
        width=400,
        height=300,
        background=replace(plain.background, brightness=0.0),
        panels=panels,
        people=people,
        things=things,
        covers=(),
        photography=plain.photography,
    )


def person(head: Head, x: float, y: float, side: float) -> Standing:
    return Standing(head, (x, y), side, trousers=GREY, seed=0)


def thing(kind: ThingKind, x: float, y: float, size: float, near: float) -> Thing:
    return Thing(kind, (x, y), size, 0.0, (0.1, 0.8, 0.1), (0.1, 0.8, 0.1), seed=0, near=near)


def corners(snapshot: Snapshot, face: int = 0) -> tuple[float, float, float, float]:
    box = snapshot.faces[face].box
    return box.x1, box.y1, box.x2, box.y2


def ignored(snapshot: Snapshot) -> list[bool]:
    return [face.ignore for face in snapshot.faces]


def differs(image: Image, other: Image) -> np.ndarray:
    """Where two pictures are not the same (H, W)."""
    return np.asarray((image.astype(int) - other).any(axis=2))


# --- boxes


def test_the_box_has_the_place_and_the_size_that_were_chosen(location: Location, plain: Head) -> None:
    for x, y, side in ((120.0, 90.0, 80.0), (300.3, 150.7, 12.0), (200.0, 150.0, 280.0)):
        drawn = location.draw(scene(plain, person(plain, x, y, side)))
        x1, y1, x2, y2 = corners(drawn)
        # Heads stand on whole pixels. The sides are those of a crop's box, which goes on below the chin.
        assert ((x1 + x2) / 2, y1) == pytest.approx((x, y - side / 2), abs=0.8)
        assert 0.7 * side < max(x2 - x1, y2 - y1) < 1.02 * side
        assert ignored(drawn) == [False]


def test_the_box_ends_at_the_chin(location: Location, studio: Studio, plain: Head) -> None:
    cutout = studio.cutout(plain)
    top, bottom = cutout.face[:, 1].min(), cutout.face[:, 1].max()
    chin = (cutout.landmarks[8, 1] - top) / (bottom - top)
    _, y1, _, y2 = corners(location.draw(scene(plain, person(plain, 200.0, 150.0, 100.0))))
    assert y1 + chin * 100 - 1 < y2 < y1 + chin * 100 + 10


@pytest.mark.parametrize("side", [12.0, 60.0, 150.0])
def test_the_box_lies_where_the_face_is_drawn(location: Location, studio: Studio, plain: Head, side: float) -> None:
    """The head alone, drawn once by the studio and once by us, has its outline in the same place about the box."""
    drawn = location.draw(scene(plain, person(plain, 200.0, 145.0, side)))
    cutout = studio.cutout(plain, 2.0)
    scale = side / (cutout.face.max(0) - cutout.face.min(0)).max()
    covered = cutout.picture.image[..., 3] > 127
    top = int(np.flatnonzero(covered.any(1))[0])
    middle = covered[round(float(cutout.face[:, 1].min() + cutout.face[:, 1].max()) / 2)]
    left, right = np.flatnonzero(middle)[[0, -1]] + (0, 1)
    box = cutout.face.min(0)

    x1, y1, _, _ = corners(drawn)
    seen = drawn.image.max(axis=2) > 12
    row = seen[145]
    assert np.flatnonzero(seen.any(1))[0] - y1 == pytest.approx((top - box[1]) * scale, abs=1.6)
    assert np.flatnonzero(row)[0] - x1 == pytest.approx((left - box[0]) * scale, abs=1.6)
    assert np.flatnonzero(row)[-1] + 1 - x1 == pytest.approx((right - box[0]) * scale, abs=1.6)


def test_a_face_at_the_edge_has_the_box_that_is_left_of_it(location: Location, plain: Head) -> None:
    drawn = location.draw(scene(plain, person(plain, 5.0, 150.0, 100.0)))
    x1, y1, _, y2 = corners(drawn)
    assert x1 == 0
    assert 70 < y2 - y1 < 102
    gone = location.draw(scene(plain, person(plain, -25.0, 150.0, 100.0)))
    assert ignored(gone) == [True]
    assert location.draw(scene(plain, person(plain, -80.0, 150.0, 100.0))).faces == ()


def test_the_back_of_a_head_is_no_face(location: Location, plain: Head) -> None:
    behind = replace(plain, pose=turned(yaw=180))
    assert location.draw(scene(plain, person(behind, 200, 120, 80))).faces == ()


def test_tiny_and_dark_faces_are_ignored(location: Location, plain: Head) -> None:
    assert ignored(location.draw(scene(plain, person(plain, 200, 120, 7)))) == [True]
    dark = replace(plain, light=replace(plain.light, exposure=0.0005))
    assert ignored(location.draw(scene(plain, person(dark, 200, 120, 80)))) == [True]


# --- what is before what


def test_the_nearer_head_hides_the_farther_one(location: Location, plain: Head) -> None:
    far, near = person(plain, 215.0, 120.0, 60.0), person(plain, 200.0, 130.0, 120.0)
    alone = location.draw(scene(plain, near))
    for order in ((far, near), (near, far)):
        both = location.draw(scene(plain, *order))
        x1, y1, x2, y2 = (round(edge) for edge in corners(alone))
        # Within the nearer face nothing is to be seen of the farther one.
        inner = np.s_[y1 + 30 : y2 - 30, x1 + 30 : x2 - 30]
        np.testing.assert_array_equal(both.image[inner], alone.image[inner])
        assert [face.ignore for face in both.faces if face.box.width > 60] == [False]
        assert all(face.ignore for face in both.faces if face.box.width < 60)


def test_a_face_half_hidden_is_a_face_and_one_hardly_seen_is_not(location: Location, plain: Head) -> None:
    far = person(plain, 200.0, 120.0, 60.0)

    def behind_a_ball(x: float) -> Snapshot:
        return location.draw(scene(plain, far, things=(thing("ball", x, 120.0, 120.0, near=200.0),)))

    assert ignored(behind_a_ball(330.0)) == [False]
    assert ignored(behind_a_ball(265.0)) == [False]
    assert any(ignored(behind_a_ball(x)) == [True] for x in (250.0, 230.0))  # not all faces are as broad
    assert behind_a_ball(200.0).faces == ()
    farther = scene(plain, far, things=(thing("ball", 200.0, 120.0, 120.0, near=20.0),))
    assert ignored(location.draw(farther)) == [False]


def test_what_is_held_before_a_face_hides_it(location: Location, plain: Head) -> None:
    for size, wanted in ((0.1, [False]), (1.7, [])):
        held = replace(plain, covers=(Cover("disc", (0.0, 0.0), size, 0.0, GREY, seed=1),))
        assert ignored(location.draw(scene(plain, person(held, 200, 120, 80)))) == wanted


# --- bodies and things


def test_a_body_goes_on_below_the_drawn_shoulders(location: Location, plain: Head) -> None:
    drawn = location.draw(scene(plain, person(plain, 200.0, 60.0, 30.0)))
    seen = drawn.image.max(axis=2) > 12
    for below in (1.2, 2.0, 3.0, 5.0):
        assert seen[round(60 + below * 30), 170:230].any(), below
    tilted = replace(plain, pose=replace(plain.pose, torso=(0.0, 0.0, 90.0)))
    lying = location.draw(scene(plain, person(tilted, 200.0, 120.0, 30.0))).image.max(axis=2) > 12
    # roll > 0: the top leans to the right, so the hips are to the left.
    assert lying[100:140, :140].any()
    assert not lying[:, 260:].any()


@pytest.mark.parametrize("kind", ["ball", "blob", "board", "trunk", "table"])
def test_a_thing_is_painted_where_it_is_said_to_be(location: Location, plain: Head, kind: ThingKind) -> None:
    empty = location.draw(scene(plain))
    drawn = location.draw(scene(plain, things=(thing(kind, 200.0, 200.0, 80.0, near=40.0),)))
    assert drawn.faces == ()
    changed = differs(drawn.image, empty.image)
    assert changed[215, 200]
    assert not changed[:140].any()


def test_a_panel_hangs_where_it_is_said_to(location: Location, plain: Head) -> None:
    picture = replace(plain.background, panorama=None)
    panel = Panel((100.0, 80.0), 60.0, 40.0, 0.0, picture, frame=(1.0, 0.0, 0.0), border=5.0)
    drawn = location.draw(scene(plain, panels=(panel,))).image
    rows, columns = np.nonzero(drawn.any(axis=2))
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == pytest.approx((65, 134, 55, 104), abs=1)
    assert drawn[57, 100].tolist() == [0, 0, 255]


# --- whole scenes


def test_the_same_scene_gives_the_same_pixels_whatever_was_drawn_before(assets: Assets, studio: Studio) -> None:
    catalogue = Catalogue.of(assets, studio.model)
    scenes = [sample_scene(catalogue, 4, number) for number in range(6)]
    one, other = Location(studio), Location(Studio(assets))
    forwards = [one.draw(item) for item in scenes]
    backwards = [other.draw(item) for item in reversed(scenes)][::-1]
    for item, first, second in zip(scenes, forwards, backwards, strict=True):
        assert first.image.shape == (item.height, item.width, 3)
        np.testing.assert_array_equal(first.image, second.image)
        assert first.faces == second.faces
        assert len(first.faces) <= len(item.people)
        for face in first.faces:
            assert 0 <= face.box.x1 < face.box.x2 <= item.width
            assert 0 <= face.box.y1 < face.box.y2 <= item.height
