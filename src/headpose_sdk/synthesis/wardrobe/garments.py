"""Meshes that hang on the body's: hair, brows, lashes, eyes, teeth and hats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.synthesis.assets import Assets, damaged, read_mhclo, read_obj
from headpose_sdk.synthesis.mesh import Mesh, Points, fan
from headpose_sdk.synthesis.wardrobe.anchors import barycentric

__all__ = ["Garment"]


class Garment:
    """A mesh that takes any head's shape, because each of its vertices hangs on three of the body's.

    ``name`` is the part's, without its ending: "hair/bob01" reads ``hair/bob01.obj.gz`` and ``hair/bob01.mhclo.gz``.

    Attributes:
        mesh: the triangles to draw, over G vertices.

    Raises:
        DatasetError: a file is missing or damaged, or the two do not go together.
    """

    def __init__(self, assets: Assets, name: str) -> None:
        part = read_obj(assets.path(f"{name}.obj.gz"))
        self._file = assets.path(f"{name}.mhclo.gz")
        ties = read_mhclo(self._file)
        if len(ties.corners) != len(part.vertices):
            why = f"it ties {len(ties.corners)} vertices and the .obj file has {len(part.vertices)}"
            raise damaged(self._file, why)
        self.mesh = Mesh(fan(part.faces), fan(part.face_uvs), part.uvs, len(part.vertices))
        ends = np.array([scale[:2] for scale in ties.scales])
        self._offsets = ties.offsets
        self._from, self._to = ends.T
        self._length = np.array([scale[2] for scale in ties.scales], np.float32)
        self._reach = 1 + int(max(ties.corners.max(), ends.max()))
        self._weights = barycentric(ties.corners, ties.weights, self._reach)

    def fit(self, vertices: Points) -> Points:
        """Its vertices (G, 3) on a body with ``vertices`` (V, 3); fit it unposed, and turn it like the body.

        Raises:
            DatasetError: the part was made for a body of more vertices.
        """
        body = self._known(vertices)
        axes = np.arange(3)
        scale = np.abs(body[self._from, axes] - body[self._to, axes]) / self._length
        fitted: Points = self._weights @ body
        fitted += self._offsets * scale
        return fitted

    def blend(self, per_vertex: NDArray[np.float32]) -> NDArray[np.float32]:
        """A number of each of the body's vertices (V,), such as the neck weight, for the garment's (G,).

        Raises:
            DatasetError: the part was made for a body of more vertices.
        """
        blended: NDArray[np.float32] = self._weights @ self._known(per_vertex)
        return blended

    def _known(self, per_vertex: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vertices up to the last one that the garment hangs on."""
        if len(per_vertex) < self._reach:
            raise damaged(self._file, f"it hangs on vertex {self._reach - 1}, and the body has {len(per_vertex)}")
        return per_vertex[: self._reach]
