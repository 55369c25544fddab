"""A folder of parts of our own in the layout of the genuine ones, so small that tests write it themselves.

It holds two skins, two irises, two hair styles, a brow, a lash, eyes, teeth, a tongue, a hat with two textures, and two
panoramas, for the doll's head of ``tiny_body.py``.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.rotation import FloatArray

from .tiny_body import CUBE_FACES, LEFT_EYE, MIDDLE, SIDES, Body, Polygons, ball, cube, grid, surface, write_model

Surface = tuple[FloatArray, Polygons, FloatArray, Polygons]
"""Vertices, polygons, uvs with v up, and the polygons' uvs."""


def write_tiny_assets(folder: Path) -> Path:
    """Writes the parts into ``folder``, which is made, and returns it; the same bytes each time."""
    body = Body()
    write_model(folder / "model", body)
    skin = np.arange(body.skin_count)

    eyeballs = [ball(LEFT_EYE * side) for side in SIDES.values()]
    eyes = joined([(points, faces, uvs, faces) for points, faces, uvs in eyeballs])
    on_helpers = [str(vertex) for vertex in body.members("helper-l-eye", "helper-r-eye")]
    write_garment(folder / "eyes/high-poly", eyes, body, on_helpers)
    for name, groups in (
        ("teeth_base", ("helper-upper-teeth", "helper-lower-teeth")),
        ("tongue01", ("helper-tongue",)),
    ):
        boxes: list[Surface] = []
        for group in groups:
            corners = body.vertices[body.members(group)]
            boxes.append((corners, CUBE_FACES, cube(np.full(3, 0.5), (0.4, 0.4, 0.4))[:, :2], CUBE_FACES))
        write_garment(
            folder / f"mouth/{name}", joined(boxes), body, ties(joined(boxes)[0], body, body.members(*groups))
        )
    for name, shape in (
        ("hair/short04", shell([(1.04, 7.0), (1.08, 7.4), (1.08, 7.8), (1.08, 8.2), (1.08, 8.4)], open_front=True)),
        ("hair/bob01", shell([(1.1, 6.2), (1.18, 6.8), (1.15, 7.5), (1.12, 8.0), (1.12, 8.4)], open_front=True)),
        ("hats/fedora", shell([(1.9, 7.85), (1.25, 7.95), (1.35, 8.4), (3.0, 8.41)], open_front=False)),
        ("eyebrows/eyebrow001", joined([strip(side, 7.58, 0.08) for side in (1, -1)])),
        ("eyelashes/eyelashes01", joined([strip(side, 7.44, 0.06) for side in (1, -1)])),
    ):
        write_garment(folder / name, shape, body, ties(shape[0], body, skin))
    write_textures(folder)
    return folder


def joined(surfaces: Sequence[Surface]) -> Surface:
    """Several surfaces as one."""
    faces: Polygons = []
    face_uvs: Polygons = []
    count = uv_count = 0
    for points, polygons, uvs, polygon_uvs in surfaces:
        faces += [[corner + count for corner in polygon] for polygon in polygons]
        face_uvs += [[corner + uv_count for corner in polygon] for polygon in polygon_uvs]
        count, uv_count = count + len(points), uv_count + len(uvs)
    vertices = np.concatenate([points for points, _, _, _ in surfaces])
    return vertices, faces, np.concatenate([uvs for _, _, uvs, _ in surfaces]), face_uvs


def shell(profile: Sequence[tuple[float, float]], *, open_front: bool) -> Surface:
    """Rings around the head, each a factor of the skin's distance from the axis and a height; perhaps open in front."""
    sectors = 24
    around = np.linspace(0, 2 * np.pi, sectors, endpoint=False)
    rings = []
    for factor, y in profile:
        x, _, z = surface(np.full(sectors, y), around)
        rings.append(np.column_stack([x * factor, np.full(sectors, y), MIDDLE[2] + (z - MIDDLE[2]) * factor]))
    points = np.concatenate(rings)
    quads, quad_uvs = grid(len(profile), sectors)
    u = np.linspace(0, 1, sectors + 1)
    uvs = np.concatenate([np.column_stack([u, np.full(len(u), v)]) for v in np.linspace(0, 1, len(profile))])
    low_front = [open_front and points[quad, 1].mean() < 7.8 and points[quad, 2].max() > 0.6 for quad in quads]
    return (
        points,
        [quad for quad, left_out in zip(quads, low_front, strict=True) if not left_out],
        uvs,
        [quad for quad, left_out in zip(quad_uvs, low_front, strict=True) if not left_out],
    )


def strip(side: int, y: float, high: float) -> Surface:
    """A ribbon over one eye, a little before the skin."""
    columns = np.linspace(0.12, 0.5, 5)
    points, uvs = [], []
    for column in columns:
        for v in (0.0, 1.0):
            x, height, z = surface(np.array([y + v * high]), np.array([np.pi - side * np.arcsin(column / 0.8)]))
            points.append([x[0], height[0], z[0] + 0.02])
            uvs.append([(column - 0.12) / 0.38, v])
    order = (0, 2, 3, 1) if side > 0 else (0, 1, 3, 2)
    quads = [[2 * k + corner for corner in order] for k in range(len(columns) - 1)]
    return np.array(points), quads, np.array(uvs), quads


