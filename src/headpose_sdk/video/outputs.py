"""Everything that a frame and the people in it are written to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from headpose_sdk.drawing import draw_poses
from headpose_sdk.results import Image
from headpose_sdk.tracking import TrackedPose
from headpose_sdk.video.reader import Frame
from headpose_sdk.video.records import RecordWriter
from headpose_sdk.video.writer import VideoWriter

__all__ = ["Outputs", "draw_people"]


def draw_people(image: Image, people: Sequence[TrackedPose]) -> Image:
    """A copy of ``image`` (H, W, 3) uint8 BGR with the pose and the identity of everybody drawn on it."""
    return draw_poses(image, [person.pose for person in people], [f"#{person.identity}" for person in people])


class Outputs:
    """A video and any number of record files; a context manager that finishes them all, whatever goes wrong."""

    def __init__(self, video: VideoWriter | None, records: Sequence[RecordWriter]) -> None:
        self.video = video
        self._records = records
        self._all: list[RecordWriter | VideoWriter] = [*records] if video is None else [*records, video]
        self._files = ExitStack()
        self.frames = 0
        self.identities: set[int] = set()

    def __enter__(self) -> Outputs:
        for file in self._all:
            self._files.enter_context(file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    @property
    def written(self) -> list[Path]:
        """The files that were made."""
        return [file.path for file in self._all if file.is_begun]

    def write(self, item: tuple[Frame, Sequence[TrackedPose]]) -> None:
        """Add one frame with its people.

        Raises:
            OutputError: one of the files cannot be written to.
        """
        frame, people = item
        for record in self._records:
            record.write(frame.index, frame.time, people)
        if self.video is not None:
            self.video.write(draw_people(frame.image, people), frame.time)
        self.frames += 1
        self.identities.update(person.identity for person in people)
