"""Several hundred picture files, odd and malformed ones, made anew each time from a seed: nothing of it is stored.

Each knows what must become of it: a picture of a size, perhaps with known pixels; a refusal; or either of the two,
where damage may or may not be seen.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from picture_bytes import CORNERS, NOISE, encode, flat_jpeg, packed_png, png, png_chunk, tiff_pages, webp_animation

from headpose_sdk.results import Image

SIZES = ((1, 1), (31, 24), (300, 2), (3, 257))


@dataclass(frozen=True)
class Case:
    """``size`` is (width, height) of what must be read; ``cause`` a part of what must be said; neither: either way."""

    name: str
    data: bytes
    size: tuple[int, int] | None = None
    pixels: Image | None = None
    cause: str | None = None


def corpus(seed: int = 0) -> list[Case]:
    """All cases, each name once."""
    rng = np.random.default_rng(seed)
    odd = list(odd_kinds(rng))
    return [*odd, *refused_kinds(), *bombs(), *beginnings(rng), *damaged([case for case in odd if case.size], rng)]


def odd_kinds(rng: Generator) -> Iterator[Case]:
    """Whole files of every kind that is read."""
    for width, height in SIZES:
        size = width, height
        colour = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        grey = np.ascontiguousarray(colour[..., 1])
        as_bgr = np.repeat(grey[..., None], 3, axis=-1)
        alpha = rng.integers(0, 256, (height, width), dtype=np.uint8)
        for quality in (1, 60, 100):
            yield Case(f"jpeg-{quality}-{size}", encode(".jpg", colour, cv2.IMWRITE_JPEG_QUALITY, quality), size)
        yield Case(f"jpeg-progressive-{size}", encode(".jpg", colour, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), size)
        yield Case(f"jpeg-restarts-{size}", encode(".jpg", colour, cv2.IMWRITE_JPEG_RST_INTERVAL, 1), size)
        yield Case(f"jpeg-grey-{size}", encode(".jpg", grey), size)
        yield Case(f"webp-{size}", encode(".webp", colour, cv2.IMWRITE_WEBP_QUALITY, 50), size)
        yield Case(
            f"webp-alpha-{size}", encode(".webp", np.dstack([colour, alpha]), cv2.IMWRITE_WEBP_QUALITY, 50), size
        )
        yield Case(f"webp-lossless-{size}", encode(".webp", colour, cv2.IMWRITE_WEBP_QUALITY, 101), size, colour)
        for extension in (".png", ".bmp", ".tif"):
            yield Case(f"{extension[1:]}-{size}", encode(extension, colour), size, colour)
            yield Case(f"{extension[1:]}-grey-{size}", encode(extension, grey), size, as_bgr)
            yield Case(f"{extension[1:]}-alpha-{size}", encode(extension, np.dstack([colour, alpha])), size, colour)
        for extension in (".png", ".tif"):
            yield Case(f"{extension[1:]}-16-{size}", encode(extension, colour.astype(np.uint16) * 257), size, colour)
            yield Case(f"{extension[1:]}-grey-16-{size}", encode(extension, grey.astype(np.uint16) * 257), size, as_bgr)
        for depth in (1, 2, 4):
            levels = grey >> (8 - depth)
            spread = np.repeat((levels * (255 // (2**depth - 1)))[..., None], 3, axis=-1)
            yield Case(f"png-{depth}-bit-{size}", packed_png(levels[..., None], depth, 0), size, spread)
        grey_alpha = np.dstack([grey, alpha])
        yield Case(f"png-grey-alpha-{size}", packed_png(grey_alpha, 8, 4), size, as_bgr)
        yield Case(f"png-animated-{size}", animated_png(colour), size, colour)
        for order in "<>":
            name = f"{'little' if order == '<' else 'big'}-{size}"
            yield Case(f"tiff-pages-{name}", tiff_pages(order, grey_page(grey), grey_page(255 - grey)), size, as_bgr)
            white_is_zero = grey_page(grey) | {262: (0,)}
            yield Case(f"tiff-white-is-zero-{name}", tiff_pages(order, white_is_zero), size, 255 - as_bgr)
            inks = 255 - np.dstack([colour[..., ::-1], np.full_like(grey, 255)])  # no black
            cmyk = page(inks, photometric=5)
            yield Case(f"tiff-cmyk-{name}", tiff_pages(order, cmyk), size, colour)
            planes = page(colour[..., ::-1], photometric=2) | {284: (2,), 0: np.moveaxis(colour[..., ::-1], -1, 0)}
            yield Case(f"tiff-planes-{name}", tiff_pages(order, planes), size)
        for inks, expected in (
            ((255, 0, 0, 255), (0, 0, 255)),
            ((0, 255, 0, 255), (0, 255, 0)),
            ((9, 9, 9, 0), (0,) * 3),
        ):
            whole = np.full((height, width, 3), expected, np.uint8)
            yield Case(f"jpeg-cmyk-{inks}-{size}", flat_jpeg(width, height, inks, adobe=0), size, whole)
        whole = np.full((height, width, 3), (30, 20, 10), np.uint8)
        yield Case(f"jpeg-rgb-{size}", flat_jpeg(width, height, (10, 20, 30), adobe=0), size, whole)
    for depth in (1, 2, 4, 8):
        colours = rng.integers(0, 256, (2**depth, 3), dtype=np.uint8)
        indices = rng.integers(0, 2**depth, (24, 31, 1), dtype=np.uint8)
        palette, transparent = png_chunk(b"PLTE", colours[:, ::-1].tobytes()), png_chunk(b"tRNS", bytes([0, 128]))
        for name, chunks in (("", (palette,)), ("-transparent", (palette, transparent))):
            data = packed_png(indices, depth, 3, *chunks)
            yield Case(f"png-palette-{depth}{name}", data, (31, 24), colours[indices[..., 0]])
    animation = webp_animation([encode(".webp", NOISE, cv2.IMWRITE_WEBP_QUALITY, 101)] * 3, 31, 24)
    yield Case("webp-animated", animation)  # read from OpenCV 4.11 on
    yield Case("appended", encode(".jpg", NOISE) + encode(".jpg", CORNERS), (31, 24))


def refused_kinds() -> Iterator[Case]:
    """Files that are no pictures, or pictures of kinds that are not read."""
    brands = {"heic": "HEIC", "heix": "HEIC", "mif1": "HEIC", "avif": "AVIF", "avis": "AVIF", "isom": "video"}
    for brand, cause in brands.items():
        yield Case(brand, b"\0\0\0\x18ftyp" + brand.encode() + bytes(40), cause=f"{cause} files cannot be read")
    starts = {
        "gif": (b"GIF89a\x01\0\x01\0\x80\0\0", "GIF"),
        "jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        "jxl": (b"\xff\x0a" + bytes(9), "JPEG XL"),
        "psd": (b"8BPS\0\x01" + bytes(9), "Photoshop"),
        "pdf": (b"%PDF-1.7\n1 0 obj", "PDF"),
        "avi": (b"RIFF\x20\0\0\0AVI LIST", "video"),
        "mkv": (b"\x1aE\xdf\xa3" + bytes(9), "video"),
        "bigtiff": (b"II\x2b\0\x08\0\0\0" + bytes(9), "BigTIFF"),
        "html": (b"<!DOCTYPE html><html><body>404</body>", "text that begins"),
        "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "text that begins"),
        "xml": (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>', "text that begins"),
        "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "Git LFS"),
        "script": (b"#!/bin/sh\nrm -rf /\n", "text that begins"),
        "zip": (b"PK\x03\x04" + bytes(30), "not a picture of a known format"),
        "elf": (b"\x7fELF\x02\x01\x01" + bytes(30), "not a picture of a known format"),
        "pickle": (b"\x80\x04\x95\x0e\0\0\0\0\0\0\0\x8c\x02os", "not a picture of a known format"),
        "empty": (b"", "the file is empty"),
    }
    for name, (data, cause) in starts.items():
        yield Case(name, data, cause=cause)
    for bits, form, cause in ((32, 3, "32-bit floating-point"), (16, 2, "16-bit signed"), (32, 1, "32-bit samples")):
        values = np.zeros((4, 4, 1), f"u{bits // 8}")
        yield Case(f"tiff-{bits}-{form}", tiff_pages("<", page(values, form=form)), cause=cause)
    deep = bytearray(encode(".jpg", NOISE))
    deep[deep.index(b"\xff\xc0") + 4] = 12
    yield Case("jpeg-12-bit", bytes(deep), cause="12-bit samples")


def bombs() -> Iterator[Case]:
    """Small files that claim, or unfold to, more than they hold."""
    end = png_chunk(b"IEND", b"")
    for width, height in ((10_001, 10_000), (2**31 - 1, 2**31 - 1), (70_000, 1), (1, 2**20)):
        size = f"{width} x {height} pixels are over the limit"
        yield Case(f"png-claims-{width}-{height}", png(width, height, 8, 2, end), cause=size)
        strip = page(np.zeros((1, 1, 1), np.uint8)) | {256: (width,), 257: (height,)}
        yield Case(f"tiff-claims-{width}-{height}", tiff_pages(">", strip), cause=size)
        bmp = b"BM" + bytes(12) + struct.pack("<Iii", 40, width, -height) + bytes(28)
        yield Case(f"bmp-claims-{width}-{height}", bmp, cause=size)
    claim = b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", 65_535, 65_535) + bytes(10) + b"\xff\xd9"
    yield Case("jpeg-claims", claim, cause="65535 x 65535 pixels are over the limit")
    canvas = b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (2**24 - 1).to_bytes(3, "little") * 2
    yield Case("webp-claims", canvas, cause="pixels are over the limit")
    # Every scan passes over all blocks of the picture, however few bytes it has.
    scans = flat_jpeg(2000, 2000, (9,), scans=400)
    yield Case("jpeg-scans", scans, cause="400 scans")
    zeros = zlib.compress(bytes(50_000_000), 9)
    text = png_chunk(b"zTXt", b"Comment\0\0" + zeros)
    profile = png_chunk(b"iCCP", b"profile\0\0" + zeros)
    rows = png_chunk(b"IDAT", zlib.compress(bytes(4 * 13)))
    for name, chunk in (("text", text), ("profile", profile)):
        yield Case(f"png-{name}-unfolds", png(4, 4, 8, 2, chunk, rows, end), (4, 4))
    yield Case("png-too-many-rows", png(4, 4, 8, 2, png_chunk(b"IDAT", zeros), end))
    yield Case("png-no-rows", png(9000, 9000, 8, 2, png_chunk(b"IDAT", zlib.compress(b"")), end), cause="cannot decode")
    loop = bytearray(tiff_pages("<", grey_page(NOISE[..., 0])))
    entries = struct.unpack_from("<H", loop, 8)[0]
    struct.pack_into("<I", loop, 10 + 12 * entries, 8)  # the next page is this one
    yield Case("tiff-pages-without-end", bytes(loop), (31, 24))
    yield Case("tiff-65535-tags", b"II\x2a\0\x08\0\0\0\xff\xff" + bytes(12 * 65_535 + 4), cause="size is missing")
    twice = page(NOISE[..., :1]) | {256: (31, 31)}
    yield Case("tiff-two-widths", tiff_pages("<", twice), cause="tag 256 is not as it must be")
    two_headers = png(31, 24, 8, 2, png_chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0)), end)
    yield Case("png-two-headers", two_headers, cause="two headers")


def beginnings(rng: Generator) -> Iterator[Case]:
    """Nothing but the first bytes of each format, and noise behind them."""
    magics = {
        "jpeg": b"\xff\xd8\xff",
        "png": b"\x89PNG\r\n\x1a\n",
        "webp": b"RIFF\x20\0\0\0WEBP",
        "bmp": b"BM" + bytes(12) + b"\x28\0\0\0",
        "tiff-little": b"II\x2a\0",
        "tiff-big": b"MM\0\x2a",
        "nothing": b"",
    }
    for name, magic in magics.items():
        yield Case(f"{name}-magic", magic, cause="")
        for length in (1, 7, 60, 400, 3000):
            yield Case(f"{name}-noise-{length}", magic + rng.bytes(length), cause="")


def damaged(whole: list[Case], rng: Generator) -> Iterator[Case]:
    """Of each kind one file cut off, overwritten in places, with parts exchanged, doubled and left out."""
    for case in [case for case in whole if case.size == (31, 24)]:
        data = case.data
        cut = int(rng.integers(1, len(data) // 2))
        if not case.name.startswith(
            ("tiff-pages", "appended", "webp-animated")
        ):  # these hold what is needed earlier on
            yield Case(f"{case.name} cut off", data[:cut], cause="")
        for number in range(4):
            start, length = int(rng.integers(0, len(data))), int(rng.integers(1, 40))
            changed = bytearray(data)
            changed[start : start + length] = (rng.bytes(length), bytes(length), b"\xff" * length)[number % 3]
            yield Case(f"{case.name} overwritten {number}", bytes(changed))
        low, high = sorted(int(place) for place in rng.integers(0, len(data), 2))
        yield Case(f"{case.name} left out", data[:low] + data[high:])
        yield Case(f"{case.name} doubled", data[:high] + data[low:])
        yield Case(f"{case.name} exchanged", data[:16] + data[high:] + data[16:high])


def animated_png(first: Image) -> bytes:
    """Two frames, of which the second is black."""
    height, width = first.shape[:2]
    control = [struct.pack(">IIIIIHHBB", at, width, height, 0, 0, 1, 10, 0, 0) for at in (0, 1)]
    rows = [zlib.compress(b"".join(b"\0" + row.tobytes() for row in frame[..., ::-1])) for frame in (first, first * 0)]
    return png(
        width,
        height,
        8,
        2,
        png_chunk(b"acTL", struct.pack(">II", 2, 0)),
        png_chunk(b"fcTL", control[0]),
        png_chunk(b"IDAT", rows[0]),
        png_chunk(b"fcTL", control[1]),
        png_chunk(b"fdAT", struct.pack(">I", 2) + rows[1]),
        png_chunk(b"IEND", b""),
    )


def grey_page(grey: np.ndarray) -> dict[int, object]:
    return page(grey[..., None])


def page(samples: np.ndarray, *, photometric: int = 1, form: int = 1) -> dict[int, object]:
    """The tags of an uncompressed TIFF page of (H, W, C) samples in one strip; tag 0 stands for the samples."""
    height, width, channels = samples.shape
    bits = samples.dtype.itemsize * 8
    return {
        0: samples,
        256: (width,),
        257: (height,),
        258: (bits,) * channels,
        259: (1,),
        262: (photometric,),
        277: (channels,),
        278: (height,),
        339: (form,) * channels,
    }
