"""Picture files made byte by byte, where no encoder writes what a test needs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
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


def packed_png(samples: np.ndarray, depth: int, colour: int, *chunks: bytes) -> bytes:
    """A PNG of (H, W, C) samples of ``depth`` bits and of that colour type; ``chunks`` stand before the rows."""
    bits = np.unpackbits(samples.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
    rows = np.packbits(bits.reshape(len(samples), -1), axis=1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    height, width = samples.shape[:2]
    return png(width, height, depth, colour, *chunks, png_chunk(b"IDAT", data), png_chunk(b"IEND", b""))


def tiff_pages(order: str, *pages: Mapping[int, object]) -> bytes:
    """A TIFF in either byte order. A page is its tags, each with its whole numbers, and its samples under 0."""
    data = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8))
    for number, page in enumerate(pages):
        samples = np.ascontiguousarray(page[0])
        pixels = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
        planes = len(samples) if page.get(284) == (2,) else 1
        strip = len(pixels) // planes
        tags = {tag: list(values) for tag, values in page.items() if tag}  # type: ignore[call-overload]
        tags |= {273: [0] * planes, 279: [strip] * planes}
        after = len(data) + 2 + 12 * len(tags) + 4
        start = after + sum(4 * len(values) for values in tags.values() if len(values) > 1)
        tags[273] = [start + strip * plane for plane in range(planes)]
        longer = b""
        data += struct.pack(f"{order}H", len(tags))
        for tag, values in sorted(tags.items()):
            packed = struct.pack(f"{order}{len(values)}I", *values)
            data += struct.pack(f"{order}HHI", tag, 4, len(values))
            data += packed if len(values) == 1 else struct.pack(f"{order}I", after + len(longer))
            longer += b"" if len(values) == 1 else packed
        last = number == len(pages) - 1
        data += struct.pack(f"{order}I", 0 if last else start + len(pixels)) + longer + pixels
    return bytes(data)


def flat_jpeg(width: int, height: int, values: Sequence[int], *, adobe: int | None = None, scans: int = 0) -> bytes:
    """A JPEG of one colour, a component each of ``values``; ``adobe`` is that marker's colour transform.

    With ``scans`` it is progressive and has so many, all but the first of which only say that nothing is to be added.
    """
    blocks = -(-width // 8) * -(-height // 8)
    count = len(values)
    # Huffman tables: for DC nine codes of 4 bits, each the number of bits that follow; for AC one code of 1 bit.
    end_of_block, end_of_many_blocks = 0x00, 0xE0
    dc = bytes([0, 0, 0, 9, *[0] * 12, *range(9)])
    ac = bytes([1, *[0] * 15, end_of_many_blocks if scans else end_of_block])
    end = "" if scans else "0"
    first = "".join(_dc_code(value - 128) + end for value in values)
    rest = ("0000" + end) * count
    parts = [
        _segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, adobe)) if adobe is not None else b"",
        _segment(0xDB, b"\0" + bytes([8] * 64)),
        _segment(
            0xC2 if scans else 0xC0,
            struct.pack(">BHHB", 8, height, width, count) + b"".join(bytes([index, 0x11, 0]) for index in range(count)),
        ),
        _segment(0xC4, b"\x00" + dc + b"\x10" + ac),
        _scan(count, 0, 0 if scans else 63, first + rest * (blocks - 1)),
    ]
    runs = [2**15 - 1] * (blocks // (2**15 - 1)) + [blocks % (2**15 - 1)]  # the last one must be 2**14 at least
    nothing = "".join(f"0{run - 2**14:014b}" for run in runs) if scans else ""
    parts += [_scan(1, 1 + number % 63, 1 + number % 63, nothing) for number in range(scans - 1)]
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"


def _dc_code(level: int) -> str:
    length = abs(level).bit_length()
    bits = level if level >= 0 else level + 2**length - 1
    return f"{length:04b}" + (f"{bits:0{length}b}" if length else "")


def _scan(components: int, first: int, last: int, coded: str) -> bytes:
    chosen = b"".join(bytes([index, 0]) for index in range(components))
    padded = coded + "1" * (-len(coded) % 8)
    data = int(padded, 2).to_bytes(len(padded) // 8, "big").replace(b"\xff", b"\xff\0")
    return _segment(0xDA, bytes([components]) + chosen + bytes([first, last, 0])) + data


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def webp_animation(pictures: Sequence[bytes], width: int, height: int) -> bytes:
    """An animation of lossless WebP ``pictures`` of one size."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = _riff_chunk(b"VP8X", b"\x02\0\0\0" + sides) + _riff_chunk(b"ANIM", bytes(6))
    for picture in pictures:
        chunks += _riff_chunk(b"ANMF", bytes(6) + sides + (100).to_bytes(3, "little") + b"\x02" + picture[12:])
    return _riff_chunk(b"RIFF", b"WEBP" + chunks)


def _riff_chunk(name: bytes, payload: bytes) -> bytes:
    return name + struct.pack("<I", len(payload)) + payload + bytes(len(payload) % 2)


def read_bytes_as_image(folder: Path, data: bytes, name: str = "photo.jpg") -> Image:
    path = folder / name
    path.write_bytes(data)
    return read_image(path)
