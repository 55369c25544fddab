"""Cloth that is made for each head: beanies, hoods, headscarves, face masks and stand-up collars.

It reaches further than it is seen: the shaders leave out what lies beyond its edges. Those are told as ``cuts``, half
spaces of four numbers each, one after the other: (a, b, c, d) leaves out what lies where a x + b y + c z + d > 0, in
rest coordinates (decimetres from the middle between the eyes of the unposed head, x to the person's left, y up, z to
the front). A hood or headscarf also has an ``opening`` (y, w, h, z): where the face looks out, it leaves out what lies
in front of z and inside the ellipse ((x / w)**2 + ((their y - y) / h)**2 < 1).
"""

from __future__ import annotations

import numpy as np

from headpose_sdk.synthesis.head import Clothes, Headwear, Mask
from headpose_sdk.synthesis.mesh import Points
from headpose_sdk.synthesis.wardrobe.anchors import Anchors, Body, middle_of_eyes
from headpose_sdk.synthesis.wardrobe.cloth import Sheet, bare_mesh, directions, grid_triangles
from headpose_sdk.synthesis.wardrobe.tubes import tube, tube_triangles

__all__ = ["SHIRT_UNDER_COLLAR", "SHOULDER_SLOPE", "Collar", "Covering", "Cuts", "FaceMask", "Opening"]

Cuts = tuple[float, ...]
"""Half spaces that are left out, four numbers each; () leaves out nothing."""

Opening = tuple[float, float, float, float]
"""What a face looks out of: height of the ellipse's middle, half its width, half its height, z of the rear end."""

SHOULDER_SLOPE = 0.55
"""Shirts and collars end in planes that come down towards the front by that much a decimetre."""

SHIRT_UNDER_COLLAR = -0.15
"""Where a shirt with a stand-up collar itself ends, as ``Clothes.collar``: what is above is the collar's own cloth."""

_HOOD_ROOM = 0.3  # decimetres that a hood stands off at its back
_BEANIE_ROOM = 0.1  # decimetres that a beanie stands off at its crown
_FOREHEAD = 0.2  # z where a beanie's edge is measured
_BEANIE_SLOPE = 0.3  # its edge comes down towards the nape by that much a decimetre
_TUCKED = 0.05  # decimetres of hair left under an edge
_MASK_SLOPE = 0.2  # a mask's upper edge comes down towards the cheeks by that much a decimetre
_RING_MIDDLE = (0.0, 0.15, 0.23)  # of the ring that a collar stands on, from the neck's joint
_MASK_SIDE = 78  # degrees from the front where a mask ends
_CORD = 0.012  # radius of the cords round the ears


