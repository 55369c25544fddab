"""Things between camera and face: hands, phones, bars and discs, painted over a drawn head.

Each is a height above the picture, given pixel by pixel, so that shading and soft edges are the same for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from headpose_sdk.results import Image
from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.head import Cover

__all__ = ["cover"]

Plane = NDArray[np.float32]
"""One number a pixel (H, W)."""


@dataclass(frozen=True, slots=True)
class _Thing:
    """A thing as it lies before the picture, lengths in pixels."""

    height: Plane  # of its surface, towards the camera
    edge: Plane  # distance to its outline, negative outside
    albedo: NDArray[np.float32]  # (H, W, 3) or (3,) linear BGR


def cover(image: Image, covers: Sequence[Cover], box: tuple[float, float, float, float]) -> tuple[Image, Plane]:
    """``image`` ((H, W, 3) uint8 BGR) with the things before it, and how much of each pixel they hide (H, W), 0 to 1.

    ``box`` is the face's: x1, y1, x2, y2 in pixels, 0 at the image's edge. The longer side is the unit of a cover's
    place and size.
    """
    hidden = np.zeros(image.shape[:2], np.float32)
    for item in covers:
        image, share = _put(image, item, box)
        hidden = np.maximum(hidden, share)
    return image, hidden


def _put(image: Image, item: Cover, box: tuple[float, float, float, float]) -> tuple[Image, Plane]:
    rng = np.random.default_rng(item.seed)
    x1, y1, x2, y2 = box
    unit = max(x2 - x1, y2 - y1)
    center = np.array([(x1 + x2) / 2 + item.center[0] * unit, (y1 + y2) / 2 + item.center[1] * unit])
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32) + np.float32(0.5)
    # x and y of the thing itself: x across, y up, in pixels from its middle.
    turn = np.radians(item.turn)
    right, up = columns - np.float32(center[0]), np.float32(center[1]) - rows
    across = (np.cos(turn) * right - np.sin(turn) * up).astype(np.float32)
    along = (np.sin(turn) * right + np.cos(turn) * up).astype(np.float32)
    draw = {"hand": _hand, "phone": _phone, "bar": _bar, "disc": _disc}[item.kind]
    colour = np.array(item.colour[::-1], np.float32)
    thing = draw(rng, across, along, item.size * unit, colour)

    softness = np.float32(rng.uniform(0.6, 2.0))  # of the edge: it is nearer than what the camera is focused on
    share = np.clip(thing.edge / softness + np.float32(0.5), 0, 1)
    share = np.asarray(cv2.GaussianBlur(share, (0, 0), float(softness) / 2), np.float32)
    shade = _shade(thing.height, rng)
    painted = (np.clip(thing.albedo * shade[..., None], 0, 1) ** np.float32(1 / 2.2)) * 255
    shadow = np.asarray(cv2.GaussianBlur(share, (0, 0), 0.05 * unit), np.float32) * np.float32(rng.uniform(0.1, 0.5))
    mixed = image * (1 - shadow * (1 - share))[..., None] * (1 - share)[..., None] + painted * share[..., None]
    return np.clip(mixed, 0, 255).astype(np.uint8), share


def _shade(height: Plane, rng: Generator) -> Plane:
    """How bright a surface of that height is, lit from above and a random side."""
    smooth = np.asarray(cv2.GaussianBlur(height, (0, 0), 0.7), np.float32)
    slope_x, slope_y = np.gradient(smooth, axis=1), np.gradient(smooth, axis=0)
    light_x, light_y, light_z = rng.uniform(-0.7, 0.7), -rng.uniform(0.1, 0.8), rng.uniform(0.5, 1)
    length = np.sqrt(light_x**2 + light_y**2 + light_z**2)
    towards = (light_z - light_x * slope_x - light_y * slope_y) / length / np.sqrt(1 + slope_x**2 + slope_y**2)
    shade: Plane = (0.35 + 0.75 * np.maximum(towards, 0)).astype(np.float32)
    return shade


def _capsules(x: Plane, y: Plane, bones: Sequence[tuple[FloatArray, FloatArray, float, float]]) -> tuple[Plane, Plane]:
    """Height and edge of rounded sticks, each from a point to another, with a radius at either end."""
    height = np.zeros_like(x)
    edge = np.full_like(x, -np.inf)
    for start, end, start_radius, end_radius in bones:
        dx, dy = (np.float32(value) for value in end - start)
        from_x, from_y = x - np.float32(start[0]), y - np.float32(start[1])
        part = np.clip((from_x * dx + from_y * dy) / max(dx * dx + dy * dy, np.float32(1e-6)), 0, 1)
        away = (from_x - part * dx) ** 2 + (from_y - part * dy) ** 2
        radius = np.float32(start_radius) + part * np.float32(end_radius - start_radius)
        np.maximum(edge, radius - np.sqrt(away), out=edge)
        np.maximum(height, np.sqrt(np.maximum(radius * radius - away, 0)), out=height)
    return height, edge


def _hand(rng: Generator, x: Plane, y: Plane, size: float, colour: NDArray[np.float32]) -> _Thing:
    """A palm with four fingers and a thumb, spread or closed, straight or bent, and the forearm below.

    ``size`` is the length from the wrist to the tip of the middle finger.
    """
    side = 1.0 if rng.random() < 0.5 else -1.0  # a right or a left hand
    spread, bend = rng.uniform(0, 11), rng.uniform(0.55, 1)
    palm = size * 0.27  # half of its length and about its half width
    bones = []
    for k, length in enumerate((0.40, 0.46, 0.43, 0.34)):
        place = (k - 1.5) / 1.5  # -1 the index finger, 1 the little one
        root = np.array([side * place * 0.72 * palm, 0.72 * palm - 0.12 * palm * place * place])
        angle = np.radians(side * place * spread + rng.normal(0, 2))
        reach = length * size * bend * rng.uniform(0.9, 1.05)
        knuckle = root + 0.52 * reach * np.array([np.sin(angle), np.cos(angle)])
        angle += np.radians(rng.normal(0, 4))
        tip = knuckle + 0.48 * reach * np.array([np.sin(angle), np.cos(angle)])
        bones += [(root, knuckle, 0.058 * size, 0.05 * size), (knuckle, tip, 0.05 * size, 0.036 * size)]
    angle = np.radians(side * -rng.uniform(15, 60))
    root = np.array([side * -0.62 * palm, -0.55 * palm])
    knuckle = root + 0.24 * size * np.array([np.sin(angle), np.cos(angle)])
    tip = knuckle + 0.17 * size * np.array([np.sin(angle * 0.6), np.cos(angle * 0.6)])
    bones += [(root, knuckle, 0.085 * size, 0.06 * size), (knuckle, tip, 0.06 * size, 0.042 * size)]
    for place in (-0.5, 0.0, 0.5):
        low, high = np.array([place * 0.75 * palm, -0.75 * palm]), np.array([place * palm, 0.55 * palm])
        bones.append((low, high, 0.13 * size, 0.12 * size))
    wrist = np.array([0.0, -1.0 * palm])
    bones.append((wrist, wrist - np.array([rng.normal(0, 0.2) * size, 2 * size]), 0.145 * size, 0.2 * size))
    height, edge = _capsules(x, y, bones)
    # Skin is redder at the tips and where it is thin.
    far = np.clip(y / np.float32(0.6 * size), 0, 1)[..., None]
    albedo = colour * (1 + far * np.array([-0.12, -0.12, 0.06], np.float32))
    return _Thing(height, edge, albedo)


def _rounded_box(x: Plane, y: Plane, width: float, height: float, radius: float) -> Plane:
    """Distance to the outline of a rounded rectangle of that half width and half height, negative outside."""
    out_x, out_y = np.abs(x) - np.float32(width - radius), np.abs(y) - np.float32(height - radius)
    outside = np.hypot(np.maximum(out_x, 0), np.maximum(out_y, 0))
    distance: Plane = np.float32(radius) - outside - np.minimum(np.maximum(out_x, out_y), 0)
    return distance


def _phone(rng: Generator, x: Plane, y: Plane, size: float, colour: NDArray[np.float32]) -> _Thing:
    """The back of a phone, ``size`` long, with its cameras, held by fingers from one side."""
    half, width = size / 2, size / 2 * rng.uniform(0.46, 0.54)
    edge = _rounded_box(x, y, width, half, 0.09 * size)
    height = np.clip(edge, 0, 0.03 * size)
    albedo = np.broadcast_to(colour, (*x.shape, 3)).copy()
    island = _rounded_box(
        x + np.float32(0.45 * width), y - np.float32(0.72 * half), 0.4 * width, 0.2 * half, 0.04 * size
    )
    albedo[island > 0] *= np.float32(0.6)
    for place in (-0.1, 0.1):
        lens = np.hypot(x + np.float32(0.45 * width), y - np.float32((0.72 + place) * half))
        albedo[lens < 0.05 * size] = 0.01
    if rng.random() < 0.7:
        side = 1.0 if rng.random() < 0.5 else -1.0
        skin = np.clip(rng.uniform(0.15, 1) * np.array([0.25, 0.35, 0.6]), 0, 1).astype(np.float32)
        bones = []
        for k in range(int(rng.integers(2, 5))):
            level = (-0.55 + 0.3 * k + rng.normal(0, 0.03)) * half
            start = np.array([side * width * 1.25, level - 0.1 * half])
            end = np.array([side * width * rng.uniform(0.2, 0.6), level + 0.05 * half])
            bones.append((start, end, 0.065 * size, 0.05 * size))
        finger_height, finger_edge = _capsules(x, y, bones)
        albedo = np.where(finger_edge[..., None] > 0, skin * max(float(colour.max()), 0.3), albedo).astype(np.float32)
        height, edge = np.maximum(height, finger_height), np.maximum(edge, finger_edge)
    return _Thing(height, edge, albedo)


def _bar(rng: Generator, x: Plane, y: Plane, size: float, colour: NDArray[np.float32]) -> _Thing:
    """A pole, strap, cable or microphone stand across the whole picture, ``size`` wide; some are striped."""
    edge: Plane = np.float32(size / 2) - np.abs(x)
    roundness = np.float32(rng.uniform(0, 1))
    height = roundness * np.sqrt(np.maximum(np.float32(size * size / 4) - x * x, 0))
    albedo = np.broadcast_to(colour, (*x.shape, 3))
    if rng.random() < 0.3:
        dark = np.sin(y * np.float32(2 * np.pi / (size * rng.uniform(0.8, 3)))) > 0
        albedo = np.where(dark[..., None], albedo * np.float32(rng.uniform(0.2, 0.8)), albedo)
    return _Thing(height, edge, albedo)


def _disc(rng: Generator, x: Plane, y: Plane, size: float, colour: NDArray[np.float32]) -> _Thing:
    """A ball, plate, cup's bottom or balloon, ``size`` across; some have a rim."""
    away = np.hypot(x, y * np.float32(rng.uniform(1, 1.6)))
    radius = np.float32(size / 2)
    height = np.float32(rng.uniform(0, 1)) * np.sqrt(np.maximum(radius * radius - away * away, 0))
    albedo = np.broadcast_to(colour, (*x.shape, 3))
    if rng.random() < 0.4:
        rim = np.float32(rng.uniform(0.6, 0.9)) * radius
        albedo = np.where(away[..., None] > rim, albedo * np.float32(rng.uniform(0.3, 1.5)), albedo)
    return _Thing(height, radius - away, albedo)
