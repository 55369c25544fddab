"""The estimator's wiring, by a network whose answers are known: the angles are a crop's mean blue, green and red."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from tiny_models import POSE_SIZE, detector_config, mean_colour_network, pose_config, write_model, write_pose_model

from headpose_sdk.detection import OnnxFaceDetector
from headpose_sdk.errors import (
    InvalidBoxError,
    InvalidImageError,
    ModelIntegrityError,
    ProviderError,
    UnknownModelError,
)
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.images import write_image
from headpose_sdk.results import BoundingBox, FaceDetection, HeadPose, Image, ImageResult, PoseBatch


def box(k: int) -> BoundingBox:
    """Where the k-th face of a :func:`picture` is."""
    return BoundingBox(20 * k + 5, 5, 20 * k + 15, 15)


def picture(faces: int, colour: int = 50) -> Image:
    """A photo of so many faces side by side, the k-th and what surrounds it of the colour (colour, k + 1, 9)."""
    image = np.full((20, 200, 3), 1, np.uint8)
    for k in range(faces):
        image[:, 20 * k : 20 * k + 20] = colour, k + 1, 9
    image[0, 0, 0] = faces
    return image


class CountingDetector:
    """A user's own detector: the first pixel of a :func:`picture` says how many faces there are."""

    def detect(self, image: Image) -> list[FaceDetection]:
        return [FaceDetection(box(k), 1 - 0.1 * k) for k in range(int(image[0, 0, 0]))]

    def __len__(self) -> int:
        return 0  # false in an `if`, and a detector all the same


@pytest.fixture
def tiny(tmp_path: Path) -> HeadPoseEstimator:
    return HeadPoseEstimator(write_pose_model(tmp_path / "tiny"), detector=CountingDetector(), device="cpu", threads=1)


def angles(pose: HeadPose) -> tuple[float, float, float]:
    return pose.yaw, pose.pitch, pose.roll


# predict


def test_each_face_is_cut_out_and_told_in_the_detectors_order(tiny: HeadPoseEstimator) -> None:
    poses = tiny.predict(picture(3))
    for k, pose in enumerate(poses):
        assert angles(pose) == pytest.approx((50, k + 1, 9))
        assert (pose.yaw_std, pose.pitch_std, pose.roll_std) == pytest.approx((1, 1, 1))
        assert (pose.box, pose.score) == (box(k), 1 - 0.1 * k)
        assert all(type(value) is float for value in angles(pose))
    assert len(poses) == 3
    assert tiny.predict(picture(0)) == []


def test_the_network_sees_the_detectors_face_box_and_the_pose_tells_its_box(tmp_path: Path) -> None:
    class Elsewhere:
        def detect(self, image: Image) -> list[FaceDetection]:
            return [FaceDetection(box(0), 0.9, face=box(2))]

    folder = write_pose_model(tmp_path / "tiny")
    [pose] = HeadPoseEstimator(folder, detector=Elsewhere(), device="cpu", threads=1).predict(picture(3))
    assert angles(pose) == pytest.approx((50, 3, 9))  # the colour of the third face
    assert pose.box == box(0)


def test_given_boxes_keep_order_and_length(tiny: HeadPoseEstimator) -> None:
    boxes = [box(2), box(1), box(2)]
    poses = tiny.predict(picture(3), boxes)
    assert [pose.box for pose in poses] == boxes
    assert [pose.score for pose in poses] == [None] * 3
    assert [pose.pitch for pose in poses] == pytest.approx([3, 2, 3])
    assert tiny.predict(picture(3), []) == []
    assert tiny.predict(picture(3), tuple(boxes)) == poses
    assert tiny.predict(picture(3), iter(boxes)) == poses  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("boxes", "cause"),
    [
        ([BoundingBox(200, 0, 210, 9)], "wholly outside the image of 200x20 pixels"),
        ([BoundingBox(0, 0, 9, 9), BoundingBox(0, -9, 9, 0)], "wholly outside"),
        ([(0, 0, 9, 9)], r"not \(0, 0, 9, 9\); write \[BoundingBox\(x1, y1, x2, y2\)\]"),
        (np.array([[0, 0, 9, 9]]), "must be a list of BoundingBox objects"),
        ([FaceDetection(BoundingBox(0, 0, 9, 9), 0.5)], "not FaceDetection"),
        ([None], "not None"),
        (BoundingBox(0, 0, 9, 9), r"must be a list of BoundingBox objects, not BoundingBox\("),
    ],
)
def test_boxes_that_are_none_are_refused(tiny: HeadPoseEstimator, boxes: Any, cause: str) -> None:
    with pytest.raises(InvalidBoxError, match=cause):
        tiny.predict(picture(3), boxes)


