"""Wire, cord and bows: tubes along a path."""

from __future__ import annotations

import numpy as np

from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.mesh import Indices, Points
from headpose_sdk.synthesis.wardrobe.cloth import grid_triangles

__all__ = ["SIDES", "tube", "tube_triangles"]

SIDES = 5
"""Corners of a tube's cross section."""


def tube(path: Points | FloatArray, radius: float, *, closed: bool = False) -> Points:
    """The surface (SIDES * P, 3) of a tube along a ``path`` (P, 3), ring by ring; ``closed`` joins its ends."""
    path = np.asarray(path, np.float32)
    around = np.concatenate([path[-1:], path, path[:1]] if closed else [path[:1], path, path[-1:]])
    along = around[2:] - around[:-2]
    # Any direction will do to begin with that no path here runs along.
    first = np.cross(along, np.array([0.3, 0.1, 0.9], np.float32))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(along, first)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    angles = np.arange(SIDES, dtype=np.float32) * np.float32(2 * np.pi / SIDES)
    ring = np.cos(angles)[:, None] * first[:, None] + np.sin(angles)[:, None] * second[:, None]
    surface: Points = (path[:, None] + np.float32(radius) * ring).reshape(-1, 3)
    return surface


def tube_triangles(length: int, *, closed: bool = False) -> Indices:
    """The triangles (T, 3) of a tube along a path of that many points, anticlockwise from outside."""
    rings = np.arange(length * SIDES).reshape(length, SIDES)
    if closed:
        rings = np.concatenate([rings, rings[:1]])
    corners = grid_triangles(len(rings), SIDES, closed=True)
    # The grid's columns run the other way round than the rings' corners.
    triangles: Indices = rings.ravel()[corners[:, ::-1]]
    return triangles
