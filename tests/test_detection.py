"""Face detection: the decoding of a network's answer number by number, and the bundled detector on the sample photo."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_models import write_detector, write_pose_model

from headpose_sdk.detection import FaceDetector, OnnxFaceDetector, cell_grid, decode_boxes, suppress
from headpose_sdk.errors import HeadPoseError, InvalidImageError, ProviderError, UnknownModelError
from headpose_sdk.evaluation.faces import iou_matrix
from headpose_sdk.evaluation.views import SAMPLE_FACE
from headpose_sdk.results import BoundingBox, FaceDetection, Image

# Decoding


def test_the_grid_has_the_centre_of_every_cell_level_by_level() -> None:
    grid = cell_grid(64, 96)
    assert grid.shape == (8 * 12 + 4 * 6 + 2 * 3, 3)
    assert grid[:3].tolist() == [[4, 4, 8], [12, 4, 8], [20, 4, 8]]  # along the rows first
    assert grid[11:13].tolist() == [[92, 4, 8], [4, 12, 8]]
    assert grid[96].tolist() == [8, 8, 16]
    assert grid[-1].tolist() == [80, 48, 32]
    with pytest.raises(ValueError, match="read-only"):
        grid[0, 0] = 1  # every caller shares it


@pytest.mark.parametrize(
    ("raw", "cell", "box"),
    [
        ((0, 0, 0, 0), (4, 4, 8), (-12, -12, 20, 20)),  # four strides wide on the cell's centre
        ((0.5, -0.25, 0, 0), (44, 20, 8), (32, 2, 64, 34)),
        ((0, 0, np.log(2), np.log(0.5)), (80, 48, 32), (-48, 16, 208, 80)),
        ((1, 2, np.log(0.25), 0), (24, 24, 16), (32, 24, 48, 88)),
    ],
)
def test_boxes_are_decoded_as_documented(
    raw: tuple[float, ...], cell: tuple[float, ...], box: tuple[float, ...]
) -> None:
    decoded = decode_boxes(np.array([raw], np.float32), np.array([cell], np.float32))
    np.testing.assert_allclose(decoded, [box], rtol=1e-5)


def test_no_raw_answer_gives_an_empty_or_infinite_box() -> None:
    raw = np.array([(0, 0, size, -size) for size in (-100, -20, 20, 100)], np.float32)
    boxes = decode_boxes(raw, np.array([(1200, 900, 8)] * 4, np.float32))
    assert np.isfinite(boxes).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_sizes_are_taken_as_if_within_their_bounds() -> None:
    cell = np.array([(4, 4, 8)], np.float32)
    for raw, bound in ((6.9, 6), (-6.9, -6)):
        beyond, at = (decode_boxes(np.array([(0, 0, size, size)], np.float32), cell) for size in (raw, bound))
        np.testing.assert_array_equal(beyond, at)
    assert decode_boxes(np.array([(0, 0, 6, 5)], np.float32), cell)[0, 2] == pytest.approx(4 + 16 * np.exp(6), rel=1e-5)


def test_cells_that_point_far_away_are_no_faces(tmp_path: Path) -> None:
    for far in (3e38, -3e38, 1e9, -1e9):
        cells = cells_of(32, 32, (0, 0.9, (far, 0, 0, 0)), (1, 0.9, (0, far, 0, 0)), (2, 0.8, (0, 0, -1, -1)))
        detector = OnnxFaceDetector(write_detector(tmp_path / f"far {far}", cells), device="cpu", threads=1)
        assert [found.score for found in detector.detect(np.zeros((32, 32, 3), np.uint8))] == [pytest.approx(0.8)]


def test_of_overlapping_boxes_the_best_survives() -> None:
    boxes = np.array([(0, 0, 10, 10), (1, 0, 11, 10), (20, 0, 30, 10), (25, 0, 35, 10), (0, 1, 10, 11)], np.float32)
    scores = np.array([0.6, 0.9, 0.5, 0.7, 0.8], np.float32)
    # IoU of the first two is 9/11, of the third and fourth 1/3.
    assert suppress(boxes, scores, max_iou=0.4).tolist() == [1, 3, 2]
    assert suppress(boxes, scores, max_iou=0.3).tolist() == [1, 3]
    assert suppress(boxes[:0], scores[:0], max_iou=0.4).tolist() == []


def test_of_nested_boxes_the_better_one_stays() -> None:
    boxes = np.array([[0, 0, 100, 100], [10, 10, 40, 40], [90, 0, 190, 100]], np.float32)
    assert suppress(boxes, np.array([0.9, 0.8, 0.7], np.float32), max_iou=0.4).tolist() == [0, 2]
    assert suppress(boxes, np.array([0.8, 0.9, 0.7], np.float32), max_iou=0.4).tolist() == [1, 2]
    apart = np.array([[0, 0, 100, 100], [80, 80, 110, 110]], np.float32)  # 400 of 900 square pixels in common
    assert suppress(apart, np.array([0.9, 0.8], np.float32), max_iou=0.4).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        ([(0, 0, 100, 20), (50, 5, 90, 15)], [0]),  # inside, wide
        ([(0, 0, 20, 100), (5, 50, 15, 90)], [0]),  # inside, high
        ([(0, 0, 10, 10), (200, 200, 210, 210), (-20, -20, 30, 30)], [0, 1]),  # around the first, far from the second
        ([(0, 0, 100, 100), (98, 0, 108, 10)], [0, 1]),  # a fifth of it inside
        ([(0, 0, 100, 100), (92, 0, 102, 10)], [0]),  # four fifths, which is as much as there may be
        ([(0, 0, 10, 10), (10, 0, 11, 10)], [0, 1]),  # side by side
        ([(0, 0, 10, 10), (10.5, 10.5, 11, 11)], [0, 1]),  # corner to corner
        ([], []),
    ],
)
def test_boxes_are_nested_by_what_they_share_of_the_smaller(boxes: list[tuple[float, ...]], kept: list[int]) -> None:
    scores = np.linspace(0.9, 0.5, len(boxes), dtype=np.float32)
    found = suppress(np.array(boxes, np.float32).reshape(-1, 4), scores, max_iou=0.9)
    assert found.tolist() == kept
    assert found.dtype == np.int64


# From a network's answer to boxes in the photo; the network is a real one that always says the same


def cells_of(height: int, width: int, *faces: tuple[int, float, tuple[float, float, float, float]]) -> np.ndarray:
    """The answer for an input of this size in which only ``faces`` (cell, score, raw box) are likely."""
    cells = np.zeros((len(cell_grid(height, width)), 5), np.float32)
    for cell, score, raw in faces:
        cells[cell] = score, *raw
    return cells


def test_a_small_photo_is_neither_scaled_nor_shifted(tmp_path: Path) -> None:
    cells = cells_of(64, 96, (13, 0.75, (0, 0, 0, 0)), (2, 0.49, (0, 0, 0, 0)), (-1, 0.9, (-1, 0, -1, -1)))
    detector = OnnxFaceDetector(write_detector(tmp_path / "tiny", cells), device="cpu", threads=1)
    best, other = detector.detect(np.zeros((40, 70, 3), np.uint8))
    assert best.score == pytest.approx(0.9)
    half = 64 / np.e
    assert vars_of(best.box) == pytest.approx((48 - half, 48 - half, 48 + half, 48 + half), rel=1e-5)
    assert (other.box, other.score) == (BoundingBox(-4, -4, 28, 28), 0.75)


def vars_of(box: BoundingBox) -> tuple[float, float, float, float]:
    return box.x1, box.y1, box.x2, box.y2


@pytest.mark.parametrize(
    ("photo_size", "seen"),
    [
        ((2560, 1000), (1280, 500)),
        ((1000, 2560), (500, 1280)),
        ((1500, 1111), (1280, 948)),
        ((1280, 31), (1280, 31)),
        ((2560, 37), (1280, 18)),
    ],
)
def test_boxes_of_a_large_photo_are_in_its_own_pixels(
    tmp_path: Path, photo_size: tuple[int, int], seen: tuple[int, int]
) -> None:
    height, width = photo_size
    padded = [-(-side // 32) * 32 for side in seen]
    # coarse_side so large that there is no second look.
    folder = write_detector(tmp_path / "tiny", cells_of(*padded, (0, 0.9, (0.5, 0.5, 1, 1))), coarse_side=1280)
    [found] = OnnxFaceDetector(folder, device="cpu", threads=1).detect(np.zeros((height, width, 3), np.uint8))
    x, y = 8 * width / seen[1], 8 * height / seen[0]
    assert found.box.center == pytest.approx((x, y), rel=1e-4)
    assert found.box.width == pytest.approx(32 * np.e * width / seen[1], rel=1e-4)
    assert found.box.height == pytest.approx(32 * np.e * height / seen[0], rel=1e-4)


def test_the_face_box_is_the_square_that_the_config_makes_of_the_box_found(tmp_path: Path) -> None:
    cells = cells_of(64, 96, (30, 0.9, (0, 0, np.log(0.5), 0)))  # 16 x 32 pixels
    plain = write_detector(tmp_path / "plain", cells)
    [found] = OnnxFaceDetector(plain, device="cpu", threads=1).detect(np.zeros((64, 96, 3), np.uint8))
    assert found.box.center == pytest.approx((52, 20))
    assert found.face is not None
    assert vars_of(found.face) == pytest.approx((36, 4, 68, 36))
    stepped = write_detector(tmp_path / "stepped", cells, face_scale=1.25, face_shift=0.125)
    [moved] = OnnxFaceDetector(stepped, device="cpu", threads=1).detect(np.zeros((64, 96, 3), np.uint8))
    assert moved.box == found.box
    assert moved.face is not None
    assert vars_of(moved.face) == pytest.approx((32, 4, 72, 44))


def test_what_lies_in_the_padding_alone_is_no_face(tmp_path: Path) -> None:
    right, below, left = (95, 0.9, (0, 0, -2, -2)), (90, 0.9, (0, 1, -2, -2)), (36, 0.9, (-3, 0, -2, -2))
    folder = write_detector(tmp_path / "tiny", cells_of(64, 96, right, below, left))
    assert OnnxFaceDetector(folder, device="cpu", threads=1).detect(np.zeros((60, 80, 3), np.uint8)) == []


def test_boxes_too_small_to_be_trusted_are_dropped(tmp_path: Path) -> None:
    cells = cells_of(64, 96, (0, 0.9, (0, 0, -1, 0)), (50, 0.9, (0, 0, 0, 0)))  # 12 x 32 and 32 x 32 pixels
    photo = np.zeros((64, 96, 3), np.uint8)
    for smallest, count in ((11, 2), (12, 1), (32, 1), (33, 0)):
        folder = write_detector(tmp_path / f"tiny-{smallest}", cells, smallest_box=smallest)
        assert len(OnnxFaceDetector(folder, device="cpu", threads=1).detect(photo)) == count


@pytest.mark.parametrize(("photo_size", "seen"), [((96, 48), (160, 80)), ((48, 64), (96, 128)), ((192, 64), (192, 64))])
def test_boxes_of_a_small_photo_that_is_enlarged_are_in_its_own_pixels(
    tmp_path: Path, photo_size: tuple[int, int], seen: tuple[int, int]
) -> None:
    """To a longer side of 160 pixels, but at most twice."""
    height, width = photo_size
    padded = [-(-side // 32) * 32 for side in seen]
    cells = cells_of(*padded, (0, 0.9, (0.5, 0.5, 0, 0)))
    times = seen[0] / height
    side = 32 / times
    for smallest, count in ((math.floor(side) - 1, 1), (math.ceil(side) + 1, 0)):  # in pixels of the photo
        folder = write_detector(
            tmp_path / f"tiny-{count}", cells, min_side=160, coarse_side=1280, smallest_box=smallest
        )
        found = OnnxFaceDetector(folder, device="cpu", threads=1).detect(np.zeros((height, width, 3), np.uint8))
        assert len(found) == count
        for face in found:
            assert face.box.center == pytest.approx((8 / times, 8 / times), rel=1e-4)
            assert (face.box.width, face.box.height) == pytest.approx((side, side), rel=1e-4)


def test_the_threshold_can_be_replaced(tmp_path: Path) -> None:
    folder = write_detector(tmp_path / "tiny", cells_of(32, 32, (0, 0.45, (0, 0, -1, -1)), (15, 0.25, (0, 0, -1, -1))))
    photo = np.zeros((32, 32, 3), np.uint8)
    for threshold, count in ((None, 0), (0.3, 1), (0.2, 2)):
        detector = OnnxFaceDetector(folder, score_threshold=threshold, device="cpu", threads=1)
        assert len(detector.detect(photo)) == count
    for wrong in (0, 1, -0.5, 35, float("nan")):
        with pytest.raises(ValueError, match=r"score_threshold=.* give a number between 0 and 1"):
            OnnxFaceDetector(folder, score_threshold=wrong)


def test_a_detector_pickles_as_its_arguments(tmp_path: Path) -> None:
    folder = write_detector(tmp_path / "tiny", cells_of(32, 32, (0, 0.45, (0, 0, -1, -1))))
    detector = OnnxFaceDetector(folder, score_threshold=0.3, device="cpu", threads=1)
    again = pickle.loads(pickle.dumps(detector))
    assert again.score_threshold == 0.3
    photo = np.zeros((32, 32, 3), np.uint8)
    assert again.detect(photo) == detector.detect(photo) != []


def test_a_relative_folder_pickles_as_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_detector(tmp_path / "tiny", cells_of(32, 32, (0, 0.45, (0, 0, -1, -1))))
    monkeypatch.chdir(tmp_path)
    pickled = pickle.dumps(OnnxFaceDetector("tiny", device="cpu", threads=1))
    monkeypatch.chdir("/")
    assert pickle.loads(pickled).config.name == "tiny-face"


# What is a detector


class TopLeft:
    """A user's own detector."""

    def detect(self, image: Image) -> list[FaceDetection]:
        return [FaceDetection(BoundingBox(0, 0, image.shape[1] / 2, image.shape[0] / 2), 1.0)]


