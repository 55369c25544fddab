"""Where pictures are written: decided, and refused where it would go wrong, before any work is done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from headpose_sdk.errors import OutputError
from headpose_sdk.images import WRITABLE_EXTENSIONS

__all__ = ["check_output", "file_identity", "plan_outputs"]

_Identity: TypeAlias = tuple[int, int] | str


def plan_outputs(inputs: Sequence[Path], out: str | None) -> list[Path]:
    """The file to write for each of ``inputs``, in order; the folder they go to is made if it is missing.

    ``out`` is a file or a folder for one input, a folder for several, and the current folder if None. In a folder
    the name is ``<stem>_pose`` and the input's extension, or .jpg where that cannot be written. An existing file may
    be replaced unless it is an input.

    Raises:
        OutputError: if two inputs would get the same file, a file is one of the inputs under whatever name, its
            extension is unknown, or its folder cannot be made or written to. Nothing was made then.
    """
    folder = _folder(out, len(inputs))
    targets = [Path(str(out))] if folder is None else [folder / _name_for(source) for source in inputs]
    for target in targets:
        _check_extension(target)
    _refuse_collisions(inputs, targets)
    if folder is not None:
        _make_folder(folder)
    for target in targets:
        check_output(target)
    return targets


def check_output(path: Path) -> None:
    """Raise OutputError if ``path`` is a folder, or if its folder is missing or may not be written to."""
    target = Path(os.path.realpath(path))  # a link is followed when the file is written
    if target.is_dir():
        raise OutputError(f"{path}: cannot write, it is a folder; name a file in it")
    if not target.parent.is_dir():
        raise OutputError(f"{path}: cannot write, {target.parent} is no folder; create it or choose another place")
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"{path}: cannot write, no permission for {target.parent}; choose another place")


def _folder(out: str | None, count: int) -> Path | None:
    """The folder that ``out`` means, None if it means a file."""
    if out is None:
        return Path()
    path = Path(out)
    if path.is_dir() or out.endswith(("/", os.sep)):
        return path
    if count == 1:
        return None
    if path.exists() or path.suffix.lower() in WRITABLE_EXTENSIONS:
        raise OutputError(f"{path}: one file cannot hold {count} pictures; give a folder with -o")
    return path


def _name_for(source: Path) -> str:
    extension = source.suffix if source.suffix.lower() in WRITABLE_EXTENSIONS else ".jpg"
    return f"{source.stem}_pose{extension}"


def _check_extension(target: Path) -> None:
    extension = target.suffix.lower()
    if extension not in WRITABLE_EXTENSIONS:
        found = f"a {extension} file" if extension else "a file without an extension"
        raise OutputError(
            f"{target}: cannot write {found}; use {', '.join(WRITABLE_EXTENSIONS)}, or give an existing folder"
        )


def _refuse_collisions(inputs: Sequence[Path], targets: Sequence[Path]) -> None:
    sources = {file_identity(source): source for source in inputs}
    writers: dict[_Identity, Path] = {}
    for source, target in zip(inputs, targets, strict=True):
        identity = file_identity(target)
        if identity in sources:
            raise OutputError(
                f"{target}: this is the input {sources[identity]}, which must not be written over; "
                "choose another place with -o"
            )
        if identity in writers:
            raise OutputError(
                f"{writers[identity]} and {source} would both be written to {target}; "
                "rename one of them, or draw them in two runs with different -o"
            )
        writers[identity] = source


def file_identity(path: Path) -> _Identity:
    """The same for all names of one file: hard links and either case too, where the file exists."""
    real = os.path.realpath(path)  # the writer follows it too; of "missing/../a.jpg" it makes "a.jpg"
    try:
        status = Path(real).stat()
    except OSError:
        return os.path.normcase(real)
    return status.st_dev, status.st_ino


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot make this folder ({error.strerror}); choose another place") from error
