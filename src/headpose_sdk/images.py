"""Files to arrays and back: what is wrong with a picture is said before the decoder sees it.

:func:`read_image` has :mod:`headpose_sdk.formats` look at the bytes first. :func:`atomic_write` never leaves half a
file.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import cv2
import numpy as np

from headpose_sdk.errors import HeadPoseError, InvalidImageError, OutputError
from headpose_sdk.formats import (
    HEAD_BYTES,
    check_complete,
    find_format,
    picture_size,
    rare_samples,
    refused_format,
    text_start,
)
from headpose_sdk.results import Image

__all__ = [
    "IMAGE_EXTENSIONS",
    "MAX_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "WRITABLE_EXTENSIONS",
    "atomic_write",
    "check_image",
    "decode_image",
    "find_images",
    "read_image",
    "walk_images",
    "write_image",
]

MAX_PIXELS = 100_000_000
MAX_BYTES = 4 * MAX_PIXELS
"""Of a picture and of its file, unless :func:`read_image` is told otherwise."""

MAX_SIDE = 65_535
"""Pixels, as many as a JPEG file can have."""

IMAGE_EXTENSIONS = (".bmp", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""What :func:`find_images` looks for, in lower case; :func:`read_image` never looks at extensions."""

WRITABLE_EXTENSIONS = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""What :func:`write_image` can write, in lower case."""

_JPEG_QUALITY, _WEBP_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 95], [cv2.IMWRITE_WEBP_QUALITY, 95]
_QUALITY = {".jpeg": _JPEG_QUALITY, ".jpg": _JPEG_QUALITY, ".webp": _WEBP_QUALITY}


def check_image(image: object, *, name: str = "image") -> Image:
    """Return ``image`` itself, not a copy, if it is a picture: (H, W, 3) uint8 BGR, any strides, H, W >= 1.

    ``name`` is what error messages call the argument.

    Raises:
        InvalidImageError: if it is anything else; the message says how to convert it.
    """

    def refuse(cause: str, action: str) -> NoReturn:
        raise InvalidImageError(f"{name} {cause}; {action}")

    if image is None:
        refuse(
            "is None, which is what cv2.imread returns for a file it could not read",
            "use headpose_sdk.read_image(path), which says why",
        )
    kind = f"{type(image).__module__}.{type(image).__qualname__}".removeprefix("builtins.")
    if isinstance(image, str | bytes | PathLike):
        refuse(f"is a {kind}, not an array", "read the file with headpose_sdk.read_image(path)")
    if kind.startswith("PIL."):
        action = 'give np.asarray(image)[..., ::-1], after image.convert("RGB") if its mode is not RGB'
        refuse(f"is a {kind}, not an array", action)
    if not isinstance(image, np.ndarray):
        refuse(f"is a {kind}, not an array", "give a numpy array (H, W, 3) of uint8 in BGR order")
    shape = image.shape
    if image.size == 0:
        refuse(f"of shape {shape} is empty", "check the slice or the crop that made it")
    if image.dtype != np.uint8:
        refuse(f"is {image.dtype}, not uint8", "scale its values to 0 to 255 and give image.astype(np.uint8)")
    if image.ndim == 2 or (image.ndim == 3 and shape[2] == 1):
        refuse(f"of shape {shape} is grey", "give cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)")
    if image.ndim == 3 and shape[2] == 4:
        refuse(f"of shape {shape} has an alpha channel", "give cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)")
    if image.ndim != 3 or shape[2] != 3:
        refuse(
            f"has shape {shape}, not (H, W, 3)",
            "give one picture, its three channels BGR last (np.moveaxis(image, 0, -1) if they come first)",
        )
    return image


def read_image(path: str | PathLike[str], *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> Image:
    """Read a JPEG, PNG, WebP, BMP or TIFF file as (H, W, 3) uint8, BGR, contiguous, turned upright.

    The format is found from the content, whatever the extension says. The EXIF orientation is applied as far as
    OpenCV does it: always for JPEG and TIFF, for PNG and WebP if the installed version can. Grey, palette and
    CMYK pictures become BGR, 16 bits become 8, an alpha channel is dropped (not blended), of several pages there is
    the first, of an animation the first frame (of WebP from OpenCV 4.11 on).

    ``max_pixels`` and ``max_bytes`` are the most that a picture and its file may have, ``MAX_SIDE`` that of a side:
    memory is taken for the pixels only when the header, the file's end and these limits are in order.

    Raises:
        InvalidImageError: if there is no such file, or it cannot be read, is cut off, damaged, too large or
            of another format; the message says which.
    """
    return decode_image(_read_bytes(path, max_bytes), name=os.fspath(path), max_pixels=max_pixels)


def decode_image(data: bytes, *, name: str = "image", max_pixels: int = MAX_PIXELS) -> Image:
    """The picture in the bytes of a file, as :func:`read_image`; ``name`` is what error messages call it."""
    kind = find_format(data)
    if kind is None:
        _refuse_format(name, data)
    try:
        width, height = picture_size(kind, data)
        large = width * height > max_pixels or max(width, height) > MAX_SIDE
        rare = None if large else rare_samples(kind, data)
        if not large and not rare:
            check_complete(kind, data)
    except (EOFError, ValueError) as error:
        damaged = isinstance(error, ValueError)
        cause = f"is damaged ({error})" if damaged else f"is cut off, it ends after {len(data)} bytes"
        raise InvalidImageError(f"{name}: the {kind} file {cause}; copy or download it again") from error
    if large:
        most = f"{max_pixels / 1e6:g} megapixels" if width * height > max_pixels else f"{MAX_SIDE} pixels a side"
        raise InvalidImageError(
            f"{name}: {width} x {height} pixels are over the limit of {most}; scale the picture down first"
        )
    if rare:
        raise InvalidImageError(f"{name}: a {kind} file with {rare} cannot be read; save it with 8 bits, unsigned")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise InvalidImageError(
            f"{name}: OpenCV {cv2.__version__} cannot decode this {kind} file: it is cut off, damaged or of a "
            "rare kind; open it in an image editor and save it as an 8-bit JPEG or PNG"
        )
    if image.shape[:2] not in ((height, width), (width, height)):  # the orientation may exchange them
        raise InvalidImageError(
            f"{name}: the {kind} file is damaged: its header says {width} x {height} pixels and it holds "
            f"{image.shape[1]} x {image.shape[0]}; copy or download it again"
        )
    return cast(Image, np.ascontiguousarray(image))


def write_image(path: str | PathLike[str], image: Image) -> None:
    """Write ``image`` (H, W, 3) uint8 BGR in the format of the extension; JPEG and WebP at quality 95.

    Raises:
        OutputError: if the extension is unknown, the format cannot hold the picture, or writing fails.
        InvalidImageError: if ``image`` is not a picture.
    """
    pixels = np.ascontiguousarray(check_image(image))
    extension = Path(path).suffix.lower()
    if extension not in WRITABLE_EXTENSIONS:
        raise OutputError(
            f"{path}: cannot write {extension or 'without an extension'}; use {', '.join(WRITABLE_EXTENSIONS)}"
        )
    try:
        encoded, buffer = cv2.imencode(extension, pixels, _QUALITY.get(extension, []))
    except cv2.error:
        encoded = False
    if not encoded:
        height, width = pixels.shape[:2]
        raise OutputError(f"{path}: {extension} cannot hold {width} x {height} pixels; write .png instead")
    with atomic_write(path) as file:
        file.write(buffer.tobytes())


@contextmanager
def atomic_write(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file to write to that becomes ``path`` when the block ends well and vanishes when it does not.

    The bytes go to a temporary file in the same folder, with the permissions that any new file gets, which is
    then renamed. A symbolic link is followed. Of the exceptions in the block only an OSError that names no
    file is taken for a failed write and becomes an OutputError; all others pass through as they are.

    Raises:
        OutputError: if the folder is missing or not writable, the disk is full, or ``path`` is not a file.
    """
    target = Path(os.path.realpath(path))
    # Not tempfile: its files are readable by their owner alone, and stay so after the renaming.
    temporary = target.parent / f".headpose-{secrets.token_hex(8)}.tmp"
    try:
        if target.exists() and not target.is_file():
            raise IsADirectoryError(errno.EISDIR, "it is a folder or a device, not a file")
        file = temporary.open("xb")
    except OSError as error:
        raise _output_error(path, error) from error
    try:
        with file:
            yield file
        temporary.replace(target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        ours = isinstance(error, OSError) and error.filename in (None, str(temporary))
        if ours and not isinstance(error, HeadPoseError):
            raise _output_error(path, cast(OSError, error)) from error
        raise


def find_images(
    folder: str | PathLike[str], *, on_error: Callable[[InvalidImageError], None] | None = None
) -> list[Path]:
    """The picture files below ``folder``, at any depth, sorted, each path beginning with ``folder``.

    Files count by their extension (``IMAGE_EXTENSIONS``, in either case). What is hidden (its name begins with
    a dot) is left out, and so is what is there but no file: a pipe would never end. Folders behind symbolic links
    are not entered.

    ``on_error`` is called with the error of each folder that cannot be listed, and the search goes on.

    Raises:
        InvalidImageError: if ``folder`` or a folder below it cannot be listed, and ``on_error`` is None.
    """
    return list(walk_images(folder, on_error=on_error))


def walk_images(
    folder: str | PathLike[str], *, on_error: Callable[[InvalidImageError], None] | None = None
) -> Iterator[Path]:
    """What :func:`find_images` finds, in its order, one by one: of the names only a folder's own are in memory."""

    def entries(parent: str | PathLike[str]) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(parent) as found:
                return iter(sorted((e for e in found if not e.name.startswith(".")), key=lambda entry: entry.name))
        except OSError as error:
            refusal = InvalidImageError(
                f"{os.fspath(parent)}: cannot list the folder ({_reason(error)}); check its name and its permissions"
            )
            if on_error is None:
                raise refusal from error
            on_error(refusal)
            return iter(())

    ways = [entries(folder)]  # a list, not recursion: folders may be deeper than Python's calls
    while ways:
        entry = next(ways[-1], None)
        if entry is None:
            ways.pop()
        elif _is_folder(entry):
            if not entry.is_symlink():
                ways.append(entries(entry.path))
        elif Path(entry.name).suffix.lower() in IMAGE_EXTENSIONS and not _is_special(path := Path(entry.path)):
            yield path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_special(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False  # reading it will say why


def _read_bytes(path: str | PathLike[str], max_bytes: int) -> bytes:
    """The whole file if it begins like a picture, else only its head: a video may not fit in memory."""
    size = 0
    try:
        if Path(path).is_dir():
            raise IsADirectoryError  # Windows would say that permission was denied
        with Path(path).open("rb") as file:
            data = file.read(HEAD_BYTES)
            if find_format(data):
                size = os.fstat(file.fileno()).st_size  # 0 for a pipe, which is read as far as the limit
                data += file.read(size or max_bytes) if size <= max_bytes else b""
    except FileNotFoundError as error:
        raise InvalidImageError(f"{path}: no such file; check the spelling and the working folder") from error
    except IsADirectoryError as error:
        raise InvalidImageError(
            f"{path}: this is a folder; give a file, or run `headpose predict DIR` for all files in it"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise InvalidImageError(
            f"{path}: cannot read the file ({_reason(error)}); check its name and its permissions"
        ) from error
    if not data:
        raise InvalidImageError(f"{path}: the file is empty; copy or download it again")
    if max(size, len(data)) > max_bytes:
        raise InvalidImageError(
            f"{path}: the file is over the limit of {max_bytes / 1e6:g} megabytes; save the picture smaller"
        )
    return data


def _refuse_format(path: str, head: bytes) -> NoReturn:
    if kind := refused_format(head):
        raise InvalidImageError(f"{path}: {kind} files cannot be read; convert it to JPEG or PNG and give that")
    if start := text_start(head):
        raise InvalidImageError(
            f"{path}: the file holds text that begins {start[:40]!r}, not a picture; perhaps a web page or a "
            "Git LFS pointer was saved in its place, so download the picture itself"
        )
    raise InvalidImageError(f"{path}: not a picture of a known format; give a JPEG, PNG, WebP, BMP or TIFF file")


def _output_error(path: str | PathLike[str], error: OSError) -> OutputError:
    if isinstance(error, FileNotFoundError):
        return OutputError(f"{path}: cannot write, its folder does not exist; create the folder first")
    return OutputError(
        f"{path}: cannot write ({_reason(error)}); check permissions and free space, or choose another place"
    )


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