def test_the_protocol_asks_for_detect_alone(detector: OnnxFaceDetector) -> None:
    assert isinstance(detector, FaceDetector)
    assert isinstance(TopLeft(), FaceDetector)
    assert not isinstance(object(), FaceDetector)


def test_a_pose_model_is_no_detector(tmp_path: Path) -> None:
    folder = write_pose_model(tmp_path / "pose")
    with pytest.raises(UnknownModelError, match=r"tiny-pose is a pose model, not a face detector; `headpose models`"):
        OnnxFaceDetector(folder)


def test_arguments_reach_the_runtime() -> None:
    with pytest.raises(ValueError, match="threads=0"):
        OnnxFaceDetector(threads=0)
    with pytest.raises(ProviderError, match="NoSuchProvider"):
        OnnxFaceDetector(providers=["NoSuchProvider"])
    assert OnnxFaceDetector(providers=["CPUExecutionProvider"], threads=1).detect(np.zeros((9, 9, 3), np.uint8)) == []


# The bundled detector


@pytest.fixture(scope="module")
def detector() -> OnnxFaceDetector:
    return OnnxFaceDetector(device="cpu", threads=1)


def expect_the_face(found: list[FaceDetection], face: BoundingBox) -> None:
    assert len(found) == 1
    assert iou_matrix([found[0].box], [face])[0, 0] >= 0.5
    assert 0 < found[0].score <= 1


