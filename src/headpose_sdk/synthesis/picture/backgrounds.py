"""What is behind the head: pieces of panoramas, and painted rooms, shapes and noise.

A network that sees backgrounds from a few places learns the places. So a third are painted, each one only once.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from headpose_sdk.results import Image
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Background

__all__ = ["Backgrounds", "scalar"]

_BLUR_UNIT = 128  # pixels of the crop in which a background's blur is given


class Backgrounds:
    """Draws backgrounds. Panoramas are read when they are first asked for, and kept."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self._panoramas: dict[str, Image] = {}

    def draw(self, background: Background, size: int) -> Image:
        """The background (size, size, 3) uint8 BGR.

        Raises:
            DatasetError: the panorama is missing or damaged.
        """
        name = background.panorama
        image = _painted(background.seed, size) if name is None else self._piece(name, background, size)
        if background.blur > 0:
            sigma = background.blur * size / _BLUR_UNIT
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
        image = np.asarray(cv2.convertScaleAbs(image, alpha=background.brightness), np.uint8)
        return np.ascontiguousarray(image[:, ::-1]) if background.mirrored else image

    def _piece(self, name: str, background: Background, size: int) -> Image:
        panorama = self.panorama(name)
        height, width = panorama.shape[:2]
        side = int(np.clip(round(background.side * height), 1, height))
        top = int(np.clip(round(background.top * height), 0, height - side))
        columns = (round(background.left * width) + np.arange(side)) % width  # it closes upon itself
        piece = panorama[top : top + side, columns]
        how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(piece, (size, size), interpolation=how), np.uint8)

    def panorama(self, name: str) -> Image:
        """A panorama (H, W, 3) uint8 BGR by its name."""
        if name not in self._panoramas:
            self._panoramas[name] = _without_rims(self._assets.image(f"env/{name}.webp")[..., :3])
        return self._panoramas[name]


