"""Picture files made byte by byte, where no encoder writes what a test needs."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

from headpose_sdk.images import read_image
from headpose_sdk.results import Image

# Red, green, blue, white: each corner of the upright picture has a colour of its own, in BGR.
CORNERS = np.array([[(0, 0, 255), (0, 255, 0)], [(255, 0, 0), (255, 255, 255)]], dtype=np.uint8)
QUARTERS: Image = np.kron(CORNERS, np.ones((32, 48, 1), np.uint8))  # (64, 96, 3); edges on JPEG blocks
NOISE: Image = np.random.default_rng(7).integers(0, 256, (24, 31, 3), dtype=np.uint8)


def encode(extension: str, image: np.ndarray, *options: int) -> bytes:
    done, buffer = cv2.imencode(extension, np.ascontiguousarray(image), options)
    assert done
    return buffer.tobytes()


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(width: int, height: int, depth: int, colour: int, *chunks: bytes) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks)


def with_exif(jpeg: bytes, orientation: int, thumbnail: bytes = b"") -> bytes:
    """The JPEG with an EXIF segment of one tag put behind its first marker."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\0\x2a" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0) + thumbnail
    payload = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def tiff(order: str, width: int, height: int, pixels: bytes) -> bytes:
    """A grey, uncompressed TIFF of one strip, in either byte order."""
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 122), (277, 1), (278, height)]
    tags.append((279, len(pixels)))
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return head + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + pixels


def read_bytes_as_image(folder: Path, data: bytes, name: str = "photo.jpg") -> Image:
    path = folder / name
    path.write_bytes(data)
    return read_image(path)
