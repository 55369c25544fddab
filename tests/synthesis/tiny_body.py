"""A base mesh of our own for the tests: a plain head on shoulders with the targets that heads are shaped by.

Decimetres; x to the person's left, y up, z to the front. Size, place and layout are those of the genuine mesh. Nothing
in it depends on chance.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.rotation import FloatArray

SECTORS = 32  # of a ring, from the back over the person's left; the texture's seam is at the back
MIDDLE = np.array([0.0, 7.34, 0.25])  # of the head
LEFT_EYE = np.array([0.29, 7.36, 1.03])
EYE_RADIUS = 0.16
MOUTH = np.array([0.0, 6.8, 1.05])
SIDES = {"Left": np.array([1.0, 1.0, 1.0]), "Right": np.array([-1.0, 1.0, 1.0])}
JOINTS = {
    "neck": np.array([0.0, 5.96, 0.05]),
    "head": np.array([0.0, 6.97, 0.16]),
    "mouth": MOUTH - (0, 0, 0.4),
    "l-eye": LEFT_EYE,
    "r-eye": LEFT_EYE * SIDES["Right"],
}
CUBE_FACES = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]

Polygons = list[list[int]]


class Body:
    """Rings of skin from the chest to the crown, closed at both ends, then helpers and the joints' cubes."""

    def __init__(self) -> None:
        heights = np.concatenate([np.linspace(3.2, 5.2, 6), np.linspace(5.45, 6.2, 4), np.linspace(6.3, 8.38, 20)])
        around = np.linspace(0, 2 * np.pi, SECTORS, endpoint=False)
        skin = [np.column_stack(surface(np.full(SECTORS, y), around)) for y in heights]
        skin.append(np.array([[0, 3.2, 0], [0, 8.42, MIDDLE[2]]]))
        self.skin_count = SECTORS * len(heights) + 2
        # The face is in the middle of the texture; v points up.
        u = np.linspace(0, 1, SECTORS + 1)
        uvs = [np.column_stack([u, np.full(len(u), (y - 3.2) / 5.3)]) for y in heights]
        self.uvs = np.concatenate([*uvs, [[0.5, 0.0], [0.5, 0.985]]])
        self.quads, self.quad_uvs = grid(len(heights), SECTORS)
        last, last_uv = SECTORS * (len(heights) - 1), (SECTORS + 1) * (len(heights) - 1)
        for s in range(0, SECTORS, 2):  # two steps around and the pole are a quad as well
            ahead = (s + 2) % SECTORS
            self.quads += [[s, s + 1, ahead, self.skin_count - 2]]
            self.quads += [[last + ahead, last + s + 1, last + s, self.skin_count - 1]]
            self.quad_uvs += [[s, s + 1, s + 2, len(self.uvs) - 2]]
            self.quad_uvs += [[last_uv + s + 2, last_uv + s + 1, last_uv + s, len(self.uvs) - 1]]

        helpers = {
            "helper-l-eye": ball(LEFT_EYE)[0],
            "helper-r-eye": ball(LEFT_EYE * SIDES["Right"])[0],
            "helper-lower-teeth": cube(np.array([0, 6.72, 0.9]), (0.2, 0.03, 0.1)),
            "helper-upper-teeth": cube(np.array([0, 6.83, 0.9]), (0.2, 0.03, 0.1)),
            "helper-tongue": cube(np.array([0, 6.68, 0.75]), (0.12, 0.03, 0.2)),
            **{f"joint-{name}": cube(place, (0.02, 0.02, 0.02)) for name, place in JOINTS.items()},
        }
        self.vertices = np.concatenate([*skin, *helpers.values()])
        self.groups = {"body": [[0, self.skin_count - 1]]}
        start = self.skin_count
        for name, points in helpers.items():
            self.groups[name] = [[start, start + len(points) - 1]]
            start += len(points)
        self.neck_weight = np.clip((self.vertices[:, 1] - 5.5) / 0.8, 0, 1)

        front = np.flatnonzero(self.vertices[: self.skin_count, 2] > 0.3)
        x, y = self.vertices[front, 0], self.vertices[front, 1]
        self.face_box = front[(np.abs(np.hypot(x / 0.8, (y - 7.1) / 0.85) - 0.93) < 0.06) & (y > 6.25)]
        distances = np.hypot(*(self.vertices[front, None, :2] - landmark_places()).transpose(2, 0, 1))
        self.landmarks = front[distances.argmin(axis=0)]

    def members(self, *groups: str) -> NDArray[np.int64]:
        """The vertices of groups that are one range each."""
        return np.concatenate([np.arange(self.groups[name][0][0], self.groups[name][0][1] + 1) for name in groups])


