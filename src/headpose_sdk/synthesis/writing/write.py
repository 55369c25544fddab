"""Labelled crops of drawn heads in a folder, as ``headpose train teacher --data`` takes it.

A head is a pure function of seed and number. So neither the number of processes nor an interruption changes a byte of
the result, and any row can be drawn again by itself.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from headpose_sdk import __version__
from headpose_sdk.evaluation.datasets import MANIFEST
from headpose_sdk.results import Image
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Head
from headpose_sdk.synthesis.sampling.sampler import Catalogue, Diversity, Poses, sample_head
from headpose_sdk.synthesis.studio import Drawing, Studio
from headpose_sdk.synthesis.writing.crew import Crew
from headpose_sdk.synthesis.writing.run_folder import ROWS, RunFolder

__all__ = ["COLUMNS", "LANDMARKS", "Rendered", "render_heads"]

COLUMNS = ("file", "yaw", "pitch", "roll", "kind", "source", "spread", "x1", "y1", "x2", "y2", "visible", "wears")
LANDMARKS = "landmarks.npy"
KIND = "rendered"
BLOCK = 100  # heads that a killed process loses at most; some seconds' work
# The network sees crops that are turned, scaled and blurred: what quality 95 would keep costs a fifth more and is lost.
QUALITY = 90


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came of a run: ``count`` heads are in the folder, ``drawn`` of them were drawn in the last ``seconds``."""

    count: int
    drawn: int
    seconds: float


def render_heads(
    assets: Path,
    out: Path,
    *,
    count: int,
    seed: int,
    poses: Poses = "front",
    diversity: Diversity | None = None,
    workers: int = 1,
    block: int = BLOCK,
) -> Rendered:
    """Draw heads 0 to ``count`` - 1 of ``seed`` with the parts in ``assets``, or those of them that ``out`` lacks.

    ``out`` gets ``manifest.csv`` with :data:`COLUMNS`, ``landmarks.npy`` (count, 68, 2) float32 in pixels of the crop,
    ``render.json`` and folders of ``block`` crops (128, 128, 3). ``diversity`` is all of it if None.

    Raises:
        DatasetError: if a part is missing or damaged.
        OutputError: if ``out`` belongs to something else or cannot be written.
        RenderError: if this machine cannot draw, or a process dies. What was finished stays, and the same call goes on.
    """
    diversity = diversity or Diversity()
    settings = {
        "what": "heads",
        "count": count,
        "seed": seed,
        "poses": poses,
        "diversity": asdict(diversity),
        "assets_sha256": Assets(assets).fingerprint,
        "heads_per_folder": block,
        "version": __version__,
    }
    folder = RunFolder(out, settings, MANIFEST, count, block)
    folder.check()
    started = time.monotonic()
    if folder.finished:
        folder.tidy([ROWS, LANDMARKS])
        return Rendered(count, 0, 0.0)
    missing = folder.missing()
    drawn = sum(map(len, missing))
    # The processes come first: where nothing can be drawn no folder is made.
    with Crew(_Heads(assets, folder, seed, poses, diversity), min(workers, len(missing))) as crew, folder.open():
        with tqdm(total=count, initial=count - drawn, unit="images", disable=None, smoothing=0.05) as bar:
            crew.draw(missing, bar.update)
        landmarks = np.concatenate([np.load(part) for part in folder.parts(LANDMARKS)])
        folder.finish(COLUMNS, {LANDMARKS: _npy(landmarks)})
    return Rendered(count, drawn, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class _Heads:
    """The :class:`~headpose_sdk.synthesis.writing.crew.Task` of a drawing process."""

    assets: Path
    folder: RunFolder
    seed: int
    poses: Poses
    diversity: Diversity

    def __call__(self) -> Callable[[range], Iterator[None]]:
        assets = Assets(self.assets)
        studio = Studio(assets)
        catalogue = Catalogue.of(assets, studio.model)

        def draw(numbers: range) -> Iterator[None]:
            files: dict[str, bytes] = {}
            table = io.StringIO()
            rows = csv.writer(table, lineterminator="\n")
            landmarks = []
            for number in numbers:
                head = sample_head(catalogue, self.seed, number, self.poses, self.diversity)
                drawing = studio.draw(head)
                name = self.folder.file(number)
                files[Path(name).name] = _webp(drawing.crop)
                rows.writerow(_row(name, head, drawing))
                landmarks.append(drawing.landmarks)
                yield
            files[ROWS] = table.getvalue().encode()
            files[LANDMARKS] = _npy(np.stack(landmarks).astype(np.float32))
            self.folder.write_block(numbers, files)

        return draw


def _row(name: str, head: Head, drawing: Drawing) -> list[str]:
    """The values of :data:`COLUMNS`. The source names the shape, so that a split holds back whole heads."""
    pose = head.pose
    angles = (f"{angle:z.4f}" for angle in (pose.yaw, pose.pitch, pose.roll))
    corners = (f"{corner:z.3f}" for corner in drawing.box)
    source = f"head-{head.seed}-{head.number}"
    return [name, *angles, KIND, source, "0", *corners, f"{drawing.visible:.3f}", " ".join(drawing.wears)]


def _webp(crop: Image) -> bytes:
    _, encoded = cv2.imencode(".webp", crop, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    return encoded.tobytes()


def _npy(array: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
