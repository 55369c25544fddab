"""The renderer on meshes of a few triangles: all is drawn where, in what colour and in what light it should be."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from headpose_sdk.results import Image
from headpose_sdk.rotation import FloatArray, matrix_from_euler
from headpose_sdk.synthesis.head import Light
from headpose_sdk.synthesis.mesh import Mesh
from headpose_sdk.synthesis.parts import Material, Part, Texture, Uniform
from headpose_sdk.synthesis.rendering.framing import Framing
from headpose_sdk.synthesis.rendering.renderer import RENDER_SIZE, Renderer
from headpose_sdk.synthesis.rendering.stage import Stage
from headpose_sdk.synthesis.shape import HeadModel

FACE = np.array([[-1.0, -1.0, 0.0], [1.0, 1.0, 0.0]])  # what the crop is framed by: 1.4 dm to each side
DISTANCE = 10.0
EVEN = Light(
    panorama="none",
    turn=0.0,
    tilt=0.0,
    ambient=1.0,
    saturation=1.0,
    key=(0.0, 0.0, 1.0),
    key_colour=(0.0, 0.0, 0.0),
    softness=0.0,
    shadows=True,
    fill=(0.0, 0.0, 1.0),
    fill_colour=(0.0, 0.0, 0.0),
    exposure=1.0,
)
AMBIENT = np.zeros((9, 3), np.float32)
AMBIENT[0] = 0.5
BLACK = Texture("black", np.zeros((2, 4, 3), np.uint8))
RED: Uniform = (0.8, 0.02, 0.02)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


def stage(light: Light = EVEN, **changes: object) -> Stage:
    usual = Stage(
        torso=np.eye(3),
        head=np.eye(3),
        pivot=np.zeros(3),
        eyes=np.zeros(3),
        framing=Framing(FACE, DISTANCE),
        light=light,
        ambient=AMBIENT,
        panorama=BLACK,
        to_panorama=np.eye(3),
    )
    return dataclasses.replace(usual, **changes)  # type: ignore[arg-type]


def square(
    key: str,
    middle: tuple[float, float, float],
    half: float,
    material: Material = Material.FRAME,
    uniforms: Mapping[str, Uniform] | None = None,
    *,
    texture: Texture | None = None,
    weight: float = 1.0,
    casts_shadow: bool = False,
) -> Part:
    """A square that faces the viewer, its texture upright."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * half + middle
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    mesh = Mesh(triangles, triangles, [[0, 0], [1, 0], [1, 1], [0, 1]], 4)
    weights = np.full(4, weight, np.float32)
    settings = {"specular": 0.0, **(uniforms or {})}
    return Part(
        key, mesh, corners.astype(np.float32), weights, material, texture, uniforms=settings, casts_shadow=casts_shadow
    )


def colour_at(image: Image, x: float, y: float) -> FloatArray:
    """BGRA at decimetres to the right and up of the middle, on the plane of the face."""
    scale = RENDER_SIZE / 2.8
    return image[int(RENDER_SIZE / 2 - y * scale), int(RENDER_SIZE / 2 + x * scale)].astype(np.float64)


def centroid(image: Image) -> FloatArray:
    """Mean position in pixels of what is covered."""
    rows, columns = np.nonzero(image[..., 3])
    return np.array([columns.mean(), rows.mean()]) + 0.5


def test_without_parts_nothing_is_drawn(renderer: Renderer) -> None:
    picture = renderer.draw([], stage())
    assert picture.image.shape == (RENDER_SIZE, RENDER_SIZE, 4)
    assert picture.image.dtype == np.uint8
    assert not picture.image.any()
    np.testing.assert_allclose(picture.depth, stage().framing.far, rtol=1e-4)


def test_a_square_covers_its_pixels_and_lies_at_its_depth(renderer: Renderer) -> None:
    picture = renderer.draw([square("a", (0.35, 0.7, 0.0), 0.35, uniforms={"cloth": RED})], stage())
    covered = np.zeros((RENDER_SIZE, RENDER_SIZE), bool)
    covered[32:96, 128:192] = True  # 0 to 0.7 to the right, 0.35 to 1.05 up
    np.testing.assert_array_equal(picture.image[..., 3] == 255, covered)
    np.testing.assert_allclose(picture.depth[covered], DISTANCE, atol=2e-3)
    blue, green, red, _ = colour_at(picture.image, 0.35, 0.7)
    assert red > 2 * max(blue, green)


