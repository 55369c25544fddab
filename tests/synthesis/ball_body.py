"""A body that is one ball, so that tests can tell by a radius where its skin is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.synthesis.mesh import Mesh, Points
from headpose_sdk.synthesis.wardrobe.cloth import directions, grid_triangles

CENTRE = np.array([0.0, 7.0, 0.4], np.float32)  # in the mesh's axes; the skull's middle in rest coordinates
EYES = np.array([0.0, 7.05, 1.02], np.float32)  # the middle between them
ROWS, COLUMNS = 35, 72  # every 5 degrees, from the crown to a hole at the lower end


class BallBody:
    """A ball of ``radius`` decimetres round ``CENTRE``; vertex 0 is the crown, the last ones are joints."""

    def __init__(self, radius: float = 0.9) -> None:
        rays = directions(np.arange(0, 360, 5), np.arange(85, -85, -5)[:, None]).reshape(-1, 3)
        skin = CENTRE + radius * np.concatenate([[[0.0, 1.0, 0.0]], rays])
        joints = EYES + np.array([(0.3, 0, 0), (-0.3, 0, 0), (0, -1.4, -1.1), (0, -0.4, -0.7)])
        self.average: Points = np.concatenate([skin, joints]).astype(np.float32)
        triangles = grid_triangles(ROWS, COLUMNS, closed=True, pole=True)
        self.body = Mesh(triangles, np.zeros_like(triangles), np.zeros((1, 2)), len(self.average))
        self.neck_weight: NDArray[np.float32] = np.ones(len(self.average), np.float32)
        self.landmarks = np.zeros(68, np.int64)

    def joint(self, vertices: Points, name: str) -> NDArray[np.float32]:
        place: NDArray[np.float32] = vertices[{"l-eye": -4, "r-eye": -3, "neck": -2, "head": -1}[name]]
        return place

    def eyes(self, vertices: Points) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.joint(vertices, "l-eye"), self.joint(vertices, "r-eye")
