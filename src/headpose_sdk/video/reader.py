"""Frames of a video file, a camera or a stream, each with its number and its time."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from headpose_sdk.errors import VideoError, first_line
from headpose_sdk.formats import HEAD_BYTES, text_start
from headpose_sdk.results import Image

__all__ = ["Capture", "Frame", "VideoReader", "open_video"]

_USUAL_FPS = 30.0  # where a file does not say, or says what cannot be
_HIGHEST_FPS = 1000.0  # some recorders write the unit of their time stamps there
_MANY = 1e9  # frames; more are no number but a mark for "unknown"
_SLACK = 0.01  # the part that may be missing at the end before a file counts as cut off

_LIST = re.compile(rb"[\xef\xbb\xbf\s]*(#EXTM3U|ffconcat|<\?xml|<MPD|v=0)", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)  # comparing arrays gives an array, not a yes or no
class Frame:
    """One frame: ``index`` counts the frames of the source from 0, ``time`` is seconds from its first frame.

    ``image`` is (H, W, 3) uint8 BGR.
    """

    index: int
    time: float
    image: Image


class Capture(Protocol):
    """What is asked of a ``cv2.VideoCapture``, which is one."""

    def grab(self) -> bool:
        """Go on to the next frame; False if there is none."""
        ...

    def retrieve(self) -> tuple[bool, Any]:
        """Decode the frame."""
        ...

    def get(self, property_id: int, /) -> float:
        """One of OpenCV's ``CAP_PROP_``."""
        ...

    def release(self) -> None:
        """Let go of the file or camera."""
        ...


def open_video(
    source: str | PathLike[str] | int, *, every: int = 1, start: float = 0.0, end: float | None = None
) -> VideoReader:
    """The frames of a file, a camera (its index 0, 1, ...) or a stream (its URL): ``for frame in open_video("a.mp4")``.

    Args:
        every: give every Nth frame only.
        start: seconds from the first frame, from which on frames are given, and
        end: before which they are.

    Raises:
        VideoError: if it cannot be opened.
        ValueError: a value that ``every``, ``start`` or ``end`` cannot have.
    """
    if isinstance(source, int):
        name, capture, is_live = f"camera {source}", cv2.VideoCapture(source), True
        cause = "cannot be opened; it is not there, another program has it, or this user may not use it"
    elif _URL.match(name := fspath(source)):
        capture = cv2.VideoCapture(name)
        # A video file behind a URL knows how many frames it has, a stream does not.
        is_live = not 0 < capture.get(cv2.CAP_PROP_FRAME_COUNT) < _MANY
        cause = "this stream cannot be opened; check the address and the network"
    else:
        _check_file(name)
        capture, is_live = cv2.VideoCapture(name), False
        cause = "is no video that OpenCV can read, or one cut off before its index; copy or convert it again"
    if not capture.isOpened():
        raise VideoError(f"{name}: {cause}")
    return VideoReader(capture, name, is_live=is_live, every=every, start=start, end=end)


class VideoReader:
    """Iterating over it gives the frames, once, and closes the source at the end.

    ``name`` is the source in words. ``is_live``: frames are timed by the clock, and must be taken as they come.

    Raises, while iterating:
        VideoError: no frame at all, a frame of another size, a file that is cut off, a camera that stops; what could be
            read was given before.
    """

    def __init__(
        self,
        capture: Capture,
        name: str,
        *,
        is_live: bool,
        every: int = 1,
        start: float = 0.0,
        end: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if every < 1:
            raise ValueError(f"every={every} is not possible; give at least 1")
        if not 0 <= start < (math.inf if end is None else end):
            raise ValueError(f"start={start} and end={end} leave no frame; give 0 <= start < end")
        self.name, self.is_live = name, is_live
        self._capture, self._clock = capture, clock
        self._every, self._start, self._end = every, start, math.inf if end is None else end
        fps, promised = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        is_plausible = 0 < fps < _HIGHEST_FPS  # the number of frames is often made from it
        self._source_fps = fps if is_plausible else _USUAL_FPS
        self._promised = int(promised) if is_plausible and 0 < promised < _MANY and not is_live else None

    @property
    def fps(self) -> float:
        """Frames a second that iterating usually gives, with ``every`` taken into account."""
        return self._source_fps / self._every

    @property
    def count(self) -> int | None:
        """How many frames iterating will give, as the file says; None for a source that does not."""
        if self._promised is None:
            return None
        seconds = min(self._promised / self._source_fps, self._end) - self._start
        return max(0, math.ceil(seconds * self._source_fps / self._every - 1e-6))

    def __iter__(self) -> Iterator[Frame]:
        try:
            yield from self._frames()
        finally:
            self._capture.release()

    def _frames(self) -> Iterator[Frame]:
        shape: tuple[int, ...] | None = None
        first = last = -math.inf
        read = given = 0
        while self._capture.grab():
            now = self._time()
            first = now if read == 0 else first
            # Some formats have no time stamps, and some broken files the same one twice.
            last = now - first if now - first > last else last + 1 / self._source_fps
            if last >= self._end:
                break
            if last >= self._start and read % self._every == 0:
                image = self._image(read, shape)
                shape = image.shape
                given += 1
                yield Frame(read, last, image)
            read += 1
        else:
            self._check_end(read, last)
        if given == 0:
            raise VideoError(f"{self.name}: no frame from {self._start:g} s on, it ends at {max(last, 0):.1f} s")

    def _time(self) -> float:
        return self._clock() if self.is_live else self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000

    def _image(self, index: int, shape: tuple[int, ...] | None) -> Image:
        good, image = self._capture.retrieve()
        if not good:
            raise VideoError(f"{self.name}: frame {index} cannot be decoded; the file is damaged there")
        if shape is not None and image.shape != shape:
            (height, width), (new_height, new_width) = shape[:2], image.shape[:2]
            raise VideoError(
                f"{self.name}: frame {index} has {new_width}x{new_height} pixels and those before {width}x{height}; "
                "cut the video there, or bring it to one size"
            )
        return np.asarray(image, np.uint8)

    def _check_end(self, read: int, last: float) -> None:
        """After the last frame: whether there should have been more."""
        if read == 0:
            raise VideoError(f"{self.name}: holds no frame that can be decoded")
        if self.is_live:
            raise VideoError(f"{self.name}: stopped giving frames after {read}; check the cable or the network")
        if self._promised is None:
            return
        # By number and by time: of files with a variable rate one of the two is often a guess.
        least = self._promised - max(2.0, _SLACK * self._promised)
        if read < least and last < least / self._source_fps:
            raise VideoError(
                f"{self.name}: ends after {read} of {self._promised} frames: it is cut off or damaged; "
                "what could be read was kept"
            )


def _check_file(name: str) -> None:
    path = Path(name)
    try:
        if path.is_dir():
            raise VideoError(f"{name}: is a folder; name a video file in it")
        if not path.exists() and "%" not in name:  # frame_%04d.png is a series of pictures
            raise VideoError(f"{name}: no such file; a camera is given by its number, such as 0")
        if not path.is_file():
            return  # a device, or a pipe that would lose what is read here
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        if isinstance(error, VideoError):
            raise
        raise VideoError(f"{name}: cannot be read ({first_line(error)}); check its name and its permissions") from error
    if not head:
        raise VideoError(f"{name}: is empty (0 bytes)")
    # OpenCV would open what a list names, other files on this machine too, whatever the extension says.
    if text_start(head) or _LIST.match(head):
        raise VideoError(f"{name}: is text, or a list of videos elsewhere, and no video; give the video itself")
