"""Cloth that lies around the head: a grid of places on the skin, stretched over the hollows and pushed outwards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.mesh import Indices, Mesh, Points, fan
from headpose_sdk.synthesis.wardrobe.anchors import Anchors, Body

__all__ = ["Sheet", "bare_mesh", "directions", "grid_triangles"]


class Sheet:
    """A sheet of N places where rays leave the head, and as stiff as cloth.

    ``origins`` (N, 3), ``directions`` (N, 3) and ``triangles`` (T, 3) of them, anticlockwise from outside, are given on
    the average head, as :class:`Anchors` takes them. ``tautness`` is how many times each place is lifted along its ray
    to the level of its neighbours, where it lies in a hollow between them.

    Attributes:
        mesh: the triangles to draw. It has no texture.
        neck_weight: (N,) float32, 0 moves with the torso, 1 with the head.
    """

    def __init__(
        self, body: Body, origins: ArrayLike, directions: ArrayLike, triangles: Indices, *, tautness: int
    ) -> None:
        unit = np.asarray(directions, np.float32)
        count = len(unit)
        self._anchors = Anchors(body, origins, unit)
        self._outwards: Points = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        self._tautness = tautness
        self._neighbours = _mean_of_neighbours(triangles, count)
        # Lifts of the neighbours, as they count along a place's own ray.
        row, column = self._neighbours.nonzero()
        along = np.einsum("ek,ek->e", self._outwards[row], self._outwards[column])
        self._lifts = self._neighbours.multiply(sparse.csr_matrix((along, (row, column)), shape=(count, count))).tocsr()
        self.mesh = bare_mesh([triangles])
        # What joins chin and neck bends between them.
        self.neck_weight = self._anchors.blend(body.neck_weight)
        for _ in range(3):
            self.neck_weight = self._neighbours @ self.neck_weight

    def on_skin(self, vertices: Points) -> Points:
        """The places (N, 3) on the skin of a head with ``vertices`` (V, 3)."""
        return self._anchors.on(vertices)

    def taut(self, vertices: Points) -> Points:
        """The places (N, 3) on the skin, or above it where the sheet spans a hollow."""
        skin = self.on_skin(vertices)
        hollow = np.einsum("nk,nk->n", self._neighbours @ skin - skin, self._outwards)
        lift = np.zeros_like(hollow)
        for _ in range(self._tautness):
            # Only outwards: what is round, cloth follows.
            lift = np.maximum(lift, hollow + self._lifts @ lift)
        taut: Points = skin + lift[:, None] * self._outwards
        return taut

    def fit(self, vertices: Points, distance: float, room: NDArray[np.float32] | None = None) -> Points:
        """The sheet (N, 3) at that ``distance`` in decimetres outside of where it is taut, along its normals.

        ``room`` (N,) is added along the rays, which keep apart where normals may cross.
        """
        taut = self.taut(vertices)
        fitted: Points = taut + np.float32(distance) * self.mesh.normals(taut)
        if room is not None:
            fitted += room[:, None] * self._outwards
        return fitted


def directions(azimuth: ArrayLike, elevation: ArrayLike) -> FloatArray:
    """Unit vectors (..., 3): ``azimuth`` in degrees from the front to the person's left, ``elevation`` upwards."""
    around, up = np.radians(azimuth), np.radians(elevation)
    return np.stack(np.broadcast_arrays(np.sin(around) * np.cos(up), np.sin(up), np.cos(around) * np.cos(up)), axis=-1)


def grid_triangles(rows: int, columns: int, *, closed: bool, pole: bool = False) -> Indices:
    """Triangles (T, 3) of a grid numbered row by row, from the top down and from the person's right to the left.

    ``closed`` joins the last column to the first. With a ``pole``, the first row is a single place, numbered 0. Seen
    from outside the triangles run anticlockwise.
    """
    numbers = np.arange(rows * columns).reshape(rows, columns)
    if pole:
        numbers = np.maximum(numbers - columns + 1, 0)
    if closed:
        numbers = np.concatenate([numbers, numbers[:, :1]], axis=1)
    quads = np.stack([numbers[:-1, :-1], numbers[1:, :-1], numbers[1:, 1:], numbers[:-1, 1:]], axis=-1)
    triangles = fan(quads.reshape(-1, 4))
    # At the pole one half of each quad has no area.
    with_area: Indices = triangles[(triangles != np.roll(triangles, 1, axis=1)).all(axis=1)]
    return with_area


def bare_mesh(pieces: Sequence[Indices]) -> Mesh:
    """One mesh without a texture of pieces (T, 3) that each number their vertices from 0."""
    triangles, count = [], 0
    for piece in pieces:
        triangles.append(piece + count)
        count += 1 + int(piece.max())
    whole = np.concatenate(triangles)
    return Mesh(whole, np.zeros_like(whole), np.zeros((1, 2)), count)


def _mean_of_neighbours(triangles: Indices, count: int) -> sparse.csr_matrix:
    """The sparse matrix (N, N) that takes values at places to the means of the places around each."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    share = (1 / np.bincount(edges[:, 0], minlength=count)[edges[:, 0]]).astype(np.float32)
    return sparse.csr_matrix((share, (edges[:, 0], edges[:, 1])), shape=(count, count))
