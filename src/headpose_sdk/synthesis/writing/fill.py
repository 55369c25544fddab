"""One run: processes fill the blocks that a folder lacks, then its table is written. The same for crops and scenes.

A picture is a pure function of seed and number. So neither the number of processes nor an interruption changes a byte
of the result, and any picture can be drawn again by itself.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from headpose_sdk import __version__, rotation
from headpose_sdk.results import Image
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.sampling.sampler import Diversity
from headpose_sdk.synthesis.writing.crew import Crew, Task
from headpose_sdk.synthesis.writing.run_folder import ROWS, RunFolder

__all__ = ["QUALITY", "Rendered", "fill", "settings_of", "webp"]

_SYNTHESIS = Path(__file__).parents[1]

# The network sees pictures that are turned, scaled and blurred: what quality 95 would keep costs a fifth more and is
# lost.
QUALITY = 90


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came of a run: ``count`` pictures are in the folder, ``drawn`` of them drawn in the last ``seconds``."""

    count: int
    drawn: int
    seconds: float


def settings_of(
    what: str, assets: Path, *, count: int, seed: int, diversity: Diversity, block: int, **others: str
) -> dict[str, Any]:
    """Everything that decides what a run draws, JSON-ready: the options, the parts, and the code that draws.

    Raises:
        DatasetError: if a part is missing.
    """
    return {
        "what": what,
        "count": count,
        "seed": seed,
        **others,
        "diversity": asdict(diversity),
        "pictures_per_folder": block,
        "assets_sha256": Assets(assets).fingerprint,
        "drawing_sha256": _drawing_code(),
        "version": __version__,
    }


def _drawing_code() -> str:
    """A hash of the source that pixels and labels depend on: half a folder by other code would be a mixture."""
    sources = [path for path in _SYNTHESIS.rglob("*") if path.suffix in (".py", ".glsl", ".vert", ".frag")]
    # How a folder is filled changes no picture.
    drawing = [path for path in sources if path.parent.name != "writing"]
    digest = hashlib.sha256(Path(rotation.__file__).read_bytes())
    for path in sorted(drawing):
        digest.update(path.relative_to(_SYNTHESIS).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


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
    # The processes come first: where nothing can be drawn no folder is made.
    with Crew(task, min(workers, len(folder.missing()))) as crew, folder.open():
        if folder.finished:  # by another run, while the processes started
            return Rendered(folder.count, 0, time.monotonic() - started)
        missing = folder.missing()
        drawn = sum(map(len, missing))
        with tqdm(total=folder.count, initial=folder.count - drawn, unit="images", disable=None, smoothing=0.05) as bar:
            crew.draw(missing, bar.update)
        folder.finish(columns, {name: content() for name, content in others.items()})
    return Rendered(folder.count, drawn, time.monotonic() - started)


def webp(image: Image) -> bytes:
    """The picture (H, W, 3) BGR as a file."""
    _, encoded = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    return encoded.tobytes()