class Covering:
    """A sheet from the crown down to the shoulders, which beanies, hoods and headscarves are cut from.

    Attributes:
        mesh, neck_weight: its triangles over N places, and their neck weights (N,) float32.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        around = np.arange(0, 360, 7.5)
        dome = np.arange(80, -1, -10)
        # Below the ears the rays no longer spread from one point: their start goes down the neck, and they tilt until
        # the lowest row lies like a shawl, low on the chest and high on the nape.
        share = np.linspace(0, 1, 13)[1:]
        middle, lowest = np.array([0, 0.1, -0.62]), np.array([0, -1.75, -0.85])
        lower = directions(around, np.zeros((len(share), 1)))
        lower[..., 1] = -SHOULDER_SLOPE * share[:, None] * lower[..., 2]
        rays = np.concatenate([directions(around, dome[:, None]), lower])
        starts = np.concatenate([np.tile(middle, (len(dome), 1)), middle + share[:, None] * (lowest - middle)])
        self._sheet = Sheet(
            body,
            np.concatenate([middle[None], np.repeat(starts, len(around), axis=0)]),
            np.concatenate([np.array([[0.0, 1.0, 0.0]]), rays.reshape(-1, 3)]),
            grid_triangles(1 + len(rays), len(around), closed=True, pole=True),
            tautness=40,
        )
        self.mesh, self.neck_weight = self._sheet.mesh, self._sheet.neck_weight
        # A hood stands off most at the back, and lies down on the shoulders; a beanie stands up.
        behind = (1 - np.cos(np.radians(around))) / 2
        rows = np.concatenate([np.ones(len(dome)), 1 - share**2])
        hood = _HOOD_ROOM * rows[:, None] * (0.3 + 0.7 * behind)
        beanie = _BEANIE_ROOM * np.maximum(rays[..., 1], 0) ** 2
        self._room = {
            kind: np.append(room[0].mean(), room.ravel()).astype(np.float32)
            for kind, room in (("hood", hood), ("beanie", beanie))
        }

    def fit(self, vertices: Points, headwear: Headwear) -> Points:
        """Its places (N, 3) on a head with ``vertices`` (V, 3).

        They lie ``headwear.thickness`` above the skin, or above where the cloth spans a hollow; those of a hood, and of
        a beanie's crown, further off.
        """
        return self._sheet.fit(vertices, headwear.thickness, self._room.get(headwear.kind))

    def cuts(self, vertices: Points, headwear: Headwear) -> Cuts:
        """A beanie is left out below its edge; a hood or headscarf below a plane on either shoulder."""
        if headwear.kind == "beanie":
            return 0.0, -1.0, _BEANIE_SLOPE, headwear.edge - _BEANIE_SLOPE * _FOREHEAD
        steep, deep = (0.25, 0.75) if headwear.kind == "hood" else (0.2, 0.7)
        neck = self._body.joint(vertices, "neck") - middle_of_eyes(self._body, vertices)
        lowest = float(neck[1]) - deep
        return steep, -1.0, -SHOULDER_SLOPE, lowest, -steep, -1.0, -SHOULDER_SLOPE, lowest

    def opening(self, vertices: Points, headwear: Headwear) -> Opening | None:
        """Where the face looks out of a hood or headscarf, its upper end at ``headwear.edge``; None for a beanie."""
        if headwear.kind == "beanie":
            return None
        return self._window(vertices, headwear)

    def hair_cuts(self, vertices: Points, headwear: Headwear) -> Cuts:
        """What is left out of the hair under a beanie, hood, headscarf or hat from the parts.

        Under a beanie and a hat that is the hair above the edge; under a hood and a headscarf all that is not in the
        opening. A little of what is under the edge is left, so that no skin shows there.
        """
        if headwear.kind not in ("hood", "headscarf"):
            slope = _BEANIE_SLOPE if headwear.kind == "beanie" else 0.0
            return 0.0, 1.0, -slope, slope * _FOREHEAD - headwear.edge - _TUCKED
        middle, width, height, rear = self._window(vertices, headwear)
        cuts = [0.0, 0.0, -1.0, rear]
        # Tangents of the ellipse: above, at both sides, and between them.
        for degrees in (0, 45, 90, 135, 180):
            x, y = np.cos(np.radians(degrees)) / width, np.sin(np.radians(degrees)) / height
            size = np.hypot(x, y)
            cuts += [float(x / size), float(y / size), 0.0, float((-y * middle - 1) / size - _TUCKED)]
        return tuple(cuts)

    def _window(self, vertices: Points, headwear: Headwear) -> Opening:
        points = vertices[self._body.landmarks] - middle_of_eyes(self._body, vertices)
        chin, half_face = float(points[8, 1]), float(points[14, 0] - points[2, 0]) / 2
        if headwear.kind == "hood":
            bottom, width, rear = chin - 0.7, 1.15 * half_face, -0.45
        else:
            bottom, width, rear = chin + 0.02, 0.93 * half_face, -0.55
        return (headwear.edge + bottom) / 2, width, (headwear.edge - bottom) / 2, rear


class FaceMask:
    """A sheet from the bridge of the nose to under the chin, which spans the hollows beside nose and mouth.

    Attributes:
        mesh, neck_weight: its triangles over N places, and their neck weights (N,) float32.
        loop_mesh, loop_neck_weight: the same of the M places of the cords that go round the ears.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        self._shape = rows, columns = 18, 25
        azimuth = np.linspace(-_MASK_SIDE, _MASK_SIDE, columns)
        lowest = -62 + 34 * (azimuth / _MASK_SIDE) ** 2  # under the chin, less far down at the cheeks
        elevation = 42 + np.linspace(0, 1, rows)[:, None] * (lowest - 42)
        rays = directions(azimuth, elevation).reshape(-1, 3)
        starts = np.tile([0.0, -0.6, -0.45], (len(rays), 1))
        self._sheet = Sheet(body, starts, rays, grid_triangles(rows, columns, closed=False), tautness=40)
        self.mesh, self.neck_weight = self._sheet.mesh, self._sheet.neck_weight

        # The cords are seen from the mask's side to the ear's root, one above and one below, on the right and the left.
        roots = np.tile([(0.0, 0.12, -0.62), (0.0, -0.36, -0.62)], (2, 1))
        self._ears = Anchors(body, roots, [(-1.0, 0.0, 0.0)] * 2 + [(1.0, 0.0, 0.0)] * 2)
        self.loop_mesh = bare_mesh([tube_triangles(2)] * 4)
        self.loop_neck_weight = np.ones(len(self.loop_mesh.used), np.float32)

    def fit(self, vertices: Points, mask: Mask) -> tuple[Points, Points]:
        """The places of mask (N, 3) and cords (M, 3) on a head with ``vertices`` (V, 3).

        Those of the mask lie ``mask.thickness`` above the skin, or above where the cloth spans a hollow.
        """
        points = self._sheet.fit(vertices, mask.thickness)
        grid = points.reshape(*self._shape, 3)
        top = middle_of_eyes(self._body, vertices)[1] - mask.top
        ears = self._ears.on(vertices)
        cords = []
        for column, roots in ((grid[:, 0], ears[:2]), (grid[:, -1], ears[2:])):
            lowest = len(column) - 1
            highest = int(np.argmax(column[:, 1] < top - _MASK_SLOPE * np.abs(column[:, 0])))
            cords += [
                tube(np.stack([column[highest], roots[0]]), _CORD),
                tube(np.stack([column[lowest - 1], roots[1]]), _CORD),
            ]
        return points, np.concatenate(cords)

    def cuts(self, mask: Mask) -> Cuts:
        """It is left out above its upper edge, which comes down from the nose to both cheeks."""
        return _MASK_SLOPE, 1.0, 0.0, mask.top, -_MASK_SLOPE, 1.0, 0.0, mask.top


