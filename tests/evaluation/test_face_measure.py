"""The face detector's measure on cases small enough to count by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import LabelledFace
from headpose_sdk.evaluation.faces import face_metrics, iou_matrix, recall_at
from headpose_sdk.results import BoundingBox, FaceDetection


def square(x: float, side: float = 50.0) -> BoundingBox:
    return BoundingBox(x, 0.0, x + side, side)


def face(x: float, side: float = 50.0, ignore: bool = False) -> LabelledFace:
    return LabelledFace(square(x, side), ignore)


def found(x: float, score: float, side: float = 50.0) -> FaceDetection:
    return FaceDetection(square(x, side), score)


def test_iou_by_hand() -> None:
    overlaps = iou_matrix([square(0), square(200)], [square(0), square(25), square(50), square(0, 25)])
    assert overlaps[0] == pytest.approx([1, 1 / 3, 0, 1 / 4])
    assert overlaps[1].tolist() == [0, 0, 0, 0]
    assert iou_matrix([], [square(0)]).shape == (0, 1)


def test_threshold_is_the_lowest_with_the_precision_and_recall_is_read_there() -> None:
    # One photo a line: 10 faces; true at 0.95 ... 0.60, false at 0.58, true at 0.55, false at 0.50, true at 0.40.
    faces = [[face(0)] for _ in range(10)]
    detections = [[found(0, 0.95 - 0.05 * photo)] for photo in range(8)]
    detections += [[found(300, 0.58), found(0, 0.55)], [found(300, 0.50), found(0, 0.40)]]
    metrics = face_metrics(faces, detections, min_size=40)
    # 8/8 at 0.60, 8/9 at 0.58, 9/10 at 0.55 (enough again), 9/11 at 0.50, 10/12 at 0.40
    assert (metrics.threshold, metrics.recall, metrics.precision) == (0.55, 0.9, 0.9)
    assert metrics.n == 10
    # Best precision from each recall on: 1 up to 0.8, 0.9 up to 0.9, 10/12 up to 1
    assert metrics.average_precision == pytest.approx(0.8 * 1 + 0.1 * 0.9 + 0.1 * 10 / 12)


def test_average_precision_takes_the_best_precision_from_each_recall_on() -> None:
    # Precision 0/1, 1/2, 2/3: the last is the best for both steps of recall.
    detections = [[found(300, 0.9), found(0, 0.8)], [found(0, 0.7)]]
    metrics = face_metrics([[face(0)], [face(0)]], detections, min_size=40)
    assert metrics.average_precision == pytest.approx(2 / 3)
    assert metrics.threshold is None


def test_a_second_detection_of_a_face_is_false() -> None:
    metrics = face_metrics([[face(0)]], [[found(0, 0.9), found(2, 0.8)]], min_size=40, min_precision=0.5)
    assert (metrics.threshold, metrics.precision, metrics.recall) == (0.8, 0.5, 1.0)


def test_the_better_score_takes_the_face_whatever_the_order_given() -> None:
    detections = [[found(2, 0.3), found(0, 0.9)]]
    metrics = face_metrics([[face(0)]], detections, min_size=40)
    assert (metrics.threshold, metrics.recall, metrics.precision) == (0.9, 1.0, 1.0)


def test_a_detection_takes_the_face_of_highest_overlap() -> None:
    # The first detection overlaps both faces by at least 0.5; if it took the nearer left one, both are found.
    faces = [[face(12), face(0)]]
    detections = [[found(2, 0.9), found(20, 0.8)]]
    assert face_metrics(faces, detections, min_size=40).recall == 1.0


def test_equal_scores_are_admitted_together() -> None:
    # Taken one by one, the first two would have precision 1; no threshold can tell the four apart.
    detections = [[found(0, 0.7)], [found(0, 0.7)], [found(300, 0.7)], [found(300, 0.7)]]
    metrics = face_metrics([[face(0)], [face(0)], [], []], detections, min_size=40)
    assert (metrics.threshold, metrics.recall, metrics.precision) == (None, 0.0, 0.0)
    assert metrics.average_precision == pytest.approx(0.5)


def test_faces_below_the_size_are_neutral_and_the_shorter_side_decides() -> None:
    small = LabelledFace(BoundingBox(200, 0, 230, 90))  # 30 x 90
    faces, detections = (
        [[face(0), small]],
        [[found(0, 0.9), FaceDetection(small.box, 0.8), found(400, 0.1)]],
    )
    at_40 = face_metrics(faces, detections, min_size=40)
    assert (at_40.n, at_40.threshold, at_40.recall, at_40.precision) == (1, 0.8, 1.0, 1.0)
    at_20 = face_metrics(faces, detections, min_size=20)
    assert (at_20.n, at_20.recall) == (2, 1.0)
    missed = face_metrics(faces, [[found(0, 0.9)]], min_size=20)
    assert (missed.n, missed.recall) == (2, 0.5)


def test_a_face_of_exactly_the_size_counts() -> None:
    metrics = face_metrics([[face(0, 40)]], [[found(0, 0.9, 40)]], min_size=40)
    assert (metrics.n, metrics.recall) == (1, 1.0)


def test_a_detection_on_an_ignored_face_is_neutral_as_often_as_it_comes() -> None:
    # The ignored box covers a crowd: small boxes inside overlap it by little IoU, but with all of their area.
    faces = [[face(0), face(100, 200, ignore=True)]]
    crowd = [found(100 + 30 * k, 0.9, 30) for k in range(5)]
    outside = found(86, 0.95, 24)  # 10 of 24 px inside: less than half of its area
    assert face_metrics(faces, [[*crowd, found(0, 0.5)]], min_size=40).precision == 1.0
    assert face_metrics(faces, [[outside, found(0, 0.5)]], min_size=40, min_precision=0.5).precision == 0.5


def test_a_larger_box_around_an_ignored_face_is_neutral_by_its_overlap() -> None:
    # The ignored box lies within the detection and is 0.45 of it: less than half, but enough for an IoU of 0.4.
    faces = [[face(300), LabelledFace(BoundingBox(0, 0, 45, 70), ignore=True)]]
    detections = [[FaceDetection(BoundingBox(0, 0, 100, 70), 0.9)]]
    assert recall_at(faces, detections, threshold=0.5, iou=0.4).extra_per_face == 0
    assert recall_at(faces, detections, threshold=0.5, iou=0.5).extra_per_face == 1


def test_a_face_that_counts_comes_before_an_ignored_one() -> None:
    faces = [[face(0), face(5, ignore=True)]]
    assert face_metrics(faces, [[found(4, 0.9)]], min_size=40).recall == 1.0


def test_photos_without_faces_count_false_boxes() -> None:
    metrics = face_metrics([[], [face(0)]], [[found(0, 0.9)], [found(0, 0.8)]], min_size=40)
    assert metrics.threshold is None
    assert face_metrics([[], [face(0)]], [[found(0, 0.7)], [found(0, 0.8)]], min_size=40).threshold == 0.8


def test_a_blind_detector_has_recall_0() -> None:
    metrics = face_metrics([[face(0)]], [[]], min_size=40)
    assert (metrics.threshold, metrics.recall, metrics.average_precision) == (None, 0.0, 0.0)


def test_recall_at_a_threshold_names_the_photos_with_missed_faces() -> None:
    faces = [[face(0), face(100)], [], [face(0), face(300, ignore=True)]]
    detections = [[found(100, 0.9), found(0, 0.2)], [found(0, 0.8)], [found(0, 0.7), found(2, 0.6)]]
    recall = recall_at(faces, detections, threshold=0.5)
    assert (recall.n, recall.missed, recall.missed_photos) == (3, 1, (0,))
    assert recall.recall == pytest.approx(2 / 3)
    assert recall.extra_per_face == pytest.approx(2 / 3)  # one in the empty photo, one twice in the last
    assert recall_at(faces, detections, threshold=0.2).missed == 0
    assert recall.to_dict() == {
        "threshold": 0.5, "iou": 0.5, "n": 3, "missed": 1, "recall": 0.6667, "extra_per_face": 0.6667,
    }  # fmt: skip


def test_recall_at_a_lower_iou_accepts_boxes_that_are_further_off() -> None:
    faces, detections = [[face(0)]], [[found(20, 0.9)]]  # IoU 30 / 70 = 0.43
    assert recall_at(faces, detections, threshold=0.5, iou=0.5).missed == 1
    assert recall_at(faces, detections, threshold=0.5, iou=0.4).missed == 0


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(DatasetError, match="at least 40 px"):
        face_metrics([[face(0, 30), face(50, ignore=True)]], [[]], min_size=40)
    with pytest.raises(DatasetError, match="no labelled face counts"):
        recall_at([[face(50, ignore=True)], []], [[], []], threshold=0.5)
    with pytest.raises(ValueError, match="zip"):
        face_metrics([[face(0)]], [], min_size=40)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 9)), max_size=12))
def test_the_threshold_found_gives_the_recall_reported(places: list[tuple[int, int]]) -> None:
    faces = [[face(100 * k) for k in range(10)]]
    detections = [[found(100 * place, score / 10) for place, score in places]]
    metrics = face_metrics(faces, detections, min_size=40)
    if metrics.threshold is not None:
        at = recall_at(faces, detections, threshold=metrics.threshold)
        assert at.recall == pytest.approx(metrics.recall)
        true = at.n - at.missed
        assert metrics.precision == pytest.approx(true / (true + at.extra_per_face * at.n))
        assert metrics.precision >= 0.9


def test_metrics_become_plain_json_with_an_exact_threshold() -> None:
    metrics = face_metrics([[face(0)]] * 3, [[found(0, 0.123456789)], [], []], min_size=40).to_dict()
    assert metrics == {
        "min_size": 40, "min_precision": 0.9, "n": 3, "recall": 0.3333, "precision": 1.0,
        "average_precision": 0.3333, "threshold": 0.123456789,
    }  # fmt: skip
