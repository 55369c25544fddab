"""The pictures of docs/convention.md show what the page says, and are what their script draws."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headpose_sdk.drawing import AXIS_COLORS, axis_endpoints
from headpose_sdk.rotation import matrix_from_euler

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_convention", DOCS / "draw_convention.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("angles", "axis", "sign"),
    [
        ((40, 0, 0), 0, -1),  # towards the left edge
        ((-40, 0, 0), 0, 1),
        ((0, 30, 0), 1, -1),  # up
        ((0, -30, 0), 1, 1),
    ],
)
def test_nose_tip_moves_as_documented(
    script: ModuleType, angles: tuple[float, float, float], axis: int, sign: int
) -> None:
    moved = script.project(script.NOSE_TIP, angles) - script.project(script.NOSE_TIP, (0, 0, 0))
    assert sign * moved[axis] > 30
    assert abs(moved[axis]) > 3 * abs(moved[1 - axis])


@pytest.mark.parametrize(("roll", "sign"), [(30, 1), (-30, -1)])
def test_top_of_the_head_leans_as_documented(script: ModuleType, roll: float, sign: int) -> None:
    assert sign * script.project(script.TOP_OF_HEAD, (0, 0, roll))[0] > 30


@pytest.mark.parametrize("angles", [(0, 0, 0), (40, 0, 0), (-40, 0, 0), (0, 30, 0), (0, -30, 0), (30, -15, 20)])
def test_the_nose_in_the_picture_is_where_the_projection_says(
    script: ModuleType, angles: tuple[float, float, float]
) -> None:
    tip_of_nose = script.NOSE_TIP[2] + 0.18  # where the centre of that ellipsoid lies
    rest = [part for part in script.HEAD if part.center[2] != pytest.approx(tip_of_nose)]
    assert len(rest) == len(script.HEAD) - 1
    with_nose = script.render_head(angles).astype(int)
    without_tip = script.render_head(angles, parts=rest).astype(int)
    rows, columns = np.nonzero(np.abs(with_nose - without_tip).sum(axis=-1) > 30)
    seen = np.array([columns.mean(), rows.mean()]) + 0.5 - script.CELL / 2
    # The tip lies on the rim of the nose when seen from the side, so allow the nose's own size.
    assert np.linalg.norm(seen - script.project(script.NOSE_TIP, angles)) < 0.2 * script.PIXELS_PER_UNIT


def test_every_caption_names_its_angles(script: ModuleType) -> None:
    for angle, row in enumerate(script.SHEET):
        for angles, title, _ in row:
            name, value = title.split()
            assert name == ("yaw", "pitch", "roll")[angle]
            assert angles == tuple(float(value) if i == angle else 0 for i in range(3))


@pytest.mark.parametrize("name", ["convention.png", "axes.png"])
def test_committed_pictures_are_small(name: str) -> None:
    assert (DOCS / "images" / name).stat().st_size < 150_000


# Letters differ between OpenCV releases, so the committed pictures are compared where there are none. Ten degrees
# more or less make a mean difference of 5 and more.


def test_committed_sheet_shows_the_heads_of_the_script(script: ModuleType) -> None:
    committed = cv2.imread(str(DOCS / "images" / "convention.png"))
    assert committed is not None
    cell, row_height = script.CELL, committed.shape[0] // 3
    for row, cells in enumerate(script.SHEET):
        for column, (angles, _, _) in enumerate(cells):
            head = committed[row * row_height :, column * cell :][:cell, :cell].astype(int)
            assert np.abs(head - script.render_head(angles)).mean() < 1


def test_committed_axes_picture_has_its_tips_where_the_matrix_says(script: ModuleType) -> None:
    committed = cv2.imread(str(DOCS / "images" / "axes.png"))
    assert committed is not None
    for (x, y), color in zip(np.rint(axis_endpoints(script.AXES_POSE)).astype(int), AXIS_COLORS, strict=True):
        assert np.abs(committed[y - 2 : y + 3, x - 2 : x + 3].astype(int) - color).max() < 5
    assert script.draw_axes_example().shape == committed.shape


def test_python_examples_of_the_page_run_and_print_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = (DOCS / "convention.md").read_text(encoding="utf-8").split("```python\n")[1:]
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block.split("```")[0], "convention.md", "exec"), {})
    assert capsys.readouterr().out == "[33.6 10.3 18.1]\n"


def test_solvepnp_scipy_and_opengl_recipes_hold() -> None:
    yaw, pitch, roll = 25.0, -15.0, 40.0
    rotation = matrix_from_euler((yaw, pitch, roll))
    oracle = Rotation.from_euler("XYZ", [-pitch, yaw, roll], degrees=True)
    np.testing.assert_allclose(oracle.as_matrix(), rotation, atol=1e-12)

    flip = np.diag([1.0, -1.0, -1.0])
    x, y, z, w = oracle.as_quat()
    np.testing.assert_allclose(Rotation.from_quat([x, -y, -z, w]).as_matrix(), flip @ rotation @ flip, atol=1e-12)

    face_model = np.array(
        [[0, 0, -1], [-0.4, -0.4, -0.5], [0.4, -0.4, -0.5], [-0.3, 0.5, -0.6], [0.3, 0.5, -0.6], [0, 0.9, -0.5]]
    )
    camera = np.array([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]])
    seen = (face_model @ rotation.T + (0, 0, 10)) @ camera.T
    pixels = seen[:, :2] / seen[:, 2:]
    for model, back in ((face_model, np.eye(3)), (face_model @ flip, flip)):  # y down; y up
        found, rotation_vector, _ = cv2.solvePnP(model, pixels, camera, np.zeros(4))
        assert found
        np.testing.assert_allclose(cv2.Rodrigues(rotation_vector)[0] @ back, rotation, atol=1e-4)
