"""BIWI Kinect Head Pose in its published layout: angles, order, and what is said of wrong files."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import read_biwi

from .benchmark_sets import write_biwi

FRAMES = {
    "02/frame_00010": (-40.0, 6.0, 3.0),
    "01/frame_00004": (12.0, -9.0, 20.0),
    "01/frame_00003": (75.0, 30.0, -10.0),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_biwi(tmp_path / "biwi", FRAMES)


def hopenets_angles(labels: Path) -> tuple[float, float, float]:
    """Yaw, pitch, roll as Hopenet's evaluation on BIWI reads them, typed out from its description."""
    numbers = np.array(labels.read_text().split(), float)
    r = numbers[:9].reshape(3, 3).T
    roll = -math.atan2(r[1, 0], r[0, 0])
    yaw = -math.atan2(-r[2, 0], math.hypot(r[2, 1], r[2, 2]))
    pitch = math.atan2(r[2, 1], r[2, 2])
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


def test_every_frame_is_read_in_order_without_a_box(folder: Path) -> None:
    samples = read_biwi(folder)
    assert [sample.file for sample in samples] == [folder / f"{name}_rgb.png" for name in sorted(FRAMES)]
    assert [sample.source for sample in samples] == ["01", "01", "02"]
    assert {sample.box for sample in samples} == {None}
    for sample, name in zip(samples, sorted(FRAMES), strict=True):
        assert sample.angles == pytest.approx(FRAMES[name], abs=1e-3)


def test_the_angles_are_those_that_hopenet_reports(folder: Path) -> None:
    for sample in read_biwi(folder):
        labels = sample.file.with_name(sample.file.name.replace("_rgb.png", "_pose.txt"))
        assert sample.angles == pytest.approx(hopenets_angles(labels), abs=1e-4)


def rewrite(text: str) -> Callable[[Path], object]:
    return lambda root: (root / "01" / "frame_00003_pose.txt").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda root: (root / "01" / "frame_00003_pose.txt").unlink(), r"frame_00003_pose\.txt is missing"),
        (lambda root: (root / "01" / "frame_00004_rgb.png").unlink(), r"frame_00004_rgb\.png is missing"),
        (lambda root: (root / "01" / "frame_00004_rgb.png").write_bytes(b"cut"), r"frame_00004_rgb\.png"),
        (lambda root: (root / "03").mkdir(), r"03 holds no frames"),
        (rewrite("1 0 0\n0 1 0\n0 0 one\n\n0 0 800\n"), r"frame_00003_pose\.txt cannot be read as numbers"),
        (rewrite("1 0 0\n0 1 0\n0 0 1\n"), r"frame_00003_pose\.txt holds 9 numbers"),
        (rewrite("1 0 0\n0 1 0\n0 0 2\n\n0 0 800\n"), r"frame_00003_pose\.txt does not begin with a rotation"),
        (rewrite("1 0 0\n0 1 0\n0 0 -1\n\n0 0 800\n"), r"frame_00003_pose\.txt does not begin with a rotation"),
        (rewrite("nan 0 0\n0 1 0\n0 0 1\n\n0 0 800\n"), r"frame_00003_pose\.txt does not begin with a rotation"),
    ],
)
def test_a_wrong_file_is_named_before_anything_is_measured(
    spoil: Callable[[Path], object], says: str, folder: Path
) -> None:
    spoil(folder)
    with pytest.raises(DatasetError, match=says):
        read_biwi(folder)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no folders 01 to 24"):
        read_biwi(tmp_path)
