"""Light from panoramas: harmonics stand for what they say, and turn as the panorama does."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from headpose_sdk.errors import DatasetError
from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Light
from headpose_sdk.synthesis.rendering.lighting import Lighting, harmonics, light_matrix, panorama_turn, sphere_points

PLAIN = Light(
    panorama="park",
    turn=0.0,
    tilt=0.0,
    ambient=1.0,
    saturation=1.0,
    key=(0.0, 0.0, 1.0),
    key_colour=(0.0, 0.0, 0.0),
    softness=0.5,
    shadows=True,
    fill=(0.0, 1.0, 0.0),
    fill_colour=(0.0, 0.0, 0.0),
    exposure=1.0,
)


@pytest.fixture(scope="module")
def lighting(assets_folder: Path) -> Lighting:
    return Lighting(Assets(assets_folder))


@pytest.fixture(scope="module")
def stored(assets_folder: Path) -> dict[str, FloatArray]:
    lights = json.loads((assets_folder / "env/sh.json").read_text())
    return {name: np.array(light["sh"]) for name, light in lights.items()}


def diffuse(ambient: NDArray[np.float32], normals: FloatArray) -> FloatArray:
    """What the shaders make of it."""
    x, y, z = normals.T
    basis = np.stack([np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=1)
    light: FloatArray = basis @ ambient
    return light


def test_harmonics_are_orthonormal() -> None:
    basis = harmonics(sphere_points(20000))
    np.testing.assert_allclose(basis.T @ basis * (4 * np.pi / 20000), np.eye(9), atol=2e-3)


def test_ambient_is_the_mean_radiance_by_its_cosine(lighting: Lighting, stored: dict[str, FloatArray]) -> None:
    directions = sphere_points(40000)
    radiance = harmonics(directions) @ stored["park"]
    normals = sphere_points(12)
    cosines = np.maximum(normals @ directions.T, 0)
    expected = cosines @ radiance * (4 * np.pi / 40000) / np.pi
    np.testing.assert_allclose(diffuse(lighting.ambient(PLAIN), normals), expected, atol=0.01)


@pytest.mark.parametrize(("turn", "tilt"), [(90.0, 0.0), (0.0, 25.0), (200.0, -20.0)])
def test_light_turns_with_the_panorama(lighting: Lighting, turn: float, tilt: float) -> None:
    normals = sphere_points(30)
    still = diffuse(lighting.ambient(PLAIN), normals)
    turned = dataclasses.replace(PLAIN, turn=turn, tilt=tilt)
    moved = diffuse(lighting.ambient(turned), normals @ panorama_turn(turn, tilt).T)
    np.testing.assert_allclose(moved, still, atol=1e-4)
    before, after = lighting.sun("park", 0.0, 0.0), lighting.sun("park", turn, tilt)
    np.testing.assert_allclose(after, panorama_turn(turn, tilt) @ before)


def test_a_quarter_turn_takes_what_is_in_front_to_one_side() -> None:
    x, y, z = panorama_turn(90.0, 0.0) @ [0.0, 0.0, 1.0]
    assert (abs(x), y, z) == pytest.approx((1.0, 0.0, 0.0))


def test_without_saturation_light_is_grey_and_as_bright(lighting: Lighting) -> None:
    colourful = lighting.ambient(PLAIN)
    grey = lighting.ambient(dataclasses.replace(PLAIN, saturation=0.0))
    np.testing.assert_allclose(grey - grey[:, :1], 0, atol=1e-6)
    np.testing.assert_allclose(grey[:, 0], colourful.mean(1), atol=1e-5)


def test_ambient_is_a_factor(lighting: Lighting) -> None:
    half = lighting.ambient(dataclasses.replace(PLAIN, ambient=0.5))
    np.testing.assert_allclose(2 * half, lighting.ambient(PLAIN), rtol=1e-5)


@pytest.mark.parametrize("direction", [(0.0, 1.0, 0.0), (0.6, 0.0, 0.8), (-0.48, 0.6, -0.64)])
def test_a_light_sees_what_is_nearer_to_it_first(direction: tuple[float, float, float]) -> None:
    towards, centre = np.array(direction), np.array([1.0, -2.0, -8.0])
    matrix = light_matrix(towards, centre, 2.0).astype(np.float64)

    def clip(point: FloatArray) -> FloatArray:
        x, y, z, w = matrix @ [*point, 1.0]
        return np.array([x, y, z]) / w

    np.testing.assert_allclose(clip(centre), 0, atol=1e-6)
    np.testing.assert_allclose(clip(centre + towards), [0, 0, -0.25], atol=1e-6)
    across = np.cross(towards, [0.3, 0.5, 0.7])
    across *= 2 / np.linalg.norm(across)
    assert np.hypot(*clip(centre + across)[:2]) == pytest.approx(1, abs=1e-6)
    # Neither mirrored nor turned inside out: seen from the light, x, y and the light's direction are right-handed.
    assert np.linalg.det(matrix[:3, :3]) < 0


@pytest.mark.parametrize(
    "light", [{"sh": [[1, 2, 3]], "sun": [0, 0, 1]}, {"sh": [[0] * 3] * 9}, {"sh": [["a"] * 3] * 9, "sun": [0, 0, 1]}]
)
def test_damaged_light_is_an_error_that_names_the_file(tiny_folder: Path, tmp_path: Path, light: object) -> None:
    folder = tmp_path / "parts"
    shutil.copytree(tiny_folder, folder)
    (folder / "env/sh.json").write_text(json.dumps({"park": light, "studio": light}))
    with pytest.raises(DatasetError, match=r"sh\.json"):
        Lighting(Assets(folder))
