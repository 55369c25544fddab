"""The drawn axes are the predicted matrix; labels and boxes stay within any picture."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headpose_sdk.drawing import AXIS_COLORS, axis_endpoints, draw_poses
from headpose_sdk.errors import InvalidImageError
from headpose_sdk.results import BoundingBox, HeadPose, Image
from headpose_sdk.rotation import FloatArray

SIDE, DOWN, FRONT = 0, 1, 2
angles = st.floats(-90, 90)


def make_pose(yaw: float = 0, pitch: float = 0, roll: float = 0, box: Any = (150, 100, 250, 220)) -> HeadPose:
    return HeadPose(yaw, pitch, roll, 1, 1, 1, BoundingBox(*box), 0.9)


def grey_image(height: int = 320, width: int = 400) -> Image:
    return np.full((height, width, 3), 128, np.uint8)


def pixels_of_color_near(image: Image, color: tuple[int, int, int], point: FloatArray, radius: int = 3) -> int:
    x, y = np.rint(point).astype(int)
    patch = image[y - radius : y + radius + 1, x - radius : x + radius + 1].astype(int)
    return int(np.all(np.abs(patch - color) < 30, axis=-1).sum())


def changed_area(before: Image, after: Image) -> tuple[int, int, int, int]:
    """The smallest x1, y1, x2, y2 (exclusive) that holds every changed pixel."""
    rows, columns = np.nonzero(np.any(before != after, axis=-1))
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@given(angles, angles, angles)
def test_tips_are_the_first_two_rows_of_the_rotation(yaw: float, pitch: float, roll: float) -> None:
    pose = make_pose(yaw, pitch, roll)
    tips = axis_endpoints(pose)
    length = 0.6 * 120
    rotation = pose.rotation
    np.testing.assert_allclose(tips[SIDE], (200, 160) + length * rotation[:2, 0], atol=1e-9)
    np.testing.assert_allclose(tips[DOWN], (200, 160) + length * rotation[:2, 1], atol=1e-9)
    np.testing.assert_allclose(tips[FRONT], (200, 160) - length * rotation[:2, 2], atol=1e-9)


def test_tips_of_a_frontal_face() -> None:
    np.testing.assert_allclose(axis_endpoints(make_pose()), [[272, 160], [200, 232], [200, 160]])


def test_the_front_axis_points_where_the_signs_say() -> None:
    assert axis_endpoints(make_pose(yaw=30))[FRONT, 0] < 200  # towards the left edge
    assert axis_endpoints(make_pose(pitch=30))[FRONT, 1] < 160  # up
    assert axis_endpoints(make_pose(roll=30))[DOWN, 0] < 200  # the chin goes left when the top goes right


@pytest.mark.parametrize(
    "pose",
    [
        make_pose(),
        make_pose(40, 20, -15),
        make_pose(-40, -25, 30),
        make_pose(75, 10, 5),
        make_pose(-20, 35, -40),
    ],
    ids=lambda pose: f"{pose.yaw},{pose.pitch},{pose.roll}",
)
def test_picture_is_red_green_and_blue_at_the_tips(pose: HeadPose) -> None:
    drawn = draw_poses(grey_image(), [pose])
    for tip, color in zip(axis_endpoints(pose), AXIS_COLORS, strict=True):
        assert pixels_of_color_near(drawn, color, tip) >= 9


def test_axis_colors_are_red_green_and_blue_in_bgr() -> None:
    assert [int(np.argmax(color)) for color in AXIS_COLORS] == [2, 1, 0]


def test_the_nearest_axis_lies_on_top() -> None:
    # At the centre all three meet, so the axis drawn last is the one seen there.
    centre = np.array([200.0, 160.0])
    frontal, side_towards_camera, side_away = make_pose(), make_pose(yaw=80), make_pose(yaw=-80)
    assert side_towards_camera.rotation[2, 0] < 0 < side_away.rotation[2, 0]
    for pose, seen, hidden in (
        (frontal, FRONT, SIDE),
        (side_towards_camera, SIDE, FRONT),
        (side_away, FRONT, SIDE),
    ):
        drawn = draw_poses(grey_image(), [pose])
        assert pixels_of_color_near(drawn, AXIS_COLORS[seen], centre, radius=1) >= 6
        assert pixels_of_color_near(drawn, AXIS_COLORS[hidden], centre, radius=1) == 0


def test_drawing_happens_on_a_copy() -> None:
    image = grey_image()
    drawn = draw_poses(image, [make_pose()])
    assert np.all(image == 128)
    assert not np.shares_memory(image, drawn)
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8


def test_no_poses_give_an_unchanged_copy() -> None:
    image = grey_image()
    drawn = draw_poses(image, [])
    np.testing.assert_array_equal(drawn, image)
    assert not np.shares_memory(image, drawn)


def test_any_iterable_of_poses_will_do() -> None:
    poses = [make_pose(10), make_pose(20, box=(10, 10, 60, 80))]
    np.testing.assert_array_equal(draw_poses(grey_image(), iter(poses)), draw_poses(grey_image(), poses))


def test_read_only_and_reversed_views_are_fine() -> None:
    rgb = grey_image()
    rgb[..., 0] = 60
    rgb.flags.writeable = False
    view = rgb[..., ::-1]
    drawn = draw_poses(view, [make_pose()])
    np.testing.assert_array_equal(drawn, draw_poses(np.ascontiguousarray(view), [make_pose()]))
    assert tuple(drawn[0, 0]) == (128, 128, 60)


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (None, "is None"),
        (np.zeros((0, 5, 3), np.uint8), "is empty"),
        (np.zeros((10, 10), np.uint8), "is grey"),
        (np.zeros((10, 10, 4), np.uint8), "alpha"),
        (np.zeros((10, 10, 3), np.float32), "float32"),
    ],
)
def test_what_is_not_a_picture_is_refused(image: Any, told: str) -> None:
    with pytest.raises(InvalidImageError, match=f"image .*{told}"):
        draw_poses(image, [make_pose()])


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3, 3), (1, 500, 3), (300, 1, 3)])
@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 1, 1),
        (0, 0, 0.001, 0.001),
        (-50, -50, 50, 50),
        (-9, -9, -1, -1),
        (9e8, 9e8, 1e9, 1e9),
        (-1e9, -1e9, 1e9, 1e9),
    ],
)
def test_tiny_pictures_and_wild_boxes_do_no_harm(shape: tuple[int, ...], box: tuple[float, ...]) -> None:
    drawn = draw_poses(np.zeros(shape, np.uint8), [make_pose(10, 20, 30, box)])
    assert drawn.shape == shape


@pytest.mark.parametrize(
    "box",
    [(-80, -60, 20, 60), (380, 280, 480, 400), (150, -90, 250, 30), (500, 400, 600, 520), (-9e3, -9e3, 9e3, 9e3)],
)
def test_the_label_stays_whole_inside_the_picture(box: tuple[float, ...]) -> None:
    small = make_pose(-12, 5, 3, box)
    drawn = draw_poses(grey_image(), [small])
    plate = np.all(np.abs(drawn.astype(int) - 56) < 3, axis=-1)  # 30 % of the grey and 70 % of near black
    rows, columns = np.nonzero(plate)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    letters = np.all(drawn[rows.min() : rows.max(), columns.min() : columns.max()] > 200, axis=-1)
    assert height >= 12
    assert width >= 40
    assert letters.sum() > 60


@pytest.mark.parametrize(("side", "letter_height"), [(100, 6), (400, 6), (6000, 40)])
def test_letters_grow_with_the_picture(side: int, letter_height: int) -> None:
    # A face wholly outside leaves nothing but the label to look at.
    image = grey_image(side, side)
    pose = make_pose(-12, 5, 3, (side + 20, side // 2, side + 60, side // 2 + 50))
    x1, y1, x2, y2 = changed_area(image, draw_poses(image, [pose]))
    assert (y2 - y1) / 3 >= letter_height  # three lines at most
    assert x2 - x1 <= 0.9 * side


def test_a_big_face_in_a_big_photo_costs_little_memory() -> None:
    image = np.full((3000, 4000, 3), 128, np.uint8)
    pose = make_pose(-12, 5, 3, (500, 100, 3300, 2900))
    tracemalloc.start()
    try:
        draw_poses(image, [pose])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < image.nbytes + 40e6  # the copy that is drawn on, and the label


def test_labels_hide_no_face_where_there_is_room() -> None:
    image = grey_image(480, 640)
    boxes = [(100, 200, 180, 290), (180, 200, 260, 290), (100, 100, 180, 190)]
    with_labels = draw_poses(image, [make_pose(5, 5, 5, box) for box in boxes])
    plate = np.all(np.abs(with_labels.astype(int) - 56) < 3, axis=-1)
    assert plate.sum() > 1000
    for x1, y1, x2, y2 in boxes:
        assert plate[y1 + 3 : y2 - 3, x1 + 3 : x2 - 3].sum() < 20  # nothing but antialiased outline


def test_different_numbers_give_different_labels() -> None:
    # Outside the picture no axis is seen, so the pictures differ by the text alone.
    outside = (500, 100, 600, 220)
    plus = draw_poses(grey_image(), [make_pose(12, 5, 3, outside)])
    minus = draw_poses(grey_image(), [make_pose(-12, 5, 3, outside)])
    almost_zero = draw_poses(grey_image(), [make_pose(-0.2, 5, 3, outside)])
    zero = draw_poses(grey_image(), [make_pose(0, 5, 3, outside)])
    assert np.any(plus != minus)
    np.testing.assert_array_equal(almost_zero, zero)  # never "-0"


def test_a_name_makes_room_for_itself_on_the_label() -> None:
    image, poses = grey_image(), [make_pose()]
    plain, named = (np.any(draw_poses(image, poses, names) != image, axis=-1).sum() for names in (None, ["#12"]))
    assert named > plain + 50
    with pytest.raises(ValueError, match="zip"):
        draw_poses(image, poses, names=[])