@pytest.mark.parametrize("scale", [0.3, 0.5, 1.0, 1.7, 3.0, 6.0])
def test_the_face_is_found_at_any_size(detector: OnnxFaceDetector, photo: Image, scale: float) -> None:
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=method), np.uint8)
    corners = [corner * scale for corner in vars_of(SAMPLE_FACE)]
    expect_the_face(detector.detect(scaled), BoundingBox(*corners))


@pytest.mark.parametrize("offset", [(0, 0), (333, 77), (701, 0), (450, 501)])
def test_the_face_is_found_anywhere(detector: OnnxFaceDetector, photo: Image, offset: tuple[int, int]) -> None:
    large = np.full((1013, 1213, 3), 128, np.uint8)
    x, y = offset
    large[y : y + 512, x : x + 512] = photo
    face = BoundingBox(SAMPLE_FACE.x1 + x, SAMPLE_FACE.y1 + y, SAMPLE_FACE.x2 + x, SAMPLE_FACE.y2 + y)
    expect_the_face(detector.detect(large), face)


def test_a_face_that_fills_the_frame_is_found(detector: OnnxFaceDetector, photo: Image) -> None:
    close = np.asarray(cv2.resize(photo[50:210, 140:300], (1280, 1280), interpolation=cv2.INTER_LINEAR), np.uint8)
    corners = [(SAMPLE_FACE.x1 - 140) * 8, (SAMPLE_FACE.y1 - 50) * 8, (SAMPLE_FACE.x2 - 140) * 8]
    expect_the_face(detector.detect(close), BoundingBox(*corners, (SAMPLE_FACE.y2 - 50) * 8))


