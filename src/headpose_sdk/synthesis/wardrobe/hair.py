"""Hair that is moved from where it was modelled, and does not go through the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.synthesis.head import Hair
from headpose_sdk.synthesis.mesh import Points
from headpose_sdk.synthesis.wardrobe.anchors import Anchors, Body, middle_of_eyes
from headpose_sdk.synthesis.wardrobe.cloth import directions

__all__ = ["Scalp"]

_MIDDLE = (0.0, -0.05, -0.62)  # of the average skull, in rest coordinates
_STEP = 7.5  # degrees between the places where the head's surface is known
_LOWEST = -37.5  # degrees of elevation; further down are neck and shoulders, and hair moves freely
_FADE = 15.0  # degrees above that from where it does not
_CLEARANCE = 0.03  # decimetres above the skin where moved hair stays, unless it was nearer before
_SWELL = np.float32(0.6)  # decimetres that hair may rise at a decimetre from what presses it
_LOOSE = 0.3  # decimetres above the skin from where hair moves freely; on the skin it slides

Reals = NDArray[np.float32]


class Scalp:
    """The surface of a head as seen from its middle: hair slides along it, and hats press hair onto it."""

    def __init__(self, body: Body) -> None:
        self._body = body
        elevation, azimuth = np.meshgrid(np.arange(90, _LOWEST - 1, -_STEP), np.arange(0, 360, _STEP), indexing="ij")
        self._shape = azimuth.shape
        rays = directions(azimuth, elevation).reshape(-1, 3)
        self._anchors = Anchors(body, np.tile(_MIDDLE, (len(rays), 1)), rays)
        places = self._anchors.on(body.average)
        middle = middle_of_eyes(body, body.average) + np.array(_MIDDLE, np.float32)
        self._offset = middle - places.mean(axis=0)
        self._spread = _spread(places)

    def moved(self, points: Points, vertices: Points, hair: Hair) -> Points:
        """Hair (G, 3) fitted to a head with ``vertices`` (V, 3), widened and shifted as ``hair`` tells.

        Hair on the skin slides along it, and the further off it is the more freely it moves. What was outside the head
        stays outside, and what was inside, as roots are, gets no deeper.
        """
        surface = self._surface(vertices)
        arms = points - surface.middle
        skin, _ = surface.radius(arms)
        height = _lengths(arms) - skin
        arms = arms * np.array([hair.widen, 1.0, hair.widen], np.float32)
        slid = _lengths(arms) - skin
        arms = arms + np.array(hair.shift, np.float32)
        length = _lengths(arms)
        skin, share = surface.radius(arms)
        free = np.clip(height / _LOOSE, 0, 1)
        wanted = np.maximum(slid + free * (length - skin - slid), np.minimum(height, _CLEARANCE))
        moved: Points = surface.middle + arms * (1 + share * ((skin + wanted) / length - 1))[:, None]
        return moved

    def pressed(self, points: Points, vertices: Points, cuts: Sequence[float], depth: float) -> Points:
        """Hair (G, 3) under a hat or hood on a head with ``vertices`` (V, 3).

        It lies at most ``depth`` decimetres above the skin where ``cuts``, half spaces of four numbers each in rest
        coordinates, hide it, and swells from there on.
        """
        surface = self._surface(vertices)
        rest = points - middle_of_eyes(self._body, vertices)
        planes = np.array(cuts, np.float32).reshape(-1, 4)
        planes /= np.linalg.norm(planes[:, :3], axis=1, keepdims=True)
        beside = np.maximum(-(rest @ planes[:, :3].T + planes[:, 3]).max(axis=1), 0)
        arms = points - surface.middle
        length = _lengths(arms)
        skin, share = surface.radius(arms)
        wanted = np.minimum(length, skin + np.float32(depth) + _SWELL * beside)
        pressed: Points = surface.middle + arms * (1 + share * (wanted / length - 1))[:, None]
        return pressed

    def _surface(self, vertices: Points) -> _Surface:
        places = self._anchors.on(vertices)
        scale = _spread(places) / self._spread
        middle = places.mean(axis=0) + scale * self._offset
        radii = _lengths(places - middle).reshape(self._shape)
        # One column more, so that no look between two columns has to go round from the last to the first.
        return _Surface(middle, np.concatenate([radii, radii[:, :1]], axis=1))


@dataclass(frozen=True, slots=True)
class _Surface:
    """A head's surface: ``radii`` (R, C) around its ``middle`` (3,), from the crown down, once round from the front."""

    middle: Reals
    radii: Reals

    def radius(self, arms: Points) -> tuple[Reals, Reals]:
        """In the directions of ``arms`` (G, 3): the surface's radius, and how much of it is head, 0 below to 1 (G,)."""
        x, y, z = arms.T
        elevation = np.degrees(np.arctan2(y, np.hypot(x, z)))
        across = np.degrees(np.arctan2(x, z)) % 360 / _STEP
        down = np.clip((90 - elevation) / _STEP, 0, len(self.radii) - 1.001)
        column = np.minimum(across.astype(np.int64), self.radii.shape[1] - 2)
        row = down.astype(np.int64)
        right, below = across - column, down - row
        upper = self.radii[row, column] * (1 - right) + self.radii[row, column + 1] * right
        lower = self.radii[row + 1, column] * (1 - right) + self.radii[row + 1, column + 1] * right
        return upper * (1 - below) + lower * below, np.clip((elevation - _LOWEST) / _FADE, 0, 1)


def _spread(places: Points) -> np.float32:
    """How far places (K, 3) lie from their mean, root mean square."""
    return np.float32(np.sqrt(((places - places.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _lengths(arms: Points) -> Reals:
    """Lengths (G,) of vectors (G, 3); hair has none of length 0, for it is not in the middle of the head."""
    lengths: Reals = np.sqrt(np.einsum("gk,gk->g", arms, arms))
    return lengths
