"""Shader programs from the files in ``shaders/``, which remember what was last set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np

from headpose_sdk.synthesis.parts import Material, Uniform

__all__ = ["CUTS", "UNITS", "Program", "shadow_program", "surface_program"]

CUTS = 6
"""Planes that a part may be cut by."""

UNITS = {"image": 0, "shadow_map": 1, "panorama": 2, "second_image": 3, "paint": 4}
"""Texture units, by the shaders' names."""

_FRAGMENTS = {
    Material.SKIN: ("light.glsl", "skin.frag"),
    Material.HAIR: ("cut.glsl", "light.glsl", "hair.frag"),
    Material.PLAIN: ("light.glsl", "plain.frag"),
    Material.BROW: ("light.glsl", "brow.frag"),
    Material.CLOTH: ("cut.glsl", "light.glsl", "cloth.frag"),
    Material.MASK: ("cut.glsl", "light.glsl", "cloth.frag"),
    Material.FRAME: ("light.glsl", "frame.frag"),
    Material.LENS: ("light.glsl", "lens.frag"),
}
_HEADER = f"#version 330\n#define CUTS {CUTS}\n"


class Program:
    """A vertex and a fragment shader, each put together from files, with the settings they declare.

    ``gl`` is the OpenGL context. What a call of ``set`` does not name goes back to the shader's own default.
    """

    def __init__(self, gl: Any, vertex: Sequence[str], fragment: Sequence[str]) -> None:
        self._program = gl.program(vertex_shader=_source(vertex), fragment_shader=_source(fragment))
        self._uniforms: dict[str, Any] = {}
        self.textures: dict[str, int] = {}  # samplers that the shader really reads -> texture units
        for name in self._program:
            member = self._program[name]
            if name in UNITS:
                member.value = self.textures[name] = UNITS[name]
            elif hasattr(member, "read"):  # attributes and blocks are listed as well
                self._uniforms[name] = member
        self._defaults = {name: bytes(uniform.read()) for name, uniform in self._uniforms.items()}
        self._current = dict(self._defaults)

    def set(self, uniforms: Mapping[str, Uniform]) -> None:
        """Settings by the shader's names; arrays are given flat and may be shorter than declared.

        Raises:
            KeyError: the shader has no such setting.
        """
        wanted = dict(self._defaults)
        for name, value in uniforms.items():
            data = np.asarray(value, np.float32).tobytes()
            wanted[name] = data + bytes(len(self._defaults[name]) - len(data))
        for name, data in wanted.items():
            if data != self._current[name]:
                self._uniforms[name].write(data)
                self._current[name] = data

    def vertex_array(self, gl: Any, buffers: Sequence[tuple[Any, Mapping[str, int]]], indices: Any) -> Any:
        """Binds buffers of float32, each with its attributes in order and their widths; those not read are skipped."""
        content = []
        for buffer, attributes in buffers:
            read = [name for name in attributes if name in self._program]
            layout = " ".join(f"{width}f" if name in read else f"{4 * width}x" for name, width in attributes.items())
            if read:
                content.append((buffer, layout, *read))
        return gl.vertex_array(self._program, content, indices)


def surface_program(gl: Any, material: Material) -> Program:
    """Draws parts of a material."""
    return Program(gl, ("stage.glsl", "pose.glsl", "surface.vert"), ("stage.glsl", *_FRAGMENTS[material]))


def shadow_program(gl: Any) -> Program:
    """Draws any part into the shadow map."""
    return Program(gl, ("stage.glsl", "pose.glsl", "shadow.vert"), ("cut.glsl", "shadow.frag"))


def _source(files: Sequence[str]) -> str:
    folder = resources.files("headpose_sdk.synthesis.rendering") / "shaders"
    return _HEADER + "".join((folder / name).read_text(encoding="utf-8") for name in files)