def test_two_faces_come_best_first(detector: OnnxFaceDetector, photo: Image) -> None:
    found = detector.detect(np.hstack([photo, photo[:, ::-1]]))
    assert len(found) == 2
    assert found[0].score >= found[1].score
    mirrored = BoundingBox(1024 - SAMPLE_FACE.x2, SAMPLE_FACE.y1, 1024 - SAMPLE_FACE.x1, SAMPLE_FACE.y2)
    assert (iou_matrix([face.box for face in found], [SAMPLE_FACE, mirrored]).max(axis=0) >= 0.5).all()


def test_views_give_the_same_boxes(detector: OnnxFaceDetector, photo: Image) -> None:
    large = np.asarray(cv2.resize(photo, (1500, 1500), interpolation=cv2.INTER_LINEAR), np.uint8)
    for image in (photo, large):
        rgb = np.ascontiguousarray(image[..., ::-1])
        assert detector.detect(rgb[..., ::-1]) == detector.detect(image)


@pytest.mark.parametrize("shape", [(1, 1), (33, 7), (20, 20000), (10, 40000), (40000, 3)])
def test_there_is_no_face_in_nothing(detector: OnnxFaceDetector, shape: tuple[int, int]) -> None:
    assert detector.detect(np.zeros((*shape, 3), np.uint8)) == []


def test_what_is_no_image_is_refused(detector: OnnxFaceDetector) -> None:
    with pytest.raises(InvalidImageError, match=r"cv2\.imread"):
        detector.detect(None)  # type: ignore[arg-type]
    with pytest.raises(HeadPoseError, match="grey"):
        detector.detect(np.zeros((9, 9), np.uint8))
