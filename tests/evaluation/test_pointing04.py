"""Pointing'04: what is read, how it is measured, what is said of wrong files and of people measured by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.errors import DatasetError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import DirectionSample, read_pointing04
from headpose_sdk.evaluation.evaluate import evaluate_pointing04
from headpose_sdk.results import HeadPose

from .benchmark_sets import write_pointing04
from .stand_ins import QueuedEstimator, box_pose


def pose_towards(pan: float, tilt: float) -> HeadPose:
    """The head, not rolled, that faces pan and tilt in degrees."""
    x, y = -np.sin(np.radians(pan)) * np.cos(np.radians(tilt)), -np.sin(np.radians(tilt))
    z = -np.cos(np.radians(pan)) * np.cos(np.radians(tilt))
    return box_pose((float(np.degrees(np.arcsin(-x))), float(np.degrees(np.arctan2(-y, -z))), 0))


def half_way(samples: tuple[DirectionSample, ...]) -> list[list[HeadPose]]:
    """People who turn half of what they are asked to, 4 degrees too far up."""
    return [[pose_towards(sample.pan / 2, sample.tilt / 2 + 4)] for sample in samples]


def test_the_published_layout_is_read(pointing04_folder: Path) -> None:
    data = read_pointing04(pointing04_folder)
    for person in data.people:
        for series in "12":
            marks = [(s.tilt, s.pan) for s in data.samples if (s.person, s.series) == (person, series)]
            assert len(marks) == len(set(marks)) == 91
            assert {abs(pan) for _, pan in marks} == {0, 15, 30, 45, 60, 75, 90}
            assert {abs(tilt) for tilt, _ in marks} == {0, 15, 30, 60}
    assert len(data.left_out) == 4 * len(data.people)
    assert {(abs(sample.tilt), sample.pan) for sample in data.left_out} == {(90, 0)}


def test_the_box_is_a_square_of_1_55_times_the_longer_side_on_the_centre(pointing04_folder: Path) -> None:
    for sample in read_pointing04(pointing04_folder).samples[:50]:
        lines = sample.file.with_suffix(".txt").read_text(encoding="utf-8").split()
        x, y, width, height = map(float, lines[-4:])
        assert sample.box.center == pytest.approx((x, y))
        assert (sample.box.width, sample.box.height) == pytest.approx((1.55 * max(width, height),) * 2)


def test_the_name_is_split_as_it_is_documented(tmp_path: Path) -> None:
    data = read_pointing04(write_pointing04(tmp_path / "p", ("07",)))
    [sample] = [sample for sample in data.samples if sample.file.name == "person07104-60-45.jpg"]
    assert (sample.person, sample.series, sample.tilt, sample.pan) == ("07", "1", -60, -45)


def test_people_who_turn_half_way_have_raw_errors_and_none_after_the_maps(tmp_path: Path) -> None:
    data = read_pointing04(write_pointing04(tmp_path / "p", ("01", "02")))
    report = evaluate_pointing04(QueuedEstimator(half_way(data.samples)), data, boxes="annotation")  # type: ignore[arg-type]
    assert json.loads(json.dumps(report)) == report
    raw_pan = np.mean([abs(sample.pan / 2) for sample in data.samples])
    raw_tilt = np.mean([abs(sample.tilt / 2 - 4) for sample in data.samples])
    assert (report["raw"]["pan"], report["raw"]["tilt"]) == pytest.approx((raw_pan, raw_tilt), abs=1e-3)
    assert report["raw"]["mean"] == pytest.approx((raw_pan + raw_tilt) / 2, abs=1e-3)
    assert report["affine"]["mean"] == report["per_person"]["mean"] == pytest.approx(0, abs=1e-3)
    assert report["maps"][0] == {"people": ["01"], "pan": [2, 0], "tilt": [2, -8]}
    assert (report["n"], report["published"], report["people"]) == (len(data.samples), 2790, ["01", "02"])
    assert report["incomplete"][0] == "person 01 series 1: 24 of 93 images"
    assert all("-90+0" in file or "+90+0" in file for file in report["left_out"])
    for words in ("direction", "1.55", "tilt +-90 left out", "leaving one out", "other, both ways", "labelled box"):
        assert words in report["protocol"]


def test_the_map_of_a_person_is_fitted_on_the_others(tmp_path: Path) -> None:
    data = read_pointing04(write_pointing04(tmp_path / "p", ("01", "02")))
    factor = {"01": 0.5, "02": 0.25}
    poses = [[pose_towards(s.pan * factor[s.person], s.tilt * factor[s.person])] for s in data.samples]
    report = evaluate_pointing04(QueuedEstimator(poses), data, boxes="annotation")  # type: ignore[arg-type]
    assert [entry["pan"][0] for entry in report["maps"]] == pytest.approx([4, 2])
    assert report["affine"]["pan"] > 20
    assert report["per_person"]["mean"] == pytest.approx(0, abs=1e-3)


def test_a_person_is_measured_on_one_series_by_the_fit_on_the_other(tmp_path: Path) -> None:
    data = read_pointing04(write_pointing04(tmp_path / "p", ("01", "02")))
    offset = {"1": 0, "2": 10}
    poses = [[pose_towards(s.pan / 2 + offset[s.series], s.tilt / 2)] for s in data.samples]
    report = evaluate_pointing04(QueuedEstimator(poses), data, boxes="annotation")  # type: ignore[arg-type]
    assert report["per_person"]["pan"] == pytest.approx(20, abs=1e-3)


def test_a_folder_to_fit_on_gives_one_map_for_all(tmp_path: Path) -> None:
    data = read_pointing04(write_pointing04(tmp_path / "p", ("06",)))
    fit = read_pointing04(write_pointing04(tmp_path / "q", ("01", "02")))
    told: list[tuple[int, int]] = []
    poses = half_way(data.samples) + half_way(fit.samples)
    report = evaluate_pointing04(
        QueuedEstimator(poses),  # type: ignore[arg-type]
        data,
        boxes="annotation",
        fit=fit,
        progress=lambda done, total: told.append((done, total)),
    )
    assert report["affine"]["mean"] == pytest.approx(0, abs=1e-3)
    assert (report["n"], report["fitted_on"]) == (len(data.samples), "people 01 02")
    assert report["maps"] == [{"people": ["06"], "pan": [2, 0], "tilt": [2, -8]}]
    assert told == [(done, len(poses)) for done in range(1, len(poses) + 1)]


def test_missed_faces_count_and_a_detector_that_finds_nobody_is_refused(tmp_path: Path) -> None:
    data = read_pointing04(write_pointing04(tmp_path / "p", ("01", "02")))
    found = {sample.file: [box_pose((0, 0, 0), tuple(sample.box.to_list()))] for sample in data.samples}  # type: ignore[arg-type]
    poses = [[] if index == 0 else found[sample.file] for index, sample in enumerate(data.samples)]
    report = evaluate_pointing04(QueuedEstimator(poses), data, boxes="detector")  # type: ignore[arg-type]
    assert (report["n"], report["missed"]) == (len(data.samples), [data.samples[0].file.as_posix()])
    with pytest.raises(DatasetError, match="detector found no face among those"):
        evaluate_pointing04(QueuedEstimator([[]] * len(poses)), data, boxes="detector")  # type: ignore[arg-type]


def test_the_bundled_model_is_measured(pointing04_folder: Path, estimator: HeadPoseEstimator) -> None:
    report = evaluate_pointing04(estimator, read_pointing04(pointing04_folder), boxes="annotation")
    assert (report["incomplete"], report["missed"], report["dropped"]) == ([], [], [])
    if "formats" in pointing04_folder.parts:  # the drawn photos all show one pose
        assert report["per_person"]["mean"] < report["affine"]["mean"] < min(11, report["raw"]["mean"])
        assert all(entry["pan"][0] > 0.8 and entry["tilt"][0] > 0.8 for entry in report["maps"])  # signs


def spoil_box(text: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        (root / "Person01" / "person01104-60-45.txt").write_text(text, encoding="utf-8")

    return write


def renamed(name: str) -> Callable[[Path], None]:
    return lambda root: (root / "Person01" / "person01104-60-45.jpg").rename(root / "Person01" / name) and None


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_box("a.jpg\n\nFace\n10\n10\n0\n0\n"), r"person01104-60-45\.txt holds no box \(its sides are"),
        (spoil_box("a.jpg\n\nFace\n10\n10\n-5\n9\n"), r"person01104-60-45\.txt holds no box"),
        (spoil_box("a.jpg\n\nFace\nnan\n10\n5\n9\n"), r"person01104-60-45\.txt holds no box"),
        (spoil_box("a.jpg\n\nFace\nten\n10\n5\n9\n"), r"person01104-60-45\.txt holds no box .*'ten'"),
        (spoil_box("a.jpg\n\nFace\n10\n10\n"), r"person01104-60-45\.txt holds no box"),
        (spoil_box("a.jpg\n10\n10\n5\n9\n"), r"person01104-60-45\.txt holds no box"),
        (spoil_box(""), r"person01104-60-45\.txt holds no box"),
        (spoil_box("a.jpg\n\nFace\n9999\n10\n5\n9\n"), r"person01104-60-45\.jpg: box .* outside"),
        (lambda root: (root / "Person01" / "person01104-60-45.txt").unlink(), r"45\.jpg has no person01104-60-45\.txt"),
        (lambda root: (root / "Person01" / "person01104-60-45.jpg").write_bytes(b"GIF89a"), r"01104-60-45\.jpg: "),
        (renamed("person01104-6045.jpg"), r"person01104-6045\.jpg: the name is not"),
        (renamed("person01104-60-99.jpg"), r"person01104-60-99\.jpg: .* beyond 90 degrees"),
        (lambda root: write_pointing04(root / "copy", ("01",)) and None, r"are one image of the set"),
    ],
)
def test_a_wrong_file_is_named_before_anything_is_measured(
    spoil: Callable[[Path], None], says: str, tmp_path: Path
) -> None:
    root = write_pointing04(tmp_path / "p", ("01",))
    spoil(root)
    with pytest.raises(DatasetError, match=says):
        read_pointing04(root)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no person\.\.\.jpg"):
        read_pointing04(tmp_path)
    with pytest.raises(DatasetError, match=r"nowhere is no folder"):
        read_pointing04(tmp_path / "nowhere")


def test_nobody_is_fitted_on_themselves(tmp_path: Path) -> None:
    one = read_pointing04(write_pointing04(tmp_path / "one", ("01",)))
    both = read_pointing04(write_pointing04(tmp_path / "both", ("01", "02")))
    idle = QueuedEstimator([])
    with pytest.raises(DatasetError, match=r"person 01 is alone.* --fit"):
        evaluate_pointing04(idle, one, boxes="annotation")  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="person 01 is in both folders"):
        evaluate_pointing04(idle, one, boxes="annotation", fit=both)  # type: ignore[arg-type]


def test_a_person_without_the_other_series_is_named(tmp_path: Path) -> None:
    root = write_pointing04(tmp_path / "p", ("01", "02"))
    for file in root.glob("Person02/person022*"):
        file.unlink()
    with pytest.raises(DatasetError, match=r"Person02: person 02 has series 1 alone"):
        evaluate_pointing04(QueuedEstimator([]), read_pointing04(root), boxes="annotation")  # type: ignore[arg-type]