class LostDetector(CountingDetector):
    """Loses its way on photos of nine faces."""

    def detect(self, image: Image) -> list[FaceDetection]:
        found = super().detect(image)
        return [FaceDetection(BoundingBox(-9, -9, 0, 0), 0.9)] if len(found) == 9 else found


@pytest.fixture
def lost(tmp_path: Path) -> HeadPoseEstimator:
    return HeadPoseEstimator(write_pose_model(tmp_path / "tiny"), detector=LostDetector(), device="cpu", threads=1)


def test_a_box_outside_from_a_detector_is_the_detectors_fault(lost: HeadPoseEstimator) -> None:
    with pytest.raises(
        InvalidBoxError, match=r"^image: the detector, LostDetector, gave .*outside the image of 200x20"
    ):
        lost.predict(picture(9))
    assert len(lost.predict(picture(9), [box(0)])) == 1
    results = lost.predict_batch([picture(2), picture(9), picture(1)])
    assert len(next(results)) == 2
    with pytest.raises(InvalidBoxError, match=r"^image 1: the detector, LostDetector, gave"):
        next(results)


def test_a_file_that_the_detector_fails_on_is_told_in_its_place(lost: HeadPoseEstimator, tmp_path: Path) -> None:
    for count in (2, 9, 1):
        write_image(tmp_path / f"{count}.png", picture(count))
    paths = [tmp_path / f"{count}.png" for count in (2, 9, 1)]
    two, nine, one = lost.predict_files(paths)
    assert (len(two.faces), len(nine.faces), len(one.faces)) == (2, 0, 1)
    assert (nine.width, nine.height) == (200, 20)
    assert str(nine.error).startswith(f"{paths[1]}: the detector, LostDetector, gave a box that cannot be: ")


@pytest.mark.parametrize("corners", [(np.nan, 0, 9, 9), (0, 0, np.inf, 9), (5, 0, 5, 9), (9, 0, 5, 9)])
def test_an_impossible_box_cannot_even_be_made(tiny: HeadPoseEstimator, corners: tuple[float, ...]) -> None:
    with pytest.raises(InvalidBoxError, match=r"holds NaN|is empty"):
        tiny.predict(picture(3), [BoundingBox(*corners)])


class PilLookalike:
    """PIL is not installed with us; what tells its images is the module of their class."""

    __module__ = "PIL.Image"


@pytest.mark.parametrize(
    ("image", "cause"),
    [
        (None, r"cv2\.imread .* headpose_sdk\.read_image"),
        ("photo.jpg", r"headpose_sdk\.read_image"),
        (PurePosixPath("photo.jpg"), r"headpose_sdk\.read_image"),
        (PilLookalike(), r"np\.asarray\(image\)\[\.\.\., ::-1\]"),
        (np.zeros((9, 9, 3)), "float64, not uint8"),
        (np.zeros((9, 9), np.uint8), "COLOR_GRAY2BGR"),
        (np.zeros((9, 9, 4), np.uint8), "COLOR_BGRA2BGR"),
        (np.zeros((0, 9, 3), np.uint8), "is empty"),
    ],
)
@pytest.mark.parametrize("boxes", [None, [BoundingBox(0, 0, 5, 5)], []], ids=["found", "given", "none"])
def test_what_is_no_image_is_refused(tiny: HeadPoseEstimator, image: Any, cause: str, boxes: Any) -> None:
    with pytest.raises(InvalidImageError, match=cause):
        tiny.predict(image, boxes)
    with pytest.raises(InvalidImageError, match=r"^image 1 "):
        list(tiny.predict_batch([picture(1), image]))


