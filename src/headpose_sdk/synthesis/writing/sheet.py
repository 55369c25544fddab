"""Contact sheets: the first pictures of a folder with their labels drawn in, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from headpose_sdk.drawing import AXIS_COLORS, OUTLINE_COLOR, axis_endpoints
from headpose_sdk.evaluation.datasets import FaceSample, PoseSample, read_faces, read_manifest
from headpose_sdk.images import read_image
from headpose_sdk.results import BoundingBox, HeadPose, Image

__all__ = ["contact_sheet", "scene_sheet"]

COLUMNS, ROWS = 10, 8
TILE = 192  # pixels
AXES = BoundingBox(8, TILE - 58, 58, TILE - 8)  # the corner of a tile that shows them, clear of the face
SCENE_COLUMNS, SCENE_ROWS = 6, 4
SCENE_TILE = 320
FACE_COLOR, IGNORED_COLOR = (0, 220, 0), (0, 140, 255)
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.42


def contact_sheet(root: Path) -> Image:
    """The first 80 pictures of the data set in ``root``, 10 a row, each as a tile (192, 192).

    Below left are the side (red), down (green) and front (blue) axis of the labelled rotation, above are yaw, pitch
    and roll in whole degrees.

    Raises:
        DatasetError: if ``root`` holds no readable manifest.
        InvalidImageError: if a picture cannot be read.
    """
    samples = read_manifest(root)[: COLUMNS * ROWS]
    return _grid([_tile(sample) for sample in samples], COLUMNS)


def scene_sheet(table: Path) -> Image:
    """The first 24 pictures of a CSV of face boxes, 6 a row, each in a tile (320, 320) with its boxes in green.

    Faces to be ignored are in orange.

    Raises:
        DatasetError: if ``table`` cannot be read.
        InvalidImageError: if a picture cannot be read.
    """
    samples = read_faces(table)[: SCENE_COLUMNS * SCENE_ROWS]
    return _grid([_scene_tile(sample) for sample in samples], SCENE_COLUMNS)


def _grid(tiles: Sequence[Image], columns: int) -> Image:
    """Tiles of one size in rows; places that are left over stay white."""
    rest = iter([*tiles, *[np.full_like(tiles[0], 255)] * (-len(tiles) % columns)])
    rows = [np.concatenate(row, axis=1) for row in iter(lambda: list(islice(rest, columns)), [])]
    return np.concatenate(rows)


def _scene_tile(sample: FaceSample) -> Image:
    """The picture as large as the tile allows, in its upper left corner."""
    image = read_image(sample.file)
    factor = SCENE_TILE / max(image.shape[:2])
    height, width = (max(1, round(side * factor)) for side in image.shape[:2])
    tile: Image = np.full((SCENE_TILE, SCENE_TILE, 3), 255, np.uint8)
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    tile[:height, :width] = cv2.resize(image, (width, height), interpolation=how)
    for face in sample.faces:
        corners = ((face.box.x1, face.box.y1), (face.box.x2, face.box.y2))
        start, end = (_whole((x * factor, y * factor)) for x, y in corners)
        cv2.rectangle(tile, start, end, IGNORED_COLOR if face.ignore else FACE_COLOR, 1)
    return tile


def _tile(sample: PoseSample) -> Image:
    crop = read_image(sample.file)
    tile: Image = np.asarray(cv2.resize(crop, (TILE, TILE), interpolation=cv2.INTER_CUBIC), np.uint8)
    yaw, pitch, roll = sample.angles
    pose = HeadPose(yaw, pitch, roll, 0.0, 0.0, 0.0, AXES, None)
    start = _whole(AXES.center)
    depths = pose.rotation[2] * (1, 1, -1)  # of the tips: the third column points to the back of the head
    for axis in np.argsort(-depths, kind="stable"):  # the farthest first: the nearest lies on top
        tip = _whole(axis_endpoints(pose)[axis])
        cv2.line(tile, start, tip, OUTLINE_COLOR, 4, cv2.LINE_AA)
        cv2.line(tile, start, tip, AXIS_COLORS[axis], 2, cv2.LINE_AA)
    text = f"{yaw:+z.0f}  {pitch:+z.0f}  {roll:+z.0f}"
    for color, width in ((OUTLINE_COLOR, 3), ((255, 255, 255), 1)):
        cv2.putText(tile, text, (5, 14), _FONT, _SCALE, color, width, cv2.LINE_AA)
    return tile


def _whole(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0]), round(point[1])
