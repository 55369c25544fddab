"""Picture formats by their bytes: which one it is, how large the picture is, whether the file is all there.

No decoder is asked: some versions of OpenCV return half a picture for a file that was cut off, and all take memory
for whatever size a header claims.
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

__all__ = [
    "HEAD_BYTES",
    "check_complete",
    "find_format",
    "picture_size",
    "rare_samples",
    "refused_format",
    "text_start",
]

Value = TypeVar("Value")

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
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA
_MAX_SCANS = 100  # encoders write about ten

_TIFF_SIDES, _TIFF_BITS, _TIFF_FORM = (256, 257), 258, 339
_TIFF_PARTS = (273, 279), (324, 325)  # places and lengths of strips, and of tiles
_TIFF_TAGS = frozenset((*_TIFF_SIDES, _TIFF_BITS, _TIFF_FORM, *_TIFF_PARTS[0], *_TIFF_PARTS[1]))
_UNSIGNED = 1
_SAMPLE_FORMS = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}


def find_format(head: bytes) -> str | None:
    """The readable format that ``head`` begins like, e.g. "JPEG", or None."""
    return next((kind for kind, known in _FORMATS.items() if known.magic.match(head)), None)


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

    Raises:
        EOFError: if the file ends before its size is told.
        ValueError: if it is damaged; the message says where.
    """
    width, height = _read(_FORMATS[kind].size, data)
    if width < 1 or height < 1:
        raise ValueError(f"its header says {width} x {height} pixels")
    return width, height


def check_complete(kind: str, data: bytes) -> None:
    """Walk the file to its end; nothing is done for BMP, as OpenCV itself refuses one that is cut off.

    Raises:
        EOFError: if the file is cut off.
        ValueError: if it is damaged; the message says where.
    """
    if walk := _FORMATS[kind].walk:
        _read(walk, data)


def rare_samples(kind: str, data: bytes) -> str | None:
    """What no decoder here turns into 8 bits as it is meant, e.g. "32-bit floating-point samples", or None.

    Raises EOFError and ValueError as :func:`picture_size`, which should be asked first.
    """
    if samples := _FORMATS[kind].samples:
        bits, form = _read(samples, data)
        if form in _SAMPLE_FORMS:
            return f"{bits}-bit {_SAMPLE_FORMS[form]} samples"
        if bits not in (1, 2, 4, 8, 16):
            return f"{bits}-bit samples"
        if kind == "JPEG" and bits != 8:
            return f"{bits}-bit samples"
    return None


def _read(reader: Callable[[bytes], Value], data: bytes) -> Value:
    try:
        return reader(data)
    except struct.error as error:
        raise EOFError from error


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and the position behind it of every segment up to the end marker; EOFError if there is none.

    Lengths are followed: searching for the end would find that of a thumbnail in EXIF.
    """
    position = 2
    while marker := _JPEG_MARKER.search(data, position):
        code, position = marker[1][0], marker.end()
        yield code, position
        if code == _JPEG_END:
            return
        position += max(2, struct.unpack_from(">H", data, position)[0])
    raise EOFError


def _jpeg_frame(data: bytes) -> int:
    """Where the first frame's precision, height and width stand."""
    for code, position in _jpeg_segments(data):
        if code in _JPEG_FRAMES:
            return position + 2
    raise ValueError("it ends without a picture")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    height, width = struct.unpack_from(">HH", data, _jpeg_frame(data) + 1)
    return width, height


def _jpeg_samples(data: bytes) -> tuple[int, int]:
    return struct.unpack_from(">B", data, _jpeg_frame(data))[0], _UNSIGNED


def _jpeg_walk(data: bytes) -> None:
    """Every scan goes over the whole picture, so that a small file of many would take minutes to decode."""
    scans = sum(code == _JPEG_SCAN for code, _ in _jpeg_segments(data))
    if scans > _MAX_SCANS:
        raise ValueError(f"it has {scans} scans, more than {_MAX_SCANS}")


def _png_size(data: bytes) -> tuple[int, int]:
    _, first, width, height = struct.unpack_from(">I4sII", data, 8)
    if first != b"IHDR":
        raise ValueError("its header is missing")
    return width, height