def test_the_nearer_part_hides_the_other_whatever_the_order(renderer: Renderer) -> None:
    near = square("near", (0, 0, 0.3), 0.3, uniforms={"cloth": RED})
    far = square("far", (0, 0, 0.0), 0.6, uniforms={"cloth": (0.02, 0.8, 0.02)})
    pictures = [renderer.draw(order, stage()).image for order in ([near, far], [far, near])]
    np.testing.assert_array_equal(*pictures)
    assert colour_at(pictures[0], 0, 0)[2] > 150
    assert colour_at(pictures[0], 0.5, 0.5)[1] > 150


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_points_turn_as_the_labels_do(renderer: Renderer, weight: float) -> None:
    torso, head = matrix_from_euler([(20, -10, 5), (-50, 15, 30)])
    pivot = np.array([0.1, -0.8, -0.2])
    framing = Framing(FACE, 6.0, (12.0, -7.0))
    drawn = stage(torso=torso, head=head, pivot=pivot, framing=framing)
    for middle in ((0.4, 0.5, 0.3), (-0.5, -0.2, 0.1)):
        part = square(f"{weight}", middle, 0.12, weight=weight)
        turned = HeadModel.skin(part.points, part.neck_weight, pivot, torso, head)
        corners = framing.pixels(turned, RENDER_SIZE)
        # Fine: two pixels' worth of centroid noise stays far below a tenth of a pixel of a crop.
        x, y = corners.T
        doubled = x * np.roll(y, -1) - np.roll(x, -1) * y
        expected = np.array([((x + np.roll(x, -1)) * doubled).sum(), ((y + np.roll(y, -1)) * doubled).sum()]) / (
            3 * doubled.sum()
        )
        np.testing.assert_allclose(centroid(renderer.draw([part], drawn).image), expected, atol=0.15)


def test_a_texture_is_upright_and_keeps_its_colours(renderer: Renderer) -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0], image[0, 1], image[1, 0], image[1, 1] = (200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 200)
    part = square("textured", (0, 0, 0), 0.8, Material.PLAIN, texture=Texture("four", image))
    drawn = renderer.draw([part], stage()).image
    for (x, y), channels in {(-0.6, 0.6): [0], (0.6, 0.6): [1], (-0.6, -0.6): [2], (0.6, -0.6): [0, 1, 2]}.items():
        colour = colour_at(drawn, x, y)[:3]
        assert sorted(np.flatnonzero(colour > 60)) == channels


def test_more_light_makes_brighter_and_exposure_too(renderer: Renderer) -> None:
    part = square("grey", (0, 0, 0), 0.5, uniforms={"cloth": (0.3, 0.3, 0.3)})

    def level(light: Light = EVEN, ambient: NDArray[np.float32] = AMBIENT) -> float:
        return float(colour_at(renderer.draw([part], stage(light, ambient=ambient)).image, 0, 0)[0])

    usual = level()
    assert 0 < level(ambient=0.5 * AMBIENT) < usual
    assert usual < level(dataclasses.replace(EVEN, exposure=2.0)) < 256
    assert level(dataclasses.replace(EVEN, key_colour=(1.0, 1.0, 1.0))) > usual
    behind = dataclasses.replace(EVEN, key=(0.0, 0.0, -1.0), key_colour=(1.0, 1.0, 1.0))
    assert level(behind) == usual
    assert level(dataclasses.replace(EVEN, fill_colour=(0.5, 0.5, 0.5))) > usual


def test_ambient_light_comes_from_where_it_is(renderer: Renderer) -> None:
    ambient = AMBIENT.copy()
    ambient[1] = 0.4  # brighter above
    drawn = stage(ambient=ambient)
    up, down = (
        dataclasses.replace(drawn, head=matrix_from_euler((0, sign * 60, 0)) * np.outer([1, -1, -1], [1, -1, -1]))
        for sign in (1, -1)
    )
    part = square("leaf", (0, 0, 0), 0.5)
    assert colour_at(renderer.draw([part], up).image, 0, 0)[0] > colour_at(renderer.draw([part], down).image, 0, 0)[0]


