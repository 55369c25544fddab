"""What the bytes of a file say: its format and size, and whether it is damaged, cut off, too large or no picture."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_bytes import NOISE, QUARTERS, encode, png, png_chunk, read_bytes_as_image, tiff, tiff_pages, with_exif

from headpose_sdk.errors import InvalidImageError
from headpose_sdk.formats import HEAD_BYTES, find_format, picture_size, refused_format, text_start
from headpose_sdk.images import check_image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a hypothesis test."""
    return tmp_path_factory.mktemp("images")


# The functions alone


@pytest.mark.parametrize(
    ("extension", "kind"), [(".jpg", "JPEG"), (".png", "PNG"), (".webp", "WebP"), (".bmp", "BMP"), (".tif", "TIFF")]
)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (31, 24), (300, 2), (5, 700)])
def test_format_and_size_are_read_from_the_bytes(extension: str, kind: str, width: int, height: int) -> None:
    data = encode(extension, np.zeros((height, width, 3), np.uint8))
    assert find_format(data[:HEAD_BYTES]) == kind
    assert picture_size(kind, data) == (width, height)
    assert refused_format(data) is None
    with pytest.raises(EOFError):
        picture_size(kind, data[:13])


def test_text_is_told_from_bytes() -> None:
    assert text_start(b"<html>\n  <body>") == "<html> <body>"
    assert text_start("caf\u00e9".encode()[:-1]) == "caf"  # cut in the middle of a character
    assert [text_start(data) for data in (b"", b"\xff\xd8\xff", b"a\0b")] == ["", "", ""]


# Through read_image: what is refused, and in which words


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html>\n<html>", "text that begins '<!DOCTYPE html>"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "Git LFS"),
        (b"x" * 63 + "é".encode() * 9, "text"),
        (b"BMW makes cars, and this text is longer than a header", "text"),
        (b"GIF89a\x01\0\x01\0", "GIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "AVIF"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x00\x01\x02\x03 nothing known", "not a picture of a known format"),
        (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IEND", b"") + bytes(20), "header is missing"),
        (b"\xff\xd8\xff\xd9", "without a picture"),
        (png(0, 5, 8, 2, png_chunk(b"IEND", b"")), "0 x 5 pixels"),
        (b"RIFF\x16\0\0\0WEBPXXXX" + bytes(14), "header is missing"),
        (b"BM" + bytes(12) + struct.pack("<I", 39) + bytes(40), "header is missing"),
        (b"II\x2a\0\x08\0\0\0\0\0\0\0\0\0", "size is missing"),
        (b"II\x2a\0\xff\xff\xff\xff", "cut off"),
        (
            tiff_pages("<", {0: NOISE[..., :1], 256: (31,), 257: (24,), 258: (11,), 262: (1,)}),
            "TIFF file with 11-bit samples",
        ),
        (
            tiff_pages("<", {0: NOISE[..., :1], 256: (31,), 257: (24, 24), 262: (1,)}),
            "damaged (tag 257 is not as it must",
        ),
        (
            tiff("<", 31, 24, NOISE[..., 0].tobytes()).replace(b"\x01\x01\x04", b"\0\x01\x04", 1),
            "tag 256 is in it twice",
        ),
        (tiff("<", 31, 24, NOISE[..., 0].tobytes())[:-1], "TIFF file is cut off, it ends after 865 bytes"),
        (b"II\x2a\0\x08\0\0\0\x01\0\x02\x01\x03\0\xff\xff\xff\0\xff\0\0\0", "cut off"),  # more values than bytes
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, data: bytes, cause: str) -> None:
    with pytest.raises(InvalidImageError) as caught:
        read_bytes_as_image(tmp_path, data)
    assert str(caught.value).startswith(f"{tmp_path / 'photo.jpg'}: ")
    assert cause in str(caught.value)
    assert ";" in str(caught.value) or "so download" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        png(20000, 20000, 8, 2),
        png(20000, 20000, 8, 2, png_chunk(b"IDAT", zlib.compress(b"")), png_chunk(b"IEND", b"")),
        b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", 20000, 20000) + bytes(10) + b"\xff\xd9",
        b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (19999).to_bytes(3, "little") * 2,
        b"BM" + bytes(12) + struct.pack("<Iii", 40, 20000, -20000) + bytes(28),
        tiff("<", 20000, 20000, b""),
        tiff(">", 10001, 10000, b""),
    ],
    ids=["png-header", "png-whole", "jpeg", "webp", "bmp", "tiff-le", "tiff-be"],
)
def test_more_than_100_megapixels_are_refused_from_the_header(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidImageError, match=r"\d+ x \d+ pixels are over the limit of 100 megapixels"):
        read_bytes_as_image(tmp_path, data)


