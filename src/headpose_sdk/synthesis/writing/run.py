"""One run: processes fill the blocks that a folder lacks, then its table is written. The same for crops and scenes.

A picture is a pure function of seed and number. So neither the number of processes nor an interruption changes a byte
of the result, and any picture can be drawn again by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
from tqdm import tqdm

from headpose_sdk.results import Image
from headpose_sdk.synthesis.writing.crew import Crew, Task
from headpose_sdk.synthesis.writing.run_folder import ROWS, RunFolder

__all__ = ["QUALITY", "Rendered", "fill", "webp"]

# The network sees pictures that are turned, scaled and blurred: what quality 95 would keep costs a fifth more and is
# lost.
QUALITY = 90


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came of a run: ``count`` pictures are in the folder, ``drawn`` of them drawn in the last ``seconds``."""

    count: int
    drawn: int
    seconds: float


def fill(
    folder: RunFolder,
    task: Task,
    workers: int,
    columns: Sequence[str],
    others: Mapping[str, Callable[[], bytes]],
) -> Rendered:
    """Have ``task`` draw the blocks that are missing, and finish the folder with a table of these ``columns``.

    ``others`` are the files beside the table, by their names, that are put together from files of the same names in
    the blocks when all of those are there.

    Raises:
        OutputError: if the folder belongs to something else or cannot be written.
        HeadPoseError: of whatever kind a process met. What was finished stays.
    """
    folder.check()
    started = time.monotonic()
    if folder.finished:
        folder.tidy([ROWS, *others])
        return Rendered(folder.count, 0, 0.0)
    missing = folder.missing()
    drawn = sum(map(len, missing))
    # The processes come first: where nothing can be drawn no folder is made.
    with Crew(task, min(workers, len(missing))) as crew, folder.open():
        with tqdm(total=folder.count, initial=folder.count - drawn, unit="images", disable=None, smoothing=0.05) as bar:
            crew.draw(missing, bar.update)
        folder.finish(columns, {name: content() for name, content in others.items()})
    return Rendered(folder.count, drawn, time.monotonic() - started)


def webp(image: Image) -> bytes:
    """The picture (H, W, 3) BGR as a file."""
    _, encoded = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    return encoded.tobytes()
