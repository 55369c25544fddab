"""AFLW2000-3D: what is read, the signs of its angles against its own landmarks, what is said of wrong files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from headpose_sdk.errors import DatasetError, HeadPoseError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import read_aflw2000
from headpose_sdk.evaluation.evaluate import evaluate_aflw2000, predict_samples
from headpose_sdk.rotation import direction_from_matrix, matrix_from_euler

from .benchmark_sets import aflw2000_variables, neutral_landmarks, write_aflw2000
from .conftest import POSES
from .stand_ins import QueuedEstimator, box_pose


def between(a: Any, b: Any) -> float:
    """The angle in degrees between two vectors."""
    return float(np.degrees(np.arccos(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))))


def disagreement(angles: Any, points: Any) -> tuple[float, float, float]:
    """Degrees between the side, down and front of the matrix of ``angles`` and of the landmarks ``points`` (3, 68)."""
    x, y, z = points.astype(float)
    points = np.array([x, y, -z])  # z towards the viewer -> OpenCV's z forward
    left_eye, right_eye = points[:, 36:42].mean(axis=1), points[:, 42:48].mean(axis=1)
    mouth, ears, nose = points[:, 48:].mean(axis=1), (points[:, 0] + points[:, 16]) / 2, points[:, 30]
    matrix = matrix_from_euler(angles)
    return (
        between(right_eye - left_eye, matrix[:, 0]),
        between(mouth - (left_eye + right_eye) / 2, matrix[:, 1]),
        between(nose - ears, direction_from_matrix(matrix)),
    )


def test_every_image_is_read_with_the_box_of_its_landmarks(aflw2000_folder: Path) -> None:
    samples = read_aflw2000(aflw2000_folder)
    assert [sample.file for sample in samples] == sorted(aflw2000_folder.glob("image*.jpg"))
    for sample in samples:
        variables = loadmat(sample.file.with_suffix(".mat"))
        x, y, _ = variables["pt3d_68"]
        assert sample.box is not None
        assert sample.box.to_list() == pytest.approx([x.min(), y.min(), x.max(), y.max()], abs=0.01)
        pitch, yaw, roll = np.degrees(variables["Pose_Para"][0, :3])
        assert sample.angles == pytest.approx((yaw, pitch, roll), abs=1e-4)


def test_the_angles_have_the_signs_of_the_landmarks(aflw2000_folder: Path) -> None:
    turned = 0
    for sample in read_aflw2000(aflw2000_folder):
        points = loadmat(sample.file.with_suffix(".mat"))["pt3d_68"]
        side, down, front = disagreement(sample.angles, points)
        # Mouth and nose lie a little off the axes through eyes and ears; the eyes do not.
        assert (side < 4, down < 20, front < 20) == (True, True, True), sample.file
        yaw, pitch, _ = sample.angles
        if abs(yaw) > 10 and abs(pitch) < 90:
            ears, nose = (points[0, 0] + points[0, 16]) / 2, points[0, 30]
            assert np.sign(ears - nose) == np.sign(yaw), sample.file  # yaw > 0: towards the left edge
            turned += 1
    assert turned >= 2


@pytest.mark.parametrize("mistake", [(-1, 1, 1), (1, -1, 1), (1, 1, -1), "order"], ids=str)
def test_the_landmarks_would_show_a_wrong_sign_or_order(aflw2000_folder: Path, mistake: Any) -> None:
    worst = 0.0
    for sample in read_aflw2000(aflw2000_folder):
        yaw, pitch, roll = sample.angles
        wrong = (pitch, yaw, roll) if mistake == "order" else np.multiply(sample.angles, mistake)
        points = loadmat(sample.file.with_suffix(".mat"))["pt3d_68"]
        worst = max(worst, *disagreement(wrong, points))
    assert worst > 30


def test_all_images_count_and_those_beyond_99_degrees_are_told_apart(tmp_path: Path) -> None:
    samples = read_aflw2000(write_aflw2000(tmp_path / "set", POSES))
    near = [[box_pose((yaw + 3, pitch, roll))] for yaw, pitch, roll in POSES.values()]
    near[2] = [box_pose((5, 0, 3))]
    report = evaluate_aflw2000(predict_samples(QueuedEstimator(near), samples, boxes="annotation"))  # type: ignore[arg-type]
    assert (report["n"], report["published"], report["dropped"]) == (4, 2000, [])
    assert report["metrics"]["pitch"] == pytest.approx(120 / 4, abs=1e-4)  # as it is, not folded
    assert (report["within_99"]["n"], report["within_99"]["metrics"]["mae"]) == (3, 1)
    assert (report["beyond_99"]["n"], report["beyond_99"]["metrics"]["mae"]) == (1, 40)
    assert [Path(file).name for file in report["beyond_99"]["files"]] == ["image00006.jpg"]
    assert "pt3d_68" in report["protocol"]
    assert "labelled box" in report["protocol"]


def test_without_images_beyond_99_degrees_there_are_no_figures_of_them(tmp_path: Path) -> None:
    samples = read_aflw2000(write_aflw2000(tmp_path / "set", {"image00002": (1.0, 2.0, 99.0)}))
    report = evaluate_aflw2000(predict_samples(QueuedEstimator([[]]), samples, boxes="detector"))  # type: ignore[arg-type]
    assert report["beyond_99"] == {"n": 0, "metrics": None, "files": []}
    assert (report["metrics"]["roll"], len(report["missed"])) == (pytest.approx(99, abs=1e-3), 1)


def test_the_bundled_model_is_no_stranger_to_the_set(aflw2000_folder: Path, estimator: HeadPoseEstimator) -> None:
    report = evaluate_aflw2000(predict_samples(estimator, read_aflw2000(aflw2000_folder), boxes="annotation"))
    assert report["n"] == len(list(aflw2000_folder.glob("image*.jpg")))
    low, high = report["metrics"]["mae_interval"]
    assert low <= report["metrics"]["mae"] <= high
    if "formats" in aflw2000_folder.parts:  # the drawn photos all show one pose, whatever their labels say
        assert report["metrics"]["mae"] < 6


def overwrite(**changes: Any) -> Callable[[Path], None]:
    """Writes image00002.mat anew with variables changed, or left out if None."""

    def write(root: Path) -> None:
        variables = aflw2000_variables(POSES["image00002"], neutral_landmarks() * 50 + 96) | changes
        savemat(root / "image00002.mat", {name: value for name, value in variables.items() if value is not None})

    return write


NAN = np.full((3, 68), np.nan)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (overwrite(Pose_Para=None), r"image00002\.mat has no Pose_Para; give"),
        (overwrite(pt3d_68=None), r"image00002\.mat has no pt3d_68; give"),
        (overwrite(Pose_Para=[[0.1, np.nan, 0, 0, 0, 0, 0]]), r"image00002\.mat: Pose_Para holds NaN"),
        (overwrite(Pose_Para=[[0.1, 0.2]]), r"image00002\.mat: Pose_Para has 2 numbers"),
        (overwrite(Pose_Para=[[30.0, 12.0, 5.0, 0]]), r"image00002\.mat: Pose_Para begins .* no radians"),
        (overwrite(Pose_Para="left"), r"image00002\.mat: Pose_Para does not hold numbers"),
        (overwrite(pt3d_68=NAN), r"image00002\.mat: pt3d_68 holds NaN"),
        (overwrite(pt3d_68=np.zeros((2, 21))), r"image00002\.mat: pt3d_68 has shape \(2, 21\)"),
        (overwrite(pt3d_68=np.zeros((3, 68))), r"image00002\.mat: pt3d_68 spans no box"),
        (overwrite(pt3d_68=neutral_landmarks() + 9999), r"image00002\.jpg: box .* outside"),
        (lambda root: (root / "image00002.mat").unlink(), r"image00002\.jpg has no image00002\.mat"),
        (lambda root: (root / "image00004.jpg").unlink(), r"image00004\.mat has no image00004\.jpg"),
        (lambda root: (root / "image00002.mat").write_bytes(b"pose" * 99), r"image00002\.mat cannot be read as"),
        (lambda root: (root / "image00002.mat").write_bytes(b""), r"image00002\.mat cannot be read as"),
        (lambda root: (root / "image00004.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off"), r"image00004\.jpg: "),
    ],
)
def test_a_wrong_file_is_named_before_anything_is_measured(
    spoil: Callable[[Path], None], says: str, tmp_path: Path
) -> None:
    root = write_aflw2000(tmp_path / "set", POSES)
    spoil(root)
    with pytest.raises(DatasetError, match=says):
        read_aflw2000(root)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no imageNNNNN\.jpg; give the folder"):
        read_aflw2000(tmp_path)
    with pytest.raises(DatasetError, match=r"nowhere: cannot list"):
        read_aflw2000(tmp_path / "nowhere")


def test_without_scipy_one_line_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_aflw2000(tmp_path / "set", POSES)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(HeadPoseError, match=r'^[^\n]*`pip install "headpose-sdk\[eval\]"`$'):
        read_aflw2000(root)


def test_reading_tells_its_progress(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    read_aflw2000(write_aflw2000(tmp_path / "set", POSES), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
