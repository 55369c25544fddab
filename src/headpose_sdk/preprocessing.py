"""From a face box to the network's input: a square, padded with black, resized. Training cuts with the same code.

The paper (section 3.1) makes the box square by extending its short side on both sides, never by stretching; a margin
adds what the network wants to see around the face. What lies outside the photo is black.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.errors import InvalidBoxError
from headpose_sdk.results import BoundingBox, Image

__all__ = ["CropSquare", "check_box", "crop_face", "crop_faces", "cut_square"]


@dataclass(frozen=True, slots=True)
class CropSquare:
    """A square in a photo: centre and side in pixels, turned clockwise (as seen) by ``turn`` degrees.

    What is cut out of it appears turned the other way, counter-clockwise.
    """

    center_x: float
    center_y: float
    side: float
    turn: float = 0.0

    @classmethod
    def around(cls, box: BoundingBox, margin: float) -> CropSquare:
        """The square on the box's centre whose side is ``margin`` times the longer side of the box."""
        x, y = box.center
        return cls(x, y, max(box.width, box.height) * margin)

    def transform(self, size: int) -> NDArray[np.float64]:
        """Affine map (2, 3) from photo pixels to the pixels of a (size, size) crop, pixel centres at integers."""
        scale = size / self.side
        cos, sin = np.cos(np.radians(self.turn)) * scale, np.sin(np.radians(self.turn)) * scale
        linear = np.array([[cos, sin], [-sin, cos]])
        # A box edge at 0 is the outer edge of pixel 0, whose centre lies half a pixel further in.
        center = np.array([self.center_x - 0.5, self.center_y - 0.5])
        return np.column_stack([linear, (size - 1) / 2 - linear @ center])


def check_box(box: BoundingBox, image: Image) -> BoundingBox:
    """The same box, if at least part of it lies in the image.

    Raises:
        InvalidBoxError: if it lies wholly outside.
    """
    height, width = image.shape[:2]
    if box.x2 <= 0 or box.y2 <= 0 or box.x1 >= width or box.y1 >= height:
        raise InvalidBoxError(
            f"box {box.to_list()} lies wholly outside the image of {width}x{height} pixels; "
            "give corners in this image's pixels, x1 y1 x2 y2"
        )
    return box


def crop_face(image: Image, box: BoundingBox, *, margin: float, size: int) -> Image:
    """The network's input for one face: (size, size, 3) uint8 BGR. The box may reach outside the image."""
    return cut_square(image, CropSquare.around(box, margin), size)


def crop_faces(image: Image, boxes: Sequence[BoundingBox], *, margin: float, size: int) -> Image:
    """:func:`crop_face` for N boxes of one photo, as one contiguous batch (N, size, size, 3)."""
    crops = np.empty((len(boxes), size, size, 3), np.uint8)
    for crop, box in zip(crops, boxes, strict=True):
        cut_square(image, CropSquare.around(box, margin), size, out=crop)
    return crops


def cut_square(
    image: Image,
    square: CropSquare,
    size: int,
    *,
    border: int = cv2.BORDER_CONSTANT,
    fill: tuple[float, float, float] = (0.0, 0.0, 0.0),
    out: Image | None = None,
) -> Image:
    """Cut ``square`` out of ``image`` and resize it to (size, size, 3) uint8; ``border`` is OpenCV's border type.

    The crop is written into ``out``, contiguous and of that shape, where it is given.
    """
    part, corner = _surroundings(image, square)
    transform = square.transform(size)
    transform[:, 2] += transform[:, :2] @ corner
    if square.side >= 2 * size:
        # warpAffine samples single pixels: a big face would alias. Average it down by a whole factor first.
        factor = int(square.side // size)
        height, width = part.shape[:2]
        small = (max(1, round(width / factor)), max(1, round(height / factor)))
        part = np.asarray(cv2.resize(part, small, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        grow = np.array([width / small[0], height / small[1]])
        transform[:, 2] += transform[:, :2] @ ((grow - 1) / 2)
        transform[:, :2] = transform[:, :2] * grow
    crop = cv2.warpAffine(
        part, transform, (size, size), dst=out, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=fill
    )
    return np.asarray(crop, dtype=np.uint8)


def _surroundings(image: Image, square: CropSquare) -> tuple[Image, NDArray[np.float64]]:
    """The part of the image that the square can touch, and its top left corner.

    warpAffine refuses pictures of more than 32767 pixels a side, and a view would be copied as a whole.
    """
    height, width = image.shape[:2]
    reach = square.side * (0.5 if square.turn == 0 else np.sqrt(0.5)) + 2
    left, right = _span(square.center_x, reach, width)
    top, bottom = _span(square.center_y, reach, height)
    return image[top:bottom, left:right], np.array([left, top], np.float64)


def _span(center: float, reach: float, length: int) -> tuple[int, int]:
    """First and past-the-last pixel within ``reach`` of ``center``; at least one pixel, inside the image."""
    first = min(max(math.floor(center - reach), 0), length - 1)
    last = min(max(math.ceil(center + reach), first + 1), length)
    return first, last
