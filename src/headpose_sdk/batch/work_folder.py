"""The folder of a run that is not finished: what it was to do, the list of its files, and the parts that are done.

``DST.parquet.parts`` beside the target holds ``run.json``, ``files.jsonl`` (a JSON string a line, in the order of the
rows), ``part-0000000.parquet`` and so on, and ``lock``. Everything in it appears whole or not at all, so that a run
that was killed at any moment goes on from the parts that it finished. It vanishes when the target is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headpose_sdk.errors import OutputError
from headpose_sdk.images import atomic_write

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Part", "WorkFolder", "open_work_folder"]

Part = tuple[int, list[str]]
"""A part's number and its files."""

_RUN, _FILES, _LOCK, _JOINED = "run.json", "files.jsonl", "lock", "joined.parquet"


class WorkFolder:
    """One run's folder; made by :func:`open_work_folder`, which holds its lock."""

    def __init__(self, path: Path, settings: Mapping[str, Any], *, part_images: int, overwrite: bool) -> None:
        self.path = path
        self.total = 0
        self._begin: dict[str, Any] = {"settings": dict(settings), "part_images": part_images}
        self._part_images = part_images
        self._overwrite = overwrite

    def take(self, files: Iterable[Path], progress: Callable[[int, int | None], None]) -> int:
        """Take ``files`` as those of the run, one after the other, and return how many of them are done already.

        ``progress`` is called with the number listed so far, and None.

        Raises:
            OutputError: if the folder holds a run with other settings or files, and nothing may be overwritten.
        """
        before = self._run_before()
        if before is not None and any(before.get(name) != value for name, value in self._begin.items()):
            self._forget(f"other settings ({', '.join(self._differences(before))})")
            before = None
        digest = hashlib.sha256()
        count = 0
        with atomic_write(self.path / f"{_FILES}.new") as listing:
            for count, file in enumerate(files, start=1):
                listing.write(json.dumps(os.fspath(file)).encode() + b"\n")
                digest.update(f"{_fingerprint(file)}\n".encode("utf-8", "surrogateescape"))
                progress(count, None)
        run = {**self._begin, "files": count, "sha256": digest.hexdigest()}
        if before is not None and before != run:
            self._forget(f"other files ({before.get('files')} then, {count} now, or some of them changed)")
        (self.path / f"{_FILES}.new").replace(self.path / _FILES)
        with atomic_write(self.path / _RUN) as target:
            target.write(json.dumps(run, indent=2).encode() + b"\n")
        self.total = count
        return sum(
            min(self._part_images, count - index * self._part_images) for index in self._parts() if self._is_done(index)
        )

    def missing(self) -> Iterator[Part]:
        """The parts that are still to be done, read from the list as they are asked for."""
        with (self.path / _FILES).open("rb") as listing:
            for index in self._parts():
                lines = list(islice(listing, self._part_images))
                if not self._is_done(index):
                    yield index, [json.loads(line) for line in lines]

    def save(self, index: int, table: pa.Table) -> None:
        """Keep the rows of a part."""
        import pyarrow.parquet as pq

        with atomic_write(self._part(index)) as file:
            pq.write_table(table, file, compression="zstd")

    def tables(self) -> Iterator[pa.Table]:
        """The rows of all parts in order, part by part."""
        import pyarrow.parquet as pq

        for index in self._parts():
            yield pq.read_table(self._part(index))

    def joined(self) -> Path:
        """Where the target is put together; on its file system, and swept away with the folder."""
        return self.path / _JOINED

    def remove(self) -> None:
        """Delete the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def holds_work(self) -> bool:
        """Whether a part is in it that another run may go on from."""
        return any(self.path.glob("part-*.parquet"))

    def _parts(self) -> range:
        return range(-(-self.total // self._part_images)) if self.total else range(0)

    def _part(self, index: int) -> Path:
        return self.path / f"part-{index:07}.parquet"

    def _is_done(self, index: int) -> bool:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return bool(pq.read_metadata(self._part(index)).num_rows)
        except (OSError, pa.ArrowInvalid):  # missing, or emptied by a machine that lost its power
            return False

    def _run_before(self) -> dict[str, Any] | None:
        try:
            run = json.loads((self.path / _RUN).read_bytes())
        except (OSError, ValueError):
            return None
        return run if isinstance(run, dict) else None

    def _differences(self, before: Mapping[str, Any]) -> list[str]:
        old = {**before.get("settings", {}), "part_images": before.get("part_images")}
        new = {**self._begin["settings"], "part_images": self._part_images}
        return [
            f"{name} {old.get(name)} then, {new.get(name)} now"
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        ]

    def _forget(self, reason: str) -> None:
        if not self._overwrite:
            raise OutputError(
                f"{self.path}: an unfinished run with {reason}; finish it as it was begun, begin again with "
                "--overwrite, or delete this folder"
            )
        (self.path / _RUN).unlink(missing_ok=True)  # first: without it, parts belong to nobody
        for part in self.path.glob("part-*.parquet"):
            part.unlink()


@contextmanager
def open_work_folder(
    target: Path, settings: Mapping[str, Any], *, part_images: int, overwrite: bool
) -> Iterator[WorkFolder]:
    """The folder for ``target``, made if it is missing, locked for the block; kept afterwards if it holds work.

    Raises:
        OutputError: if another process is at work on it, or it cannot be made.
    """
    path = target.with_name(f"{target.name}.parts")
    try:
        path.mkdir(exist_ok=True)
        lock = (path / _LOCK).open("wb")
    except OSError as error:
        raise OutputError(f"{path}: cannot make this folder ({error.strerror}); choose another place") from error
    with lock:
        if not _locked(lock.fileno()):
            raise OutputError(f"{path}: another `headpose batch` is at work on it; wait for its end or stop it")
        work = WorkFolder(path, settings, part_images=part_images, overwrite=overwrite)
        if not (path / _RUN).exists():
            for part in path.glob("part-*.parquet"):  # of a run that was being forgotten
                part.unlink()
        try:
            yield work
        finally:
            if not work.holds_work():
                work.remove()


def _locked(descriptor: int) -> bool:
    """Whether the lock is ours now; the system takes it back however this process ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _fingerprint(file: Path) -> str:
    """Name, size and time of the last change: what tells that a file is still the one it was."""
    try:
        status = file.stat()
    except OSError:
        return f"{file!s} missing"
    return f"{file!s} {status.st_size} {status.st_mtime_ns}"
