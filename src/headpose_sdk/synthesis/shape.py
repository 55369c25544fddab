"""The body's mesh, whose head takes any shape and expression and turns on its neck.

Shapes are the base mesh plus weighted targets. All positions are decimetres in the mesh's own axes: x to the person's
left, y up, z to the front. Rotations here are in these axes too; the identity leaves the head facing +z.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from headpose_sdk.errors import first_line
from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.assets import Assets, damaged, read_json
from headpose_sdk.synthesis.head import Expression, Shape
from headpose_sdk.synthesis.mesh import Indices, Mesh, Points, fan

__all__ = ["AGES", "AVERAGE", "RACES", "SEXES", "HeadModel"]

SEXES = ("female", "male")
RACES = ("african", "asian", "caucasian")  # the order of ``Shape.races``
AGES = ("child", "young", "old")  # the order of ``Shape.ages``
MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHTS = ("minweight", "averageweight", "maxweight")

AVERAGE = Shape(male=0.5, races=(1 / 3, 1 / 3, 1 / 3), ages=(0.0, 1.0, 0.0), muscle=0.5, weight=0.5, details=())
"""The head against which the tilt of others is measured."""

_ARRAYS = (
    "vertices", "uv", "faces", "faces_uv", "neck_weight", "face_box", "landmarks68",
    "target_names", "target_counts", "target_index", "target_delta", "target_scale",
)  # fmt: skip
_JOINTS = ("neck", "head", "mouth", "l-eye", "r-eye")
_UNIT_FOLDER = "faceunits/"
_SHOULDERS = 2.29  # dm below the neck's joint, where the drawn part of the body ends
_ARMS = 2.6  # dm to the side, where it ends
_RIGID = 0.95  # neck weight above which a vertex moves with the head alone
_FACE_SHARE = 2.0  # what a vertex of the face box counts more than others of the head in the tilt
_PIVOT = 0.4  # part of the way from the neck's joint to the head's


class HeadModel:
    """The body from the shoulders up, as read from ``model/`` in the folder of parts.

    Attributes:
        base: vertices (V, 3) before any target. It is no person: use :meth:`shaped`.
        neck_weight: (V,) float32, 0 moves with the torso, 1 with the head.
        face_box: vertices whose projected bounding box is the face box.
        landmarks: vertices (68,) of the iBUG points.
        body: the triangles to draw, of the skin alone.
        head: those of the drawn vertices that move with the head alone.
        target_names: all shape targets and face units, these under ``faceunits/``.
        average: vertices (V, 3) of the :data:`AVERAGE` head.

    Raises:
        DatasetError: if the files are damaged, or lack something that heads need.
    """

    def __init__(self, assets: Assets) -> None:
        path = assets.path("model", "hm08_head.npz")
        data = _read_arrays(path)
        self._joints = _read_joints(assets.path("model", "groups.json"), len(data["vertices"]))
        try:
            _check_numbers(data)
            self.base: Points = data["vertices"].astype(np.float32)
            self.neck_weight: NDArray[np.float32] = data["neck_weight"].astype(np.float32)
            self.face_box: Indices = data["face_box"].astype(np.int64)
            self.landmarks: Indices = data["landmarks68"].astype(np.int64)
            self.target_names: tuple[str, ...] = tuple(data["target_names"].tolist())
            self.body = self._visible(data["faces"].astype(np.int64), data["faces_uv"].astype(np.int64), data["uv"])
            targets = _target_matrix(data, len(self.base))
        except (IndexError, TypeError, ValueError) as error:
            raise damaged(path, f"its arrays do not fit each other ({first_line(error)})") from error

        # One product with a sparse matrix applies all targets at once, the face units apart as they come later.
        names = np.array(self.target_names)
        is_unit = np.array([name.startswith(_UNIT_FOLDER) for name in self.target_names])
        self._shapes, self._units = targets[:, ~is_unit].tocsr(), targets[:, is_unit].tocsr()
        self._shape_columns = {name: column for column, name in enumerate(names[~is_unit].tolist())}
        self._unit_columns = {name[len(_UNIT_FOLDER) :]: column for column, name in enumerate(names[is_unit].tolist())}
        self._macros = self._macro_columns(path)

        self.head: Indices = self.body.used[self.neck_weight[self.body.used] > _RIGID]
        counts = np.zeros(len(self.base))
        counts[self.head] = 1
        counts[self.face_box] += _FACE_SHARE
        self._tilt_vertices = np.flatnonzero(counts)
        self._tilt_weights = (counts[self._tilt_vertices] / counts.sum())[:, None]
        self.average = self.shaped(AVERAGE)
        self._average_centred = self._centred(self.average)

    def shaped(self, shape: Shape) -> Points:
        """Vertices (V, 3) of a person's head at rest.

        Raises:
            ValueError: if a detail is not among ``target_names``.
        """
        weights = np.zeros(len(self._shape_columns), np.float32)
        mix = np.array([1 - shape.male, shape.male])[:, None] * shape.ages
        by_race = mix[:, :, None] * shape.races
        by_build = (mix[:, :, None] * _three_way(shape.muscle))[..., None] * _three_way(shape.weight)
        products = np.concatenate([by_race.ravel(), by_build.ravel()])
        kept = self._macros >= 0
        weights[self._macros[kept]] = products[kept]
        _add(weights, self._shape_columns, shape.details)
        vertices: Points = self.base + (self._shapes @ weights).reshape(-1, 3)
        return vertices

    def expressed(self, vertices: Points, expression: Expression) -> Points:
        """The vertices (V, 3) of a head at rest, with an expression on its face.

        Raises:
            ValueError: if a unit is not among ``target_names``.
        """
        weights = np.zeros(len(self._unit_columns), np.float32)
        _add(weights, self._unit_columns, expression.units)
        moved: Points = vertices + (self._units @ weights).reshape(-1, 3)
        return moved

    def tilt(self, vertices: Points) -> FloatArray:
        """The rotation (3, 3) that a head at rest has against the average head, by its shape alone.

        It turns the average head onto ``vertices`` (V, 3) as closely as a rotation can, in the least squares of the
        head's vertices, with those of the face counting more. It is part of the shape, not of the pose.
        """
        u, _, vt = np.linalg.svd((self._centred(vertices) * self._tilt_weights).T @ self._average_centred)
        rotation: FloatArray = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
        return rotation

    def joint(self, vertices: Points, name: str) -> NDArray[np.float32]:
        """The place (3,) of a joint: "neck", "head", "mouth", "l-eye", "r-eye" and others of the file."""
        place: NDArray[np.float32] = vertices[self._joints[name]].mean(axis=0)
        return place

    def eyes(self, vertices: Points) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The middles (3,) of the person's left and right eyeballs."""
        return self.joint(vertices, "l-eye"), self.joint(vertices, "r-eye")

    def pivot(self, vertices: Points) -> NDArray[np.float32]:
        """The point (3,) in the neck about which the head turns."""
        neck, head = self.joint(vertices, "neck"), self.joint(vertices, "head")
        pivot: NDArray[np.float32] = neck + np.float32(_PIVOT) * (head - neck)
        return pivot

    @staticmethod
    def skin(
        points: Points, neck_weight: NDArray[np.float32], pivot: ArrayLike, torso: FloatArray, head: FloatArray
    ) -> Points:
        """``points`` (N, 3) turned about ``pivot`` (3,), by ``torso`` where ``neck_weight`` (N,) is 0, ``head`` at 1.

        Both are rotations (3, 3). In between, a point turns by its share of the shortest way from one to the other.
        """
        turn = cv2.Rodrigues(np.asarray(torso, np.float64).T @ head)[0].ravel()
        angle = float(np.linalg.norm(turn))
        axis = (turn / max(angle, 1e-12)).astype(np.float32)
        x, y, z = axis
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], np.float32)
        centre = np.asarray(pivot, np.float32)
        arms = points - centre
        # Rodrigues: what lies along the axis stays, what lies across it turns by each point's own angle.
        along = (arms @ axis)[:, None] * axis
        angles = (neck_weight * np.float32(angle))[:, None]
        turned = along + np.cos(angles) * (arms - along) + np.sin(angles) * (arms @ cross.T)
        posed: Points = turned @ np.asarray(torso, np.float32).T + centre
        return posed

    def _visible(self, quads: Indices, quad_uvs: Indices, uvs: NDArray[np.float32]) -> Mesh:
        """The body without arms and chest."""
        lowest = float(self.joint(self.base, "neck")[1]) - _SHOULDERS
        corners = self.base[quads]
        drawn = (corners[..., 1].min(axis=1) > lowest) & (np.abs(corners[..., 0]).max(axis=1) < _ARMS)
        return Mesh(fan(quads[drawn]), fan(quad_uvs[drawn]), uvs, len(self.base))

    def _macro_columns(self, path: Path) -> Indices:
        """Columns of the targets of (sex, age, race), then of (sex, age, muscle, weight); -1 where there is none.

        The average build changes nothing at any age, so the file has no target for it.
        """
        kinds = [(sex, age) for sex in SEXES for age in AGES]
        names = [f"macrodetails/{race}-{sex}-{age}" for sex, age in kinds for race in RACES]
        builds = [f"{muscle}-{weight}" for muscle in MUSCLES for weight in WEIGHTS]
        names += [f"macrodetails/universal-{sex}-{age}-{build}" for sex, age in kinds for build in builds]
        for name in names:
            if name not in self._shape_columns and not name.endswith("-averagemuscle-averageweight"):
                raise damaged(path, f"it holds no target {name}")
        return np.array([self._shape_columns.get(name, -1) for name in names])

    def _centred(self, vertices: Points) -> FloatArray:
        points = vertices[self._tilt_vertices].astype(np.float64)
        centred: FloatArray = points - (points * self._tilt_weights).sum(axis=0)
        return centred


