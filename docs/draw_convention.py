"""Draw the pictures of docs/convention.md: a head at known angles.

    python docs/draw_convention.py            # writes docs/images/*.png

The head is a handful of ellipsoids that move with ``headpose_sdk.rotation.matrix_from_euler``; every pixel is the
point where a ray along the camera axis first meets one of them. No sign is decided in this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from headpose_sdk.drawing import draw_poses
from headpose_sdk.results import BoundingBox, HeadPose, Image
from headpose_sdk.rotation import FloatArray, matrix_from_euler

IMAGES = Path(__file__).parent / "images"
CELL = 208  # pixels, square
PIXELS_PER_UNIT = 72  # the skull is about 2 units high
OVERSAMPLING = 3
PAPER = (250, 248, 246)
INK = (60, 50, 45)

Angles = tuple[float, float, float]  # yaw, pitch, roll in degrees

SHEET: list[list[tuple[Angles, str, str]]] = [
    [
        ((-40, 0, 0), "yaw -40", "turns to the right edge"),
        ((0, 0, 0), "yaw 0", "looks into the camera"),
        ((40, 0, 0), "yaw +40", "turns to the left edge"),
    ],
    [
        ((0, -30, 0), "pitch -30", "looks down"),
        ((0, 0, 0), "pitch 0", "looks into the camera"),
        ((0, 30, 0), "pitch +30", "looks up"),
    ],
    [
        ((0, 0, -30), "roll -30", "top leans to the left edge"),
        ((0, 0, 0), "roll 0", "upright"),
        ((0, 0, 30), "roll +30", "top leans to the right edge"),
    ],
]

AXES_POSE = HeadPose(35, 10, 12, 2, 2, 2, BoundingBox(61, 61, 299, 299), None)


class Ellipsoid(NamedTuple):
    """One part of the head, in the head's own OpenCV axes: x to the image's right, y down, the face at -z."""

    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    color: tuple[int, int, int]  # BGR


SKIN, NOSE, HAIR, WHITE, IRIS, LIPS = (
    (150, 185, 232), (125, 160, 222), (52, 66, 92), (248, 248, 248), (70, 45, 30), (96, 92, 190),
)  # fmt: skip

NOSE_TIP = np.array([0.0, 0.16, -1.2])
TOP_OF_HEAD = np.array([0.0, -1.05, 0.1])

HEAD = [
    Ellipsoid((0, 0, 0), (0.78, 1.02, 0.92), SKIN),
    Ellipsoid((0, 0.62, -0.3), (0.5, 0.46, 0.5), SKIN),  # chin
    Ellipsoid((0, -0.22, 0.16), (0.84, 0.88, 0.9), HAIR),
    Ellipsoid((0, -0.72, -0.3), (0.6, 0.34, 0.5), HAIR),  # fringe
    Ellipsoid((0, 0.02, -0.9), (0.085, 0.26, 0.14), NOSE),  # bridge
    Ellipsoid((0, 0.16, -1.02), (0.15, 0.12, 0.18), NOSE),  # its foremost point is NOSE_TIP
    Ellipsoid((0, 0.55, -0.76), (0.25, 0.05, 0.1), LIPS),
    *(
        part
        for side in (-1, 1)
        for part in (
            Ellipsoid((side * 0.82, 0.05, 0.02), (0.1, 0.24, 0.16), NOSE),  # ear
            Ellipsoid((side * 0.3, -0.14, -0.77), (0.15, 0.1, 0.13), WHITE),
            Ellipsoid((side * 0.32, -0.14, -0.85), (0.065, 0.07, 0.065), IRIS),
            Ellipsoid((side * 0.3, -0.33, -0.8), (0.19, 0.03, 0.06), HAIR),  # eyebrow
        )
    ),
]


def project(points: FloatArray, angles: Angles, scale: float = PIXELS_PER_UNIT) -> FloatArray:
    """Where points (..., 3) of the head lie in the picture (..., 2): x, y in pixels from the head's centre."""
    turned: FloatArray = points @ matrix_from_euler(angles).T
    return scale * turned[..., :2]


def render_head(
    angles: Angles, size: int = CELL, scale: float = PIXELS_PER_UNIT, parts: Sequence[Ellipsoid] = HEAD
) -> Image:
    """The head at ``angles`` in the middle of a square picture (size, size, 3) uint8 BGR."""
    fine = size * OVERSAMPLING
    pixel = ((np.arange(fine) + 0.5) / OVERSAMPLING - size / 2) / scale
    rotation = matrix_from_euler(angles)
    nearest = np.full((fine, fine), np.inf)
    picture = np.empty((fine, fine, 3))
    picture[:] = PAPER
    for part in parts:
        radii = np.array(part.radii)
        center, reach = (rotation @ part.center)[:2], np.linalg.norm(rotation[:2] * radii, axis=1)
        columns, rows = (slice(*np.searchsorted(pixel, (center[i] - reach[i], center[i] + reach[i]))) for i in (0, 1))
        x, y = np.meshgrid(pixel[columns], pixel[rows])
        # In coordinates where the part is the unit sphere, start + depth * ray solves a quadratic equation.
        start = (np.stack([x, y, np.zeros_like(x)], axis=-1) @ rotation - part.center) / radii
        ray = rotation[2] / radii  # the camera's z axis as the head sees it
        a, b, c = ray @ ray, start @ ray, np.sum(start * start, axis=-1) - 1
        discriminant = b * b - a * c
        depth = (-b - np.sqrt(np.maximum(discriminant, 0))) / a
        seen = (discriminant > 0) & (depth < nearest[rows, columns])
        normals = ((start[seen] + depth[seen][:, np.newaxis] * ray) / radii) @ rotation.T
        picture[rows, columns][seen] = _shade(normals, part.color)
        nearest[rows, columns][seen] = depth[seen]
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return np.rint(small).astype(np.uint8)


def _shade(normals: FloatArray, color: tuple[int, int, int]) -> FloatArray:
    """Colours (N, 3) of a matt surface lit from above, a little from the left, in front."""
    light = np.array([-0.35, -0.6, -0.72])
    unit = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
    brightness = 0.5 + 0.52 * np.clip(unit @ light, -0.2, 1)
    shaded: FloatArray = np.minimum(brightness[:, np.newaxis] * np.array(color), 255)
    return shaded


def draw_sheet() -> Image:
    """Three rows (yaw, pitch, roll) of three heads with captions."""
    rows = [np.hstack([_captioned(*cell) for cell in row]) for row in SHEET]
    return np.vstack(rows)


def _captioned(angles: Angles, title: str, meaning: str) -> Image:
    caption = np.full((46, CELL, 3), PAPER, np.uint8)
    _centered_text(caption, title, 18, 0.55, 2)
    _centered_text(caption, meaning, 37, 0.42, 1)
    return np.vstack([render_head(angles), caption])


def _centered_text(image: Image, text: str, baseline: int, scale: float, stroke: int) -> None:
    width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)[0][0]
    left = (image.shape[1] - width) // 2
    cv2.putText(image, text, (left, baseline), cv2.FONT_HERSHEY_SIMPLEX, scale, INK, stroke, cv2.LINE_AA)


def draw_axes_example() -> Image:
    """The head as ``draw_poses`` draws it: red to the side, green down, blue to the front."""
    angles = (AXES_POSE.yaw, AXES_POSE.pitch, AXES_POSE.roll)
    return draw_poses(render_head(angles, size=360, scale=110), [AXES_POSE])


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    for name, picture in (("convention.png", draw_sheet()), ("axes.png", draw_axes_example())):
        cv2.imwrite(str(IMAGES / name), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
