"""Drawings and their labels: what is labelled is where it is drawn, and turns the way the convention says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Camera, Cover, Glasses, Hair, Head, Headwear, Mask
from headpose_sdk.synthesis.rendering.renderer import RENDER_SIZE
from headpose_sdk.synthesis.sampling.catalogue import Catalogue
from headpose_sdk.synthesis.sampling.sampler import sample_head
from headpose_sdk.synthesis.shape import HeadModel
from headpose_sdk.synthesis.studio import CROP_SIZE, PITCH_ZERO, Cutout, Studio

from .plain_head import plain_head, turned

NOSE_TIP, CHIN = 30, 8
JAW_ENDS = [0, 16]  # beside the ears: the image's left, then its right


@pytest.fixture(scope="module")
def assets(assets_folder: Path) -> Assets:
    return Assets(assets_folder)


@pytest.fixture(scope="module")
def model(assets: Assets) -> HeadModel:
    return HeadModel(assets)


@pytest.fixture(scope="module")
def studio(assets: Assets) -> Studio:
    return Studio(assets)


@pytest.fixture(scope="module")
def plain(assets: Assets) -> Head:
    return plain_head(assets)


@pytest.fixture(scope="module")
def sampled(assets: Assets, model: HeadModel) -> list[Head]:
    catalogue = Catalogue.of(assets, model)
    return [sample_head(catalogue, 11, number, poses="full") for number in range(12)]


# --- labels


def about(axis: int, degrees: float) -> FloatArray:
    """The three matrices that 300W-LP composes a pose of, as its authors write them."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(
        [[[1, 0, 0], [0, c, s], [0, -s, c]], [[c, 0, -s], [0, 1, 0], [s, 0, c]], [[c, s, 0], [-s, c, 0], [0, 0, 1]]][
            axis
        ]
    )


