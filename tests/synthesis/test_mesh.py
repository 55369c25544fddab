"""Triangles with texture seams: what is counted how, and which way normals point."""

from __future__ import annotations

import numpy as np
import pytest

from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.mesh import Mesh, fan
from headpose_sdk.synthesis.shape import HeadModel


def sphere(rows: int = 24, sectors: int = 32) -> tuple[Mesh, np.ndarray]:
    """A ball of radius 1 whose texture has a seam from pole to pole, among vertices that it does not use."""
    polar, around = np.linspace(0.05, np.pi - 0.05, rows), np.linspace(0, 2 * np.pi, sectors, endpoint=False)
    unit = [[np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)] for p in polar for a in around]
    points = np.concatenate([np.full((5, 3), 9.0), unit]).astype(np.float32)
    quads, quad_uvs = [], []
    for r in range(rows - 1):
        for s in range(sectors):
            here, there, k = 5 + r * sectors, 5 + (r + 1) * sectors, (s + 1) % sectors
            quads.append([here + s, there + s, there + k, here + k])
            here, there = r * (sectors + 1), (r + 1) * (sectors + 1)
            quad_uvs.append([here + s, there + s, there + s + 1, here + s + 1])
    uvs = [[s / sectors, r / (rows - 1)] for r in range(rows) for s in range(sectors + 1)]
    return Mesh(fan(quads), fan(quad_uvs), uvs, len(points)), points


def test_a_polygon_is_fanned_from_its_first_corner() -> None:
    assert fan([[4, 5, 6], [0, 1, 2, 3]]).tolist() == [[4, 5, 6], [0, 1, 2], [0, 2, 3]]
    assert fan([]).shape == (0, 3)


def test_normals_of_a_sphere_point_outwards() -> None:
    mesh, points = sphere()
    normals = mesh.normals(points[mesh.used])
    inner = np.abs(points[mesh.used, 2]) < 0.95  # at the open poles triangles lie on one side only
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(normals[inner], points[mesh.used][inner], atol=0.02)


def test_a_triangle_counts_by_its_area() -> None:
    points = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 1]], np.float32)
    mesh = Mesh(np.array([[0, 1, 2], [0, 2, 3]]), np.zeros((2, 3), np.int64), [[0, 0]], 4)
    # Areas 81/2 facing +z and 9/2 facing +x meet at the vertices 0 and 2.
    expected = np.array([9, 0, 81]) / np.hypot(9, 81)
    np.testing.assert_allclose(mesh.normals(points)[[0, 2]], [expected, expected], atol=1e-6)


def test_a_triangle_without_area_has_no_normal_and_no_nan() -> None:
    mesh = Mesh(np.array([[0, 1, 2]]), np.zeros((1, 3), np.int64), [[0, 0]], 3)
    assert not mesh.normals(np.zeros((3, 3), np.float32)).any()


def test_seam_vertices_share_their_normals_but_not_their_texture() -> None:
    mesh, points = sphere()
    assert len(mesh.vertex) == len(mesh.used) + 24  # one column is there twice
    normals = mesh.normals(points[mesh.used])[mesh.local]
    twice = np.flatnonzero(np.bincount(mesh.vertex) == 2)
    assert len(twice) == 24
    for vertex in twice:
        first, second = np.flatnonzero(mesh.vertex == vertex)
        assert (normals[first] == normals[second]).all()
        assert sorted(mesh.uv[[first, second], 0].tolist()) == [0.0, 1.0]


def test_the_three_ways_of_counting_agree() -> None:
    mesh, _ = sphere()
    assert 0 not in mesh.used  # the five unused vertices come first
    np.testing.assert_array_equal(mesh.vertex[mesh.indices], mesh.triangles)
    np.testing.assert_array_equal(mesh.used[mesh.local_triangles], mesh.triangles)
    np.testing.assert_array_equal(mesh.used[mesh.local], mesh.vertex)
    assert mesh.indices.dtype == np.int32
    assert mesh.uv.dtype == np.float32


def test_v_points_down() -> None:
    mesh = Mesh(np.array([[0, 1, 2]]), np.array([[0, 1, 2]]), [[0.25, 0], [0.5, 1], [0.75, 0.9]], 3)
    np.testing.assert_allclose(mesh.uv, [[0.25, 1], [0.5, 0], [0.75, 0.1]], atol=1e-6)


def test_the_uvs_given_stay_as_they_are() -> None:
    uvs = np.array([[0.25, 0.1]], np.float32)
    Mesh(np.array([[0, 1, 2]]), np.zeros((1, 3), np.int64), uvs, 3)
    assert uvs.tolist() == np.array([[0.25, 0.1]], np.float32).tolist()


def test_numbers_of_16_bits_do_not_overflow() -> None:
    triangles, uvs = np.array([[400, 401, 402]], np.uint16), np.array([[397, 398, 399]], np.uint16)
    mesh = Mesh(triangles, uvs, np.zeros((400, 2)), 403)
    assert mesh.vertex.tolist() == [400, 401, 402]


def test_the_body_faces_outwards(assets_folder) -> None:
    model = HeadModel(Assets(assets_folder))
    points = model.average[model.body.used]
    normals = model.body.normals(points)
    cranium = points[:, 1] > np.mean([eye[1] for eye in model.eyes(model.average)]) + 0.4
    middle = points[cranium].mean(axis=0) - np.float32([0, 0.3, 0])
    outwards = np.einsum("ij,ij->i", normals[cranium], points[cranium] - middle)
    assert (outwards > 0).mean() > 0.99
