"""Whole pictures of drawn heads with face boxes in a folder, as ``headpose train detector`` takes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from headpose_sdk.evaluation.datasets import LabelledFace
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.location import Location
from headpose_sdk.synthesis.sampling.sampler import Catalogue, Diversity
from headpose_sdk.synthesis.sampling.scenes import sample_scene
from headpose_sdk.synthesis.studio import Studio
from headpose_sdk.synthesis.writing.fill import Rendered, fill, settings_of, webp
from headpose_sdk.synthesis.writing.run_folder import ROWS, RunFolder

__all__ = ["FACES", "FACE_COLUMNS", "render_scenes"]

FACES = "faces.csv"
FACE_COLUMNS = ("file", "x1", "y1", "x2", "y2", "ignore")
BLOCK = 50  # pictures that a killed process loses at most; some seconds' work


def render_scenes(
    assets: Path,
    out: Path,
    *,
    count: int,
    seed: int,
    diversity: Diversity | None = None,
    workers: int = 1,
    block: int = BLOCK,
) -> Rendered:
    """Draw scenes 0 to ``count`` - 1 of ``seed`` with the parts in ``assets``, or those of them that ``out`` lacks.

    ``out`` gets ``faces.csv`` with :data:`FACE_COLUMNS`, a row a face and one with an empty box for a picture without,
    ``render.json`` and folders of ``block`` pictures. ``diversity`` is all of it if None.

    Raises:
        DatasetError: if a part is missing or damaged.
        OutputError: if ``out`` belongs to something else or cannot be written.
        RenderError: if this machine cannot draw, or a process dies. What was finished stays, and the same call goes on.
    """
    diversity = diversity or Diversity()
    settings = settings_of("scenes", assets, count=count, seed=seed, diversity=diversity, block=block)
    folder = RunFolder(out, settings, FACES, count, block)
    return fill(folder, _Scenes(assets, folder, seed, diversity), workers, FACE_COLUMNS, {})


@dataclass(frozen=True, slots=True)
class _Scenes:
    """The :class:`~headpose_sdk.synthesis.writing.crew.Task` of a drawing process."""

    assets: Path
    folder: RunFolder
    seed: int
    diversity: Diversity

    def __call__(self) -> Callable[[range], Iterator[None]]:
        assets = Assets(self.assets)
        studio = Studio(assets)
        location = Location(studio)
        catalogue = Catalogue.of(assets, studio.model)

        def draw(numbers: range) -> Iterator[None]:
            files: dict[str, bytes] = {}
            table = io.StringIO()
            rows = csv.writer(table, lineterminator="\n")
            for number in numbers:
                snapshot = location.draw(sample_scene(catalogue, self.seed, number, self.diversity))
                name = self.folder.file(number)
                files[Path(name).name] = webp(snapshot.image)
                rows.writerows(_rows(name, snapshot.faces))
                yield
            files[ROWS] = table.getvalue().encode()
            self.folder.write_block(numbers, files)

        return draw


def _rows(name: str, faces: tuple[LabelledFace, ...]) -> list[list[str]]:
    """The values of :data:`FACE_COLUMNS`."""
    if not faces:
        return [[name, "", "", "", "", ""]]
    return [
        [
            name,
            *(f"{corner:z.2f}" for corner in (face.box.x1, face.box.y1, face.box.x2, face.box.y2)),
            str(int(face.ignore)),
        ]
        for face in faces
    ]
