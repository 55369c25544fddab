"""The contact sheet shows the right crops with the right axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.drawing import AXIS_COLORS
from headpose_sdk.images import write_image
from headpose_sdk.results import Image
from headpose_sdk.synthesis.writing.sheet import (
    AXES,
    FACE_COLOR,
    IGNORED_COLOR,
    SCENE_TILE,
    TILE,
    contact_sheet,
    scene_sheet,
)


def data_set(folder: Path, *poses: tuple[float, float, float]) -> Path:
    """Crops of one grey each, the first of level 100, each next one a level lighter."""
    rows = ["file,yaw,pitch,roll"]
    for number, pose in enumerate(poses):
        write_image(folder / f"{number}.png", np.full((128, 128, 3), 100 + number, np.uint8))
        rows.append(f"{number}.png,{','.join(map(str, pose))}")
    (folder / "manifest.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def drawn(tile: Image, axis: int) -> tuple[float, float]:
    """Where an axis lies on the whole, right and down of its start, in pixels."""
    y, x = np.nonzero((tile == AXIS_COLORS[axis]).all(axis=2))
    return float(x.mean() - AXES.center[0]), float(y.mean() - AXES.center[1])


def test_the_first_eighty_stand_in_rows_of_ten(tmp_path: Path) -> None:
    sheet = contact_sheet(data_set(tmp_path, *[(0, 0, 0)] * 81))
    assert sheet.shape == (8 * TILE, 10 * TILE, 3)
    middles = sheet[TILE // 2 :: TILE, TILE // 2 :: TILE]
    assert middles.tolist() == [[[100 + 10 * row + column] * 3 for column in range(10)] for row in range(8)]


def test_places_without_a_crop_stay_white(tmp_path: Path) -> None:
    sheet = contact_sheet(data_set(tmp_path, *[(0, 0, 0)] * 11))
    assert sheet.shape == (2 * TILE, 10 * TILE, 3)
    assert (sheet[TILE:, TILE:] == 255).all()


@pytest.mark.parametrize(
    ("pose", "axis", "right", "down"),
    [
        ((60, 0, 0), 2, -1, 0),  # yaw > 0: the face turns towards the left edge
        ((0, 50, 0), 2, 0, -1),  # pitch > 0: it looks up
        ((0, 0, 40), 1, -1, 1),  # roll > 0: the top leans to the right, so the chin goes left
        ((0, 0, 0), 0, 1, 0),
        ((0, 0, 0), 1, 0, 1),
        ((120, 0, 0), 2, -1, 0),  # from behind: still to the left
        ((120, 0, 0), 0, -1, 0),  # and the sides have changed
    ],
)
def test_axes_point_where_the_label_says(
    pose: tuple[float, float, float], axis: int, right: int, down: int, tmp_path: Path
) -> None:
    x, y = drawn(contact_sheet(data_set(tmp_path, pose))[:TILE, :TILE], axis)
    for value, sign in ((x, right), (y, down)):
        assert abs(value) < 1.5 if sign == 0 else value * sign > 4


def test_the_numbers_are_the_labels(tmp_path: Path) -> None:
    """Same numbers, same letters; another yaw, others; and nothing of the face is covered."""
    sheet = contact_sheet(data_set(tmp_path, (12, -3, 4), (12.2, -3.3, 3.9), (13, -3, 4)))
    first, second, third = ((sheet[:20, x : x + TILE] > 200) for x in (0, TILE, 2 * TILE))
    assert first.any()
    assert (first == second).all()
    assert (first != third).any()
    assert (sheet[24 : TILE - 64, :TILE] == 100).all()


def test_scenes_keep_their_shape_and_show_their_boxes(tmp_path: Path) -> None:
    """A picture twice a tile's size, and so wide that it fills the upper half of the tile; the rest stays white."""
    write_image(tmp_path / "wide.png", np.full((SCENE_TILE, 2 * SCENE_TILE, 3), 100, np.uint8))
    rows = ["file,x1,y1,x2,y2,ignore", "wide.png,20,40,100,140,0", "wide.png,200,60,240,120,1"]
    (tmp_path / "faces.csv").write_text("\n".join(rows), encoding="utf-8")
    sheet = scene_sheet(tmp_path / "faces.csv")
    assert sheet.shape == (SCENE_TILE, 6 * SCENE_TILE, 3)
    assert (sheet[SCENE_TILE // 2 :] == 255).all()
    for color, box in ((FACE_COLOR, (10, 20, 50, 70)), (IGNORED_COLOR, (100, 30, 120, 60))):
        y, x = np.nonzero((sheet == color).all(axis=2))
        assert (x.min(), y.min(), x.max(), y.max()) == box


def test_twenty_four_scenes_stand_in_rows_of_six(tmp_path: Path) -> None:
    rows = ["file,x1,y1,x2,y2,ignore"]
    for number in range(25):
        write_image(tmp_path / f"{number}.png", np.full((40, 40, 3), 100 + number, np.uint8))
        rows.append(f"{number}.png,,,,,")
    (tmp_path / "faces.csv").write_text("\n".join(rows), encoding="utf-8")
    sheet = scene_sheet(tmp_path / "faces.csv")
    middles = sheet[SCENE_TILE // 2 :: SCENE_TILE, SCENE_TILE // 2 :: SCENE_TILE, 0]
    assert middles.tolist() == [[100 + 6 * row + column for column in range(6)] for row in range(4)]
