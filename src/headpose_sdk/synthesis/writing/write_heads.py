"""Labelled crops of drawn heads in a folder, as ``headpose train teacher --data`` takes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.evaluation.datasets import MANIFEST
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Head
from headpose_sdk.synthesis.sampling.sampler import Catalogue, Diversity, Poses, sample_head
from headpose_sdk.synthesis.studio import Drawing, Studio
from headpose_sdk.synthesis.writing.fill import Rendered, fill, settings_of, webp
from headpose_sdk.synthesis.writing.run_folder import ROWS, RunFolder

__all__ = ["COLUMNS", "LANDMARKS", "render_heads"]

COLUMNS = ("file", "yaw", "pitch", "roll", "kind", "source", "spread", "x1", "y1", "x2", "y2", "visible", "wears")
LANDMARKS = "landmarks.npy"
KIND = "rendered"
BLOCK = 100  # heads that a killed process loses at most; some seconds' work


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
    settings = settings_of("heads", assets, count=count, seed=seed, diversity=diversity, block=block, poses=poses)
    folder = RunFolder(out, settings, MANIFEST, count, block)

    def landmarks() -> bytes:
        return _npy(np.concatenate([np.load(part) for part in folder.parts(LANDMARKS)]))

    task = _Heads(assets, folder, seed, poses, diversity)
    return fill(folder, task, workers, COLUMNS, {LANDMARKS: landmarks})


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
                files[Path(name).name] = webp(drawing.crop)
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


def _npy(array: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
