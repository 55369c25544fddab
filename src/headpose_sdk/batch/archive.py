"""From folders of pictures to one Parquet file, whatever does the work: list, hand out parts, keep them, join them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headpose_sdk.batch.work_folder import Part, WorkFolder, open_work_folder
from headpose_sdk.errors import HeadPoseError, InvalidImageError, OutputError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.images import IMAGE_EXTENSIONS, MAX_PIXELS, atomic_write, walk_images
from headpose_sdk.tables import schema, to_table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Engine", "Summary", "check_target", "local_engine", "write_parquet"]

PART_IMAGES = 250
"""Images in a part: what a run that is killed does again, at most, of each part it was at."""

GROUP_ROWS = 65_536
"""Rows in a row group of the target, however they came."""


class Engine(Protocol):
    """Whatever turns parts into tables of :mod:`headpose_sdk.tables`: they may come in any order.

    It starts with the first table asked for, takes parts as it can use them, and ends when the generator is closed.
    """

    def __call__(self, parts: Iterable[Part], /) -> Generator[tuple[int, pa.Table], None, None]: ...


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in the file: ``images`` of which ``failed`` could not be read, ``faces`` in all the others."""

    images: int
    faces: int
    failed: int


def local_engine(
    make_estimator: Callable[[], HeadPoseEstimator], *, batch_size: int = 32, max_pixels: int = MAX_PIXELS
) -> Engine:
    """One estimator in this process, made when the first part is there."""

    def run(parts: Iterable[Part], /) -> Generator[tuple[int, pa.Table], None, None]:
        estimator = make_estimator()
        for index, files in parts:
            yield index, to_table(estimator.predict_files(files, batch_size=batch_size, max_pixels=max_pixels))

    return run


def check_target(target: Path, *, overwrite: bool) -> None:
    """Raise OutputError if ``target`` is there and may not be overwritten."""
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already; give another name, or --overwrite to replace it when all is done")


def write_parquet(
    sources: Sequence[Path],
    target: Path,
    engine: Engine,
    settings: Mapping[str, Any],
    *,
    part_images: int = PART_IMAGES,
    overwrite: bool = False,
    on_error: Callable[[InvalidImageError], None],
    listing: Callable[[int, int | None], None] = lambda done, total: None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Summary:
    """Write the poses in all pictures of ``sources``, files and folders, to ``target``: a row a face, in their order.

    Neither the rows nor the names of an archive are ever in memory as a whole. A run that ended too early, killed even,
    goes on where it stopped when it is called again with the same arguments, and the file is the same to the byte.
    ``settings`` are what the rows depend on besides the files: an unfinished run with others is not gone on with. They
    are written into the file, under ``headpose`` in its metadata.

    ``on_error`` is told of folders that hold no pictures or cannot be listed; ``listing`` and ``progress`` are called
    with the number of images that are listed or done and, of those to do, their number.

    Raises:
        OutputError: if ``target`` exists or an unfinished run has other settings or files, and ``overwrite`` is False;
            if another process is at work on it, or it cannot be written.
        InvalidImageError: if one of ``sources`` is not there.
        HeadPoseError: if there is no picture at all; and what the engine raises.
    """
    target = Path(os.path.realpath(target))
    check_target(target, overwrite=overwrite)
    for source in sources:
        if not source.exists():
            raise InvalidImageError(f"{source}: no such file or folder; check the spelling and the working folder")
    with open_work_folder(target, settings, part_images=part_images, overwrite=overwrite) as work:
        done = work.take(_walk(sources, on_error), listing)
        if work.total == 0:
            raise HeadPoseError(f"no pictures in {', '.join(map(str, sources))}; nothing was written")
        to_do = work.total - done
        if to_do:
            finished = 0
            with closing(engine(work.missing())) as tables:
                for index, table in tables:
                    work.save(index, table)
                    finished += min(part_images, work.total - index * part_images)
                    progress(finished, to_do)
        summary = _join(work, settings)
        check_target(target, overwrite=overwrite)
        try:
            work.joined().replace(target)
        except OSError as error:
            raise OutputError(f"{target}: cannot write ({error.strerror}); the parts are kept") from error
        work.remove()
    return summary


def _walk(sources: Sequence[Path], on_error: Callable[[InvalidImageError], None]) -> Iterator[Path]:
    for source in sources:
        if not source.is_dir():
            yield source
            continue
        complaints: list[InvalidImageError] = []
        empty = True
        for file in walk_images(source, on_error=complaints.append):
            empty = False
            yield file
        if empty and not complaints:
            looked_for = ", ".join(IMAGE_EXTENSIONS)
            complaints.append(
                InvalidImageError(f"{source}: no pictures in this folder or below it; looked for {looked_for}")
            )
        for complaint in complaints:
            on_error(complaint)


def _join(work: WorkFolder, settings: Mapping[str, Any]) -> Summary:
    """Put the parts together in ``work.joined()``, a few at a time, in row groups that do not depend on the parts."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    facts = json.dumps({name: settings[name] for name in sorted(settings)})
    described = schema().with_metadata({"headpose": facts})
    faces = failed = 0
    waiting = schema().empty_table()
    with (
        atomic_write(work.joined()) as file,
        pq.ParquetWriter(file, described, compression="zstd") as writer,
    ):
        for table in work.tables():
            faces += pc.count(table["face"]).as_py()
            failed += pc.count(table["error"]).as_py()
            waiting = pa.concat_tables([waiting, table])
            while len(waiting) >= GROUP_ROWS:
                writer.write_table(waiting.slice(0, GROUP_ROWS).combine_chunks(), row_group_size=GROUP_ROWS)
                waiting = waiting.slice(GROUP_ROWS)
        if len(waiting):
            writer.write_table(waiting.combine_chunks(), row_group_size=GROUP_ROWS)
    return Summary(work.total, faces, failed)