def _three_way(value: float) -> FloatArray:
    """The shares (3,) of the least, the average and the most: at 0.5 it is the average alone."""
    extreme = 2 * abs(value - 0.5)
    return np.array([extreme if value < 0.5 else 0.0, 1 - extreme, extreme if value > 0.5 else 0.0])


def _add(weights: NDArray[np.float32], columns: dict[str, int], named: tuple[tuple[str, float], ...]) -> None:
    for name, weight in named:
        if name not in columns:
            raise ValueError(f"{name!r} is no target of this kind; HeadModel.target_names holds them all")
        weights[columns[name]] += weight


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as raw, np.load(raw) as file:
            arrays = dict(file)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise damaged(path, f"it is no .npz file of arrays ({first_line(error)})") from error
    for name in _ARRAYS:
        if name not in arrays:
            raise damaged(path, f"it holds no {name}")
    return arrays


def _check_numbers(data: dict[str, NDArray[Any]]) -> None:
    """Raises IndexError where an array numbers vertices or texture coordinates that do not exist."""
    numbering = {"faces_uv": "uv"} | dict.fromkeys(("faces", "face_box", "landmarks68", "target_index"), "vertices")
    for name, counted in numbering.items():
        if not np.all((data[name] >= 0) & (data[name] < len(data[counted]))):
            raise IndexError(f"{name} reaches beyond {counted}")
    if len(data["neck_weight"]) != len(data["vertices"]):
        raise IndexError("neck_weight and vertices differ in length")


