"""300W-LP: the genuine files and others in their layout, the signs of their angles, what is said of wrong files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import read_300w_lp
from headpose_sdk.evaluation.evaluate import evaluate_published, predict_samples

from .benchmark_sets import aflw2000_variables, neutral_landmarks, write_300w_lp
from .conftest import GENUINE
from .stand_ins import QueuedEstimator, box_pose

HEADS = {
    "HELEN/HELEN_7_1_0": (31.0, -4.0, 9.0),
    "HELEN/HELEN_7_1_1": (60.0, -3.0, 2.0),
    "AFW/AFW_9_2_0": (-8.0, 5.0, 1.0),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_300w_lp(tmp_path / "300W_LP", HEADS)


@pytest.fixture(params=["drawn", "genuine"])
def any_folder(request: pytest.FixtureRequest, folder: Path) -> Path:
    if request.param == "genuine":
        if GENUINE is None:
            pytest.skip("HEADPOSE_DATA names no genuine files")
        return Path(GENUINE) / "formats" / "300W_LP"
    return folder


def test_every_image_of_every_part_is_read(folder: Path) -> None:
    samples = read_300w_lp(folder)
    names = ["AFW/AFW_9_2_0", "AFW_Flip/AFW_9_2_0"]
    names += [f"{part}/HELEN_7_1_{version}" for part in ("HELEN", "HELEN_Flip") for version in (0, 1)]
    assert [sample.file for sample in samples] == [folder / f"{name}.jpg" for name in names]
    assert [sample.source for sample in samples] == ["AFW_9_2"] * 2 + ["HELEN_7_1"] * 4
    assert samples[2].angles == pytest.approx(HEADS["HELEN/HELEN_7_1_0"], abs=1e-4)
    points = loadmat(folder / "HELEN" / "HELEN_7_1_1.mat")["pt2d"]
    assert samples[3].box is not None
    assert samples[3].box.to_list() == pytest.approx([*points.min(axis=1), *points.max(axis=1)], abs=0.01)


def test_a_mirror_image_turns_yaw_and_roll_over_and_shares_its_source(any_folder: Path) -> None:
    samples = {sample.file.relative_to(any_folder).as_posix(): sample for sample in read_300w_lp(any_folder)}
    pairs = [(samples[name], samples[name.replace("/", "_Flip/", 1)]) for name in samples if "_Flip/" not in name]
    assert len(pairs) * 2 == len(samples)
    for sample, mirrored in pairs:
        yaw, pitch, roll = mirrored.angles
        # The genuine ones were fitted anew, so they differ by a degree.
        assert sample.angles == pytest.approx((-yaw, pitch, -roll), abs=1.5)
        assert sample.source == mirrored.source


def test_the_nose_points_to_the_side_that_yaw_says(any_folder: Path) -> None:
    for sample in read_300w_lp(any_folder):
        if sample.file.stem.endswith("_0"):  # the landmarks of further versions are those of the photo
            x, _ = loadmat(sample.file.with_suffix(".mat"))["pt2d"]
            assert np.sign((x[0] + x[16]) / 2 - x[30]) == np.sign(sample.angles[0])  # yaw > 0: towards the left edge


def test_the_report_says_how_much_of_the_set_it_is(folder: Path) -> None:
    samples = read_300w_lp(folder)
    estimator = QueuedEstimator(
        [[box_pose((yaw + 3, pitch, roll))] for yaw, pitch, roll in (s.angles for s in samples)]
    )
    report = evaluate_published(
        predict_samples(estimator, samples, boxes="annotation"),  # type: ignore[arg-type]
        dataset="300w-lp",
        published=122_450,
    )
    assert (report["dataset"], report["published"], report["n"]) == ("300w-lp", 122_450, 6)
    assert report["metrics"]["yaw"] == pytest.approx(3, abs=1e-3)


def overwrite(**changes: Any) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        points = (neutral_landmarks()[:2] * 50 + 96).astype(np.float32)
        variables = aflw2000_variables((1, 2, 3), neutral_landmarks()) | {"pt2d": points} | changes
        savemat(
            root / "HELEN" / "HELEN_7_1_0.mat", {key: value for key, value in variables.items() if value is not None}
        )

    return write


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (overwrite(Pose_Para=None), r"HELEN_7_1_0\.mat has no Pose_Para; give"),
        (overwrite(pt2d=None), r"HELEN_7_1_0\.mat has no pt2d; give"),
        (overwrite(pt2d=np.full((2, 21), 3.0)), r"HELEN_7_1_0\.mat: pt2d has shape \(2, 21\), not \(2, 68\)"),
        (lambda root: (root / "HELEN" / "HELEN_7_1_0.mat").unlink(), r"HELEN_7_1_0\.jpg has no HELEN_7_1_0\.mat"),
        (lambda root: (root / "HELEN" / "HELEN_7_1_1.jpg").unlink(), r"HELEN_7_1_1\.mat has no HELEN_7_1_1\.jpg"),
        (lambda root: (root / "AFW" / "AFW_9_2_0.jpg").write_bytes(b"cut"), r"AFW_9_2_0\.jpg"),
        (lambda root: (root / "LFPW").mkdir(), r"LFPW holds no images"),
        (lambda root: (root / "AFW" / "AFW_9_2_0.jpg").rename(root / "AFW" / "me.jpg"), r"AFW_9_2_0\.mat has no"),
    ],
)
def test_a_wrong_file_is_named_before_anything_is_measured(
    spoil: Callable[[Path], None], says: str, folder: Path
) -> None:
    spoil(folder)
    with pytest.raises(DatasetError, match=says):
        read_300w_lp(folder)


def test_other_images_and_other_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    for suffix in (".jpg", ".mat"):
        (folder / "AFW" / f"me{suffix}").write_bytes((folder / "AFW" / f"AFW_9_2_0{suffix}").read_bytes())
    with pytest.raises(DatasetError, match=r"me\.jpg is not named PHOTO_NUMBER\.jpg"):
        read_300w_lp(folder)
    with pytest.raises(DatasetError, match=r"has none of the folders AFW, AFW_Flip, HELEN"):
        read_300w_lp(tmp_path)
