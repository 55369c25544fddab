"""Files that were whole once."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from picture_bytes import png_chunk

_LIMITS = [struct.pack(f"{order}{code}", value) for order in "<>" for code, value in (
    ("B", 0), ("B", 127), ("B", 128), ("B", 255), ("H", 0), ("H", 0x7FFF), ("H", 0x8000), ("H", 0xFFFF), ("I", 0),
    ("I", 1), ("I", 0x7FFFFFFF), ("I", 0x80000000), ("I", 0xFFFFFFFF), ("Q", 2**63), ("d", float("nan")),
    ("d", float("inf")), ("d", 1e308),
)]  # fmt: skip

_Edit = tuple[str, float, float, bytes]


def mutated(wholes: Sequence[bytes], *pieces: bytes) -> st.SearchStrategy[bytes]:
    """One of ``wholes`` after up to eight edits, which put limits of numbers, ``pieces`` or noise into it."""
    part = st.floats(0, 1, exclude_max=True)
    content = st.sampled_from([*_LIMITS, *pieces]) | st.binary(min_size=1, max_size=12)
    edit = st.tuples(st.sampled_from(["overwrite", "insert", "leave out", "double", "exchange"]), part, part, content)
    return st.builds(_edited, st.sampled_from(wholes), st.lists(edit, max_size=8))


def damaged_json(wholes: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of ``wholes`` with any value in it exchanged for any other."""
    numbers = st.integers() | st.floats() | st.sampled_from([10**400, 1e308, -0.0])
    anything = st.recursive(
        st.none() | st.booleans() | numbers | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
        max_leaves=9,
    )
    return st.builds(_exchanged, st.sampled_from(wholes), st.floats(0, 1, exclude_max=True), anything)


def _exchanged(whole: bytes, share: float, value: object) -> bytes:
    content = json.loads(whole)
    holders: list[tuple[Any, Any]] = []

    def look(inner: object) -> None:
        if isinstance(inner, dict | list):
            for key in inner if isinstance(inner, dict) else range(len(inner)):
                holders.append((inner, key))
                look(inner[key])

    look(content)
    holder, key = holders[int(share * len(holders))]
    holder[key] = value
    return json.dumps(content).encode()


def _edited(whole: bytes, edits: list[_Edit]) -> bytes:
    for kind, one, other, content in edits:
        start, end = sorted((int(one * len(whole)), int(other * len(whole))))
        before, between, after = whole[:start], whole[start:end], whole[end:]
        whole = {
            "overwrite": before + content + whole[start + len(content) :],
            "insert": before + content + between + after,
            "leave out": before + after,
            "double": before + between + between + after,
            "exchange": between + before + after,
        }[kind]
    return whole


def with_sums(data: bytes) -> bytes:
    """A PNG with the right checksum behind each chunk: without it a decoder goes no further."""
    repaired, position = data[:8], 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind, payload = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        repaired += png_chunk(kind, payload)
        position += 12 + length
    return repaired
