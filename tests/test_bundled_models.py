"""The bundled models on the sample photo: the documented signs, and the same numbers on every way through."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from headpose_sdk.detection import OnnxFaceDetector
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.views import SAMPLE_FACE, sample_views
from headpose_sdk.images import write_image
from headpose_sdk.preprocessing import CropSquare, cut_square
from headpose_sdk.results import BoundingBox, HeadPose, Image
from headpose_sdk.rotation import geodesic_angle, rotate_in_plane
from headpose_sdk.weights import DEFAULT_MODEL, find_model

MIRRORED_FACE = BoundingBox(512 - SAMPLE_FACE.x2, SAMPLE_FACE.y1, 512 - SAMPLE_FACE.x1, SAMPLE_FACE.y2)


def the_pose(estimator: HeadPoseEstimator, image: Image, box: BoundingBox = SAMPLE_FACE) -> HeadPose:
    [pose] = estimator.predict(image, [box])
    return pose


def test_she_looks_into_the_camera_with_her_head_a_little_aslant(estimator: HeadPoseEstimator, photo: Image) -> None:
    """The line through her eyes falls by 3 degrees to the right, and her nose lies midway between her cheeks."""
    [found] = estimator.predict(photo)
    for pose in (found, the_pose(estimator, photo)):
        assert abs(pose.yaw) < 15
        assert abs(pose.pitch) < 20
        assert -3 < pose.roll < 10
        assert pose.direction[2] < -0.9
        assert max(pose.yaw_std, pose.pitch_std, pose.roll_std) < 20


def test_the_found_face_and_the_known_one_have_one_pose(estimator: HeadPoseEstimator, photo: Image) -> None:
    [found] = estimator.predict(photo)
    assert geodesic_angle(found.rotation, the_pose(estimator, photo).rotation) < 6


def test_a_mirror_changes_the_sign_of_yaw_and_roll(estimator: HeadPoseEstimator, photo: Image) -> None:
    for degrees in (0, 20):
        turned = turned_about_its_middle(photo, SAMPLE_FACE, degrees)
        pose = the_pose(estimator, turned)
        mirrored = the_pose(estimator, turned[:, ::-1], MIRRORED_FACE)
        assert mirrored.yaw == pytest.approx(-pose.yaw, abs=4)
        assert mirrored.pitch == pytest.approx(pose.pitch, abs=4)
        assert mirrored.roll == pytest.approx(-pose.roll, abs=4)


@pytest.mark.parametrize("degrees", [-30, -15, 15, 30])
def test_a_photo_turned_clockwise_turns_the_rotation(
    estimator: HeadPoseEstimator, photo: Image, degrees: float
) -> None:
    before = the_pose(estimator, photo)
    after = the_pose(estimator, turned_about_its_middle(photo, SAMPLE_FACE, degrees))
    assert geodesic_angle(rotate_in_plane(before.rotation, degrees), after.rotation) < 12
    assert np.sign(after.roll - before.roll) == np.sign(degrees)


def turned_about_its_middle(photo: Image, face: BoundingBox, degrees: float) -> Image:
    """The photo turned clockwise, as seen, about the middle of the face."""
    # OpenCV counts counter-clockwise.
    matrix = cv2.getRotationMatrix2D(face.center, -degrees, 1.0)
    return np.asarray(cv2.warpAffine(photo, matrix, (512, 512), flags=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("axis", ["yaw", "pitch"])
def test_a_head_turned_in_space_has_the_documented_sign(estimator: HeadPoseEstimator, photo: Image, axis: str) -> None:
    """The face painted on half an egg, which is then turned: left or up must count as more than right or down."""
    positive = the_pose(estimator, turned_in_space(photo, axis, 22))
    middle = the_pose(estimator, photo)
    negative = the_pose(estimator, turned_in_space(photo, axis, -22))
    assert getattr(positive, axis) - getattr(negative, axis) > 10
    assert getattr(positive, axis) > getattr(middle, axis) > getattr(negative, axis)


def turned_in_space(photo: Image, axis: str, degrees: float) -> Image:
    """The photo with its face turned towards the left edge of the image (yaw) or upwards (pitch)."""
    x, y = SAMPLE_FACE.center
    half_width, half_height = 0.62 * SAMPLE_FACE.width, 0.72 * SAMPLE_FACE.height
    rows, columns = np.mgrid[0:512, 0:512].astype(np.float64)
    u, v = (columns - x) / half_width, (rows - y) / half_height
    on_egg = u**2 + v**2 < 1
    depth = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
    # Where was the point that is now here? Turn back, in a sphere's coordinates: right, down, towards the viewer.
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    if axis == "yaw":
        u, depth = u * cos + depth * sin, depth * cos - u * sin
    else:
        v, depth = v * cos + depth * sin, depth * cos - v * sin
    seen = on_egg & (depth > 0)
    map_x = np.where(seen, x + u * half_width, columns).astype(np.float32)
    map_y = np.where(seen, y + v * half_height, rows).astype(np.float32)
    return np.asarray(cv2.remap(photo, map_x, map_y, cv2.INTER_LINEAR), np.uint8)


def test_the_face_box_need_not_be_exact(estimator: HeadPoseEstimator, photo: Image) -> None:
    reference = the_pose(estimator, photo).rotation
    x, y = SAMPLE_FACE.center
    for dx, dy, grow in [(5, 0, 1.0), (-5, 0, 1.0), (0, 6, 1.0), (0, -6, 1.0), (0, 0, 0.9), (0, 0, 1.12)]:
        width, height = SAMPLE_FACE.width * grow / 2, SAMPLE_FACE.height * grow / 2
        box = BoundingBox(x + dx - width, y + dy - height, x + dx + width, y + dy + height)
        assert geodesic_angle(reference, the_pose(estimator, photo, box).rotation) < 8


def test_the_size_of_the_photo_does_not_matter(estimator: HeadPoseEstimator, photo: Image) -> None:
    reference = the_pose(estimator, photo).rotation
    for scale in (0.6, 2.0, 5.0):
        scaled = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        corners = (SAMPLE_FACE.x1, SAMPLE_FACE.y1, SAMPLE_FACE.x2, SAMPLE_FACE.y2)
        pose = the_pose(estimator, scaled, BoundingBox(*(corner * scale for corner in corners)))
        assert geodesic_angle(reference, pose.rotation) < 6


# The same numbers on every way


def test_the_int8_network_agrees_with_the_float_network(estimator: HeadPoseEstimator) -> None:
    """golden.json beside the weights holds the angles of the trained network before it was quantised."""
    golden = json.loads((find_model(DEFAULT_MODEL).path / "golden.json").read_text())
    views = sample_views(golden["views"], size=112, margin=estimator.config.crop_margin)
    batch = estimator.predict_crops(views)
    difference = np.abs(batch.angles - np.array(golden["angles"]))
    assert difference.shape == (golden["views"], 3)
    assert difference.mean() <= 0.3
    assert (batch.std > 0).all()


def test_the_views_cover_what_they_claim(estimator: HeadPoseEstimator, photo: Image) -> None:
    """Else agreement on them would mean little: no two are alike, and the same seed gives the same."""
    views = sample_views(8, size=112, margin=1.2)
    assert np.array_equal(views, sample_views(8, size=112, margin=1.2))
    assert len(np.unique(views.reshape(8, -1), axis=0)) == 8
    plain = cut_square(photo, CropSquare.around(SAMPLE_FACE, 1.2), 112)
    assert (np.abs(views.astype(int) - plain).mean(axis=(1, 2, 3)) > 5).all()


def numbers(poses: list[HeadPose]) -> np.ndarray:
    return np.array([[p.yaw, p.pitch, p.roll, p.yaw_std, p.pitch_std, p.roll_std] for p in poses]).reshape(-1, 6)


def test_single_batch_and_files_give_the_same_numbers(
    estimator: HeadPoseEstimator, photo: Image, tmp_path: Path
) -> None:
    photos = [photo, np.full((50, 60, 3), 128, np.uint8), photo[:300, 60:400], np.hstack([photo, photo[:, ::-1]])]
    paths = [tmp_path / f"{index}.png" for index in range(len(photos))]
    for path, image in zip(paths, photos, strict=True):
        write_image(path, image)
    single = [estimator.predict(image) for image in photos]
    for results in (
        list(estimator.predict_batch(photos, batch_size=3)),
        [list(result.faces) for result in estimator.predict_files(paths)],
    ):
        assert [len(poses) for poses in results] == [len(poses) for poses in single]
        for got, expected in zip(results, single, strict=True):
            np.testing.assert_allclose(numbers(got), numbers(expected), atol=1e-4)
            assert [(pose.box, pose.score) for pose in got] == [(pose.box, pose.score) for pose in expected]


def test_crops_give_the_numbers_of_predict(estimator: HeadPoseEstimator) -> None:
    views = sample_views(5, size=112, margin=estimator.config.crop_margin)
    batch = estimator.predict_crops(views)
    alone = [estimator.predict_crops(view[None]) for view in views]
    np.testing.assert_allclose(np.concatenate([one.angles for one in alone]), batch.angles, atol=1e-4)
    assert (batch.std > 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (2, 500), (20, 20000)])
def test_there_is_no_face_in_nothing(estimator: HeadPoseEstimator, shape: tuple[int, int]) -> None:
    assert estimator.predict(np.zeros((*shape, 3), np.uint8)) == []


def test_a_pickled_estimator_gives_equal_answers(photo: Image, tmp_path: Path) -> None:
    detector = OnnxFaceDetector(score_threshold=0.11, device="cpu", threads=1)
    estimator = HeadPoseEstimator(detector=detector, device="cpu", threads=1, cache_dir=tmp_path)
    again = pickle.loads(pickle.dumps(estimator))
    assert again.predict(photo) == estimator.predict(photo)
    assert again.predict(photo, [SAMPLE_FACE]) == estimator.predict(photo, [SAMPLE_FACE])
    assert again.detector.score_threshold == 0.11
    # What it would pickle again: the same arguments.
    kept, given = again.__reduce__()[0], estimator.__reduce__()[0]
    assert (kept.func, kept.args) == (given.func, given.args) == (HeadPoseEstimator, (DEFAULT_MODEL,))
    own, others = kept.keywords.pop("detector"), dict(kept.keywords)
    assert own is again.detector
    assert others == {
        "device": "cpu",
        "threads": 1,
        "providers": None,
        "cache_dir": tmp_path,
        "local_files_only": False,
    }


def test_threads_may_share_an_estimator(estimator: HeadPoseEstimator, photo: Image) -> None:
    photos = [photo, np.ascontiguousarray(photo[:, ::-1]), photo[:400]] * 3
    expected = [estimator.predict(image, [SAMPLE_FACE]) + estimator.predict(image) for image in photos[:3]] * 3
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda image: estimator.predict(image, [SAMPLE_FACE]) + estimator.predict(image), photos))
    assert found == expected


def test_the_rewrite_that_is_left_out_changes_no_answer(estimator: HeadPoseEstimator) -> None:
    """runtime.py switches one of ONNX Runtime's optimisers off, for speed."""
    folder = find_model(DEFAULT_MODEL)
    session = onnxruntime.InferenceSession(folder.read_weights("cpu"), providers=["CPUExecutionProvider"])
    views = sample_views(32, size=estimator.config.input_size, margin=estimator.config.crop_margin)
    ours = estimator.predict_crops(views)
    angles, std = session.run(None, {"crops": views})
    np.testing.assert_allclose(ours.angles, angles, atol=1e-4)
    np.testing.assert_allclose(ours.std, std, atol=1e-4)


def test_a_stream_on_several_threads_gives_what_single_photos_give(photo: Image) -> None:
    estimator = HeadPoseEstimator(device="cpu", threads=2)
    photos = [photo, np.ascontiguousarray(photo[:, ::-1]), photo[:400], np.zeros((64, 64, 3), np.uint8)] * 3
    for poses, image in zip(estimator.predict_batch(photos, batch_size=4), photos, strict=True):
        expected = estimator.predict(image)
        assert len(poses) == len(expected)
        for pose, single in zip(poses, expected, strict=True):
            assert pose.box.to_list() == pytest.approx(single.box.to_list(), abs=0.01)
            assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx((single.yaw, single.pitch, single.roll), abs=0.01)
