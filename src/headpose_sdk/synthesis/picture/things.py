"""Things in a picture that are no faces, for a detector to learn from: balls, blobs, boards, tables, bodies alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from headpose_sdk.results import Image
from headpose_sdk.synthesis.head import Colour
from headpose_sdk.synthesis.picture.bodies import Build, paint_body
from headpose_sdk.synthesis.scene import Thing

__all__ = ["paint_thing", "pixel_colour"]

Plane = NDArray[np.float32]


def pixel_colour(colour: Colour) -> tuple[float, float, float]:
    """Linear RGB as a picture stores it: BGR, 0 to 255."""
    red, green, blue = (255 * min(max(channel, 0.0), 1.0) ** (1 / 2.2) for channel in colour)
    return blue, green, red


def paint_thing(canvas: Image, thing: Thing) -> Plane:
    """Paint the thing onto ``canvas`` ((H, W, 3) BGR), and say how much of each pixel it hides (H, W), 0 to 1."""
    rng = np.random.default_rng(thing.seed)
    if thing.kind == "trunk":
        return _paint_trunk(rng, canvas, thing)
    hidden = np.zeros(canvas.shape[:2], np.float32)
    left, right, top, bottom = _extent(canvas, thing)
    if left >= right or top >= bottom:
        return hidden
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32) + np.float32(0.5)
    turn, unit = np.radians(thing.turn), np.float32(thing.size / 2)
    x, y = (columns - np.float32(thing.center[0])) / unit, (rows - np.float32(thing.center[1])) / unit
    across = (np.cos(turn) * x + np.sin(turn) * y).astype(np.float32)
    along = (np.cos(turn) * y - np.sin(turn) * x).astype(np.float32)
    edge, shade = _form(rng, thing.kind, across, along)
    share = np.clip(edge * unit + np.float32(0.5), 0, 1).astype(np.float32)
    second = _pattern(rng, across, along)[..., None]
    first_colour, second_colour = (
        np.array(pixel_colour(colour), np.float32) for colour in (thing.colour, thing.second_colour)
    )
    paint = np.clip((first_colour * (1 - second) + second_colour * second) * shade[..., None], 0, 255)
    window = canvas[top:bottom, left:right]
    canvas[top:bottom, left:right] = (window * (1 - share[..., None]) + paint * share[..., None]).astype(np.uint8)
    hidden[top:bottom, left:right] = share
    return hidden


def _extent(canvas: Image, thing: Thing) -> tuple[int, int, int, int]:
    """First and last column, first and last row that the thing may touch."""
    height, width = canvas.shape[:2]
    x, y = thing.center
    reach = thing.size * 0.75 + 2
    if thing.kind == "table":
        return 0, width, max(0, int(y - 0.2 * width)), height
    return max(0, int(x - reach)), min(width, int(x + reach)), max(0, int(y - reach)), min(height, int(y + reach))


def _form(rng: Generator, kind: str, x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """Distance to the outline, negative outside, in half sizes; and how bright each place is, factor."""
    light_x, light_y = rng.uniform(-0.6, 0.6), -rng.uniform(0.1, 0.7)
    if kind == "table":
        return y, (1 - 0.15 * np.clip(y, 0, 2)).astype(np.float32)
    if kind == "board":
        flat = np.float32(rng.uniform(0.5, 1.6))  # its height in widths
        far_x, far_y = np.abs(x) - min(1.0, 1 / flat), np.abs(y) - min(1.0, flat)
        shade = 0.9 + 0.2 * (light_x * x + light_y * y)
        return (-np.maximum(far_x, far_y)).astype(np.float32), shade.astype(np.float32)
    angle, away = np.arctan2(y, x), np.hypot(x, y * np.float32(rng.uniform(0.75, 1.1)))
    radius: Plane = np.ones_like(x) * np.float32(0.95)
    if kind == "blob":
        for wave in (2, 3, 4, 5):
            radius += np.float32(rng.normal(0, 0.22 / wave)) * np.cos(wave * angle + rng.uniform(0, 6.3))
        radius = np.clip(radius, 0.3, 1.3)
    height = np.sqrt(np.clip(1 - (away / radius) ** 2, 0, 1))
    shade = 0.35 + 0.75 * np.clip(light_x * x + light_y * y + 0.75 * height, 0, None)
    return (radius - away).astype(np.float32), shade.astype(np.float32)


def _pattern(rng: Generator, x: Plane, y: Plane) -> Plane:
    """Where the second colour is, 0 to 1: nowhere, or in stripes, checks, dots, rings, spots or patches."""
    often = rng.uniform(1.5, 9)
    kind = int(rng.integers(7))
    if kind == 0:
        return np.zeros_like(x)
    if kind == 1:
        wave = np.sin(often * np.pi * x)
    elif kind == 2:
        wave = np.sin(often * np.pi * x) * np.sin(often * np.pi * y)
    elif kind == 3:
        wave = np.cos(often * np.pi * x) + np.cos(often * np.pi * y) - rng.uniform(0.3, 1.2)
    elif kind == 4:
        wave = np.sin(often * np.pi * np.hypot(x, y))
    elif kind == 5:  # two or three dark spots on a light ground, which is what faces look like from afar
        wave = np.full_like(x, -1)
        for _ in range(int(rng.integers(2, 6))):
            wave = np.maximum(
                wave, rng.uniform(0.05, 0.25) - np.hypot(x - rng.uniform(-0.6, 0.6), y - rng.uniform(-0.6, 0.6))
            )
        wave *= 8
    else:
        cells = rng.standard_normal((int(often) + 2, int(often) + 2), dtype=np.float32)
        wave = np.asarray(cv2.resize(cells, x.shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
    second: Plane = np.clip(wave * 6 + 0.5, 0, 1).astype(np.float32)
    return second


def _paint_trunk(rng: Generator, canvas: Image, thing: Thing) -> Plane:
    """A body whose head is out of the picture or not there, as of a tailor's dummy."""
    half = rng.uniform(0.9, 1.3)
    turn = np.radians(thing.turn)
    down = float(-np.sin(turn)), float(np.cos(turn))
    shirt, trousers = pixel_colour(thing.colour), pixel_colour(thing.second_colour)
    skin = pixel_colour((0.5, 0.3, 0.2))
    # The neck, which is the thing's place, is about one side below the middle of the face that is not there.
    middle = thing.center[0] - down[0] * thing.near, thing.center[1] - down[1] * thing.near
    return paint_body(canvas, Build(-half, half, shirt, trousers, skin), middle, thing.near, down, thing.seed)
