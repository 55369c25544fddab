"""Light as the shaders take it: a panorama's ambient light as nine colours, and where a key light's shadow map looks.

Axes are the camera's: x right, y up, z towards the viewer. Colours are linear RGB. The panoramas' light is stored as
spherical harmonics up to order 2, enough for diffuse light.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.assets import Assets, damaged, read_json
from headpose_sdk.synthesis.head import Light

__all__ = ["Lighting", "harmonics", "light_matrix", "panorama_turn", "sphere_points"]

_NORMS = np.array([0.282095, *[0.488603] * 3, *[1.092548] * 2, 0.315392, 1.092548, 0.546274])
_COSINE_LOBE = np.array([1.0, *[2 / 3] * 3, *[1 / 4] * 5])  # radiance -> diffuse light over pi, by order


def sphere_points(count: int) -> FloatArray:
    """Unit vectors (count, 3) spread evenly over the sphere, along a Fibonacci spiral."""
    step = np.arange(count) + 0.5
    polar, around = np.arccos(1 - 2 * step / count), np.pi * (1 + 5**0.5) * step
    points: FloatArray = np.stack(
        [np.cos(around) * np.sin(polar), np.cos(polar), np.sin(around) * np.sin(polar)], axis=-1
    )
    return points


def harmonics(directions: FloatArray) -> FloatArray:
    """The nine real spherical harmonics (N, 9) of unit vectors (N, 3): 1, y, z, x, xy, yz, 3zz-1, xz, xx-yy."""
    x, y, z = directions.T
    values: FloatArray = np.stack(
        [np.ones_like(x), y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y], axis=-1
    )
    values *= _NORMS
    return values


def light_matrix(direction: FloatArray, centre: FloatArray, radius: float) -> NDArray[np.float32]:
    """Parallel projection (4, 4) to clip space as a light in ``direction`` (unit) sees a ball round ``centre``.

    The ball's ``radius`` fills the picture; twice as much is kept in depth, for hats and shoulders before and behind.
    """
    up = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    x = np.cross(up, direction)
    x /= np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3] = x / radius, np.cross(direction, x) / radius, -direction / (2 * radius)
    matrix[:3, 3] = -matrix[:3, :3] @ centre
    return matrix.astype(np.float32)


def panorama_turn(turn: float, tilt: float) -> FloatArray:
    """Rotation (3, 3) from a panorama's axes to the camera's: by ``tilt`` degrees about x, then ``turn`` about y."""
    sin_turn, sin_tilt = np.sin(np.radians([turn, tilt]))
    cos_turn, cos_tilt = np.cos(np.radians([turn, tilt]))
    about_y = np.array([[cos_turn, 0, -sin_turn], [0, 1, 0], [sin_turn, 0, cos_turn]])
    about_x = np.array([[1, 0, 0], [0, cos_tilt, sin_tilt], [0, -sin_tilt, cos_tilt]])
    rotation: FloatArray = about_y @ about_x
    return rotation


class Lighting:
    """The panoramas' light, read once from ``env/sh.json``.

    Raises:
        DatasetError: that file is damaged.
    """

    def __init__(self, assets: Assets) -> None:
        path = assets.path("env", "sh.json")
        stored = read_json(path)
        try:
            self._harmonics = {name: np.array(light["sh"], np.float64).reshape(9, 3) for name, light in stored.items()}
            self._suns = {name: np.array(light["sun"], np.float64).reshape(3) for name, light in stored.items()}
        except (ValueError, TypeError, KeyError) as error:
            raise damaged(path, "a panorama's light is not sh (9 colours) and sun (3 numbers)") from error
        self._directions = sphere_points(100)
        self._fit = np.linalg.pinv(harmonics(self._directions))

    def ambient(self, light: Light) -> NDArray[np.float32]:
        """Diffuse light over pi of a ``Light``'s panorama, turned: the factors (9, 3) of 1, y, z, x, xy ... in turn."""
        turn = panorama_turn(light.turn, light.tilt)
        # Turned harmonics: look at the light in turned directions, then fit the harmonics again, which is exact.
        radiance = harmonics(self._directions @ turn) @ self._harmonics[light.panorama]
        ambient: FloatArray = (self._fit @ radiance) * (_COSINE_LOBE * _NORMS)[:, None]
        grey = ambient.mean(1, keepdims=True)
        ambient = light.ambient * (grey + light.saturation * (ambient - grey))
        return ambient.astype(np.float32)

    def sun(self, panorama: str, turn: float, tilt: float) -> FloatArray:
        """Unit vector (3,) towards the brightest place of a panorama turned by ``turn`` and ``tilt`` degrees."""
        direction: FloatArray = panorama_turn(turn, tilt) @ self._suns[panorama]
        return direction