def test_views_are_fine(tiny: HeadPoseEstimator) -> None:
    image = picture(4)
    rgb = np.ascontiguousarray(image[..., ::-1])
    assert tiny.predict(rgb[..., ::-1]) == tiny.predict(image)
    image.flags.writeable = False
    assert len(tiny.predict(image)) == 4


# Streams


def test_a_batch_gives_what_single_photos_give(tiny: HeadPoseEstimator) -> None:
    photos = [picture(count, 40 + count) for count in (2, 0, 3, 1, 0, 0, 7, 1)]
    one_by_one = [tiny.predict(photo) for photo in photos]
    for batch_size in (1, 2, 3, 5, 100):
        assert list(tiny.predict_batch(iter(photos), batch_size=batch_size)) == one_by_one
    assert list(tiny.predict_batch(np.stack(photos))) == one_by_one
    assert list(tiny.predict_batch([])) == []


@pytest.mark.parametrize(("batch_size", "ahead"), [(1, 1), (4, 8)])
def test_a_stream_is_read_no_further_than_two_batches(tiny: HeadPoseEstimator, batch_size: int, ahead: int) -> None:
    read = 0

    def endless() -> Iterator[Image]:
        nonlocal read
        while True:
            read += 1
            yield picture(read % 2)

    results = tiny.predict_batch(endless(), batch_size=batch_size)
    assert read == 0
    for count in range(1, 30):
        assert len(next(results)) == count % 2
        assert count <= read < count + ahead
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 32])
def test_what_was_good_before_a_bad_item_is_not_lost(tiny: HeadPoseEstimator, batch_size: int) -> None:
    photos: list[Any] = [picture(1), picture(0), picture(2), None, picture(1)]
    results = tiny.predict_batch(photos, batch_size=batch_size)
    assert [len(next(results)) for _ in range(3)] == [1, 0, 2]
    with pytest.raises(InvalidImageError, match=r"^image 3 is None"):
        next(results)
    assert list(results) == []

    def failing() -> Iterator[Image]:
        yield picture(3)
        raise ConnectionError("the camera is gone")

    results = tiny.predict_batch(failing(), batch_size=batch_size)
    assert len(next(results)) == 3
    with pytest.raises(ConnectionError, match="the camera is gone"):
        next(results)


def test_many_faces_fill_a_batch_as_well_as_many_photos(tiny: HeadPoseEstimator) -> None:
    read: list[int] = []
    photos = (read.append(count) or picture(5) for count in range(99))  # type: ignore[func-returns-value]
    results = tiny.predict_batch(photos, batch_size=6)
    assert len(next(results)) == 5
    assert len(read) == 2 + 6  # the ten faces of two photos went through the network, six photos are under way


def test_a_users_own_detector_is_asked_by_one_thread_at_a_time(tmp_path: Path) -> None:
    asked = threading.Lock()

    class Exclusive(CountingDetector):
        def detect(self, image: Image) -> list[FaceDetection]:
            assert asked.acquire(blocking=False), "two threads at once"
            time.sleep(0.002)
            asked.release()
            return super().detect(image)

    estimator = HeadPoseEstimator(write_pose_model(tmp_path / "m"), detector=Exclusive(), device="cpu", threads=4)
    assert len(list(estimator.predict_batch([picture(1)] * 30, batch_size=8))) == 30


def test_a_detector_derived_from_ours_is_asked_in_streams_too(tmp_path: Path) -> None:
    class Doubtful(OnnxFaceDetector):
        def detect(self, image: Image) -> list[FaceDetection]:
            return [FaceDetection(box(0), 0.3), *super().detect(image)]

    detector = Doubtful(device="cpu", threads=2)
    estimator = HeadPoseEstimator(write_pose_model(tmp_path / "m"), detector=detector, device="cpu", threads=2)
    assert [[pose.score for pose in poses] for poses in estimator.predict_batch([picture(1)] * 3)] == [[0.3]] * 3


