"""Draws parts with OpenGL, without a display and without a graphics card if need be. Alone here in knowing moderngl.

A picture takes two passes: the shadow map as the key light sees the head, then the head. Buffers and textures stay on
the device under their names; a new head uploads its points and normals and what differs from the head before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.errors import RenderError, first_line
from headpose_sdk.results import Image
from headpose_sdk.rotation import FloatArray
from headpose_sdk.synthesis.parts import Material, Part, Texture
from headpose_sdk.synthesis.rendering.framing import Framing
from headpose_sdk.synthesis.rendering.lighting import light_matrix, sphere_points
from headpose_sdk.synthesis.rendering.programs import UNITS, shadow_program, surface_program
from headpose_sdk.synthesis.rendering.stage import STAGE_LAYOUT, Stage, casts_shadows, packed

__all__ = ["RENDER_SIZE", "Picture", "Renderer"]

RENDER_SIZE = 256
"""Side of a drawn picture in pixels if none is asked for: twice a crop's, so that reduction smooths its edges."""

_SHADOW_SIZE = 192  # pixels


@dataclass(frozen=True, slots=True)
class Picture:
    """What was drawn, a square of the side S that was asked for."""

    image: Image  # (S, S, 4) BGRA; alpha is coverage, colours are premultiplied with it
    depth: NDArray[np.float32]  # (S, S) decimetres before the camera's plane; the far plane where nothing is


class Renderer:
    """One OpenGL context and what has been uploaded to it. It belongs to the thread that made it.

    Raises:
        RenderError: moderngl, EGL or Mesa is missing; the message says how to install it.
    """

    def __init__(self) -> None:
        gl = self._gl = _context()
        gl.enable(gl.DEPTH_TEST)
        gl.blend_func = gl.ONE, gl.ONE_MINUS_SRC_ALPHA
        self._programs = {material: surface_program(gl, material) for material in Material}
        self._shadow_program = shadow_program(gl)
        self._stage = gl.buffer(reserve=STAGE_LAYOUT.itemsize)
        self._stage.bind_to_uniform_block(0)
        self._frames: dict[int, Any] = {}
        self._shadow_map = gl.depth_texture((_SHADOW_SIZE, _SHADOW_SIZE))
        self._shadow_map.repeat_x = self._shadow_map.repeat_y = False
        self._shadow_frame = gl.framebuffer(depth_attachment=self._shadow_map)
        self._textures: dict[str, Any] = {}
        self._geometry: dict[str, _Geometry] = {}
        self._sky: dict[str, NDArray[np.float32]] = {}

    def bake_sky(self, occluders: Sequence[Part], parts: Iterable[Part]) -> None:
        """Remembers how much of the sky each vertex of ``parts`` sees past the ``occluders``, before they are drawn.

        All are unposed. From then on a part of the same key is darkened where little ambient light gets; other parts
        are not. Sixty directions are looked along, each counted by its cosine.
        """
        everything = np.concatenate([part.points[part.mesh.used] for part in occluders]).astype(np.float64)
        centre: FloatArray = (everything.min(0) + everything.max(0)) / 2
        radius = float(np.linalg.norm(everything - centre, axis=1).max())
        receivers = [(part, part.points[part.mesh.used], _normals(part)) for part in parts]
        seen = [np.zeros((2, len(points)), np.float64) for _, points, _ in receivers]
        with self._gl:
            for part in occluders:
                self._upload(part)
            rest = np.zeros((), STAGE_LAYOUT)
            rest["head_turn"] = rest["torso_turn"] = 0, 0, 0, 1
            for direction in sphere_points(60):
                matrix = light_matrix(direction, centre, radius)
                rest["light_matrix"] = matrix.T
                self._stage.write(rest.tobytes())
                self._draw_shadows(occluders)
                depth = np.frombuffer(self._shadow_map.read(), np.float32).reshape(_SHADOW_SIZE, -1)
                for sums, (_, points, normals) in zip(seen, receivers, strict=True):
                    cosine = np.maximum(normals @ direction, 0)
                    sums += cosine * _is_first(points, matrix, depth), cosine
            for (part, _, _), (open_sky, whole) in zip(receivers, seen, strict=True):
                # Light that other skin throws back reaches the darkest corner.
                self._sky[part.key] = (0.25 + 0.75 * open_sky / np.maximum(whole, 1e-6)).astype(np.float32)
                self._geometry.pop(part.key, None)

    def draw(self, parts: Sequence[Part], stage: Stage, size: int = RENDER_SIZE) -> Picture:
        """The parts, the first ones first and lenses last of all, in a picture of ``size`` pixels a side."""
        with self._gl:  # another renderer may have drawn since
            return self._draw(parts, stage, size)

    def _draw(self, parts: Sequence[Part], stage: Stage, size: int) -> Picture:
        self._stage.write(packed(stage).tobytes())
        for part in parts:
            self._upload(part)
        if casts_shadows(stage.light):
            self._draw_shadows(part for part in parts if part.casts_shadow)
        frame = self._frame(size)
        frame.use()
        frame.clear(depth=1.0)
        self._shadow_map.use(UNITS["shadow_map"])
        self._use_texture("panorama", stage.panorama)
        for part in parts:
            if part.material != Material.LENS:
                self._render(part)
        # Glass lets through what was drawn behind it, and hides nothing from the picture's depth.
        frame.depth_mask = False
        self._gl.enable(self._gl.BLEND)
        for part in parts:
            if part.material == Material.LENS:
                self._render(part)
        self._gl.disable(self._gl.BLEND)
        frame.depth_mask = True
        return _picture(frame, stage.framing)

    def _frame(self, size: int) -> Any:
        """What a picture of that size is drawn into; each size is made once."""
        if size not in self._frames:
            sides = (size, size)
            self._frames[size] = self._gl.framebuffer(
                [self._gl.renderbuffer(sides, 4)], self._gl.depth_renderbuffer(sides)
            )
        return self._frames[size]

    def _draw_shadows(self, parts: Iterable[Part]) -> None:
        """Fills the shadow map, with the stage's light matrix."""
        self._shadow_frame.use()
        self._shadow_frame.clear(depth=1.0)
        for part in parts:
            left_out = {name: value for name, value in part.uniforms.items() if name in ("cuts", "opening")}
            strands = part.material == Material.HAIR
            self._shadow_program.set({**left_out, "strands": float(strands)})
            if strands and part.texture is not None:
                self._use_texture("image", part.texture)
            self._draw_mesh(self._geometry[part.key].shadow, part)

    def _render(self, part: Part) -> None:
        if part.texture is not None:
            self._use_texture("image", part.texture)
        for name, texture in part.further_textures.items():
            self._use_texture(name, texture)
        self._programs[part.material].set(part.uniforms)
        self._draw_mesh(self._geometry[part.key].surface, part)

    def _draw_mesh(self, array: Any, part: Part) -> None:
        if part.material == Material.SKIN:  # closed: what faces away is hidden, and need not be worked out
            self._gl.enable(self._gl.CULL_FACE)
        array.render()
        self._gl.disable(self._gl.CULL_FACE)

    def _upload(self, part: Part) -> None:
        """Points and normals of this head, and once what stays the same from head to head."""
        mesh = part.mesh
        if part.key not in self._geometry:
            sky = self._sky.get(part.key, np.ones(len(mesh.used), np.float32))
            fixed = np.column_stack([mesh.uv, part.neck_weight[mesh.vertex], sky[mesh.local]]).astype(np.float32)
            buffers = [
                (self._gl.buffer(reserve=24 * len(mesh.vertex), dynamic=True), {"point": 3, "facing": 3}),
                (self._gl.buffer(fixed.tobytes()), {"uv_in": 2, "neck_weight": 1, "sky_in": 1}),
            ]
            indices = self._gl.buffer(mesh.indices.tobytes())
            self._geometry[part.key] = _Geometry(
                changing=buffers[0][0],
                surface=self._programs[part.material].vertex_array(self._gl, buffers, indices),
                shadow=self._shadow_program.vertex_array(self._gl, buffers, indices),
            )
        data = np.empty((len(mesh.vertex), 6), np.float32)
        data[:, :3] = part.points[mesh.vertex]
        data[:, 3:] = _normals(part)[mesh.local]
        self._geometry[part.key].changing.write(data)

    def _use_texture(self, sampler: str, texture: Texture) -> None:
        if texture.name not in self._textures:
            image = texture.image
            rgba = cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA if image.shape[2] == 4 else cv2.COLOR_BGR2RGBA)
            uploaded = self._gl.texture((image.shape[1], image.shape[0]), 4, rgba.tobytes())
            uploaded.build_mipmaps()
            uploaded.filter = self._gl.LINEAR_MIPMAP_NEAREST, self._gl.LINEAR
            self._textures[texture.name] = uploaded
        self._textures[texture.name].use(UNITS[sampler])


