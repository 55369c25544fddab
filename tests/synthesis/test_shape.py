"""Shapes, expressions and turns of the head: each is exactly what its weights and matrices say."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from headpose_sdk.errors import DatasetError
from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Expression, Shape
from headpose_sdk.synthesis.shape import AGES, RACES, SEXES, HeadModel

PLAIN = Shape(male=1.0, races=(1.0, 0.0, 0.0), ages=(0.0, 1.0, 0.0), muscle=0.5, weight=0.5, details=())


@pytest.fixture(scope="module")
def model(assets_folder: Path) -> HeadModel:
    return HeadModel(Assets(assets_folder))


@pytest.fixture(scope="module")
def target(assets_folder: Path) -> Callable[[str], np.ndarray]:
    """A target's displacements (V, 3), read from the file in the plainest way."""
    data = np.load(assets_folder / "model" / "hm08_head.npz")

    def read(name: str) -> np.ndarray:
        row = data["target_names"].tolist().index(name)
        start = int(data["target_counts"][:row].sum())
        part = slice(start, start + int(data["target_counts"][row]))
        moved = np.zeros(data["vertices"].shape)
        moved[data["target_index"][part]] = data["target_delta"][part] * float(data["target_scale"][row])
        return moved

    return read


# --- shape


def test_all_weight_on_one_corner_is_the_base_and_that_target(model, target) -> None:
    for sex, male in zip(SEXES, (0.0, 1.0), strict=True):
        for age in range(3):
            for race in range(3):
                shape = replace(PLAIN, male=male, ages=one_of_three(age), races=one_of_three(race))
                expected = model.base + target(f"macrodetails/{RACES[race]}-{sex}-{AGES[age]}")
                np.testing.assert_allclose(model.shaped(shape), expected, atol=1e-5)


@pytest.mark.parametrize(("muscle", "weight"), [(0, 0), (0, 0.5), (0, 1), (0.5, 0), (0.5, 1), (1, 0), (1, 0.5), (1, 1)])
def test_a_corner_of_build_adds_its_own_target(model, target, muscle, weight) -> None:
    words = {0: "min", 0.5: "average", 1: "max"}
    name = f"macrodetails/universal-male-young-{words[muscle]}muscle-{words[weight]}weight"
    moved = model.shaped(replace(PLAIN, muscle=muscle, weight=weight)) - model.shaped(PLAIN)
    np.testing.assert_allclose(moved, target(name), atol=1e-5)


def test_half_way_to_a_corner_is_half_of_it(model, target) -> None:
    moved = model.shaped(replace(PLAIN, weight=0.75)) - model.shaped(PLAIN)
    full = target("macrodetails/universal-male-young-averagemuscle-maxweight")
    np.testing.assert_allclose(moved, full / 2, atol=1e-5)


def test_the_average_is_the_mean_of_the_six_young_corners(model, target) -> None:
    corners = [target(f"macrodetails/{race}-{sex}-young") for race in RACES for sex in SEXES]
    np.testing.assert_allclose(model.average, model.base + np.mean(corners, axis=0), atol=1e-5)


def test_a_detail_is_added_by_its_weight(model, target) -> None:
    shape = replace(PLAIN, details=(("nose/nose-scale-depth-incr", 0.3), ("chin/chin-height-incr", 1.0)))
    expected = 0.3 * target("nose/nose-scale-depth-incr") + target("chin/chin-height-incr")
    np.testing.assert_allclose(model.shaped(shape) - model.shaped(PLAIN), expected, atol=1e-5)


def test_an_expression_is_added_and_the_head_at_rest_kept(model, target) -> None:
    before = model.average.copy()
    smiling = model.expressed(model.average, Expression((("mouthSmileLeft", 0.5), ("eyeLookUpLeft", 1.0))))
    expected = 0.5 * target("faceunits/mouthSmileLeft") + target("faceunits/eyeLookUpLeft")
    np.testing.assert_allclose(smiling - model.average, expected, atol=1e-5)
    np.testing.assert_array_equal(model.average, before)
    assert smiling.dtype == np.float32


def test_left_is_the_persons_left_and_smiles_go_up(model) -> None:
    left, right = model.eyes(model.average)
    assert left[0] > 0 > right[0]
    moved = model.expressed(model.average, Expression((("mouthSmileLeft", 1.0),))) - model.average
    most = np.abs(moved[model.landmarks]).sum(axis=1).argmax()
    assert model.average[model.landmarks[most], 0] > 0
    assert moved[model.landmarks[most], 1] > 0


def test_names_that_are_no_target_are_refused(model) -> None:
    with pytest.raises(ValueError, match="nose/none"):
        model.shaped(replace(PLAIN, details=(("nose/none", 0.5),)))
    with pytest.raises(ValueError, match="headSmile"):
        model.expressed(model.average, Expression((("headSmile", 0.5),)))
    with pytest.raises(ValueError, match="jawOpen"):  # an expression is no part of a shape
        model.shaped(replace(PLAIN, details=(("faceunits/jawOpen", 0.5),)))


