"""Results as a table: a row a face, in Arrow's and Parquet's types. pyarrow is an extra (``batch``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from headpose_sdk.results import ImageResult

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ANGLES", "COLUMNS", "rows", "schema", "to_table"]

ANGLES = ("yaw", "pitch", "roll", "yaw_std", "pitch_std", "roll_std")
_CORNERS = ("x1", "y1", "x2", "y2")
COLUMNS = ("file", "width", "height", "face", *ANGLES, *_CORNERS, "score", "error")
"""``face`` counts from 0 in each image; angles in degrees, corners in pixels."""

_TEXTS, _WHOLE = ("file", "error"), ("width", "height", "face")


def rows(result: ImageResult) -> list[dict[str, Any]]:
    """The numbers of ``result.to_dict()``, a row a face with all of ``COLUMNS``, None for what there is not.

    An image without a face, or with an error, is one row whose ``face`` is None.
    """
    record = result.to_dict()
    image = {**dict.fromkeys(COLUMNS), **{name: record[name] for name in ("file", "width", "height")}}
    if not record.get("faces"):
        return [{**image, "error": record.get("error")}]
    return [
        {
            **image,
            "face": index,
            **{name: face[name] for name in (*ANGLES, "score")},
            **dict(zip(_CORNERS, face["box"], strict=True)),
        }
        for index, face in enumerate(record["faces"])
    ]


def schema() -> pa.Schema:
    """The columns' types: text, int32, and float64, which holds the rounded numbers as JSON does."""
    import pyarrow as pa

    kinds = {**dict.fromkeys(_TEXTS, pa.string()), **dict.fromkeys(_WHOLE, pa.int32())}
    return pa.schema([(name, kinds.get(name, pa.float64())) for name in COLUMNS])


def to_table(results: Iterable[ImageResult]) -> pa.Table:
    """The rows of all ``results`` in their order; bytes of a file's name that are no text become ``\\\\xe9``."""
    import pyarrow as pa

    listed = [row for result in results for row in rows(result)]
    for row in listed:
        for name in _TEXTS:
            row[name] = None if row[name] is None else _text(row[name])
    return pa.Table.from_pylist(listed, schema=schema())


def _text(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
