"""Pictures that show no face, as a detector may hand them on by mistake: the network is to be unsure of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from headpose_sdk.preprocessing import CropSquare, cut_square
from headpose_sdk.results import Image
from headpose_sdk.training.augment import colour_jitter, degrade

if TYPE_CHECKING:
    from cv2.typing import MatLike

__all__ = ["nonface_batch"]

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)
CHARACTERS = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?-+=()/%&    ")
TILES = (5, 9)  # a side of the shuffled head, from and below: no tile is nearly as large as the face
BORDER_PART = (0.1, 0.28)  # of a stored crop: what is cut from its border, which holds hair, neck and what is behind


def nonface_batch(heads: NDArray[np.uint8], count: int, size: int, rng: Generator) -> NDArray[np.uint8]:
    """``count`` pictures (count, size, size, 3) uint8 BGR, some of them made from ``heads`` (N, 128, 128, 3).

    Each is noise, a plain or graded colour, text, a drawing, a head in shuffled tiles or a patch of a crop's border,
    and then changed in light and sharpness as heads are.
    """
    images = np.empty((count, size, size, 3), np.uint8)
    for image in images:
        choice = int(rng.integers(0, 6))
        if choice == 0:
            picture = _noise(size, rng)
        elif choice == 1:
            picture = _gradient(size, rng)
        elif choice == 2:
            picture = _text(size, rng)
        elif choice == 3:
            picture = _drawing(size, rng)
        elif choice == 4:
            picture = _shuffled(heads[rng.integers(0, len(heads))], size, rng)
        else:
            picture = _border(heads[rng.integers(0, len(heads))], size, rng)
        image[:] = degrade(colour_jitter(picture, rng), rng)
    return images


def _noise(size: int, rng: Generator) -> Image:
    """Noise of any grain, from single pixels to a few spots, grey or coloured."""
    grain = int(np.exp(rng.uniform(np.log(2), np.log(size))))
    channels = 1 if rng.random() < 0.4 else 3
    noise = rng.integers(0, 256, (grain, grain, channels), dtype=np.uint8)
    smooth = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST
    return _resized(np.repeat(noise, 3 // channels, axis=2), size, smooth)


def _gradient(size: int, rng: Generator) -> Image:
    """One colour, or two that pass into each other along a line or from a point."""
    first, second = rng.uniform(0, 255, (2, 3))
    draw = rng.random()
    if draw < 0.3:
        second = first
    y, x = np.mgrid[0:size, 0:size] / size
    if draw < 0.7:
        turn = rng.uniform(0, 2 * np.pi)
        place = (x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn) + 0.5
    else:
        center_x, center_y = rng.uniform(0, 1, 2)
        place = np.hypot(x - center_x, y - center_y)
    blend = np.clip(place, 0, 1)[:, :, None]
    return np.asarray(first * (1 - blend) + second * blend, dtype=np.uint8)


def _text(size: int, rng: Generator) -> Image:
    """Lines of letters in one font on a plain or graded ground."""
    picture: MatLike = _gradient(size, rng)
    font = FONTS[int(rng.integers(0, len(FONTS)))]
    height = size * float(rng.uniform(0.06, 0.4))
    colour = _colour(rng)
    thickness = max(1, round(height * float(rng.uniform(0.03, 0.15))))
    base = float(rng.uniform(0.5, 1.0)) * height
    while base < size + height:
        line = "".join(rng.choice(CHARACTERS, 40))
        start = (round(float(rng.uniform(-0.3, 0.3)) * size), round(base))
        picture = cv2.putText(picture, line, start, font, height / 30, colour, thickness, cv2.LINE_AA)
        base += height * float(rng.uniform(1.3, 2.0))
    return np.asarray(picture, dtype=np.uint8)


def _drawing(size: int, rng: Generator) -> Image:
    """Up to twenty lines, rectangles, ellipses and polygons, drawn or filled."""
    picture: MatLike = _gradient(size, rng)
    drawn_only = rng.random() < 0.5
    for _ in range(int(rng.integers(1, 21))):
        corners = rng.integers(-size // 4, size + size // 4, (4, 2))
        (x1, y1), (x2, y2) = corners[:2].tolist()
        colour = _colour(rng)
        thickness = int(rng.integers(1, max(2, size // 20)))
        filled = thickness if drawn_only or rng.random() < 0.4 else -1
        shape = int(rng.integers(0, 4))
        if shape == 0:
            picture = cv2.line(picture, (x1, y1), (x2, y2), colour, thickness, cv2.LINE_AA)
        elif shape == 1:
            picture = cv2.rectangle(picture, (x1, y1), (x2, y2), colour, filled)
        elif shape == 2:
            axes = (abs(x2 - x1) // 2 + 1, abs(y2 - y1) // 2 + 1)
            picture = cv2.ellipse(picture, (x1, y1), axes, float(rng.uniform(0, 180)), 0, 360, colour, filled)
        elif filled < 0:
            picture = cv2.fillPoly(picture, [corners.astype(np.int32)], colour)
        else:
            picture = cv2.polylines(picture, [corners.astype(np.int32)], True, colour, thickness, cv2.LINE_AA)
    return np.asarray(picture, dtype=np.uint8)


def _shuffled(head: Image, size: int, rng: Generator) -> Image:
    """A head cut into square tiles that change places: all of its colours and textures, and no face."""
    tiles = int(rng.integers(*TILES))
    side = len(head) // tiles
    cut = head[: tiles * side, : tiles * side].reshape(tiles, side, tiles, side, 3).swapaxes(1, 2)
    mixed = rng.permutation(cut.reshape(tiles * tiles, side, side, 3))
    whole = mixed.reshape(tiles, tiles, side, side, 3).swapaxes(1, 2).reshape(tiles * side, tiles * side, 3)
    return _resized(whole, size, cv2.INTER_LINEAR)


def _border(head: Image, size: int, rng: Generator) -> Image:
    """A small square at the border of a stored crop, far from the middle of the face."""
    length = len(head)
    side = length * float(rng.uniform(*BORDER_PART))
    along = float(rng.uniform(0, length - side))
    at_end = (length - side) * float(rng.integers(0, 2))
    left, top = (along, at_end) if rng.random() < 0.5 else (at_end, along)
    square = CropSquare(left + side / 2, top + side / 2, side, float(rng.uniform(-45, 45)))
    return cut_square(head, square, size, border=cv2.BORDER_REFLECT_101)


def _resized(picture: Image, size: int, interpolation: int) -> Image:
    return np.asarray(cv2.resize(picture, (size, size), interpolation=interpolation), dtype=np.uint8)


def _colour(rng: Generator) -> tuple[float, float, float]:
    blue, green, red = rng.uniform(0, 255, 3).tolist()
    return blue, green, red