def _png_walk(data: bytes) -> None:
    """Only the chunks' lengths are read, as the decoder checks their sums."""
    position = 8
    while True:
        length, chunk = struct.unpack_from(">I4s", data, position)
        if chunk == b"IHDR" and position > 8:
            raise ValueError("it has two headers")
        position += 12 + length
        if position > len(data):
            raise EOFError
        if chunk == b"IEND":
            return


def _webp_size(data: bytes) -> tuple[int, int]:
    """The first chunk says which of three headers it is."""
    (chunk,) = struct.unpack_from("<12x4s", data)
    if chunk == b"VP8X":
        low_x, high_x, low_y, high_y = struct.unpack_from("<HBHB", data, 24)
        return (high_x << 16 | low_x) + 1, (high_y << 16 | low_y) + 1
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("its header is missing")


def _webp_walk(data: bytes) -> None:
    if struct.unpack_from("<4xI", data)[0] + 8 > len(data):
        raise EOFError


def _bmp_size(data: bytes) -> tuple[int, int]:
    (header_length,) = struct.unpack_from("<I", data, 14)
    if header_length == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    elif 40 <= header_length <= 124:
        width, height = struct.unpack_from("<ii", data, 18)
    else:
        raise ValueError("its header is missing")
    return width, abs(height)  # negative: rows run from the top


def _tiff_tags(data: bytes) -> dict[int, tuple[int, ...]]:
    """The values of the tags that are needed here, of the first page."""
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, directory)
    tags: dict[int, tuple[int, ...]] = {}
    for position in range(directory + 2, directory + 2 + 12 * entries, 12):
        tag, form, count = struct.unpack_from(f"{order}HHI", data, position)
        if tag not in _TIFF_TAGS:
            continue
        if tag in tags:  # readers differ in which one they believe
            raise ValueError(f"tag {tag} is in it twice")
        if form not in (3, 4) or count < 1 or (tag in _TIFF_SIDES and count > 1):
            raise ValueError(f"tag {tag} is not as it must be")
        code, size = ("H", 2) if form == 3 else ("I", 4)
        at = position + 8
        if count * size > 4:
            (at,) = struct.unpack_from(f"{order}I", data, at)
        if at + count * size > len(data):
            raise EOFError
        tags[tag] = struct.unpack_from(f"{order}{count}{code}", data, at)
    return tags


def _tiff_size(data: bytes) -> tuple[int, int]:
    tags = _tiff_tags(data)
    if not tags.keys() >= set(_TIFF_SIDES):
        raise ValueError("its size is missing")
    (width,), (height,) = (tags[tag] for tag in _TIFF_SIDES)
    return width, height


def _tiff_samples(data: bytes) -> tuple[int, int]:
    tags = _tiff_tags(data)
    return tags.get(_TIFF_BITS, (1,))[0], tags.get(_TIFF_FORM, (_UNSIGNED,))[0]


def _tiff_walk(data: bytes) -> None:
    """Where the parts of the picture lie: OpenCV makes up what is missing of one whose colours stand apart."""
    tags = _tiff_tags(data)
    for places, lengths in _TIFF_PARTS:
        parts = zip(tags.get(places, ()), tags.get(lengths, ()), strict=False)
        if any(place + length > len(data) for place, length in parts):
            raise EOFError


@dataclass(frozen=True, slots=True)
class _Format:
    magic: re.Pattern[bytes]
    size: Callable[[bytes], tuple[int, int]]
    walk: Callable[[bytes], None] | None = None
    samples: Callable[[bytes], tuple[int, int]] | None = None


_FORMATS = {
    "JPEG": _Format(re.compile(rb"\xff\xd8\xff"), _jpeg_size, _jpeg_walk, _jpeg_samples),
    "PNG": _Format(re.compile(rb"\x89PNG\r\n\x1a\n"), _png_size, _png_walk),
    "WebP": _Format(re.compile(rb"RIFF.{4}WEBP", re.DOTALL), _webp_size, _webp_walk),
    "BMP": _Format(re.compile(rb"BM.{12}[\x0c-\x7c]\0\0\0", re.DOTALL), _bmp_size),
    "TIFF": _Format(re.compile(rb"II\x2a\0|MM\0\x2a"), _tiff_size, _tiff_walk, _tiff_samples),
}
