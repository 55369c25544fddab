"""The folder that a run fills, block by block, so that one that was killed goes on with what is missing.

A block is a folder of pictures beside the rows of the table that belong to them. It is written under another name and
then renamed, so it is there as a whole or not at all. When all are there, their rows become the table.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headpose_sdk.errors import OutputError
from headpose_sdk.images import atomic_write

__all__ = ["ROWS", "SETTINGS", "RunFolder"]

SETTINGS = "render.json"
ROWS = "rows.csv"
_TEMPORARY = ".headpose-*.tmp"  # images.atomic_write's files as well


@dataclass(frozen=True, slots=True)
class RunFolder:
    """``count`` pictures in folders of ``block`` below ``path``, and what is told of them in ``table``.

    ``settings`` is everything that decides the result, JSON-ready; a run goes on in a folder of the same settings only.
    """

    path: Path
    settings: Mapping[str, Any]
    table: str
    count: int
    block: int

    def check(self) -> None:
        """Find out, without writing, whether this run may write here.

        Raises:
            OutputError: if the folder holds another run or anything else, or cannot be written to.
        """
        place = self.path
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            raise OutputError(f"{self.path}: cannot write, {place} is not a folder; choose another --out")
        if not os.access(place, os.W_OK | os.X_OK):
            raise OutputError(f"{self.path}: cannot write, no permission for {place}; choose another --out")
        if place == self.path:
            self._check_contents()

    @property
    def finished(self) -> bool:
        """Whether the table is there, which is written last."""
        return (self.path / self.table).exists()

    def missing(self) -> list[range]:
        """The blocks that are not there yet, as the numbers of their pictures."""
        return [numbers for numbers in self._blocks() if not (self.path / _name(numbers, self.block)).exists()]

    @contextmanager
    def open(self) -> Iterator[None]:
        """Make the folder and keep it for this process while the block runs; no temporary file is there at its end.

        Raises:
            OutputError: if another process is at work there, or nothing can be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise _output_error(self.path, error) from error
        try:
            _lock(handle, self.path)
            self._check_contents()  # once more: it may have become another run's since
            try:
                self._sweep()
                if not (self.path / SETTINGS).exists():
                    with atomic_write(self.path / SETTINGS) as file:
                        file.write(json.dumps(self.settings, indent=2).encode() + b"\n")
                yield
            finally:
                self._sweep()
        finally:
            os.close(handle)

    def file(self, number: int) -> str:
        """Where picture ``number`` is, relative to the folder."""
        return f"{number // self.block:05d}/{number:07d}.webp"

    def write_block(self, numbers: range, files: Mapping[str, bytes]) -> None:
        """Write the files of a block by their names, all of them or none.

        Raises:
            OutputError: if that fails, for want of space above all.
        """
        target = self.path / _name(numbers, self.block)
        temporary = self.path / _TEMPORARY.replace("*", target.name)
        try:
            temporary.mkdir()
            for name, content in files.items():
                (temporary / name).write_bytes(content)
            temporary.rename(target)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise _output_error(target, error) from error

    def parts(self, name: str) -> list[Path]:
        """The file ``name`` of every block, in order."""
        return [self.path / _name(numbers, self.block) / name for numbers in self._blocks()]

    def finish(self, columns: Sequence[str], others: Mapping[str, bytes]) -> None:
        """Write the ``others`` by their names, then the table from the rows of all blocks, and drop their parts.

        Raises:
            OutputError: if a block was damaged since, or writing fails.
        """
        for name, content in others.items():
            with atomic_write(self.path / name) as file:
                file.write(content)
        with atomic_write(self.path / self.table) as file:
            file.write(",".join(columns).encode() + b"\n")
            for part in self.parts(ROWS):
                file.write(part.read_bytes())
        self.tidy([ROWS, *others])

    def tidy(self, names: Sequence[str]) -> None:
        """Remove the files ``names`` from all blocks of a finished run."""
        for name in names:
            for part in self.parts(name):
                part.unlink(missing_ok=True)

    def _blocks(self) -> list[range]:
        return [range(first, min(first + self.block, self.count)) for first in range(0, self.count, self.block)]

    def _check_contents(self) -> None:
        settings = self.path / SETTINGS
        if not settings.exists():
            leftovers = set(self.path.glob(_TEMPORARY))
            foreign = sorted(set(self.path.iterdir()) - leftovers)
            if foreign:
                raise OutputError(
                    f"{self.path} holds {foreign[0].name}, which is of no run of `headpose render`; "
                    "give an empty or a new folder as --out"
                )
            return
        try:
            then = dict(json.loads(settings.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise OutputError(f"{settings} cannot be read ({error}); choose another --out") from error
        now = json.loads(json.dumps(self.settings))
        if then != now:
            changed = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
            raise OutputError(
                f"{self.path} belongs to a run with other settings ({', '.join(changed)}); go on with the options, "
                f"the parts and the version of this package that it began with ({SETTINGS}), or choose another --out"
            )

    def _sweep(self) -> None:
        for leftover in self.path.glob(_TEMPORARY):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def _name(numbers: range, block: int) -> str:
    return f"{numbers.start // block:05d}"


def _lock(handle: int, path: Path) -> None:
    """Keep the folder that is open at ``handle`` for this process until it closes it or dies."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"{path} is being written by another `headpose render`; wait for it, or choose another --out"
        ) from error
    except OSError:
        pass  # a file system without locks


def _output_error(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path}: cannot write ({error.strerror or error}); make room or see to the permissions, then run the same "
        "command again to go on, or choose another --out"
    )
