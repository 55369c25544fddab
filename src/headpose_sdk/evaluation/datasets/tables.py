"""Labelled photos as CSV tables: a folder with ``manifest.csv`` of poses, or a CSV of face boxes.

Errors name the file and the row (1 is the header, as editors count).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path

from headpose_sdk.errors import DatasetError, InvalidBoxError
from headpose_sdk.evaluation.datasets.samples import FaceSample, LabelledFace, PoseSample
from headpose_sdk.results import BoundingBox

__all__ = ["MANIFEST", "manifest_of", "read_faces", "read_manifest"]

MANIFEST = "manifest.csv"
_ANGLES = ("yaw", "pitch", "roll")
_CORNERS = ("x1", "y1", "x2", "y2")
_LARGEST_ANGLE = 180.0


def manifest_of(root: str | PathLike[str]) -> Path:
    """The table that ``root`` names: itself if it is called .csv, else ``manifest.csv`` in that folder."""
    path = Path(root)
    return path if path.suffix == ".csv" and not path.is_dir() else path / MANIFEST


def read_manifest(root: str | PathLike[str]) -> list[PoseSample]:
    """The samples of ``root``, a folder with ``manifest.csv`` or such a table of another name, in its order.

    Its columns are ``file`` (relative to the table's folder), ``yaw``, ``pitch``, ``roll`` in degrees with the signs of
    :mod:`headpose_sdk.rotation`, and either all or none of ``x1``, ``y1``, ``x2``, ``y2`` in pixels, which may be
    empty where a row has no box. ``source``, ``kind`` and ``spread`` (degrees, empty is 0) are read if they are there,
    further columns are ignored. A photo may have several rows, one a head.

    Raises:
        DatasetError: naming file and row, if the manifest is missing, is empty or lacks a column, an image does not
            exist, an angle is no number within -180 to 180 degrees, a spread none from 0 on, or a box is not one.
    """
    manifest = manifest_of(root)
    samples = []
    for where, row in _rows(manifest, required=("file", *_ANGLES)):
        yaw, pitch, roll = (_angle(row, name, where) for name in _ANGLES)
        corners = _corners(row, where)
        box = None if corners is None else _box(corners, where)
        source = row.get("source") or row["file"]
        file, kind, spread = _existing(manifest, row, where), row.get("kind", ""), _spread(row, where)
        samples.append(PoseSample(file, (yaw, pitch, roll), box, source, kind, spread))
    return samples


def read_faces(path: str | PathLike[str]) -> list[FaceSample]:
    """The photos of a face CSV with all their faces, in the order in which the file first names them.

    Its columns are ``file`` (relative to the folder of the CSV), ``x1``, ``y1``, ``x2``, ``y2`` in pixels and, if
    some faces are not to be counted, ``ignore`` (0 or 1; empty is 0). A row is a face; a row with an empty box is
    a photo without faces. Further columns are ignored.

    Raises:
        DatasetError: naming file and row, if the CSV is missing, is empty or lacks a column, an image does not
            exist, or a box or ``ignore`` is not one.
    """
    table = Path(path)
    faces_of: dict[Path, list[LabelledFace]] = {}
    for where, row in _rows(table, required=("file", *_CORNERS)):
        ignore = _ignore(row, where)
        faces = faces_of.setdefault(_existing(table, row, where), [])
        corners = _corners(row, where)
        # Data sets give faces that nobody could box no area and mark them ignore; no detection can match those.
        boxed = corners is not None and corners[2] > corners[0] and corners[3] > corners[1]
        if corners is not None and (boxed or not ignore):
            faces.append(LabelledFace(_box(corners, where), ignore))
    return [FaceSample(file, tuple(faces)) for file, faces in faces_of.items()]


def _rows(table: Path, required: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Rows of a CSV with a description of their place, after checking that the ``required`` columns exist."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            missing = [name for name in required if name not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(
                    f"{table} has no column {', '.join(missing)}; its first line must name the columns "
                    f"{','.join(required)}"
                )
            empty = True
            for row in reader:
                empty = False
                yield f"{table} row {reader.line_num}", row
            if empty:
                raise DatasetError(f"{table} has a header but no rows; give a table with at least one")
    except FileNotFoundError as error:
        raise DatasetError(f"{table} does not exist; give the path of a data set that contains it") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{table} cannot be read as a CSV in UTF-8: {error}; check the file") from error


def _existing(table: Path, row: Mapping[str, str], where: str) -> Path:
    name = row["file"]
    file = table.parent / name
    if not name or not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises for a name that is too long
        raise DatasetError(f"{where}: image {name!r} is not a file in {table.parent}; complete the data set")
    return file


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    try:
        return float(row[name])
    except ValueError as error:
        raise DatasetError(f"{where}: {name} is {row[name]!r}, not a number; correct the row") from error


def _angle(row: Mapping[str, str], name: str, where: str) -> float:
    angle = _number(row, name, where)
    if not abs(angle) <= _LARGEST_ANGLE:  # also true of NaN
        raise DatasetError(
            f"{where}: {name} is {row[name]}, not within -180 to 180 degrees; correct the row "
            "(labels in radians must be converted, invalid ones left out)"
        )
    return angle


def _spread(row: Mapping[str, str], where: str) -> float:
    if not row.get("spread"):
        return 0.0
    spread = _number(row, "spread", where)
    if not 0 <= spread <= _LARGEST_ANGLE:
        raise DatasetError(f"{where}: spread is {row['spread']}, not degrees from 0 to 180; correct the row")
    return spread


def _corners(row: Mapping[str, str], where: str) -> tuple[float, float, float, float] | None:
    """None where the row has no box; a box with only some of its corners is an error."""
    texts = [row.get(name, "") for name in _CORNERS]
    if not any(texts):
        return None
    if not all(texts):
        raise DatasetError(f"{where}: the box has only some of {', '.join(_CORNERS)}; give all four or none")
    x1, y1, x2, y2 = (_number(row, name, where) for name in _CORNERS)
    return x1, y1, x2, y2


def _box(corners: tuple[float, float, float, float], where: str) -> BoundingBox:
    try:
        return BoundingBox(*corners)
    except InvalidBoxError as error:
        raise DatasetError(f"{where}: {error}") from error


def _ignore(row: Mapping[str, str], where: str) -> bool:
    text = row.get("ignore", "")
    if text not in ("", "0", "1"):
        raise DatasetError(f"{where}: ignore is {text!r}; it must be 0 or 1")
    return text == "1"
