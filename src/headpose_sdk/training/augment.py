"""Changes to a training picture that leave its labels alone: light, colour, sharpness, things in front.

All take and return (H, W, 3) uint8 BGR and draw from the generator they are given, so a seed repeats them. The
paper (section 4.1) lists down-up-sampling, brightness, contrast and blur; the others are for photos that people
take: colour casts, grey pictures, RGB passed as BGR by mistake, noise, JPEG, hands and hair over the face.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from headpose_sdk.results import Image

if TYPE_CHECKING:
    from cv2.typing import MatLike

__all__ = ["colour_jitter", "degrade", "occlude"]

_LEVELS = np.arange(256, dtype=np.float32)


def colour_jitter(image: Image, rng: Generator) -> Image:
    """Brightness, contrast, gamma, a colour cast; sometimes grey (all three channels), sometimes R and B swapped."""
    changed: MatLike = image
    if rng.random() < 0.12:
        changed = np.repeat(cv2.cvtColor(changed, cv2.COLOR_BGR2GRAY)[:, :, None], 3, axis=2)
    elif rng.random() < 0.12:
        changed = np.ascontiguousarray(changed[:, :, ::-1])
    if rng.random() < 0.8:
        gamma = np.exp(rng.normal(0, 0.25))
        contrast = np.exp(rng.normal(0, 0.2))
        brightness = rng.normal(0, 25)
        cast = np.exp(rng.normal(0, 0.07, 3))
        curve = 255 * (_LEVELS / 255) ** gamma
        curves = (curve - 127.5) * contrast + 127.5 + brightness
        table = np.clip(curves[:, None] * cast, 0, 255).astype(np.uint8)
        changed = cv2.LUT(changed, table[None])
    if rng.random() < 0.1:  # a photo taken in the dark, or against the light
        changed = cv2.convertScaleAbs(changed, alpha=float(rng.uniform(0.25, 0.7)))
    return np.asarray(changed, dtype=np.uint8)


def degrade(image: Image, rng: Generator) -> Image:
    """Down-up-sampling, blur (Gaussian or of motion), noise, JPEG: each of them sometimes."""
    height, width = image.shape[:2]
    changed: MatLike = image
    if rng.random() < 0.25:
        factor = rng.uniform(1.2, 5.0)
        small = (max(8, round(width / factor)), max(8, round(height / factor)))
        changed = cv2.resize(changed, small, interpolation=cv2.INTER_AREA)
        changed = cv2.resize(changed, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.15:
        changed = cv2.GaussianBlur(changed, (0, 0), float(rng.uniform(0.4, 1.8)))
    elif rng.random() < 0.08:
        changed = cv2.filter2D(changed, -1, _motion_kernel(rng))
    if rng.random() < 0.15:
        strength = float(rng.uniform(2, 14))
        noise = rng.standard_normal(changed.shape, dtype=np.float32) * strength
        changed = np.clip(changed + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 85))]
        _, encoded = cv2.imencode(".jpg", changed, quality)
        decoded = cv2.imdecode(np.asarray(encoded), cv2.IMREAD_COLOR)
        assert decoded is not None, "OpenCV reads what it has just written"
        changed = decoded
    return np.asarray(changed, dtype=np.uint8)


def occlude(image: Image, rng: Generator) -> Image:
    """A rectangle or an ellipse of one colour or of noise over up to a third of the picture; mostly nothing."""
    if rng.random() < 0.8:
        return image
    height, width = image.shape[:2]
    cover_width, cover_height = (rng.uniform(0.12, 0.6, 2) * (width, height)).astype(int) + 1
    x, y = int(rng.integers(-cover_width // 2, width)), int(rng.integers(-cover_height // 2, height))
    mask = np.zeros((height, width), np.uint8)
    if rng.random() < 0.5:
        cv2.rectangle(mask, (x, y), (x + int(cover_width), y + int(cover_height)), 1, -1)
    else:
        axes = (int(cover_width) // 2 + 1, int(cover_height) // 2 + 1)
        cv2.ellipse(mask, (x + axes[0], y + axes[1]), axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    if rng.random() < 0.7:
        cover = np.broadcast_to(rng.integers(0, 256, 3).astype(np.uint8), image.shape)
    else:
        cover = rng.integers(0, 256, image.shape, dtype=np.uint8)
    return np.where(mask[:, :, None] > 0, cover, image)


def _motion_kernel(rng: Generator) -> NDArray[np.float32]:
    """A line of 3 to 9 pixels at a random angle, of sum 1."""
    length = int(rng.integers(3, 10)) | 1
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    middle = (length - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), float(rng.uniform(0, 180)), 1.0)
    turned: NDArray[np.float32] = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), dtype=np.float32)
    return turned / np.float32(turned.sum())