class Collar:
    """A collar that stands up round the neck, and moves with the shoulders.

    Attributes:
        mesh, neck_weight: its triangles over N places, and their neck weights (N,) float32.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        around = np.arange(0, 360, 10)
        rays = directions(around, 0.0)
        rays[:, 1] = -SHOULDER_SLOPE * rays[:, 2]
        base = body.joint(body.average, "neck") - middle_of_eyes(body, body.average)
        self._ring = Anchors(body, np.tile(base + np.array(_RING_MIDDLE), (len(around), 1)), rays)
        self._rise = np.arange(-0.2, 0.75, 0.1, dtype=np.float32)
        self.mesh = bare_mesh([grid_triangles(len(self._rise), len(around), closed=True)[:, ::-1]])  # its rows go up
        self.neck_weight = np.tile(self._ring.blend(body.neck_weight), len(self._rise))

    def fit(self, vertices: Points, clothes: Clothes) -> Points:
        """Its places (N, 3) on a head with ``vertices`` (V, 3).

        They lie ``clothes.stand`` outside of a pipe that rises from the ring where the neck begins.
        """
        neck = self._body.joint(vertices, "head") - self._body.joint(vertices, "neck")
        rise = self._rise[:, None, None] * (neck / np.linalg.norm(neck))
        points: Points = (self._ring.on(vertices) + rise).reshape(-1, 3)
        points += np.float32(clothes.stand) * self.mesh.normals(points)
        return points

    def cuts(self, vertices: Points, clothes: Clothes) -> Cuts:
        """It is left out above the plane that ``clothes.collar`` tells, parallel to a shirt's edge."""
        neck = self._body.joint(vertices, "neck") - middle_of_eyes(self._body, vertices)
        return 0.0, 1.0, SHOULDER_SLOPE, -float(neck[1]) - clothes.collar
