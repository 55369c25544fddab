"""Videos made from the sample photo, with a known place and angle of every face, and networks that know the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from headpose_sdk.results import BoundingBox, FaceDetection, HeadPose, Image

FACE = BoundingBox(175, 72, 268, 192)  # in the sample photo
_BUST = (slice(0, 330), slice(60, 390))  # what is pasted into pictures: head and shoulders


def bust(photo: Image, size: int, *, turn: float = 0.0) -> Image:
    """Head and shoulders of the sample photo, (size, size, 3), turned clockwise as seen by ``turn`` degrees."""
    small = cv2.resize(photo[_BUST], (size, size), interpolation=cv2.INTER_AREA)
    matrix = cv2.getRotationMatrix2D((size * 0.49, size * 0.4), -turn, 1)
    return np.asarray(cv2.warpAffine(small, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def picture(*pasted: tuple[Image, int, int], width: int = 480, height: int = 320) -> Image:
    """A grey picture with each of ``pasted`` (image, x, y) in it, the last one on top."""
    canvas = np.full((height, width, 3), 90, np.uint8)
    for image, x, y in pasted:
        part = canvas[max(y, 0) : y + image.shape[0], max(x, 0) : x + image.shape[1]]
        part[:] = image[max(-y, 0) :, max(-x, 0) :][: part.shape[0], : part.shape[1]]
    return canvas


def write_video(path: Path, frames: Iterable[Image], fps: float = 30.0, codec: str = "mp4v") -> Path:
    """A video file of ``frames``, all of one size."""
    writer: cv2.VideoWriter | None = None
    for frame in frames:
        if writer is None:
            size = (frame.shape[1], frame.shape[0])
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), fps, size)
            assert writer.isOpened()
        writer.write(frame)
    assert writer is not None
    writer.release()
    return path


def write_irregular_video(path: Path, frames: Sequence[Image], milliseconds: Sequence[int]) -> Path:
    """A Matroska file of JPEG frames at the times given: a variable frame rate."""
    size = (frames[0].shape[1], frames[0].shape[0])
    options = [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1, cv2.VIDEOWRITER_PROP_KEY_INTERVAL, 1]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 1000.0, size, options)
    assert writer.isOpened()
    for frame, time in zip(frames, milliseconds, strict=True):
        assert writer.set(cv2.VIDEOWRITER_PROP_PTS, time)
        writer.write(np.frombuffer(cv2.imencode(".jpg", frame)[1].tobytes(), np.uint8))
    writer.release()
    return path


def read_all(path: Path) -> list[Image]:
    """Every frame of a file, as OpenCV reads it."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        good, frame = capture.read()
        if not good:
            return frames
        frames.append(np.asarray(frame, np.uint8))


class ScriptedDetector:
    """Finds what the script says, frame by frame; ``looks`` counts."""

    def __init__(self, script: Sequence[Sequence[FaceDetection]]) -> None:
        self._script = script
        self.looks = 0

    def detect(self, image: Image) -> list[FaceDetection]:
        self.looks += 1
        return list(self._script[self.looks - 1])


class ScriptedEstimator:
    """Gives ``angles(call)`` degrees to every face of the call, counted from 0; ``shown`` keeps the boxes."""

    def __init__(
        self, script: Sequence[Sequence[FaceDetection]], angles: Callable[[int], tuple[float, float, float]]
    ) -> None:
        self.detector = ScriptedDetector(script)
        self._angles = angles
        self.shown: list[list[BoundingBox]] = []

    def predict(self, image: Image, boxes: Sequence[BoundingBox]) -> list[HeadPose]:
        self.shown.append(list(boxes))
        yaw, pitch, roll = self._angles(len(self.shown) - 1)
        return [HeadPose(yaw, pitch, roll, 2.0, 2.0, 2.0, box, None) for box in boxes]


def square(x: float, y: float, side: float, score: float = 0.9) -> FaceDetection:
    """A face with its centre at x, y."""
    return FaceDetection(BoundingBox(x - side / 2, y - side / 2, x + side / 2, y + side / 2), score)
