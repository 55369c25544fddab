"""Protocols with stand-ins for the networks: what is measured, counted, missed and dropped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import headpose_sdk
from headpose_sdk.errors import DatasetError, InvalidBoxError
from headpose_sdk.evaluation.datasets import read_faces, read_manifest
from headpose_sdk.evaluation.evaluate import evaluate_detector, evaluate_poses, predict_samples
from headpose_sdk.results import BoundingBox, FaceDetection

from .stand_ins import KeyedDetector, KeyedEstimator, box_pose

POSES = "file,yaw,pitch,roll"
BOXES = "file,yaw,pitch,roll,x1,y1,x2,y2"
Write = Callable[..., Path]


def test_labelled_boxes_reach_the_estimator_and_the_report_says_how_it_measured(write_dataset: Write) -> None:
    samples = read_manifest(write_dataset(BOXES, "0.png,10,0,0,1,2,31,42", "1.png,0,-20,0,5,5,50,50").parent)
    asked = []

    class Listening(KeyedEstimator):
        def predict(self, image, boxes=None):  # type: ignore[no-untyped-def]
            asked.append(boxes)
            return super().predict(image, boxes)

    estimator = Listening({0: [box_pose((12, 0, 0))], 1: [box_pose((0, -16, 0))]})
    report = evaluate_poses(predict_samples(estimator, samples, boxes="annotation"))  # type: ignore[arg-type]
    assert asked == [[BoundingBox(1, 2, 31, 42)], [BoundingBox(5, 5, 50, 50)]]
    metrics = report.pop("metrics")
    assert (metrics["yaw"], metrics["pitch"], metrics["roll"], metrics["mae"]) == (1, 2, 0, 1)
    assert metrics["coverage_1_sigma"] == [1, 0.5, 1]
    assert report == {
        "protocol": "pose of each labelled face, cut out by its labelled box",
        "model": "keyed",
        "providers": ["CPUExecutionProvider"],
        "boxes": "annotation",
        "detector": None,
        "crop_margin": 1.25,
        "samples": 2,
        "n": 2,
        "missed": [],
        "dropped": [],
        "version": headpose_sdk.__version__,
        "front": {"n": 2, "median_std": [3, 3, 3]},
        "behind": {"n": 0, "median_std": None},
        "box_step": None,
    }


def test_the_std_of_heads_seen_from_behind_is_told_beside_that_from_the_front(write_dataset: Write) -> None:
    front, side = ["0.png,29,0,0", "1.png,-20,9,0", "2.png,0,0,0"], ["0.png,60,0,0", "1.png,-119,0,0"]
    behind = ["0.png,-150,9,0", "1.png,61,180,180", "2.png,180,0,0"]  # (61, 180, 180) is (119, 0, 0) turned on
    samples = read_manifest(write_dataset(POSES, *front, *side, *behind).parent)
    poses = {0: [box_pose((0, 0, 0), std=(2, 30, 4))], 1: [box_pose((0, 0, 0), std=(4, 50, 6))], 2: []}
    report = evaluate_poses(predict_samples(KeyedEstimator(poses), samples, boxes="detector"))  # type: ignore[arg-type]
    assert report["front"] == {"n": 2, "median_std": [3, 40, 5]}  # a missed face has none
    assert report["behind"] == {"n": 1, "median_std": [2, 30, 4]}


def test_the_step_from_the_detectors_box_to_the_labelled_one_is_told(write_dataset: Write) -> None:
    samples = read_manifest(
        write_dataset(BOXES, "0.png,0,0,0,10,14,50,58", "1.png,0,0,0,5,8,50,50", "2.png,0,0,0,1,1,9,9").parent
    )
    poses = {0: [box_pose((0, 0, 0), (10, 10, 50, 50))], 1: [box_pose((0, 0, 0), (5, 5, 50, 45))], 2: []}
    report = evaluate_poses(predict_samples(KeyedEstimator(poses), samples, boxes="detector"))  # type: ignore[arg-type]
    # Sides 44 for 40 and 45 for 45; centres 36 for 30 and 29 for 25.
    assert report["box_step"] == {"scale": 1.05, "shift": pytest.approx((6 / 40 + 4 / 45) / 2, abs=1e-4)}


def test_the_detected_face_that_fits_the_label_is_measured_not_the_largest(write_dataset: Write) -> None:
    samples = read_manifest(write_dataset(BOXES, "0.png,10,0,0,0,0,20,20").parent)
    estimator = KeyedEstimator({0: [box_pose((80, 0, 0), (30, 0, 99, 99)), box_pose((11, 0, 0), (2, 0, 22, 20))]})
    report = evaluate_poses(predict_samples(estimator, samples, boxes="detector"))  # type: ignore[arg-type]
    assert report["metrics"]["yaw"] == 1
    assert report["detector"] == "KeyedDetector"


def test_a_missed_face_counts_as_zero_and_is_named(write_dataset: Write) -> None:
    samples = read_manifest(
        write_dataset(BOXES, "0.png,30,0,0,0,0,20,20", "1.png,0,-60,9,0,0,20,20", "2.png,2,2,2,0,0,20,20").parent
    )
    here = (0.0, 0.0, 20.0, 20.0)
    estimator = KeyedEstimator({0: [], 1: [box_pose((0, -60, 9), (12, 0, 32, 20))], 2: [box_pose((2, 2, 2), here)]})
    report = evaluate_poses(predict_samples(estimator, samples, boxes="detector"))  # type: ignore[arg-type]
    assert [Path(file).name for file in report["missed"]] == ["0.png", "1.png"]  # nothing, and an IoU of 0.25
    metrics = report["metrics"]
    assert (metrics["n"], metrics["yaw"], metrics["pitch"], metrics["roll"]) == (3, 10, 20, 3)
    assert metrics["n_with_std"] == 1


def test_a_detected_box_outside_of_the_photo_is_a_miss_and_a_labelled_one_is_dropped(write_dataset: Write) -> None:
    samples = read_manifest(write_dataset(BOXES, "0.png,30,0,0,0,0,20,20", "1.png,2,2,2,0,0,20,20").parent)

    class Lost(KeyedEstimator):
        def predict(self, image, boxes=None):  # type: ignore[no-untyped-def]
            if image[0, 0, 0] == 0:
                raise InvalidBoxError("the box lies wholly outside")
            return super().predict(image, boxes)

    estimator = Lost({1: [box_pose((2, 2, 2), (0, 0, 20, 20))]})
    report = evaluate_poses(predict_samples(estimator, samples, boxes="detector"))  # type: ignore[arg-type]
    assert ([Path(file).name for file in report["missed"]], report["dropped"]) == (["0.png"], [])
    assert (report["n"], report["metrics"]["yaw"]) == (2, 15)
    report = evaluate_poses(predict_samples(estimator, samples, boxes="annotation"))  # type: ignore[arg-type]
    assert (report["n"], report["missed"], len(report["dropped"])) == (1, [], 1)


def test_without_a_labelled_box_the_largest_face_is_measured(write_dataset: Write) -> None:
    samples = read_manifest(write_dataset(POSES, "0.png,10,0,0").parent)
    estimator = KeyedEstimator({0: [box_pose((80, 0, 0), (0, 0, 9, 9)), box_pose((10, 0, 0), (0, 0, 50, 50))]})
    assert evaluate_poses(predict_samples(estimator, samples, boxes="detector"))["metrics"]["yaw"] == 0  # type: ignore[arg-type]


def test_unreadable_photos_are_dropped_by_name_and_the_rest_is_measured(write_dataset: Write) -> None:
    root = write_dataset(POSES, "0.png,10,0,0", "1.png,0,0,0").parent
    (root / "1.png").write_bytes(b"not a picture")
    estimator = KeyedEstimator({0: [box_pose((13, 0, 0))]})
    report = evaluate_poses(predict_samples(estimator, read_manifest(root), boxes="detector"))  # type: ignore[arg-type]
    assert (report["samples"], report["n"], report["metrics"]["yaw"]) == (2, 1, 3)
    assert [drop["file"] for drop in report["dropped"]] == [(root / "1.png").as_posix()]
    assert "1.png" in report["dropped"][0]["reason"]
    (root / "0.png").write_bytes(b"neither")
    with pytest.raises(DatasetError, match="none of 2 photos is usable"):
        evaluate_poses(predict_samples(estimator, read_manifest(root), boxes="detector"))  # type: ignore[arg-type]


def test_what_cannot_be_measured_is_refused(write_dataset: Write) -> None:
    samples = read_manifest(write_dataset(POSES, "0.png,10,0,0").parent)
    estimator = KeyedEstimator({0: [box_pose((13, 0, 0))]})
    with pytest.raises(DatasetError, match=r"0\.png has no labelled box"):
        evaluate_poses(predict_samples(estimator, samples, boxes="annotation"))  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="no samples"):
        evaluate_poses(predict_samples(estimator, [], boxes="annotation"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'annotation' or 'detector'"):
        evaluate_poses(predict_samples(estimator, samples, boxes="labels"))  # type: ignore[arg-type]


def test_progress_is_told_after_each_photo(write_dataset: Write) -> None:
    samples = read_manifest(write_dataset(POSES, "0.png,10,0,0", "1.png,0,0,0").parent)
    estimator = KeyedEstimator({0: [], 1: []})
    told: list[tuple[int, int]] = []
    predict_samples(
        estimator,  # type: ignore[arg-type]
        samples,
        boxes="detector",
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 2), (2, 2)]


def test_detector_report(write_dataset: Write) -> None:
    table = write_dataset(
        "file,x1,y1,x2,y2,ignore",
        "0.png,0,0,50,50,0",
        "0.png,60,60,90,90,0",
        "1.png,0,0,50,50,0",
        "2.png,,,,,",
        name="faces.csv",
    )
    detector = KeyedDetector(
        {
            0: [
                FaceDetection(BoundingBox(0, 0, 50, 50), 0.9),
                FaceDetection(BoundingBox(60, 60, 90, 90), 0.8),
            ],
            1: [],
            2: [FaceDetection(BoundingBox(0, 0, 50, 50), 0.3)],
        }
    )
    report = evaluate_detector(detector, read_faces(table), threshold=0.85)
    assert json.loads(json.dumps(report)) == report
    assert (report["detector"], report["photos"], report["faces"]) == ("KeyedDetector", 3, 3)
    large, all_sizes = report["size_classes"]
    assert (large["min_size"], large["n"], large["recall"], large["threshold"]) == (40, 2, 0.5, 0.8)
    assert (all_sizes["min_size"], all_sizes["n"], all_sizes["recall"]) == (20, 3, 0.6667)
    assert report["recall"]["missed"] == 2
    assert [Path(file).name for file in report["recall"]["missed_files"]] == ["0.png", "1.png"]
    assert report["recall"]["extra_per_face"] == 0


def test_a_size_that_no_face_has_is_reported_as_such(write_dataset: Write) -> None:
    table = write_dataset("file,x1,y1,x2,y2,ignore", "0.png,0,0,30,30,0", "0.png,0,0,90,90,1", name="faces.csv")
    detector = KeyedDetector({0: [FaceDetection(BoundingBox(0, 0, 30, 30), 0.9)]})
    large, all_sizes = evaluate_detector(detector, read_faces(table))["size_classes"]
    assert large == {
        "min_size": 40,
        "min_precision": None,
        "n": 0,
        "threshold": None,
        "recall": None,
        "precision": None,
        "average_precision": None,
    }
    assert large.keys() == all_sizes.keys()
    assert (all_sizes["n"], all_sizes["recall"]) == (1, 1)


def test_recall_at_the_threshold_accepts_an_overlap_of_0_4(write_dataset: Write) -> None:
    table = write_dataset("file,x1,y1,x2,y2", "0.png,0,0,50,50", name="faces.csv")
    detector = KeyedDetector({0: [FaceDetection(BoundingBox(20, 0, 70, 50), 0.9)]})  # IoU 30 / 70
    report = evaluate_detector(detector, read_faces(table))
    assert (report["recall"]["iou"], report["recall"]["missed"]) == (0.4, 0)
    assert report["size_classes"][0]["recall"] == 0


def test_detector_drops_unreadable_photos_by_name(write_dataset: Write) -> None:
    table = write_dataset("file,x1,y1,x2,y2", "0.png,0,0,50,50", "1.png,0,0,50,50", name="faces.csv")
    (table.parent / "1.png").write_bytes(b"")
    detector = KeyedDetector({0: [FaceDetection(BoundingBox(0, 0, 50, 50), 0.9)]})
    report = evaluate_detector(detector, read_faces(table))
    assert (report["photos"], report["faces"], report["recall"]["missed"]) == (1, 1, 0)
    assert [Path(drop["file"]).name for drop in report["dropped"]] == ["1.png"]