# --- places


def test_the_drawn_body_is_skin_and_holds_face_and_landmarks(model) -> None:
    assert np.isin(model.face_box, model.body.used).all()
    assert np.isin(model.landmarks, model.head).all()
    assert len(model.landmarks) == 68
    assert (model.neck_weight[model.head] > 0.95).all()
    assert (model.neck_weight[model.body.used] == 0).any()  # shoulders


def test_landmarks_begin_at_the_persons_right(model) -> None:
    jaw, right_eye, left_eye = (
        model.average[model.landmarks[part]] for part in ([0, 16], slice(36, 42), slice(42, 48))
    )
    assert jaw[0, 0] < 0 < jaw[1, 0]
    left, right = model.eyes(model.average)
    np.testing.assert_allclose(right_eye.mean(axis=0)[:2], right[:2], atol=0.1)
    np.testing.assert_allclose(left_eye.mean(axis=0)[:2], left[:2], atol=0.1)


def test_the_pivot_is_two_fifths_of_the_way_up_the_neck(model) -> None:
    neck, head = (model.joint(model.average, name) for name in ("neck", "head"))
    assert head[1] > neck[1]
    np.testing.assert_allclose(model.pivot(model.average), 0.6 * neck + 0.4 * head, atol=1e-5)


# --- tilt


def test_the_average_head_has_no_tilt(model) -> None:
    np.testing.assert_allclose(model.tilt(model.average), np.eye(3), atol=1e-7)


@pytest.mark.parametrize("angles", [(25, 0, 0), (0, -30, 0), (0, 0, 40), (100, 20, -15)])
def test_the_tilt_of_a_turned_head_is_that_turn(model, angles) -> None:
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    turned = ((model.average - [0.3, 7, 0.1]) @ turn.T + [5, -2, 1]).astype(np.float32)
    tilt = model.tilt(turned)
    np.testing.assert_allclose(tilt, turn, atol=1e-5)
    assert np.linalg.det(tilt) == pytest.approx(1)


def test_a_face_that_looks_up_by_its_shape_is_told(model) -> None:
    """Depth that grows downwards and shrinks upwards is a turn about x, to the front's up."""
    up = model.average.copy()
    up[:, 2] -= 0.1 * (up[:, 1] - 7.3)
    facing = model.tilt(up)[:, 2]
    assert facing[1] > 0.03
    assert abs(facing[0]) < 1e-3


def test_the_torso_has_no_say_in_the_tilt(model) -> None:
    bent = model.average.copy()
    bent[np.setdiff1d(model.body.used, [*model.head, *model.face_box])] += np.float32([1, 0, 2])
    assert np.abs(bent - model.average).max() == 2
    np.testing.assert_allclose(model.tilt(bent), np.eye(3), atol=1e-7)


# --- posing

TORSO = Rotation.from_euler("xyz", [5, -20, 3], degrees=True).as_matrix()
HEAD = Rotation.from_euler("xyz", [-25, 60, 10], degrees=True).as_matrix()
PIVOT = np.array([0.1, 6.4, 0.2], np.float32)


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return (PIVOT + np.random.default_rng(3).normal(0, 1, (50, 3))).astype(np.float32)


@pytest.mark.parametrize(("weight", "rotation"), [(0.0, TORSO), (1.0, HEAD)])
def test_both_ends_of_the_neck_turn_as_told(points, weight, rotation) -> None:
    posed = HeadModel.skin(points, np.full(50, weight, np.float32), PIVOT, TORSO, HEAD)
    np.testing.assert_allclose(posed, (points - PIVOT) @ rotation.T + PIVOT, atol=1e-5)
    assert posed.dtype == np.float32


@pytest.mark.parametrize("weight", [0.13, 0.5, 0.9])
def test_in_between_is_that_part_of_the_way(points, weight) -> None:
    way = Slerp([0, 1], Rotation.from_matrix([TORSO, HEAD]))(weight).as_matrix()
    posed = HeadModel.skin(points, np.full(50, weight, np.float32), PIVOT, TORSO, HEAD)
    np.testing.assert_allclose(posed, (points - PIVOT) @ way.T + PIVOT, atol=1e-5)


def test_half_of_a_turn_about_one_axis_is_half_its_angle(points) -> None:
    whole, half = (Rotation.from_euler("y", angle, degrees=True).as_matrix() for angle in (80, 40))
    posed = HeadModel.skin(points, np.full(50, 0.5, np.float32), PIVOT, np.eye(3), whole)
    np.testing.assert_allclose(posed, (points - PIVOT) @ half.T + PIVOT, atol=1e-5)