def test_what_stands_in_the_light_casts_a_shadow(renderer: Renderer) -> None:
    lamp = dataclasses.replace(EVEN, key=(0.0, 0.6, 0.8), key_colour=(2.0, 2.0, 2.0))
    wall = square("wall", (0, 0, 0), 1.2, uniforms={"cloth": (0.3, 0.3, 0.3)})
    shade = square("shade", (0, 0.8, 0.8), 0.2, uniforms={"cloth": RED}, casts_shadow=True)
    lit = renderer.draw([wall], stage(lamp)).image
    shaded = renderer.draw([wall, shade], stage(lamp)).image
    # From the square the light falls 0.6 down for each 0.8 back: its shadow lies around 0.2 above the middle.
    assert colour_at(shaded, 0, 0.2)[0] < 0.7 * colour_at(lit, 0, 0.2)[0]
    assert colour_at(shaded, 0, -0.3)[0] == colour_at(lit, 0, -0.3)[0]
    off = renderer.draw([wall, shade], stage(dataclasses.replace(lamp, shadows=False))).image
    assert colour_at(off, 0, 0.2)[0] == colour_at(lit, 0, 0.2)[0]
    glass = renderer.draw([wall, dataclasses.replace(shade, casts_shadow=False)], stage(lamp)).image
    assert colour_at(glass, 0, 0.2)[0] == colour_at(lit, 0, 0.2)[0]


def test_a_soft_light_has_soft_shadow_edges(renderer: Renderer) -> None:
    wall = square("wall", (0, 0, 0), 1.2, uniforms={"cloth": (0.3, 0.3, 0.3)})
    shade = square("shade", (0, 0.8, 0.8), 0.3, uniforms={"cloth": RED}, casts_shadow=True)

    def between(softness: float) -> int:
        """Pixels that are neither in the light nor wholly in the shadow, where the shade itself is not seen."""
        lamp = dataclasses.replace(EVEN, key=(0.0, 0.6, 0.8), key_colour=(2.0, 2.0, 2.0), softness=softness)
        drawn = renderer.draw([wall, shade], stage(lamp)).image[82:200, 30:226, 0].astype(int)
        return int(((drawn > drawn.min() + 3) & (drawn < drawn.max() - 3)).sum())

    assert between(1.0) > 2 * between(0.0) > 0


def test_cuts_and_the_opening_leave_out_what_they_say(renderer: Renderer) -> None:
    cuts = (1.0, 0.0, 0.0, -0.5, 0.0, -1.0, 0.0, -0.6)  # right of 0.5, and below -0.6
    part = square("cloth", (0, 0, 0), 1.0, Material.CLOTH, {"cuts": cuts, "opening": (0.3, 0.2, 0.4, -0.1)})
    drawn = renderer.draw([part], stage()).image
    for x, y, there in [
        (-0.9, 0.9, True), (0.45, 0.9, True), (0.55, 0.9, False), (-0.9, -0.55, True), (-0.9, -0.65, False),
        (0.0, 0.3, False), (0.0, 0.65, False), (0.0, 0.75, True), (0.17, 0.3, False), (0.25, 0.3, True),
    ]:  # fmt: skip
        assert (colour_at(drawn, x, y)[3] > 0) == there, (x, y)
    behind = dataclasses.replace(part, uniforms={**part.uniforms, "opening": (0.3, 0.2, 0.4, 0.1)})
    assert colour_at(renderer.draw([behind], stage()).image, 0, 0.3)[3] == 255


def test_cuts_are_measured_from_the_eyes_of_the_unposed_head(renderer: Renderer) -> None:
    part = square("cloth", (0, 0, 0), 1.0, Material.CLOTH, {"cuts": (0.0, 1.0, 0.0, 0.0)})
    upside_down = matrix_from_euler((0, 0, 180))
    drawn = renderer.draw([part], stage(head=upside_down, eyes=np.array([0.0, 0.4, 0.0]))).image
    assert colour_at(drawn, 0, -0.3)[3] == 255  # what is below the eyes
    assert colour_at(drawn, 0, -0.5)[3] == 0