def _read_joints(path: Path, vertex_count: int) -> dict[str, Indices]:
    """The vertices of each joint's little cube, from ranges with both ends in them."""
    try:
        joints = {
            name.removeprefix("joint-"): np.concatenate([np.arange(first, last + 1) for first, last in ranges])
            for name, ranges in read_json(path).items()
            if name.startswith("joint-")
        }
    except (TypeError, ValueError) as error:
        raise damaged(path, "a joint is no list of ranges") from error
    for name in _JOINTS:
        if name not in joints:
            raise damaged(path, f"it holds no joint-{name}")
    if any(vertices.min() < 0 or vertices.max() >= vertex_count for vertices in joints.values()):
        raise damaged(path, "a joint has vertices that hm08_head.npz does not have")
    return joints


def _target_matrix(data: dict[str, NDArray[Any]], vertex_count: int) -> Any:
    """A sparse matrix (3 V, targets) whose product with weights is the displacement of all coordinates."""
    counts, scale = data["target_counts"], data["target_scale"].astype(np.float32)
    moves = data["target_delta"].astype(np.float32) * np.repeat(scale, counts)[:, None]
    coordinates = 3 * data["target_index"].astype(np.int32)[:, None] + np.arange(3, dtype=np.int32)
    ends = np.concatenate([[0], 3 * np.cumsum(counts)])
    matrix = sparse.csc_matrix((moves.ravel(), coordinates.ravel(), ends), shape=(3 * vertex_count, len(counts)))
    matrix.check_format()  # a count too many would read beyond the arrays
    return matrix
