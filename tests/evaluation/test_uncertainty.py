"""What the predicted std is worth: the measure by stand-ins, and the bundled network on pictures without a face."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from headpose_sdk.cli.measures import measure_uncertainty
from headpose_sdk.errors import DatasetError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import read_manifest
from headpose_sdk.evaluation.uncertainty import NO_FACES, WHAT_IT_IS, evaluate_uncertainty, separation
from headpose_sdk.evaluation.views import SAMPLE_FACE, sample_photo
from headpose_sdk.images import write_image
from headpose_sdk.preprocessing import crop_face
from headpose_sdk.results import Image, PoseBatch

SIZE = 112


class Doubting:
    """Tells of each crop the std that ``judge`` makes of it, and keeps the crops."""

    config = SimpleNamespace(name="doubting", input_size=SIZE, crop_margin=1.0)

    def __init__(self, judge: Callable[[Image], float]) -> None:
        self.judge = judge
        self.seen: list[Image] = []

    def predict_crops(self, crops: Image) -> PoseBatch:
        self.seen += list(crops)
        std = np.array([[self.judge(crop)] * 3 for crop in crops], np.float32)
        return PoseBatch(np.zeros_like(std), std)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The sample photo twice, whose face leaves room beside it."""
    corners = ",".join(map(str, SAMPLE_FACE.to_list()))
    for name in ("0.png", "1.png"):
        write_image(tmp_path / name, sample_photo())
    rows = [f"{name},1,2,3,{corners}" for name in ("0.png", "1.png")]
    (tmp_path / "manifest.csv").write_text("\n".join(["file,yaw,pitch,roll,x1,y1,x2,y2", *rows]) + "\n")
    return tmp_path


FACE = crop_face(sample_photo(), SAMPLE_FACE, margin=1.0, size=SIZE)


@pytest.mark.parametrize(
    ("lower", "higher", "area"),
    [([1, 2], [3, 4], 1), ([3, 4], [1, 2], 0), ([1, 1], [1], 0.5), ([1, 3], [2], 0.5), ([1, 2, 3], [3, 4], 5.5 / 6)],
)
def test_separation_is_how_often_the_lower_is_below(lower: list[float], higher: list[float], area: float) -> None:
    assert separation(lower, higher) == pytest.approx(area)


def test_separation_is_that_of_scipy() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.integers(0, 30, 80), rng.integers(10, 50, 120)
    expected = mannwhitneyu(other, one).statistic / (80 * 120)
    assert separation(one.tolist(), other.tolist()) == pytest.approx(expected)


@pytest.mark.parametrize(("of_face", "of_others", "auc", "caught"), [(2, 9, 1, 1), (9, 2, 0, 0), (4, 4, 0.5, 0)])
def test_a_network_that_knows_is_told_from_one_that_does_not(
    root: Path, of_face: float, of_others: float, auc: float, caught: float
) -> None:
    estimator = Doubting(lambda crop: of_face if np.array_equal(crop, FACE) else of_others)
    report = evaluate_uncertainty(estimator, read_manifest(root))  # type: ignore[arg-type]
    assert (report["n"], report["median_std"], report["threshold"]) == (2, of_face, of_face)
    assert report["kinds"].keys() == NO_FACES.keys() == WHAT_IT_IS.keys()
    for figures in [*report["kinds"].values(), report["all"]]:
        assert (figures["auc"], figures["caught"], figures["median_std"]) == (auc, caught, of_others)
    assert report["all"]["n"] == sum(figures["n"] for figures in report["kinds"].values()) == 2 * len(NO_FACES)


def test_the_pictures_are_what_they_are_said_to_be_and_the_same_every_time(root: Path) -> None:
    runs = [Doubting(lambda crop: 1.0) for _ in range(2)]
    for estimator in runs:
        evaluate_uncertainty(estimator, read_manifest(root))  # type: ignore[arg-type]
    assert np.array_equal(runs[0].seen, runs[1].seen)
    face, *others = runs[0].seen[: 1 + len(NO_FACES)]
    assert np.array_equal(face, FACE)
    made = dict(zip(NO_FACES, others, strict=True))
    again = dict(zip(NO_FACES, runs[0].seen[2 + len(NO_FACES) :], strict=True))
    for name, picture in made.items():
        assert picture.shape == face.shape
        assert np.array_equal(picture, again[name]) == (name in ("blurred", "tiny")), name  # those need no dice
    assert made["blurred"].std(axis=(0, 1)).max() < face.std(axis=(0, 1)).min() / 2
    assert np.abs(made["tiny"].mean(axis=(0, 1)) - face.mean(axis=(0, 1))).max() < 12
    assert (np.diff(made["blank"].astype(int), axis=0) == 0).all() or (np.diff(made["blank"], axis=1) == 0).all()


def test_a_photo_full_of_its_face_has_nothing_beside_it(root: Path) -> None:
    (root / "manifest.csv").write_text("file,yaw,pitch,roll,x1,y1,x2,y2\n0.png,1,2,3,0,0,512,512\n")
    report = evaluate_uncertainty(Doubting(lambda crop: 1.0), read_manifest(root))  # type: ignore[arg-type]
    assert report["kinds"].keys() == NO_FACES.keys() - {"beside"}


def test_the_bundled_network_is_unsure_of_what_it_cannot_know(estimator: HeadPoseEstimator, root: Path) -> None:
    report = evaluate_uncertainty(estimator, read_manifest(root))
    assert report["all"]["auc"] >= 0.9
    for name in ("noise", "blank", "drawn", "blurred", "tiny"):
        assert report["kinds"][name]["median_std"] > 3 * report["median_std"], name


def test_the_table_and_dropped_photos(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "1.png").write_bytes(b"no picture")
    args = SimpleNamespace(root=root, json=None)
    assert measure_uncertainty(args, Doubting(lambda crop: float(crop.std()))) == 1  # type: ignore[arg-type]
    printed = capsys.readouterr()
    assert "1.png" in printed.err
    lines = printed.out.splitlines()
    assert len(lines) == 3 + len(NO_FACES) + 1
    assert lines[-1].split()[-4:] == [str(len(NO_FACES)), "all", "of", "them"]


def test_what_cannot_be_measured_is_refused(root: Path) -> None:
    (root / "manifest.csv").write_text("file,yaw,pitch,roll\n0.png,1,2,3\n")
    with pytest.raises(DatasetError, match=r"0\.png has no labelled box"):
        evaluate_uncertainty(Doubting(lambda crop: 1.0), read_manifest(root))  # type: ignore[arg-type]
