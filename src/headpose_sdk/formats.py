"""Picture formats by their bytes: which one it is, how large the picture is, and whether the file is all there.

No decoder is asked: some versions of OpenCV return half a picture for a file that was cut off, and all take memory
for whatever size a header claims.
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Callable

__all__ = ["HEAD_BYTES", "MAX_PIXELS", "find_format", "picture_size", "refused_format", "text_start"]

MAX_PIXELS = 100_000_000
"""Pictures of more pixels than this are refused from their header, before any memory is taken for them."""

HEAD_BYTES = 64
"""Enough to tell every format here from its beginning."""

# GIF, AVIF and JPEG 2000 are here because not every OpenCV that we accept can decode them.
_REFUSED = (
    (re.compile(rb"GIF8"), "GIF"),
    (re.compile(rb".{4}ftyp(hei|hev|mif1|msf1)", re.DOTALL), "HEIC"),
    (re.compile(rb".{4}ftypavi", re.DOTALL), "AVIF"),
    (re.compile(rb".{4}ftyp|RIFF.{4}AVI |\x1aE\xdf\xa3", re.DOTALL), "video"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb"\0\0\0\x0cJXL |\xff\x0a"), "JPEG XL"),
    (re.compile(rb"II\x2b\0|MM\0\x2b"), "BigTIFF"),
    (re.compile(rb"8BPS"), "Photoshop"),
    (re.compile(rb"%PDF"), "PDF"),
)

# Markers that begin a segment, and the end; 00, 01, RST0-7, SOI and FF belong to the data around them.
_JPEG_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_END = 0xD9


def find_format(head: bytes) -> str | None:
    """The readable format that ``head`` begins like, e.g. "JPEG", or None."""
    return next((kind for magic, kind, _ in _READABLE if magic.match(head)), None)


def refused_format(head: bytes) -> str | None:
    """The known format that ``head`` begins like and that is not read, e.g. "HEIC", or None."""
    return next((kind for magic, kind in _REFUSED if magic.match(head)), None)


def text_start(head: bytes) -> str:
    """``head`` as text on one line if it is printable UTF-8, else "": a web page saved in a picture's place."""
    try:
        # The incremental decoder forgives a character that the end of the head cuts in two.
        start = " ".join(codecs.getincrementaldecoder("utf-8")().decode(head).split())
    except UnicodeDecodeError:
        return ""
    return start if start.isprintable() else ""


def picture_size(kind: str, data: bytes) -> tuple[int, int]:
    """Width and height in pixels, as the header of ``data`` says; ``kind`` is what :func:`find_format` found.

    JPEG, PNG and WebP files are walked to their end; one whose size is above MAX_PIXELS anyway need not be complete.

    Raises:
        EOFError: if the file is cut off.
        ValueError: if it is damaged; the message says where.
    """
    size_of = next(size_of for _, name, size_of in _READABLE if name == kind)
    try:
        width, height = size_of(data)
    except struct.error as error:
        raise EOFError from error
    if width < 1 or height < 1:
        raise ValueError(f"its header says {width} x {height} pixels")
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height, after a walk to the end marker; searching would find that of a thumbnail in EXIF."""
    size: tuple[int, int] | None = None
    position = 2
    while marker := _JPEG_MARKER.search(data, position):
        code, position = marker[1][0], marker.end()
        if code == _JPEG_END:
            if size is None:
                raise ValueError("it ends without a picture")
            return size
        if code in _JPEG_FRAMES and size is None:
            height, width = struct.unpack_from(">HH", data, position + 3)
            size = width, height
        position += max(2, struct.unpack_from(">H", data, position)[0])
    raise EOFError


def _png_size(data: bytes) -> tuple[int, int]:
    """Width and height; of the rest only the chunks' lengths are read, as the decoder checks their sums."""
    _, first, width, height = struct.unpack_from(">I4sII", data, 8)
    if first != b"IHDR":
        raise ValueError("its header is missing")
    if width * height > MAX_PIXELS:
        return width, height  # refused for its size, which tells more than that it is cut off as well
    position = 8
    while True:
        length, chunk = struct.unpack_from(">I4s", data, position)
        position += 12 + length
        if position > len(data):
            raise EOFError
        if chunk == b"IEND":
            return width, height


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height; the first chunk says which of three headers it is."""
    riff_length, chunk = struct.unpack_from("<4xI4x4s", data)
    if chunk == b"VP8X":
        low_x, high_x, low_y, high_y = struct.unpack_from("<HBHB", data, 24)
        width, height = (high_x << 16 | low_x) + 1, (high_y << 16 | low_y) + 1
    elif chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise ValueError("its header is missing")
    if riff_length + 8 > len(data) and width * height <= MAX_PIXELS:
        raise EOFError
    return width, height


def _bmp_size(data: bytes) -> tuple[int, int]:
    """Width and height; OpenCV itself refuses a BMP that is cut off."""
    (header_length,) = struct.unpack_from("<I", data, 14)
    if header_length == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    elif 40 <= header_length <= 124:
        width, height = struct.unpack_from("<ii", data, 18)
    else:
        raise ValueError("its header is missing")
    return width, abs(height)  # negative: rows run from the top


def _tiff_size(data: bytes) -> tuple[int, int]:
    """Width and height of the first page; OpenCV itself refuses a TIFF that is cut off."""
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, directory)
    sides: dict[int, int] = {}
    for position in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, field_type, _ = struct.unpack_from(f"{order}HHI", data, position)
        if tag in (256, 257):
            short = field_type == 3
            sides[tag] = struct.unpack_from(order + ("H" if short else "I"), data, position + 8)[0]
    if len(sides) < 2:
        raise ValueError("its size is missing")
    return sides[256], sides[257]


_READABLE: tuple[tuple[re.Pattern[bytes], str, Callable[[bytes], tuple[int, int]]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG", _jpeg_size),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG", _png_size),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "WebP", _webp_size),
    (re.compile(rb"BM.{12}[\x0c-\x7c]\0\0\0", re.DOTALL), "BMP", _bmp_size),
    (re.compile(rb"II\x2a\0|MM\0\x2a"), "TIFF", _tiff_size),
)