def _without_rims(panorama: Image) -> Image:
    """The panorama without the black lines that its lights were left with when it was reduced from a brighter range."""
    closed = np.asarray(cv2.morphologyEx(panorama, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
    black = (panorama.max(axis=2) < 90) & (closed.min(axis=2) > 150)
    return np.where(black[..., None], closed, panorama)


# --- painted


def _painted(seed: int, size: int) -> Image:
    rng = np.random.default_rng(seed)
    paint: Callable[[Generator, int], Image] = (_noise, _gradient, _room, _shelves)[int(rng.integers(4))]
    canvas = paint(rng, size)
    if rng.random() < 0.6:
        _add_shapes(rng, canvas)
    if rng.random() < 0.5:
        return _pixels(canvas + _texture(rng, size) * np.float32(rng.uniform(2, 22)))
    return canvas


def _pixels(values: NDArray[np.float32]) -> Image:
    return np.clip(values, 0, 255).astype(np.uint8)


def _colour(rng: Generator, *, spread: float = 0.12) -> NDArray[np.float32]:
    """BGR (3,), 0 to 255, mostly muted."""
    colour = 255 * rng.uniform(0.03, 1) * np.clip(1 + spread * rng.standard_normal(3), 0.2, 1.8)
    return np.clip(colour, 0, 255).astype(np.float32)


def _plain(colour: NDArray[np.float32], size: int) -> Image:
    return np.broadcast_to(_pixels(colour), (size, size, 3)).copy()


def scalar(colour: NDArray[np.floating]) -> tuple[float, float, float]:
    """A colour (3,) as the plain numbers that OpenCV draws with."""
    blue, green, red = colour.tolist()
    return blue, green, red


def _noise(rng: Generator, size: int) -> Image:
    """Clouds or blocks of all sizes: leaves, walls, crowds out of focus."""
    canvas = np.broadcast_to(_colour(rng), (size, size, 3)).copy()
    fading = rng.uniform(0.2, 1)
    how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[int(rng.integers(3))]
    colourful = np.float32(rng.uniform(0, 0.35))
    for cells in (2, 4, 8, 16, 32, 64):
        octave = rng.standard_normal((cells, cells, 3), dtype=np.float32)
        octave = colourful * octave + (1 - colourful) * octave[..., :1]
        octave *= np.float32(rng.uniform(0, 80) * (2 / cells) ** fading)
        canvas += cv2.resize(octave, (size, size), interpolation=how)
    return _pixels(canvas)


def _gradient(rng: Generator, size: int) -> Image:
    """From one colour to another, along a line or out from a point: studio walls, skies, lamps."""
    first, second = _colour(rng), _colour(rng)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        way = np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5) + 0.5
    else:
        way = np.hypot(x - rng.uniform(-0.2, 1.2), y - rng.uniform(-0.2, 1.2)) / rng.uniform(0.5, 1.2)
    way = np.clip(way, 0, 1)[..., None].astype(np.float32)
    return _pixels(first * (1 - way) + second * way)


def _room(rng: Generator, size: int) -> Image:
    """Walls that meet in a corner, a floor, and windows, doors or pictures on the walls."""
    canvas = _plain(_colour(rng), size)
    corner, floor = rng.uniform(-0.3, 1.3) * size, rng.uniform(0.55, 1.3) * size
    slope_left, slope_right = rng.uniform(0, 0.35, 2)
    side_wall = (
        _colour(rng) if rng.random() < 0.3 else np.clip(canvas[0, 0] * np.float32(rng.uniform(0.6, 1.25)), 0, 255)
    )
    _fill(canvas, [(corner, -size), (2 * size, -size), (2 * size, 2 * size), (corner, 2 * size)], side_wall)
    for _ in range(int(rng.integers(0, 4))):
        _add_frame(rng, canvas, slope_left if rng.random() < 0.5 else -slope_right)
    left_end = (-size, floor + slope_left * (corner + size))
    right_end = (2 * size, floor + slope_right * (2 * size - corner))
    _fill(canvas, [left_end, (corner, floor), right_end, (2 * size, 3 * size), (-size, 3 * size)], _colour(rng))
    return canvas


def _fill(canvas: Image, corners: list[tuple[float, float]], colour: NDArray[np.float32]) -> None:
    cv2.fillConvexPoly(canvas, np.round(corners).astype(np.int32), scalar(colour), cv2.LINE_AA)


def _add_frame(rng: Generator, canvas: Image, slope: float) -> None:
    """A window, door or picture: a slanted rectangle, a border around it, perhaps bars across."""
    size = canvas.shape[0]
    x, y = rng.uniform(-0.2, 1, 2) * size
    width, height = rng.uniform(0.15, 0.6, 2) * size
    border = rng.uniform(0.01, 0.05) * size

    def corners(inset: float) -> list[tuple[float, float]]:
        left, right = x + inset, x + width - inset
        lift = slope * width
        return [(left, y + inset), (right, y + inset + lift), (right, y + height - inset), (left, y + height - inset)]

    _fill(canvas, corners(0), _colour(rng))
    pane = _colour(rng) if rng.random() < 0.6 else np.full(3, rng.uniform(200, 255), np.float32)
    _fill(canvas, corners(border), pane)
    if rng.random() < 0.4:
        bar, middle = scalar(_colour(rng)), round(x + width / 2)
        cv2.line(canvas, (middle, round(y)), (middle, round(y + height)), bar, max(1, round(border / 2)))


def _shelves(rng: Generator, size: int) -> Image:
    """Rows of upright things of many colours: books, bottles, houses, blinds."""
    canvas = _plain(_colour(rng), size)
    top = -rng.uniform(0, 0.3) * size
    while top < size:
        height = rng.uniform(0.12, 0.5) * size
        base, left = _colour(rng), -rng.uniform(0, 0.1) * size
        while left < size:
            width = rng.uniform(0.02, 0.14) * size
            rise = rng.uniform(0.4, 0.95) * height
            own, shade = _colour(rng, spread=0.3), np.float32(rng.uniform(0.6, 1.4))
            colour = own if rng.random() < 0.6 else np.clip(base * shade, 0, 255)
            corner, end = (round(left), round(top + height - rise)), (round(left + width) - 1, round(top + height))
            cv2.rectangle(canvas, corner, end, scalar(colour), -1)
            left += width
        top += height + rng.uniform(0.01, 0.06) * size
    return canvas


def _add_shapes(rng: Generator, canvas: Image) -> None:
    """Up to six discs, boxes, poles and heads without faces."""
    size = canvas.shape[0]
    for _ in range(int(rng.integers(1, 7))):
        colour = scalar(_colour(rng, spread=0.25))
        x, y = (int(value) for value in rng.integers(0, size, 2))
        kind = rng.random()
        if kind < 0.4:
            end = (x + int(rng.integers(3, size)), y + int(rng.integers(3, size)))
            cv2.rectangle(canvas, (x, y), end, colour, -1)
        elif kind < 0.7:
            axes = (int(rng.integers(3, size // 3 + 4)), int(rng.integers(3, size // 3 + 4)))
            cv2.ellipse(canvas, (x, y), axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            end = (int(rng.integers(0, size)), int(rng.integers(0, size)))
            cv2.line(canvas, (x, y), end, colour, int(rng.integers(1, size // 12 + 2)), cv2.LINE_AA)


def _texture(rng: Generator, size: int) -> NDArray[np.float32]:
    """Fine grey grain (size, size, 1) of mean 0 and deviation 1, perhaps drawn out as in wood or cloth."""
    grain = rng.standard_normal((size, size), dtype=np.float32)
    kind = rng.random()
    if kind < 0.5:
        across, along = rng.uniform(0.4, 1.2), rng.uniform(1, 6)
        sigmas = (across, along) if kind < 0.25 else (along, across)
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), sigmas[0], sigmaY=sigmas[1]), np.float32)
        grain /= grain.std()
    return grain[..., None]