def test_glass_darkens_and_mirrors_but_hides_nothing(renderer: Renderer) -> None:
    wall = square("wall", (0, 0, 0), 0.8, uniforms={"cloth": (0.4, 0.4, 0.4)})

    def through(darkness: float, reflection: float, panorama: Texture = BLACK) -> float:
        glass = {"darkness": darkness, "reflection": reflection}
        lens = square("lens", (0, 0, 0.4), 0.4, Material.LENS, glass)
        picture = renderer.draw([lens, wall], stage(panorama=panorama))
        assert picture.depth[128, 128] == pytest.approx(DISTANCE, abs=0.01)
        assert colour_at(picture.image, 0, 0)[3] == 255
        return float(colour_at(picture.image, 0, 0)[0])

    clear, dark = through(0.0, 0.0), through(0.8, 0.0)
    assert dark < 0.6 * clear < clear
    bright = Texture("bright", np.full((2, 4, 3), 255, np.uint8))
    assert through(0.8, 0.6, bright) > dark + 40


def test_strands_have_gaps_where_the_texture_has(renderer: Renderer) -> None:
    image = np.full((4, 4, 4), 200, np.uint8)
    image[:, :2, 3], image[:, 2:, 3] = 255, 0
    hair = square("hair", (0, 0, 0), 0.8, Material.HAIR, texture=Texture("strands", image))
    drawn = renderer.draw([hair], stage()).image
    assert colour_at(drawn, -0.6, 0)[3] == 255
    assert colour_at(drawn, 0.6, 0)[3] == 0


def test_settings_do_not_leak_from_part_to_part_nor_from_head_to_head(renderer: Renderer) -> None:
    plain = square("plain", (-0.5, 0, 0), 0.4, Material.CLOTH, {"cloth": RED})
    striped = square("striped", (0.5, 0, 0), 0.4, Material.CLOTH, {"cloth": RED, "stripes": 4.0, "cuts": (0, 1, 0, 0)})
    alone = renderer.draw([plain], stage()).image
    after = renderer.draw([striped, plain], stage()).image
    np.testing.assert_array_equal(after[:, :128], alone[:, :128])
    np.testing.assert_array_equal(renderer.draw([plain], stage()).image, alone)
    np.testing.assert_array_equal(Renderer().draw([plain], stage()).image, alone)


def test_a_setting_that_the_material_does_not_have_is_a_mistake(renderer: Renderer) -> None:
    with pytest.raises(KeyError, match="collar"):
        renderer.draw([square("wrong", (0, 0, 0), 0.4, uniforms={"collar": 1.0})], stage())


def test_the_sky_is_darker_in_a_corner() -> None:
    renderer = Renderer()
    floor = square("floor", (0, 0, 0), 0.2)
    walls = []
    for number, (x, y) in enumerate([(0.25, 0), (-0.25, 0), (0, 0.25), (0, -0.25)]):
        corners = np.array([[x - y, y - x, -0.1], [x + y, y + x, -0.1], [x + y, y + x, 0.8], [x - y, y - x, 0.8]])
        walls.append(dataclasses.replace(square(f"wall {number}", (0, 0, 0), 1), points=corners.astype(np.float32)))
    free = colour_at(renderer.draw([floor], stage()).image, 0, 0)[0]
    renderer.bake_sky(walls, [floor])
    enclosed = colour_at(renderer.draw([floor], stage()).image, 0, 0)[0]
    assert enclosed < 0.85 * free
    renderer.bake_sky([square("elsewhere", (0, 0, -0.5), 0.1)], [floor])
    assert colour_at(renderer.draw([floor], stage()).image, 0, 0)[0] == free


def errors_of(environment: Mapping[str, str], program: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert result.returncode == 1
    return result.stderr


def test_without_egl_the_error_names_the_debian_packages() -> None:
    program = "from headpose_sdk.synthesis.rendering.renderer import Renderer; Renderer()"
    nowhere = {"__EGL_VENDOR_LIBRARY_DIRS": "/nonexistent", "__EGL_VENDOR_LIBRARY_FILENAMES": "/nonexistent"}
    last = errors_of(nowhere, program).strip().splitlines()[-1]
    assert "RenderError" in last
    assert "apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri libgl1" in last


def test_without_moderngl_the_error_names_the_extra() -> None:
    hidden = "import sys; sys.modules['moderngl'] = None"
    last = (
        errors_of({}, f"{hidden}\nfrom headpose_sdk.synthesis.rendering.renderer import Renderer; Renderer()")
        .strip()
        .splitlines()[-1]
    )
    assert "RenderError" in last
    assert 'pip install "headpose-sdk[synthesis]"' in last
