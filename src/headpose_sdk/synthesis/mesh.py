"""Triangles ready to draw, and their normals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

__all__ = ["Indices", "Mesh", "Points", "fan"]

Points = NDArray[np.float32]
"""Positions (N, 3) in decimetres: x to the person's left, y up, z to the front."""

Indices = NDArray[np.int64]


def fan(polygons: Sequence[Sequence[int]] | NDArray[np.integer]) -> Indices:
    """Triangles (T, 3) of polygons of three corners and more, all fanned from the polygon's first corner."""
    triangles = [(polygon[0], polygon[k], polygon[k + 1]) for polygon in polygons for k in range(1, len(polygon) - 1)]
    return np.array(triangles, np.int64).reshape(-1, 3)


class Mesh:
    """Triangles of a model, drawn with render vertices of one texture coordinate each.

    Vertices are counted in three ways: ``model`` counts all of the model's, whether drawn or not; ``local`` counts
    those that the triangles use; ``render`` counts pairs of a vertex and a texture coordinate, as a vertex on a seam
    of the texture has several. Positions and normals are local, so no seam shows in the shading.

    ``triangles`` (T, 3) and ``triangle_uvs`` (T, 3) number the model's vertices and ``uvs`` (U, 2), whose v points up
    as in .obj files. ``vertex_count`` is how many vertices the model has.

    Attributes:
        vertex: render to model (R,).
        uv: texture coordinates (R, 2) float32 of the render vertices, v pointing down as in images.
        indices: triangles (T, 3) int32 of render vertices.
        used: local to model (L,), ascending.
        local: render to local (R,).
        local_triangles: triangles (T, 3) of local vertices.
        triangles, triangle_uvs: as given.
    """

    def __init__(self, triangles: Indices, triangle_uvs: Indices, uvs: ArrayLike, vertex_count: int) -> None:
        self.triangles = np.asarray(triangles, np.int64)
        self.triangle_uvs = np.asarray(triangle_uvs, np.int64)
        texture = np.array(uvs, np.float32)
        texture[:, 1] = 1 - texture[:, 1]
        pairs, corners = np.unique(self.triangles * len(texture) + self.triangle_uvs, return_inverse=True)
        self.vertex: Indices = pairs // len(texture)
        self.uv: NDArray[np.float32] = texture[pairs % len(texture)]
        self.indices: NDArray[np.int32] = corners.reshape(-1, 3).astype(np.int32)
        self.used: Indices = np.unique(self.triangles)
        to_local = np.full(vertex_count, -1, np.int64)
        to_local[self.used] = np.arange(len(self.used))
        self.local: Indices = to_local[self.vertex]
        self.local_triangles: Indices = to_local[self.triangles]
        self._a, self._b, self._c = np.ascontiguousarray(self.local_triangles.T)
        # Sums over the triangles around each vertex, as a product with a sparse matrix of ones.
        ones = np.ones(self.triangles.size, np.float32)
        around = (self.local_triangles.ravel(), np.repeat(np.arange(len(self.triangles)), 3))
        self._gather = sparse.csr_matrix((ones, around), shape=(len(self.used), len(self.triangles)))

    def normals(self, points: Points) -> Points:
        """Unit normals (L, 3) of the local vertices at ``points`` (L, 3), outwards where triangles run anticlockwise.

        A triangle counts by its area. Vertices of triangles without area have the normal 0.
        """
        start = points[self._a]
        (x1, y1, z1), (x2, y2, z2) = (points[self._b] - start).T, (points[self._c] - start).T
        crosses = np.stack([y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2], axis=1)
        sums: Points = self._gather @ crosses
        normals: Points = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), np.float32(1e-12))
        return normals
