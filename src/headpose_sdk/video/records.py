"""Results as data: a JSON line a frame, or a CSV row a face; docs/video.md has the schema."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal

from headpose_sdk.errors import OutputError
from headpose_sdk.tracking import TrackedPose

__all__ = ["COLUMNS", "RecordWriter", "csv_rows", "frame_record"]

_ANGLES = ("yaw", "pitch", "roll", "yaw_std", "pitch_std", "roll_std")
_ROTATION = tuple(f"r{row}{column}" for row in range(3) for column in range(3))
COLUMNS = ("frame", "time", "identity", "detected", *_ANGLES, "x1", "y1", "x2", "y2", "score", *_ROTATION)
"""Of the CSV, in order."""


def frame_record(index: int, time: float, people: Sequence[TrackedPose]) -> dict[str, Any]:
    """``{"frame", "time", "faces": [TrackedPose.to_dict(), ...]}``; time in seconds, rounded to 0.1 ms."""
    return {"frame": index, "time": round(time, 4) + 0.0, "faces": [person.to_dict() for person in people]}


def csv_rows(record: dict[str, Any]) -> list[list[object]]:
    """A row a face in the order of ``COLUMNS``; one row without a face if there are none."""
    start = [record["frame"], record["time"]]
    if not record["faces"]:
        return [[*start, *[""] * (len(COLUMNS) - len(start))]]
    return [
        [
            *start,
            face["identity"],
            int(face["detected"]),
            *(face[name] for name in _ANGLES),
            *face["box"],
            "" if face["score"] is None else face["score"],
            *(value for row in face["rotation"] for value in row),
        ]
        for face in record["faces"]
    ]


class RecordWriter:
    """Writes the records of a video to ``path`` as they come: whatever happens, the file holds whole records only.

    Used as a context manager. The file is made with the first record.
    """

    def __init__(self, path: str | PathLike[str], form: Literal["jsonl", "csv"]) -> None:
        self.path = Path(path)
        self._form = form
        self._size = 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def is_begun(self) -> bool:
        """Whether the file was made."""
        return self._file is not None

    def write(self, index: int, time: float, people: Sequence[TrackedPose]) -> None:
        """Add the record of one frame.

        Raises:
            OutputError: the file cannot be made, or not be written to any more.
        """
        if self._file is None:
            self._file = self._open()
            if self._form == "csv":
                self._append(_csv_text([list(COLUMNS)]))
        record = frame_record(index, time, people)
        self._append(json.dumps(record) + "\n" if self._form == "jsonl" else _csv_text(csv_rows(record)))

    def _open(self) -> BinaryIO:
        try:
            return self.path.open("wb", buffering=0)
        except OSError as error:
            raise self._failed(error) from error

    def _append(self, text: str) -> None:
        assert self._file is not None
        data = memoryview(text.encode())
        try:
            while data:  # an unbuffered file may take a part only
                data = data[self._file.write(data) :]
        except OSError as error:
            with suppress(OSError):  # a pipe cannot be cut
                self._file.truncate(self._size)
            raise self._failed(error) from error
        self._size += len(text.encode())

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path}: cannot write ({error.strerror}); choose another place or make room")


def _csv_text(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