def test_head_and_torso_alike_is_one_turn(points) -> None:
    weights = np.linspace(0, 1, 50, dtype=np.float32)
    posed = HeadModel.skin(points, weights, PIVOT, HEAD, HEAD)
    np.testing.assert_allclose(posed, (points - PIVOT) @ HEAD.T + PIVOT, atol=1e-5)


# --- time, and files that are no good


def test_a_shape_and_an_expression_take_eight_milliseconds_at_most(model) -> None:
    details = [name for name in model.target_names if not name.startswith(("macrodetails/", "faceunits/"))]
    units = [name.removeprefix("faceunits/") for name in model.target_names if name.startswith("faceunits/")]
    shape = Shape(0.7, (0.2, 0.3, 0.5), (0.1, 0.5, 0.4), 0.3, 0.8, tuple((name, 0.4) for name in details[::3]))
    expression = Expression(tuple((name, 0.4) for name in units[::2]))

    def seconds() -> float:
        start = time.perf_counter()
        model.expressed(model.shaped(shape), expression)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(20)) < 8e-3


@pytest.fixture
def damaged_model(tiny_folder, tmp_path) -> Callable[..., str]:
    """What is said of a model whose arrays were changed; None takes an array away."""

    def message(**changes: np.ndarray | None) -> str:
        folder = with_own_model(tiny_folder, tmp_path)
        arrays = dict(np.load(tiny_folder / "model" / "hm08_head.npz")) | changes
        kept = {name: array for name, array in arrays.items() if array is not None}
        np.savez(folder / "model" / "hm08_head.npz", **kept)
        with pytest.raises(DatasetError) as caught:
            HeadModel(Assets(folder))
        text = str(caught.value)
        assert "\n" not in text
        assert str(folder / "model" / "hm08_head.npz") in text
        assert "docs/synthesis.md" in text
        return text

    return message


def test_an_array_that_is_missing_is_named(damaged_model) -> None:
    assert "it holds no landmarks68" in damaged_model(landmarks68=None)


def test_a_macro_target_that_is_missing_is_named(damaged_model, tiny_folder) -> None:
    names = np.load(tiny_folder / "model" / "hm08_head.npz")["target_names"]
    renamed = np.where(names == "macrodetails/asian-male-old", "macrodetails/someone", names)
    assert "it holds no target macrodetails/asian-male-old" in damaged_model(target_names=renamed)


@pytest.mark.parametrize("name", ["faces", "faces_uv", "face_box", "landmarks68", "target_index"])
def test_numbers_beyond_the_mesh_are_told(damaged_model, tiny_folder, name) -> None:
    array = np.load(tiny_folder / "model" / "hm08_head.npz")[name].copy()
    array.flat[-1] = 60_000
    assert f"{name} reaches beyond" in damaged_model(**{name: array})


def test_counts_that_do_not_add_up_are_told(damaged_model, tiny_folder) -> None:
    counts = np.load(tiny_folder / "model" / "hm08_head.npz")["target_counts"] + np.int32(1)
    assert "do not fit each other" in damaged_model(target_counts=counts)


def test_neck_weights_of_another_mesh_are_told(damaged_model) -> None:
    assert "neck_weight" in damaged_model(neck_weight=np.ones(7, np.float16))


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        ({}, "it holds no joint-neck"),
        ({"joint-neck": [[1, 4, 7]]}, "no list of ranges"),
        ({"joint-neck": []}, "no list of ranges"),
        ({f"joint-{name}": [[0, 60_000]] for name in ("neck", "head", "mouth", "l-eye", "r-eye")}, "does not have"),
    ],
)
def test_joints_that_are_no_good_are_told(tiny_folder, tmp_path, groups, why) -> None:
    folder = with_own_model(tiny_folder, tmp_path)
    (folder / "model" / "groups.json").write_text(json.dumps(groups))
    with pytest.raises(DatasetError, match=rf"^{folder}/model/groups\.json cannot be used: .*{why}"):
        HeadModel(Assets(folder))


def test_a_file_cut_short_is_told(tiny_folder, tmp_path) -> None:
    path = with_own_model(tiny_folder, tmp_path) / "model" / "hm08_head.npz"
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(DatasetError, match=r"hm08_head\.npz cannot be used: it is no \.npz"):
        HeadModel(Assets(path.parent.parent))


def with_own_model(tiny_folder: Path, tmp_path: Path) -> Path:
    """The small parts, with a copy of the model that may be damaged."""
    folder = tmp_path / "parts"
    folder.mkdir()
    for entry in tiny_folder.iterdir():
        if entry.name != "model":
            (folder / entry.name).symlink_to(entry)
    shutil.copytree(tiny_folder / "model", folder / "model")
    return folder


def one_of_three(number: int) -> tuple[float, float, float]:
    weights = [0.0, 0.0, 0.0]
    weights[number] = 1.0
    return weights[0], weights[1], weights[2]