def test_a_thumbnail_does_not_pass_for_the_end_of_the_photo(tmp_path: Path) -> None:
    photo = encode(".jpg", NOISE)
    whole = with_exif(photo, 1, thumbnail=encode(".jpg", QUARTERS[:8, :8]))
    assert np.array_equal(read_bytes_as_image(tmp_path, whole), read_bytes_as_image(tmp_path, photo))
    with pytest.raises(InvalidImageError, match=f"cut off, it ends after {len(whole) - 100} bytes"):
        read_bytes_as_image(tmp_path, whole[:-100])


def test_damage_that_only_the_decoder_sees(tmp_path: Path) -> None:
    rows = zlib.compress(bytes(100))
    short = png(64, 64, 8, 2, png_chunk(b"IDAT", rows), png_chunk(b"IEND", b""))
    with pytest.raises(InvalidImageError, match=r"cannot decode this PNG file"):
        read_bytes_as_image(tmp_path, short)
    with pytest.raises(InvalidImageError, match=r"cannot decode this TIFF file"):
        read_bytes_as_image(tmp_path, tiff("<", 31, 24, bytes(31)))
    with pytest.raises(InvalidImageError, match=r"cannot decode this BMP file"):
        read_bytes_as_image(tmp_path, encode(".bmp", NOISE)[:-1])


WHOLE = {
    "jpeg": encode(".jpg", NOISE),
    "progressive": encode(".jpg", NOISE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "exif": with_exif(encode(".jpg", NOISE), 6, thumbnail=encode(".jpg", QUARTERS)),
    "png": encode(".png", NOISE),
    "webp lossy": encode(".webp", NOISE, cv2.IMWRITE_WEBP_QUALITY, 90),
    "webp lossless": encode(".webp", NOISE, cv2.IMWRITE_WEBP_QUALITY, 101),
    "bmp": encode(".bmp", NOISE),
    "tiff": encode(".tif", NOISE),
}


@settings(deadline=None)  # a busy machine is no failure
@given(kind=st.sampled_from(sorted(WHOLE)), share=st.floats(0, 1, exclude_max=True))
def test_any_prefix_of_a_picture_is_refused(folder: Path, kind: str, share: float) -> None:
    data = WHOLE[kind]
    with pytest.raises(InvalidImageError, match=r"photo\.jpg: "):
        read_bytes_as_image(folder, data[: int(share * len(data))])


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "png", "webp lossy", "webp lossless"])
def test_all_but_the_last_byte_is_cut_off(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InvalidImageError, match="cut off"):
        read_bytes_as_image(tmp_path, WHOLE[kind][:-1])


MAGICS = (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBPVP8L", b"BM", b"II\x2a\0", b"MM\0\x2a")


@settings(deadline=None)
@given(magic=st.sampled_from(MAGICS), noise=st.binary(max_size=300))
def test_random_bytes_are_refused(folder: Path, magic: bytes, noise: bytes) -> None:
    with pytest.raises(InvalidImageError, match=r"photo\.jpg: "):
        read_bytes_as_image(folder, magic + noise)


@settings(deadline=None)
@given(kind=st.sampled_from(sorted(WHOLE)), share=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_wrong_byte_gives_a_picture_or_the_right_error(folder: Path, kind: str, share: float, value: int) -> None:
    data = bytearray(WHOLE[kind])
    data[int(share * len(data))] = value
    try:
        image = read_bytes_as_image(folder, bytes(data))
    except InvalidImageError:
        return  # any other exception fails the test
    assert check_image(image).flags.c_contiguous