def test_two_threads_on_one_estimator_give_what_one_gives(tiny: HeadPoseEstimator) -> None:
    photos = [picture(count % 4, 40 + count) for count in range(40)]
    expected = [tiny.predict(photo) for photo in photos]
    results: dict[int, list[list[HeadPose]]] = {}

    def work(batch_size: int) -> None:
        results[batch_size] = list(tiny.predict_batch(photos, batch_size=batch_size))

    threads = [threading.Thread(target=work, args=(size,)) for size in (3, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {3: expected, 8: expected}


def test_files_are_told_in_order_and_a_bad_one_in_its_place(tiny: HeadPoseEstimator, tmp_path: Path) -> None:
    write_image(tmp_path / "two.png", picture(2))
    write_image(tmp_path / "none.png", picture(0))
    (tmp_path / "web.jpg").write_text("<html>")
    names = ["two.png", "web.jpg", "none.png", "gone.png", "two.png"]
    for batch_size in (1, 2, 32):
        results = list(tiny.predict_files((tmp_path / name for name in names), batch_size=batch_size))
        assert [result.file for result in results] == [str(tmp_path / name) for name in names]
        two, web, none, gone, again = results
        assert two == ImageResult(str(tmp_path / "two.png"), 200, 20, tuple(tiny.predict(picture(2))))
        assert two == again
        assert none == ImageResult(str(tmp_path / "none.png"), 200, 20, ())
        assert (web.width, web.height, web.faces) == (None, None, ())
        assert "web.jpg: the file holds text that begins '<html>'" in str(web.error)
        assert "gone.png: no such file" in str(gone.error)


def test_files_over_the_callers_limits_are_told_in_their_place(tiny: HeadPoseEstimator, tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", picture(1))
    [result] = tiny.predict_files([tmp_path / "a.png"], max_pixels=5)
    assert (result.faces, "over the limit of 5e-06 megapixels" in str(result.error)) == ((), True)
    [result] = tiny.predict_files([tmp_path / "a.png"], max_bytes=5)
    assert (result.faces, "over the limit of 5e-06 megabytes" in str(result.error)) == ((), True)


def test_what_is_wrong_with_the_call_is_said_at_the_call(tiny: HeadPoseEstimator) -> None:
    for batch_size in (0, -1):
        with pytest.raises(ValueError, match=f"batch_size={batch_size} is not possible; give at least 1"):
            tiny.predict_batch([], batch_size=batch_size)
        with pytest.raises(ValueError, match="batch_size"):
            tiny.predict_files([], batch_size=batch_size)
    with pytest.raises(InvalidImageError, match=r"images is a single ndarray; give a list"):
        tiny.predict_batch(picture(1))
    for path in ("photo.jpg", Path("photo.jpg")):
        with pytest.raises(InvalidImageError, match=r"paths is a single \w+; give a list"):
            tiny.predict_files(path)  # type: ignore[arg-type]


# Crops


@pytest.mark.parametrize("count", [0, 1, 128, 301])
def test_any_number_of_crops(tiny: HeadPoseEstimator, count: int) -> None:
    colours = np.random.default_rng(count).integers(1, 90, (count, 3), dtype=np.uint8)
    crops = np.ones((count, POSE_SIZE, POSE_SIZE, 1), np.uint8) * colours[:, None, None]
    batch = tiny.predict_crops(crops)
    assert isinstance(batch, PoseBatch)
    assert (batch.angles.shape, batch.angles.dtype) == ((count, 3), np.float32)
    assert (batch.std.shape, batch.std.dtype) == ((count, 3), np.float32)
    np.testing.assert_allclose(batch.angles, colours, rtol=1e-5)
    np.testing.assert_allclose(tiny.predict_crops(crops[::-1, :, ::-1, ::-1]).angles, colours[::-1, ::-1], rtol=1e-5)


@pytest.mark.parametrize(
    ("crops", "found"),
    [
        (np.zeros((2, 112, 112, 3), np.uint8), r"uint8 \(2, 112, 112, 3\)"),
        (np.zeros((POSE_SIZE, POSE_SIZE, 3), np.uint8), r"uint8 \(16, 16, 3\)"),
        (np.zeros((2, 3, POSE_SIZE, POSE_SIZE), np.uint8), r"uint8 \(2, 3, 16, 16\)"),
        (np.zeros((2, POSE_SIZE, POSE_SIZE, 3), np.float32), r"float32 \(2, 16, 16, 3\)"),
        (np.uint8(3), "uint8"),
        ([picture(1)], "list"),
        (None, "NoneType"),
    ],
)
def test_crops_of_another_kind_are_refused(tiny: HeadPoseEstimator, crops: Any, found: str) -> None:
    with pytest.raises(InvalidImageError, match=rf"shape \(N, 16, 16, 3\), not {found}; cut them with"):
        tiny.predict_crops(crops)


def test_nan_from_the_network_is_an_error(tiny: HeadPoseEstimator) -> None:
    with pytest.raises(ModelIntegrityError, match="answered NaN or infinity"):
        tiny.predict(np.zeros((9, 9, 3), np.uint8), [BoundingBox(0, 0, 9, 9)])


# Construction


def test_what_is_no_pose_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="ehpnet-face is a detector model, not a pose model"):
        HeadPoseEstimator("ehpnet-face")
    network = mean_colour_network()
    folder = write_model(tmp_path / "odd", pose_config(network, detector="tiny-pose-too"), network)
    with pytest.raises(UnknownModelError, match="no model is called 'tiny-pose-too'"):
        HeadPoseEstimator(folder, threads=1)
    assert HeadPoseEstimator(folder, threads=1, detector=CountingDetector()).config.name == "tiny-pose"


@pytest.mark.parametrize("detector", ["ehpnet-face", object(), OnnxFaceDetector, CountingDetector])
def test_what_cannot_detect_is_refused(detector: Any) -> None:
    with pytest.raises(TypeError, match=r"has no detect\(image\) to call; give an object that has"):
        HeadPoseEstimator(detector=detector)


def test_arguments_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        HeadPoseEstimator(device="cpu", providers=["CPUExecutionProvider"])
    with pytest.raises(ValueError, match="threads=0"):
        HeadPoseEstimator(threads=0)
    with pytest.raises(ProviderError, match="NoSuchProvider"):
        HeadPoseEstimator(providers=["NoSuchProvider"])


def test_device_arguments_reach_the_detector_too(tmp_path: Path) -> None:
    estimator = HeadPoseEstimator(
        providers=["CPUExecutionProvider"], threads=1, cache_dir=tmp_path, local_files_only=True
    )
    assert isinstance(estimator.detector, OnnxFaceDetector)
    assert estimator.detector.__reduce__()[0].keywords == {
        "score_threshold": None,
        "device": "auto",
        "threads": 1,
        "providers": ["CPUExecutionProvider"],
        "cache_dir": tmp_path,
        "local_files_only": True,
    }


def test_a_relative_folder_pickles_as_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pose_model(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    for relative in ("tiny", Path("tiny")):
        pickled = pickle.dumps(HeadPoseEstimator(relative, detector=CountingDetector(), device="cpu", threads=1))
        monkeypatch.chdir("/")
        assert pickle.loads(pickled).config.name == "tiny-pose"
        monkeypatch.chdir(tmp_path)


def test_a_model_of_your_own_names_its_own_detector(tmp_path: Path) -> None:
    network = mean_colour_network()
    detector = write_model(tmp_path / "detector", detector_config(network), network)
    folder = write_model(tmp_path / "pose", pose_config(network, detector=str(detector)), network)
    found = HeadPoseEstimator(folder, threads=1).detector
    assert isinstance(found, OnnxFaceDetector)
    assert found.config.name == "tiny-face"


def test_a_users_class_survives_pickling(tmp_path: Path) -> None:
    estimator = Named(write_pose_model(tmp_path / "tiny"), detector=CountingDetector(), threads=1)
    again = pickle.loads(pickle.dumps(estimator))
    assert type(again) is Named
    assert again.predict(picture(2)) == estimator.predict(picture(2))


class Named(HeadPoseEstimator):
    """A user's subclass."""