def surface(y: FloatArray, around: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """x, y, z of the skin at heights and angles from the back: shoulders, a neck, and an egg with a nose on it."""
    egg = np.sqrt(np.maximum(1 - ((y - MIDDLE[1]) / 1.1) ** 2, 0))
    chest = np.clip((5.6 - y) / 0.4, 0, 1)
    neck = np.where(y < 7, 1, 0)
    wide = np.maximum(0.8 * egg, neck * (0.55 + 1.35 * chest))
    deep = np.maximum(0.95 * egg, neck * (0.5 + 0.4 * chest))
    x = wide * np.sin(around)
    nose = np.where(np.cos(around) < 0, 0.25 * np.exp(-((x / 0.14) ** 2) - ((y - 7.05) / 0.18) ** 2), 0)
    return x, y, MIDDLE[2] * np.clip(y - 5.6, 0, 1) - deep * np.cos(around) + nose


def grid(rows: int, sectors: int) -> tuple[Polygons, Polygons]:
    """Quads and their uvs of rings one above the other, from ``sectors`` vertices and one more uv each."""
    quads, uvs = [], []
    for row in range(rows - 1):
        for s in range(sectors):
            here, there, after = row * sectors, (row + 1) * sectors, (s + 1) % sectors
            quads.append([here + s, there + s, there + after, here + after])
            here, there = row * (sectors + 1), (row + 1) * (sectors + 1)
            uvs.append([here + s, there + s, there + s + 1, here + s + 1])
    return quads, uvs


def ball(centre: FloatArray) -> tuple[FloatArray, Polygons, FloatArray]:
    """Vertices, polygons and uvs of an eyeball that looks to the front, where the texture's middle is."""
    polar, around = np.linspace(0, np.pi, 7)[1:-1], np.linspace(0, 2 * np.pi, 12, endpoint=False)
    angles = np.array([[0, 0], *([p, a] for p in polar for a in around), [np.pi, 0]])
    out = np.column_stack([np.cos(angles[:, 1]), np.sin(angles[:, 1])])
    directions = np.column_stack([np.sin(angles[:, :1]) * out, np.cos(angles[:, 0])])
    polygons, last = [], len(angles) - 1
    for s in range(12):
        k = (s + 1) % 12
        polygons += [[0, 1 + s, 1 + k], [last, last - 12 + k, last - 12 + s]]
        polygons += [[1 + row + s, 13 + row + s, 13 + row + k, 1 + row + k] for row in range(0, 48, 12)]
    return centre + EYE_RADIUS * directions, polygons, 0.5 + 0.48 * angles[:, :1] / np.pi * out


def cube(middle: FloatArray, half: tuple[float, float, float]) -> FloatArray:
    """Eight corners (8, 3), the order that ``CUBE_FACES`` numbers."""
    bits = np.arange(8)[:, None] >> np.arange(3) & 1
    return middle + (2 * bits - 1) * np.array(half)


def landmark_places() -> FloatArray:
    """x and y (68, 2) of the iBUG points; their order begins at the image's left, the person's right."""
    jaw = np.radians(np.linspace(180, 360, 17))
    points = [(0.75 * np.cos(a), 7.1 + 0.8 * np.sin(a)) for a in jaw]
    points += [(x, 7.62) for x in (-0.5, -0.4, -0.3, -0.2, -0.1, 0.1, 0.2, 0.3, 0.4, 0.5)]
    points += [(0, y) for y in (7.4, 7.28, 7.16, 7.05)] + [(x, 6.96) for x in (-0.14, -0.07, 0, 0.07, 0.14)]
    for side in (-1, 1):
        corners = ((-0.13, 0), (-0.05, 0.06), (0.05, 0.06), (0.13, 0), (0.05, -0.06), (-0.05, -0.06))
        points += [(side * LEFT_EYE[0] + x, LEFT_EYE[1] + y) for x, y in corners]
    for count, wide, high in ((12, 0.26, 0.1), (8, 0.2, 0.04)):
        turn = np.linspace(np.pi, -np.pi, count, endpoint=False)  # from the image's left over the top
        points += [(wide * np.cos(a), MOUTH[1] + high * np.sin(a)) for a in turn]
    return np.array(points)


# --- targets

BUMPS = {  # place, displacement, reach
    "nose/nose-scale-depth-decr": ((0, 7.05, 1.4), (0, 0, -0.1), 0.2),
    "nose/nose-scale-depth-incr": ((0, 7.05, 1.4), (0, 0, 0.12), 0.2),
    "eyes/l-eye-scale-incr": ((0.29, 7.44, 1.15), (0, 0.04, 0), 0.15),
    "eyes/r-eye-scale-incr": ((-0.29, 7.44, 1.15), (0, 0.04, 0), 0.15),
    "chin/chin-height-decr": ((0, 6.35, 0.7), (0, 0.1, 0), 0.25),
    "chin/chin-height-incr": ((0, 6.35, 0.7), (0, -0.12, 0), 0.25),
    "asym/asym-nose-1-l": ((0, 7.05, 1.4), (0.08, 0, 0), 0.2),
    "asym/asym-nose-1-r": ((0, 7.05, 1.4), (-0.08, 0, 0), 0.2),
    "faceunits/browInnerUp": ((0, 7.62, 1.1), (0, 0.1, 0), 0.2),
    "faceunits/mouthSmileLeft": ((0.26, 6.8, 1), (0.08, 0.08, 0), 0.15),
    "faceunits/mouthSmileRight": ((-0.26, 6.8, 1), (-0.08, 0.08, 0), 0.15),
    "faceunits/eyeBlinkLeft": ((0.29, 7.46, 1.13), (0, -0.12, 0.05), 0.12),
    "faceunits/eyeBlinkRight": ((-0.29, 7.46, 1.13), (0, -0.12, 0.05), 0.12),
}


def targets(body: Body) -> dict[str, FloatArray]:
    """The displacements (V, 3) of all vertices, by the targets' names."""
    points, skin = body.vertices, body.skin_count
    arms = points - MIDDLE
    on_head = np.clip((points[:, 1:2] - 6.0) / 0.3, 0, 1)
    moves = {
        "head/head-scale-horiz-decr": on_head * arms * (-0.1, 0, 0),
        "head/head-scale-horiz-incr": on_head * arms * (0.12, 0, 0),
        "head/head-oval": on_head * arms * (-0.1, 0, 0) * np.abs(arms[:, 1:2]),
        "faceunits/jawOpen": np.zeros_like(points),
        "faceunits/tongueOut": np.zeros_like(points),
    }
    jaw = (np.abs(points[:, 1] - 6.5) < 0.35) & (points[:, 2] > 0.6)
    moves["faceunits/jawOpen"][jaw, 1] = -0.3 * np.clip((6.85 - points[jaw, 1]) / 0.15, 0, 1)
    moves["faceunits/jawOpen"][body.members("helper-upper-teeth")] = 0
    moves["faceunits/jawOpen"][body.members("helper-lower-teeth", "helper-tongue")] = (0, -0.3, 0)
    moves["faceunits/tongueOut"][body.members("helper-tongue")] = (0, 0, 0.3)
    for name, (place, way, reach) in BUMPS.items():
        moves[name] = np.zeros_like(points)
        moves[name][:skin] = np.exp(-(((points[:skin] - place) / reach) ** 2).sum(axis=1, keepdims=True)) * way
    for side, mirror in SIDES.items():
        eyeball = body.members(f"helper-{side[0].lower()}-eye")
        ways = {"In": (0, -mirror[0], 0), "Out": (0, mirror[0], 0), "Up": (-1, 0, 0), "Down": (1, 0, 0)}
        for way, axis in ways.items():
            turn = cv2.Rodrigues(0.5 * np.array(axis, np.float64))[0]
            moves[f"faceunits/eyeLook{way}{side}"] = np.zeros_like(points)
            moves[f"faceunits/eyeLook{way}{side}"][eyeball] = (points[eyeball] - LEFT_EYE * mirror) @ (
                turn.T - np.eye(3)
            )
    for name in macro_names():
        words = name.split("/")[1].split("-")
        stretch = np.full(3, 0.03 * ("male" in words) - 0.02 * ("old" in words) - 0.1 * ("child" in words))
        stretch += {"african": (-0.02, 0, 0.03), "asian": (0.04, 0, -0.02)}.get(words[0], (0, 0, 0))
        stretch[:2] += 0.05 * ("maxweight" in words) - 0.04 * ("minweight" in words)
        stretch[2] += 0.03 * ("maxmuscle" in words) - 0.03 * ("minmuscle" in words)
        moves[name] = on_head * arms * stretch
        # The face of some people looks up or down by their shape alone.
        moves[name][:, 2:] += on_head * arms[:, 1:2] * (0.05 * ("african" in words) - 0.06 * ("old" in words))
    return moves


def macro_names() -> list[str]:
    """Every macro target of three ages; the average build is none."""
    kinds = [f"{sex}-{age}" for sex in ("female", "male") for age in ("child", "old", "young")]
    levels = ("average", "max", "min")
    builds = [f"{muscle}muscle-{weight}weight" for muscle in levels for weight in levels]
    return [
        *(f"macrodetails/{race}-{kind}" for race in ("african", "asian", "caucasian") for kind in kinds),
        *(f"macrodetails/universal-{kind}-{build}" for kind in kinds for build in builds[1:]),
    ]


def write_model(folder: Path, body: Body) -> None:
    """``hm08_head.npz``, its targets as whole numbers of a step of their own, and ``groups.json``."""
    folder.mkdir(parents=True)
    moves = targets(body)
    indices = [np.flatnonzero(np.abs(moved).max(axis=1) > 1e-4) for moved in moves.values()]
    scales = np.array([np.abs(moved).max() for moved in moves.values()]).clip(1e-4) / 32767
    steps = [
        np.round(moved[index] / scale) for moved, index, scale in zip(moves.values(), indices, scales, strict=True)
    ]
    np.savez_compressed(
        folder / "hm08_head.npz",
        vertices=body.vertices.astype(np.float32),
        uv=body.uvs.astype(np.float32),
        faces=np.array(body.quads, np.uint16),
        faces_uv=np.array(body.quad_uvs, np.uint16),
        neck_weight=body.neck_weight.astype(np.float16),
        target_names=np.array(list(moves)),
        target_counts=np.array([len(index) for index in indices], np.int32),
        target_index=np.concatenate(indices).astype(np.uint16),
        target_delta=np.concatenate(steps).astype(np.int16),
        target_scale=scales.astype(np.float32),
        face_box=body.face_box.astype(np.uint16),
        landmarks68=body.landmarks.astype(np.uint16),
    )
    (folder / "groups.json").write_text(json.dumps(body.groups))
