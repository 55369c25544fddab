"""Glasses that fit each head: rims round the eyes, a bridge on the nose, temples along the head to the ears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.head import Glasses
from headpose_sdk.synthesis.mesh import Points
from headpose_sdk.synthesis.wardrobe.anchors import Anchors, Body, middle_of_eyes
from headpose_sdk.synthesis.wardrobe.cloth import bare_mesh, grid_triangles
from headpose_sdk.synthesis.wardrobe.tubes import tube, tube_triangles

__all__ = ["Eyewear"]

# Of each kind: the power of the superellipse that its lenses are, half their width and height in half distances of the
# eyes, and the radius of the rims in decimetres.
_KINDS = {"round": (2.0, 0.78, 0.78, 0.011), "oval": (2.4, 0.86, 0.64, 0.014), "square": (4.5, 0.9, 0.7, 0.02)}
_TEMPLE, _PAD = 0.016, 0.014  # radii
_GAP = 0.02  # decimetres between skin and frame
_BULGE = 0.03  # decimetres from a lens's edge forward to its middle
_WRAP = 0.28  # how rims bend back towards the temples: decimetres at a decimetre from the middle of the face
_TILT = 0.12  # how the lower edge comes nearer to the cheeks: decimetres a decimetre down
_NARROWEST = 0.025  # decimetres from the middle of the face to a lens that is too wide to centre on its eye
_BRIDGE = 155.0  # degrees along a rim where the bridge meets it
_RIM = 24  # points along a rim

# What a temple passes on its way back, (y, z) in rest coordinates: beside the eye, over the ear's root, behind the ear.
_BESIDE = ((0.12, -0.1), (0.15, -0.3), (0.18, -0.5))
_EAR = ((0.2, -0.77), (0.08, -0.97), (-0.18, -1.04))


@dataclass(frozen=True, slots=True)
class _Lens:
    """The left lens in rest coordinates, as wide and high on either side of (x, y); the right one mirrors it.

    ``front`` is how far forward the surface that both lie in comes in the middle of the face, at the height ``y``.
    """

    x: float
    y: float
    width: float
    height: float
    power: float
    front: float = 0.0

    def outline(self, degrees: ArrayLike, *, side: int, scale: float = 1.0, forward: float = 0.0) -> FloatArray:
        """Points (K, 3) of its edge, ``degrees`` (K,) from the temple upwards, on the person's right if ``side`` is -1.

        ``scale`` brings them nearer to (x, y), ``forward`` to the front.
        """
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        x = self.x + scale * self.width * np.sign(cosine) * np.abs(cosine) ** (2 / self.power)
        y = self.y + scale * self.height * np.sign(sine) * np.abs(sine) ** (2 / self.power)
        return np.stack([side * x, y, self.depth(x, y) + forward], axis=-1)

    def depth(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        depth: NDArray[Any] = self.front + _TILT * (y - self.y) - _WRAP * x**2
        return depth

    def covers(self, points: Points) -> Points:
        """Those of the points (K, 3) that lie behind either lens or its rim."""
        aside = (np.abs(points[:, 0]) - self.x) / (self.width + 0.03)
        above = (points[:, 1] - self.y) / (self.height + 0.03)
        covered: Points = points[np.abs(aside) ** self.power + np.abs(above) ** self.power < 1]
        return covered


class Eyewear:
    """The frame and lenses that all kinds of glasses are made from, rigid on the head.

    Attributes:
        frame_mesh: triangles of rims, nose pads, temples and bridge, over F places.
        lens_mesh: triangles of both lenses, over L places, the first half of them the person's right lens.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(-0.6, 0.6, 25), np.linspace(-0.6, 0.4, 21)))
        self._face = _anchors(body, np.stack([x, y, np.full(len(x), -0.4)], axis=1), (0.0, 0.0, 1.0))
        y = np.linspace(-0.4, 0.2, 13)
        self._nose = _anchors(body, np.stack([0 * y, y, 0 * y - 0.4], axis=1), (0.0, 0.0, 1.0))
        starts = np.insert(np.array([*_BESIDE, *_EAR]), 0, 0.0, axis=1)
        self._sides = {side: _anchors(body, starts, (side, 0.0, 0.0)) for side in (-1, 1)}

        one_side = [tube_triangles(_RIM, closed=True), tube_triangles(2), tube_triangles(1 + len(starts))]
        self.frame_mesh = bare_mesh([*one_side, *one_side, tube_triangles(3)])
        # A lens is its middle, a ring half way out and the edge.
        lens = grid_triangles(3, _RIM, closed=True, pole=True)
        self.lens_mesh = bare_mesh([lens[:, ::-1], lens])

    def fit(self, vertices: Points, glasses: Glasses) -> tuple[Points, Points]:
        """The places of frame (F, 3) and lenses (L, 3) on a head with ``vertices`` (V, 3).

        The lenses centre on the eyes, or ``glasses.slide`` below them; those too wide for that stand further out. They
        come as near as brows, cheeks and nose allow.
        """
        middle = middle_of_eyes(self._body, vertices)
        rest = vertices - middle
        left, right = self._body.eyes(rest)
        lens, radius = self._lens(rest, glasses, half_distance=float(left[0] - right[0]) / 2)
        around = np.arange(_RIM) * (360 / _RIM)
        frame, lenses = [], []
        for side, anchors in self._sides.items():
            rim = lens.outline(around, side=side)
            inner, hinge = lens.outline([205, 20], side=side)
            pad = np.stack([inner, inner + np.array([-side * 0.01, -0.03, -0.06])])
            temple = _temple(hinge + np.array([side * radius, 0.0, 0.0]), anchors.on(rest), side)
            frame += [tube(rim, radius, closed=True), tube(pad, _PAD), tube(temple, _TEMPLE)]
            lenses += [lens.outline([0], side=side, scale=0.0, forward=_BULGE)]
            lenses += [lens.outline(around, side=side, scale=0.5, forward=0.75 * _BULGE), rim]
        ends = [lens.outline(_BRIDGE, side=side) for side in (-1, 1)]
        bridge = np.stack([ends[0], (ends[0] + ends[1]) / 2 + np.array([0.0, 0.03, 0.02]), ends[1]])
        frame.append(tube(bridge, radius))
        return _from_rest(frame, middle), _from_rest(lenses, middle)

    def _lens(self, rest: Points, glasses: Glasses, *, half_distance: float) -> tuple[_Lens, float]:
        """The lens as it stands on a head with vertices ``rest`` in rest coordinates, and the radius of its rim."""
        power, width, height, radius = _KINDS[glasses.kind]
        width, height = width * half_distance * glasses.size, height * half_distance * glasses.size
        lens = _Lens(max(half_distance, width + _NARROWEST), -glasses.slide, width, height, power)
        behind = lens.covers(self._face.on(rest))
        nose = self._nose.on(rest)
        bridge = np.interp(lens.outline(_BRIDGE, side=1)[1], nose[:, 1], nose[:, 2])
        front = np.max(behind[:, 2] - lens.depth(behind[:, 0], behind[:, 1]), initial=bridge)
        return replace(lens, front=float(front) + radius + _GAP), radius


def _temple(hinge: FloatArray, skin: Points, side: int) -> FloatArray:
    """The path of a temple (T, 3) from the ``hinge`` (3,), past the places on the ``skin`` beside it and at the ear."""
    path = np.concatenate([hinge[None], skin.astype(np.float64)])
    path[1:, 0] += side * (_GAP + _TEMPLE)
    beside, ear = slice(1, 1 + len(_BESIDE)), path[1 + len(_BESIDE)]
    share = (path[beside, 2] - hinge[2]) / (ear[2] - hinge[2])
    straight = hinge + share[:, None] * (ear - hinge)
    path[beside, 0] = side * np.maximum(np.abs(path[beside, 0]), np.abs(straight[:, 0]))
    path[beside, 1] = straight[:, 1]
    return path


def _anchors(body: Body, starts: FloatArray, direction: tuple[float, float, float]) -> Anchors:
    return Anchors(body, starts, np.tile(direction, (len(starts), 1)))


def _from_rest(pieces: Sequence[NDArray[Any]], middle: NDArray[np.float32]) -> Points:
    whole: Points = (np.concatenate(pieces) + middle).astype(np.float32)
    return whole
