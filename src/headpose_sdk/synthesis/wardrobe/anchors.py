"""Places on the skin that go with every head: found once on the average head, where a ray leaves it.

Rest coordinates, here and in the rooms above: decimetres from the middle between the eyes of the unposed head, x to the
person's left, y up, z to the front. Planes that cut cloth are written in them, and the shaders see them.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.mesh import Indices, Mesh, Points

__all__ = ["Anchors", "Body", "barycentric", "middle_of_eyes"]

_RAYS_AT_ONCE = 64


class Body(Protocol):
    """What things to wear need to know of the body: a ``HeadModel`` has it all."""

    body: Mesh
    average: Points
    neck_weight: NDArray[np.float32]
    landmarks: Indices

    def joint(self, vertices: Points, name: str) -> NDArray[np.float32]: ...

    def eyes(self, vertices: Points) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...


def middle_of_eyes(body: Body, vertices: Points) -> NDArray[np.float32]:
    """The origin (3,) of rest coordinates on a head with ``vertices`` (V, 3)."""
    left, right = body.eyes(vertices)
    middle: NDArray[np.float32] = (left + right) * np.float32(0.5)
    return middle


def barycentric(corners: Indices, weights: ArrayLike, vertex_count: int) -> sparse.csr_matrix:
    """The sparse matrix (N, V) that takes values of V vertices to sums over three of them: ``weights`` (N, 3) times
    those of the vertices ``corners`` (N, 3)."""
    rows = np.arange(0, corners.size + 1, 3)
    return sparse.csr_matrix(
        (np.asarray(weights, np.float32).ravel(), corners.ravel(), rows), shape=(len(corners), vertex_count)
    )


class Anchors:
    """N places on the skin, each tied to the three corners of a triangle.

    Each is where a ray leaves the average head for the last time, so that an ear counts and what is inside the mouth
    does not. ``origins`` (N, 3) and ``directions`` (N, 3) are in rest coordinates. A ray that meets no skin, below an
    open edge, takes the vertex that it passes nearest to.
    """

    def __init__(self, body: Body, origins: ArrayLike, directions: ArrayLike) -> None:
        average = body.average.astype(np.float64)
        start = np.asarray(origins, np.float64) + middle_of_eyes(body, body.average)
        unit = np.asarray(directions, np.float64)
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        used = body.body.used
        corners, weights = [], []
        for first in range(0, len(start), _RAYS_AT_ONCE):
            rays = slice(first, first + _RAYS_AT_ONCE)
            triangles, shares = _last_hits(average[body.body.triangles], start[rays], unit[rays])
            found = body.body.triangles[triangles]
            missed = triangles < 0
            found[missed] = used[_nearest(average[used], start[rays][missed], unit[rays][missed])][:, None]
            corners.append(found)
            weights.append(shares)
        self._matrix = barycentric(np.concatenate(corners), np.concatenate(weights), len(average))

    def on(self, vertices: Points) -> Points:
        """The places (N, 3) on a head with ``vertices`` (V, 3)."""
        places: Points = self._matrix @ vertices
        return places

    def blend(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """A number of each of the body's vertices (V,), at the places (N,)."""
        blended: NDArray[np.float32] = self._matrix @ values
        return blended


def _last_hits(corners: FloatArray, start: FloatArray, unit: FloatArray) -> tuple[Indices, FloatArray]:
    """For each ray the furthest triangle of ``corners`` (T, 3, 3) that it meets, or -1, and the corners' shares (N, 3).

    The shares of a ray that meets none are thirds.
    """
    middles = corners.mean(axis=1)
    reach = np.linalg.norm(corners - middles[:, None], axis=2).max(axis=1)
    to_middles = middles - start[:, None]
    along = np.einsum("ntk,nk->nt", to_middles, unit)
    beside = np.einsum("ntk,ntk->nt", to_middles, to_middles) - along**2
    ray, triangle = np.nonzero((beside <= reach**2 * (1 + 1e-9)) & (along > -reach))

    # Moeller and Trumbore's intersection, for the pairs of a ray and a triangle that come near each other.
    a, b, c = (corners[triangle, k] for k in range(3))
    across = np.cross(unit[ray], c - a)
    determinant = np.einsum("pk,pk->p", b - a, across)
    determinant[np.abs(determinant) < 1e-12] = np.inf  # it runs along the triangle's plane
    offset = start[ray] - a
    other = np.cross(offset, b - a)
    second = np.einsum("pk,pk->p", offset, across) / determinant
    third = np.einsum("pk,pk->p", unit[ray], other) / determinant
    distance = np.einsum("pk,pk->p", c - a, other) / determinant
    # A ray through an edge must not slip between the two triangles.
    meets = (second > -1e-7) & (third > -1e-7) & (second + third < 1 + 1e-7) & (distance > 0)

    triangles, shares = np.full(len(start), -1, np.int64), np.full((len(start), 3), 1 / 3)
    order = np.flatnonzero(meets)[np.argsort(distance[meets])]  # the furthest is written last
    triangles[ray[order]] = triangle[order]
    shares[ray[order]] = np.stack([1 - second - third, second, third], axis=1)[order]
    return triangles, shares


def _nearest(points: FloatArray, start: FloatArray, unit: FloatArray) -> Indices:
    """The point (P, 3) before each ray's start that the ray passes nearest to."""
    to_points = points - start[:, None]
    along = np.einsum("npk,nk->np", to_points, unit)
    beside = np.einsum("npk,npk->np", to_points, to_points) - along**2
    beside[along < 0] = np.inf
    nearest: Indices = np.argmin(beside, axis=1)
    return nearest
