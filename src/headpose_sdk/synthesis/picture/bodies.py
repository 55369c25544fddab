"""Bodies below drawn heads, painted flat: the mesh ends under the shoulders, and people in pictures do not.

Lengths are in sides of the face's box, and positions are told from a point of the picture along the body: ``down`` the
body and ``across`` it, to the right of the picture where the body is upright.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from headpose_sdk.results import Image
from headpose_sdk.synthesis.picture.backgrounds import scalar

__all__ = ["Build", "paint_body", "shoulders"]

Plane = NDArray[np.float32]
_FINE = 4  # polygons are drawn in sixteenths of a pixel

_SHOULDERS, _STUMPS = 0.95, 1.45  # sides below the middle of the face where shoulders are, and where arms end
_CHEST, _HIPS, _FEET = 1.1, 3.2, 6.8
PixelColour = tuple[float, float, float]
"""BGR, 0 to 255."""

Draw = Callable[[Sequence[tuple[float, float]], float, PixelColour], None]
"""Draws a polygon in a colour, or with a width a line of that width; in face sides."""

_FURTHEST = 1e4  # pixels beyond which OpenCV's whole numbers would run over


@dataclass(frozen=True, slots=True)
class Build:
    """What a body shows of itself: where its sides are, ``across`` in face sides, and colours as BGR, 0 to 255."""

    left: float
    right: float
    shirt: PixelColour
    trousers: PixelColour
    skin: PixelColour


def shoulders(
    layer: Image, middle: tuple[float, float], side: float, down: tuple[float, float], trousers: PixelColour
) -> Build | None:
    """The build of a drawn head's body; None where so little of it is in the picture that there is nothing to go on.

    ``layer`` is (S, S, 4) BGRA, premultiplied; the face's middle and its longer side are in its pixels; ``down`` is the
    unit vector from head to hips. Skin is what the middle of the face shows.
    """
    rows, columns = np.mgrid[0 : layer.shape[0], 0 : layer.shape[1]].astype(np.float32) + np.float32(0.5)
    x, y = (columns - np.float32(middle[0])) / np.float32(side), (rows - np.float32(middle[1])) / np.float32(side)
    along, across = x * np.float32(down[0]) + y * np.float32(down[1]), x * np.float32(down[1]) - y * np.float32(down[0])
    covered = layer[..., 3] > 250
    band = covered & (along > _SHOULDERS) & (along < _STUMPS)
    if band.sum() < 12:
        return None
    left, right = np.percentile(across[band], (2, 98))
    face = covered & (np.hypot(x, y) < 0.2)
    shirt = layer[band, :3].mean(0)
    skin = layer[face, :3].mean(0) if face.any() else shirt
    return Build(float(left), float(right), scalar(shirt), scalar(np.array(trousers)), scalar(skin))


def paint_body(
    canvas: Image, build: Build, middle: tuple[float, float], side: float, down: tuple[float, float], seed: int
) -> Plane:
    """Paint trunk, arms and legs onto ``canvas`` ((H, W, 3) BGR), and say how much of each pixel they hide (H, W).

    ``middle`` is where the face's middle is or would be, ``side`` the longer side of its box in pixels.
    """
    rng = np.random.default_rng(seed)
    paint = np.zeros_like(canvas)
    mask = np.zeros(canvas.shape[:2], np.uint8)
    axes = np.array([[down[1], down[0]], [-down[0], down[1]]])  # columns: across, down

    def draw(points: Sequence[tuple[float, float]], width: float, colour: PixelColour) -> None:
        at = np.asarray(points) @ axes.T * side + middle
        corners = np.round(np.clip(at, -_FURTHEST, _FURTHEST) * (1 << _FINE)).astype(np.int32)
        for target, value in ((paint, colour), (mask, (255.0, 0.0, 0.0))):
            if width:
                stroke = max(1, min(round(width * side), 2000))
                cv2.polylines(target, [corners], False, value, stroke, cv2.LINE_AA, _FINE)
            else:
                cv2.fillPoly(target, [corners], value, cv2.LINE_AA, _FINE)

    _draw_parts(rng, build, draw)
    x, y, width, height = cv2.boundingRect(mask)
    inside = np.s_[y : y + height, x : x + width]
    share = mask[inside].astype(np.float32) / np.float32(255)
    shaded = paint[inside] * _folds(rng, width, height, side)[..., None] if width else paint[inside]
    seen = canvas[inside] * (1 - share[..., None]) + np.clip(shaded, 0, 255) * share[..., None]
    canvas[inside] = seen.astype(np.uint8)
    return mask.astype(np.float32) / np.float32(255)


def _draw_parts(rng: Generator, build: Build, draw: Draw) -> None:
    """Legs, arms, trunk: what is drawn later lies on top."""
    width, middle = build.right - build.left, (build.left + build.right) / 2
    hips = max(0.42 * width, 0.4)
    for way in (-1, 1):
        foot = middle + way * (hips * 0.6 + rng.uniform(0, 0.3))
        draw([(middle + way * hips * 0.5, _HIPS - 0.3), (foot, _FEET)], 0.62, build.trousers)
    bent = rng.random() < 0.3
    for way, end in ((-1, build.left), (1, build.right)):
        shoulder = end - way * 0.2
        elbow = shoulder + way * rng.uniform(0.05, 0.4), rng.uniform(2.1, 2.4)
        wrist = (
            (middle + way * rng.uniform(-0.1, 0.4), rng.uniform(1.9, 2.6))
            if bent
            else (elbow[0] + rng.uniform(-0.15, 0.15), rng.uniform(3.0, 3.4))
        )
        draw([wrist, wrist], 0.42, build.skin)
        draw([(shoulder, _CHEST + 0.2), elbow, wrist], 0.42, build.shirt)
    draw(
        [
            (build.left + 0.12 * width, _CHEST),
            (build.right - 0.12 * width, _CHEST),
            (middle + hips, _HIPS),
            (middle - hips, _HIPS),
        ],
        0.0,
        build.shirt,
    )


def _folds(rng: Generator, width: int, height: int, side: float) -> Plane:
    """Light and shade (height, width) of cloth: waves of about a third of a face, factor about 1."""
    cells = [int(np.clip(3 * length / side, 2, 64)) for length in (width, height)]
    waves = rng.standard_normal((cells[1], cells[0]), dtype=np.float32)
    smooth = np.asarray(cv2.resize(waves, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    bright: Plane = np.float32(0.95) + np.float32(rng.uniform(0.02, 0.08)) * smooth
    return np.clip(bright, np.float32(0.5), np.float32(1.4))