@dataclass(frozen=True, slots=True)
class _Geometry:
    """A mesh on the device: the buffer that each head fills anew, and the arrays of the two passes."""

    changing: Any
    surface: Any
    shadow: Any


def _picture(frame: Any, framing: Framing) -> Picture:
    """Reads back what was drawn; OpenGL's rows come bottom first."""
    size: tuple[int, int] = frame.size
    rgba = np.frombuffer(frame.read(components=4), np.uint8).reshape(*size, 4)
    stored = np.frombuffer(frame.read(components=1, attachment=-1, dtype="f4"), np.float32).reshape(size)
    near, far = framing.near, framing.far
    depth = (near * far) / (far - stored[::-1] * (far - near))
    image = np.asarray(cv2.cvtColor(rgba[::-1], cv2.COLOR_RGBA2BGRA), np.uint8)
    return Picture(image, depth)


def _normals(part: Part) -> NDArray[np.float32]:
    return part.mesh.normals(part.points[part.mesh.used])


def _is_first(
    points: NDArray[np.float32], matrix: NDArray[np.float32], depth: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Whether nothing in a shadow map's ``depth`` (S, S), drawn with ``matrix``, stands before points (N, 3)."""
    at = (points @ matrix[:3, :3].T + matrix[:3, 3]) * 0.5 + 0.5
    column, row = np.clip((at[:, :2] * len(depth)).astype(int), 0, len(depth) - 1).T
    first: NDArray[np.bool_] = at[:, 2] - 0.008 < depth[row, column]
    return first


def _context() -> Any:
    """An OpenGL context without a window."""
    settings: dict[str, Any] = {"backend": "egl"}
    try:
        import moderngl  # from an extra, without which this file can still be imported
    except ImportError as error:
        raise RenderError(
            f'drawing heads needs moderngl ({error}); install it with `pip install "headpose-sdk[synthesis]"`'
        ) from error
    try:
        return moderngl.create_context(require=330, standalone=True, **settings)
    except Exception as error:  # moderngl raises plain Exceptions, whatever is missing
        raise RenderError(
            f"OpenGL without a display did not start ({first_line(error)}); on Debian and Ubuntu "
            "`apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri libgl1` brings what it needs"
        ) from error
