"""An annotated video written to a file: complete and readable however the work ends."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from headpose_sdk.errors import OutputError
from headpose_sdk.results import Image

__all__ = ["VIDEO_EXTENSIONS", "VideoWriter"]

_CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}  # those that every OpenCV wheel can encode

VIDEO_EXTENSIONS = tuple(_CODECS)
"""What :class:`VideoWriter` can write, in lower case."""

_RESERVE = 8_000_000  # bytes that must stay free beside four raw frames: a file whose index finds no room is lost


class VideoWriter:
    """Writes frames at a constant rate; frames that came irregularly are repeated or left out so that time is kept.

    Used as a context manager. The file appears under its name when the block ends, even by an exception, with
    the frames written so far; without any frame there is none.

    Raises:
        OutputError: unknown extension, no such folder or no permission; while writing, a disk almost full.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        fps: float,
        *,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self.path = Path(path)
        self.fps = fps
        self._extension = self.path.suffix.lower()
        if self._extension not in _CODECS:
            raise OutputError(
                f"{path}: cannot write {self._extension or 'without an extension'} videos; "
                f"use {', '.join(VIDEO_EXTENSIONS)}"
            )
        self._free_bytes = free_bytes
        self._target = Path(os.path.realpath(path))
        self._temporary = self._target.parent / f".headpose-{secrets.token_hex(8)}.tmp{self._extension}"
        self._writer: cv2.VideoWriter | None = None
        self._start = 0.0
        self._last: Image | None = None
        self.frames = 0

    @property
    def is_begun(self) -> bool:
        """Whether there is anything to see."""
        return self.frames > 0

    @property
    def seconds(self) -> tuple[float, float]:
        """When its first frame was, and how long it is."""
        return self._start, self.frames / self.fps

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, image: Image, time: float) -> None:
        """Show ``image`` (H, W, 3) uint8 BGR from ``time`` in seconds on; of an odd side the last line is cut off.

        Raises:
            OutputError: the file cannot be made, or the disk is almost full; close() still finishes what there is.
        """
        if self._writer is None:
            self._check_room(image)
            self._writer = self._open(image)
            self._start = time
        slot = round((time - self._start) * self.fps)
        while self._last is not None and self.frames < slot:
            self._append(self._last)
        if slot >= self.frames:
            self._append(image)
        self._last = image

    def close(self) -> None:
        """Finish the file.

        Raises:
            OutputError: if it could not be completed; then it is not there.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        try:
            if not _is_readable(self._temporary):
                raise OutputError(f"{self.path}: could not be completed; is the disk full? Nothing was left there")
            self._temporary.replace(self._target)
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"{self.path}: cannot write ({error.strerror}); choose another place") from error
        finally:
            self._temporary.unlink(missing_ok=True)

    def _open(self, image: Image) -> cv2.VideoWriter:
        try:
            if self._target.is_dir():
                raise IsADirectoryError(errno.EISDIR, "it is a folder")
            self._temporary.touch(exist_ok=False)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot write ({error.strerror}); choose another place") from error
        codec = cv2.VideoWriter.fourcc(*_CODECS[self._extension])
        size = (image.shape[1], image.shape[0])
        writer = cv2.VideoWriter(str(self._temporary), cv2.CAP_FFMPEG, codec, self.fps, size)
        if not writer.isOpened():
            self._temporary.unlink(missing_ok=True)
            raise OutputError(
                f"{self.path}: OpenCV cannot encode {size[0]}x{size[1]} at {self.fps:g} frames/s as {self._extension}; "
                "try .avi, or an OpenCV with ffmpeg"
            )
        return writer

    def _append(self, image: Image) -> None:
        self._check_room(image)
        assert self._writer is not None
        self._writer.write(np.ascontiguousarray(image))
        self.frames += 1

    def _check_room(self, image: Image) -> None:
        """Look before: OpenCV does not say that a frame could not be written."""
        try:
            free = self._free_bytes(self._target.parent)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot write ({error.strerror}); choose another place") from error
        if free < _RESERVE + 4 * image.nbytes:
            raise OutputError(
                f"{self.path}: only {free / 1e6:.0f} MB are free there; the video ends after {self.frames} frames; "
                "make room or choose another place"
            )


def _is_readable(path: Path) -> bool:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        return capture.isOpened() and capture.grab()
    finally:
        capture.release()
