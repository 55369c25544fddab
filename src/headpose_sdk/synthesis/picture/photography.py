"""A drawn head becomes a photo: put before its background, then through lens, sensor and file."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.results import Image
from headpose_sdk.synthesis.head import Photography

__all__ = ["composite", "photograph"]

_LUMA = np.array([0.114, 0.587, 0.299], np.float32)  # BGR


def composite(picture: Image, background: Image) -> Image:
    """``picture`` ((n S, n S, 4) BGRA, colours premultiplied) before ``background`` ((S, S, 3) BGR), of its size.

    A larger picture is reduced by averaging, which smooths its edges.
    """
    size = background.shape[1::-1]
    if picture.shape[1::-1] != size:
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    seen_past = (255 - picture[..., 3:]).astype(np.uint16)
    behind = (background * seen_past + np.uint16(127)) // np.uint16(255)
    return np.minimum(picture[..., :3] + behind, 255).astype(np.uint8)


def photograph(image: Image, photography: Photography) -> Image:
    """``image`` ((H, W, 3) uint8 BGR) as camera and file leave it. Lengths are its pixels."""
    changed: NDArray[np.float32] = image.astype(np.float32)
    if photography.defocus > 0:
        changed = _float(cv2.GaussianBlur(changed, (0, 0), photography.defocus))
    if photography.motion > 0:
        kernel = _streak(photography.motion, photography.motion_angle)
        changed = _float(cv2.filter2D(changed, -1, kernel, borderType=cv2.BORDER_REPLICATE))
    if photography.noise > 0:
        changed = changed + _noise(image.shape[0], image.shape[1], photography)
    if photography.sharpen > 0:
        blurred = _float(cv2.GaussianBlur(changed, (0, 0), 1.0))
        changed = changed + np.float32(photography.sharpen) * (changed - blurred)
    saturation = 0.0 if photography.grey else photography.saturation
    if saturation != 1:
        grey = (changed @ _LUMA)[..., None]
        changed = _float(grey + saturation * (changed - grey))
    if photography.contrast != 1:
        changed = (changed - np.float32(127.5)) * np.float32(photography.contrast) + np.float32(127.5)
    photo = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
    return photo if photography.jpeg is None else _through_jpeg(photo, photography.jpeg)


def _float(picture: cv2.typing.MatLike) -> NDArray[np.float32]:
    return np.asarray(picture, np.float32)


def _noise(height: int, width: int, photography: Photography) -> NDArray[np.float32]:
    """Grain (height, width, 3) of the deviation asked for, half of its power the same in all channels."""
    rng = np.random.default_rng(photography.seed)
    grain = rng.standard_normal((height, width, 4), dtype=np.float32)
    noise: NDArray[np.float32] = (grain[..., :3] + grain[..., 3:]) * np.float32(photography.noise / np.sqrt(2))
    return noise


def _streak(length: float, angle: float) -> NDArray[np.float32]:
    """A line of that length in pixels, ``angle`` degrees against the clock from the right, as a kernel of sum 1."""
    side = 2 * int(np.ceil(length / 2)) + 1
    middle, fine = side // 2, 16  # lines are drawn in sixteenths of a pixel
    half = length / 2 * np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))])
    start, end = (np.round((middle + way * half) * fine).astype(int).tolist() for way in (-1, 1))
    line = np.zeros((side, side), np.uint8)
    cv2.line(line, start, end, 255, 1, cv2.LINE_AA, shift=4)
    return _float(line / line.sum(dtype=np.float32))


def _through_jpeg(image: Image, quality: int) -> Image:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(np.asarray(encoded), cv2.IMREAD_COLOR)
    assert decoded is not None, "OpenCV reads what it has just written"
    return np.asarray(decoded, np.uint8)