def to_sight(aside: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """The line of sight, and the shortest turn that takes the optical axis there, by way of two mirrors."""
    sight = np.array([np.tan(np.radians(aside[0])), np.tan(np.radians(aside[1])), -1.0])
    sight /= np.linalg.norm(sight)
    axis = np.array([0.0, 0.0, -1.0])
    half_way = (axis + sight) / np.linalg.norm(axis + sight)
    mirror = np.eye(3) - 2 * np.outer(half_way, half_way)
    return sight, mirror @ (np.eye(3) - 2 * np.outer(axis, axis))


def reprojected(model: HeadModel, head: Head) -> FloatArray:
    """The 68 points by a pinhole camera and the label's matrix alone."""
    at_rest = model.shaped(head.shape)
    vertices = model.expressed(at_rest, head.expression)
    label = about(0, head.pose.pitch) @ about(1, head.pose.yaw) @ about(2, head.pose.roll)
    sight, turn_to_sight = to_sight(head.camera.aside)
    zeroed = about(0, PITCH_ZERO) @ model.tilt(at_rest).T
    turn = turn_to_sight @ label @ zeroed
    yaw, pitch, roll = head.pose.torso
    torso = turn_to_sight @ about(0, pitch) @ about(1, yaw) @ about(2, roll) @ model.tilt(at_rest).T

    pivot = model.pivot(vertices)
    points = (vertices[model.landmarks] - pivot) @ turn.T + pivot
    face = model.skin(vertices[model.face_box], model.neck_weight[model.face_box], pivot, torso, turn)
    shift = head.camera.distance * sight - (face.min(0) + face.max(0)) / 2

    def seen(places: FloatArray) -> FloatArray:
        x, y, z = (places + shift).T
        return np.stack([x / -z, -y / -z], axis=1)

    low, high = seen(face).min(0), seen(face).max(0)
    side = 1.4 * (high - low).max()
    pixels: FloatArray = (seen(points) - (low + high) / 2 + side / 2) / side * CROP_SIZE
    return pixels


def test_the_label_re_projects_all_points_to_a_tenth_of_a_pixel(
    studio: Studio, model: HeadModel, sampled: list[Head]
) -> None:
    assert (model.neck_weight[model.landmarks] == 1).all()
    assert any(head.camera.aside != (0.0, 0.0) for head in sampled)
    for head in sampled:
        np.testing.assert_allclose(studio.draw(head).landmarks, reprojected(model, head), atol=0.1)


def test_the_box_holds_the_face_in_the_middle_of_the_crop(studio: Studio, sampled: list[Head]) -> None:
    for head in sampled:
        x1, y1, x2, y2 = studio.draw(head).box
        assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((CROP_SIZE / 2, CROP_SIZE / 2), abs=0.01)
        assert max(x2 - x1, y2 - y1) == pytest.approx(CROP_SIZE / 1.4, abs=0.01)


def cutout(studio: Studio, head: Head, margin: float = 2.0) -> Cutout:
    return studio.cutout(head, margin)


def test_a_profile_is_drawn_where_its_label_says(studio: Studio, plain: Head) -> None:
    """The outline before the ear ends at the nose: no other point of the face comes as far."""
    for yaw, outermost in ((90.0, min), (-90.0, max)):
        drawn = cutout(studio, replace(plain, pose=turned(yaw=yaw)))
        x, y = drawn.landmarks[NOSE_TIP]
        rows = drawn.picture.image[int(y) - 6 : int(y) + 7, :, 3]
        columns = np.flatnonzero(rows.any(0)) + 0.5
        assert outermost(columns) == pytest.approx(x, abs=1.5)  # of a picture of 256 pixels


def test_points_lie_on_the_drawn_surface(studio: Studio, plain: Head) -> None:
    for yaw in (-40.0, 0.0, 40.0):
        drawn = cutout(studio, replace(plain, pose=turned(yaw=yaw)))
        assert drawn.seen.mean() > 0.6
        column, row = drawn.face[drawn.seen].astype(int).T
        assert (drawn.picture.image[row, column, 3] > 0).mean() > 0.9  # the others lie on the outline


# --- signs, on what is drawn


def nearest(drawn: Cutout) -> FloatArray:
    """The pixel that comes nearest to the camera: from the front the tip of the nose."""
    row, column = np.unravel_index(int(drawn.picture.depth.argmin()), drawn.picture.depth.shape)
    return np.array([column, row], np.float64) + 0.5


def outline(drawn: Cutout, rows: slice) -> FloatArray:
    """Leftmost and rightmost covered pixels of some rows."""
    columns = np.flatnonzero(drawn.picture.image[rows, :, 3].any(0))
    return np.array([columns.min(), columns.max()], np.float64)


def test_yaw_turns_the_nose_to_the_left_edge(studio: Studio, plain: Head) -> None:
    def nose_from_the_middle(yaw: float) -> float:
        drawn = cutout(studio, replace(plain, pose=turned(yaw=yaw)))
        x, y = nearest(drawn)
        left, right = outline(drawn, slice(int(y) - 20, int(y)))
        return float((x - (left + right) / 2) / (right - left))

    assert abs(nose_from_the_middle(0.0)) < 0.04
    assert nose_from_the_middle(30.0) < -0.15
    assert nose_from_the_middle(-30.0) > 0.15


def test_pitch_lifts_the_nose_over_the_ears(studio: Studio, plain: Head) -> None:
    def nose_below_the_ears(pitch: float) -> float:
        drawn = cutout(studio, replace(plain, pose=turned(pitch=pitch)))
        ears = drawn.landmarks[JAW_ENDS, 1].mean()
        # The label's nose is the one that is drawn.
        x, y = drawn.landmarks[NOSE_TIP].astype(int)
        around = drawn.picture.depth[y - 25 : y + 26, x - 12 : x + 13]
        assert drawn.picture.depth[y, x] < np.median(around)
        return float(drawn.landmarks[NOSE_TIP, 1] - ears)

    assert nose_below_the_ears(25.0) < nose_below_the_ears(0.0) - 10
    assert nose_below_the_ears(-25.0) > nose_below_the_ears(0.0) + 10


def test_roll_leans_the_crown_to_the_right_edge(studio: Studio, plain: Head) -> None:
    def crown_from_the_chin(roll: float) -> float:
        drawn = cutout(studio, replace(plain, pose=turned(roll=roll)))
        top = int(np.flatnonzero(drawn.picture.image[..., 3].any(1))[0])
        crown = float(np.flatnonzero(drawn.picture.image[top, :, 3]).mean())
        return crown - float(drawn.landmarks[CHIN, 0])

    assert abs(crown_from_the_chin(0.0)) < 4
    assert crown_from_the_chin(25.0) > 25
    assert crown_from_the_chin(-25.0) < -25


def test_the_zero_of_pitch_makes_the_mesh_look_up(studio: Studio, plain: Head, model: HeadModel) -> None:
    """At pitch 0 the average head's own forward direction, where its mesh looks, points that much above the camera."""
    vertices = model.average[model.landmarks].astype(np.float64)
    camera = replace(plain, camera=Camera(1000.0, (0.0, 0.0)))  # so far away that sizes on the picture are lengths
    flat = vertices[:, 1] * np.cos(np.radians(PITCH_ZERO)) + vertices[:, 2] * np.sin(np.radians(PITCH_ZERO))
    drawn = -studio.draw(camera).landmarks[:, 1]
    slope, _ = np.polyfit(flat, drawn, 1)
    np.testing.assert_allclose(drawn - drawn.mean(), slope * (flat - flat.mean()), atol=0.1)


def test_a_shape_that_looks_up_by_itself_is_not_labelled_so(studio: Studio, plain: Head, model: HeadModel) -> None:
    person = replace(plain.shape, races=(1.0, 0.0, 0.0), ages=(0.0, 0.0, 1.0))
    tilt = model.tilt(model.shaped(person))
    assert np.degrees(np.arccos((np.trace(tilt) - 1) / 2)) > 0.3
    # What the tilt is taken out of matches the average head again, in the least squares of the face.
    drawn, average = (
        studio.draw(replace(plain, shape=shape, camera=Camera(1000.0, (0.0, 0.0)))).landmarks
        for shape in (person, plain.shape)
    )
    vertical = (drawn - average)[:, 1]
    depth = model.average[model.landmarks, 2].astype(np.float64)
    assert abs(np.polyfit(depth - depth.mean(), vertical, 1)[0]) < 6  # pixels a decimetre: 6 are five degrees


# --- what hides the face, and what is worn


def test_visible_is_what_the_picture_shows_of_the_face(studio: Studio, plain: Head) -> None:
    def visible(**changes: object) -> float:
        return studio.draw(replace(plain, **changes)).visible  # type: ignore[arg-type]

    bare = visible()
    assert bare > 0.8
    assert 0.25 < visible(pose=turned(yaw=90)) < 0.7
    assert visible(pose=turned(yaw=180)) < 0.03
    assert visible(mask=Mask((0.5,) * 3, (0.5,) * 3, stripes=0.0, top=0.25, thickness=0.08)) < bare - 0.15
    assert (
        visible(glasses=Glasses("round", 1.0, 0.0, (0.0,) * 3, (0.0,) * 3, darkness=1.0, reflection=0.0)) > bare - 0.2
    )
    disc = Cover("disc", (0.0, 0.2), 0.8, 0.0, (0.1, 0.1, 0.1), seed=1)
    assert visible(covers=(disc,)) < bare - 0.2


def test_wears_says_what_can_be_seen(studio: Studio, plain: Head, assets: Assets) -> None:
    def wears(**changes: object) -> tuple[str, ...]:
        return studio.draw(replace(plain, **changes)).wears  # type: ignore[arg-type]

    assert wears() == ()
    glasses = Glasses("oval", 1.0, 0.0, (0.0,) * 3, (0.0,) * 3, darkness=0.0, reflection=0.0)
    hood = Headwear("hood", None, (0.2,) * 3, (0.2,) * 3, stripes=0.0, thickness=0.1, edge=0.6)
    assert wears(glasses=glasses, headwear=hood) == ("glasses", "hood")
    hat = replace(hood, kind=assets.hats[0], texture=assets.textures_of(assets.hats[0])[0])
    mask = Mask((0.5,) * 3, (0.5,) * 3, stripes=0.0, top=0.25, thickness=0.08)
    assert wears(headwear=hat, mask=mask) == ("mask", "hat")
    hand = Cover("hand", (0.4, 0.4), 0.8, 0.0, (0.5, 0.3, 0.2), seed=1)
    assert wears(face=replace(plain.face, beard=0.5), covers=(hand,)) == ("beard", "hand")


# --- the picture


def test_the_same_head_gives_the_same_picture_whatever_was_drawn_before(
    assets: Assets, studio: Studio, sampled: list[Head]
) -> None:
    other = Studio(assets)
    forwards = [studio.draw(head).crop for head in sampled]
    backwards = [other.draw(head).crop for head in reversed(sampled)]
    np.testing.assert_array_equal(forwards, backwards[::-1])


def test_a_crop_is_a_picture_as_the_sdk_takes_it(studio: Studio, plain: Head) -> None:
    once = studio.draw(plain)
    assert once.crop.shape == (CROP_SIZE, CROP_SIZE, 3)
    assert once.crop.dtype == np.uint8


def test_hair_and_skin_have_the_colours_that_were_chosen(studio: Studio, plain: Head, assets: Assets) -> None:
    def mean_colour(head: Head, area: tuple[slice, slice]) -> FloatArray:
        return studio.draw(head).crop[area].reshape(-1, 3).mean(0)

    cheek = (slice(66, 74), slice(50, 78))
    red = mean_colour(replace(plain, face=replace(plain.face, tint=(1.0, 0.2, 0.2))), cheek)
    usual = mean_colour(plain, cheek)
    assert red[1] < 0.7 * usual[1]
    behind = replace(plain, pose=turned(yaw=180), hair=Hair(assets.hair[-1], (0.5, 0.02, 0.02), (0.0,) * 3, 1.0))
    blue, green, red_of_hair = mean_colour(behind, (slice(40, 60), slice(45, 83)))
    assert red_of_hair > 2 * max(blue, green)


def test_a_wider_cutout_shows_the_shoulders(studio: Studio, plain: Head) -> None:
    narrow, wide = cutout(studio, plain, 1.4), cutout(studio, plain, 3.0)
    assert wide.picture.image.shape == (RENDER_SIZE, RENDER_SIZE, 4)
    face = narrow.face.max(0) - narrow.face.min(0)
    np.testing.assert_allclose((wide.face.max(0) - wide.face.min(0)) * 3.0 / 1.4, face, rtol=1e-6)
    left, right = outline(wide, slice(220, 256))
    assert right - left > 1.3 * (wide.face[:, 0].max() - wide.face[:, 0].min())


def test_a_larger_cutout_is_the_same_in_more_pixels(studio: Studio, plain: Head) -> None:
    small, large = studio.cutout(plain, 2.0, 128), studio.cutout(plain, 2.0, 512)
    assert large.picture.image.shape == (512, 512, 4)
    np.testing.assert_allclose(small.face * 4, large.face, atol=1e-6)
    assert small.seen.mean() == pytest.approx(large.seen.mean(), abs=0.08)
    reduced = large.picture.image[..., 3].reshape(128, 4, 128, 4).mean((1, 3))
    assert np.abs(reduced - small.picture.image[..., 3]).mean() < 4
