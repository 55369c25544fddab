"""Where on the skin make-up and beard go: one picture over the skin's texture coordinates, made from the landmarks.

The average head tells where a texel lies; as all heads share the texture coordinates, the picture fits them all.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.parts import Texture
from headpose_sdk.synthesis.shape import HeadModel

__all__ = ["paint_map"]

_SIZE = 1024
_NEAR = 0.7  # decimetres from a landmark within which the skin can be painted


def paint_map(model: HeadModel) -> Texture:
    """BGRA (1024, 1024, 4): blue is blush, green eye shadow, red lips; alpha a beard, 255 at its heart to 0 outside."""
    face = model.average[model.landmarks].astype(np.float64)
    rows, columns, points = _texels(model, face)
    lips = _lips(points, face)
    painted = np.zeros((_SIZE, _SIZE, 4), np.uint8)
    layers = np.stack(
        [_blush(points, face), _eye_shadow(points, face), lips, _beard(points, face) * (1 - lips)], axis=1
    )
    painted[rows, columns] = np.rint(255 * np.clip(layers, 0, 1))
    return Texture("paint", painted)


def _texels(model: HeadModel, face: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """Rows, columns (T,) and places on the average head (T, 3) of the texels on the face and round it."""
    mesh = model.body
    corners = model.average[mesh.vertex[mesh.indices]].astype(np.float64)
    middles = corners.mean(1)
    near = (np.linalg.norm(middles[:, None] - face[None, ::4], axis=2) < _NEAR).any(1)
    rows, columns, points = [], [], []
    for triangle, corner in zip(mesh.uv[mesh.indices[near]].astype(np.float64) * _SIZE, corners[near], strict=True):
        # Half a texel more on every side, so that neighbours leave no gaps.
        left, top = np.floor(triangle.min(0) - 0.5).astype(int)
        right, bottom = np.ceil(triangle.max(0) + 0.5).astype(int)
        row, column = (grid.ravel() for grid in np.mgrid[top:bottom, left:right])
        sides = np.column_stack([triangle[1] - triangle[0], triangle[2] - triangle[0]])
        if abs(np.linalg.det(sides)) < 1e-9:
            continue
        shares = np.linalg.solve(sides, np.stack([column + 0.5, row + 0.5]) - triangle[0][:, None])
        shares = np.vstack([1 - shares.sum(0), shares])
        inside = shares.min(0) > -0.5 / max(right - left, bottom - top)
        inside &= (row >= 0) & (row < _SIZE) & (column >= 0) & (column < _SIZE)
        rows.append(row[inside])
        columns.append(column[inside])
        points.append(shares[:, inside].T @ corner)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(points)


def _lips(points: FloatArray, face: FloatArray) -> FloatArray:
    """Inside the outline of the lips, with a soft edge; not the mouth's inside behind it."""
    outline = face[48:60]
    edge = _distance(points[:, :2], np.vstack([outline, outline[:1]])[:, :2])
    depth = np.where(_inside(points[:, :2], outline[:, :2]), edge, -edge)
    lips: FloatArray = _rise(depth, -0.012, 0.015) * (points[:, 2] > outline[:, 2].min() - 0.2)
    return lips


def _eye_shadow(points: FloatArray, face: FloatArray) -> FloatArray:
    """On the upper lids and above them towards the brows, a little below the eyes."""
    shade = np.zeros(len(points))
    for lid in (face[36:40], face[42:46]):
        above = points[:, 1] > np.interp(points[:, 0], [lid[0, 0], lid[-1, 0]], [lid[0, 1], lid[-1, 1]])
        shade = np.maximum(shade, _rise(-_distance(points, lid), -0.17, -0.04) * np.where(above, 1.0, 0.35))
    return shade


def _blush(points: FloatArray, face: FloatArray) -> FloatArray:
    """On the cheeks, between eye, mouth and jaw."""
    cheeks = (face[[36, 48, 3]].mean(0), face[[45, 54, 13]].mean(0))
    distance = np.min([np.linalg.norm(points - cheek, axis=1) for cheek in cheeks], axis=0)
    blush: FloatArray = np.exp(-0.5 * (distance / 0.17) ** 2)
    return blush


def _beard(points: FloatArray, face: FloatArray) -> FloatArray:
    """1 on the jaw's line, the chin and the upper lip, falling off over the cheeks and the throat."""
    between = (face[31:36:2] + face[49:54:2]) / 2  # the middle of the upper lip, from right to left
    lines = (
        (face[1:16], 0.36),
        (np.vstack([face[48], between, face[54]]), 0.17),
        (face[[57, 8]], 0.30),
        (face[[48, 6]], 0.24),
        (face[[54, 10]], 0.24),
    )
    nearness = np.max([1 - _distance(points, line) / reach for line, reach in lines], axis=0)
    beard: FloatArray = np.clip(nearness, 0, 1)
    return beard


def _rise(values: FloatArray, low: float, high: float) -> FloatArray:
    """0 up to ``low``, 1 from ``high`` on, smooth in between."""
    at = np.clip((values - low) / (high - low), 0, 1)
    smooth: FloatArray = at * at * (3 - 2 * at)
    return smooth


def _distance(points: FloatArray, line: FloatArray) -> FloatArray:
    """From points (N, D) to the nearest point of a line of straight pieces through corners (M, D)."""
    nearest = np.full(len(points), np.inf)
    for start, end in pairwise(line):
        along = end - start
        share = np.clip((points - start) @ along / max(float(along @ along), 1e-12), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(points - start - share[:, None] * along, axis=1))
    return nearest


def _inside(points: FloatArray, polygon: FloatArray) -> NDArray[np.bool_]:
    """Whether points (N, 2) lie inside a polygon (M, 2), by counting the edges to their right."""
    x, y = points.T
    odd = np.zeros(len(points), bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (y1 > y) != (y2 > y)
        odd ^= crosses & (x < x1 + (y - y1) / np.where(crosses, y2 - y1, 1.0) * (x2 - x1))
    return odd