def ties(points: FloatArray, body: Body, candidates: NDArray[np.int64]) -> list[str]:
    """Lines of an .mhclo file: each of ``points`` on the three nearest of the candidates, half of it on the nearest."""
    lines = []
    for point in points:
        distances = np.linalg.norm(body.vertices[candidates] - point, axis=1)
        near = candidates[np.argsort(distances, kind="stable")[:3]]
        offset = point - np.array([0.5, 0.3, 0.2]) @ body.vertices[near]
        lines.append(" ".join([*map(str, near), "0.50000 0.30000 0.20000", *(f"{value:.5f}" for value in offset)]))
    return lines


def write_garment(stem: Path, shape: Surface, body: Body, lines: list[str]) -> None:
    """``.obj.gz`` and ``.mhclo.gz``, whose scales are 1 on the base mesh."""
    points, faces, uvs, face_uvs = shape
    obj = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in points] + [f"vt {u:.5f} {v:.5f}" for u, v in uvs]
    for face, face_uv in zip(faces, face_uvs, strict=True):
        obj.append("f " + " ".join(f"{corner + 1}/{uv + 1}" for corner, uv in zip(face, face_uv, strict=True)))
    mhclo = ["# our own", "basemesh hm08", f"name {stem.name}", f"obj_file {stem.name}.obj"]
    head = np.flatnonzero(body.neck_weight[: body.skin_count] == 1)
    for axis, name in enumerate("xyz"):
        along = body.vertices[head, axis]
        low, high = head[along.argmin()], head[along.argmax()]
        mhclo.append(f"{name}_scale {low} {high} {np.ptp(along):.4f}")
    mhclo += ["z_depth 50", "verts 0", f"material {stem.name}.mhmat", *lines, "delete_verts", "0 - 3"]
    stem.parent.mkdir(parents=True, exist_ok=True)
    for ending, text in (("obj", obj), ("mhclo", mhclo)):
        data = gzip.compress("\n".join(["", *text, ""]).encode(), mtime=0)
        stem.with_name(f"{stem.name}.{ending}.gz").write_bytes(data)


# --- textures


def write_textures(folder: Path) -> None:
    """WebP files with soft variation, so that a texture that is upside down or mirrored shows."""
    for name, colour in (("young_lightskinned_female", (150, 180, 225)), ("middleage_darkskinned_male", (50, 75, 110))):
        write_image(folder / f"skins/{name}.webp", gradient(64, 64, colour))
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    for name, colour in (("brown", (30, 50, 90)), ("blue", (170, 120, 70))):
        iris = np.full((64, 64, 4), 235, np.uint8)
        iris[np.hypot(x, y) < 0.3] = (*colour, 255)
        iris[np.hypot(x, y) < 0.12] = (10, 10, 10, 255)
        iris[..., 3] = 255
        write_image(folder / f"eyes/{name}.webp", iris)
    strands = gradient(64, 64, (90, 100, 110))
    alpha = np.where(np.arange(64) % 8 < 6, 255, 0).astype(np.uint8)
    for name in ("hair/short04", "hair/bob01", "eyebrows/eyebrow001", "eyelashes/eyelashes01"):
        write_image(folder / f"{name}.webp", np.dstack([strands, np.tile(alpha, (64, 1))]))
    write_image(folder / "mouth/teeth.webp", np.dstack([gradient(32, 32, (210, 225, 230)), np.full((32, 32), 255)]))
    write_image(folder / "mouth/tongue.webp", gradient(32, 32, (100, 100, 190)))
    write_image(folder / "hats/fedora_texture.webp", gradient(32, 32, (60, 90, 120)))
    write_image(folder / "hats/fedora_texture_black.webp", gradient(32, 32, (25, 25, 25)))
    write_image(folder / "env/park.webp", gradient(32, 64, (200, 190, 160)))
    write_image(folder / "env/studio.webp", gradient(32, 64, (120, 130, 140)))
    # Mean radiance 1, brighter from above in the park and from the front in the studio: see harmonics' order.
    lights = {}
    for name, first, sun in (("park", 1, (0.0, 0.8, 0.6)), ("studio", 2, (0.6, 0.0, 0.8))):
        harmonics = np.zeros((9, 3))
        harmonics[0], harmonics[first] = 3.5449, 1.2
        lights[name] = {"sh": harmonics.tolist(), "sun": sun, "sun_share": 0.1}
    (folder / "env/sh.json").write_text(json.dumps(lights))


def gradient(height: int, width: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A BGR picture of one colour that gets darker downwards and a little bluer to the right."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    picture = np.array(colour) * (1 - 0.4 * y)[..., None]
    picture[..., 0] += 20 * x
    return picture.clip(0, 255).astype(np.uint8)


def write_image(path: Path, image: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = cv2.imwrite(str(path), image.astype(np.uint8), [cv2.IMWRITE_WEBP_QUALITY, 95])
    assert written
