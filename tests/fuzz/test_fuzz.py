"""What comes from outside, damaged at random: the right result or an error of ours, within two seconds, and no crash.

``make fuzz`` runs all of it with many thousand examples each.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_corpus import corpus
from tiny_models import detector_config, pose_config, write_detector

from headpose_sdk.accuracy import METRICS_NAME, read_metrics
from headpose_sdk.config import CONFIG_NAME, read_config, to_json
from headpose_sdk.detection import OnnxFaceDetector, cell_grid
from headpose_sdk.drawing import draw_poses
from headpose_sdk.errors import DatasetError, InvalidBoxError, InvalidImageError, ModelError
from headpose_sdk.evaluation.datasets import read_faces, read_manifest
from headpose_sdk.images import check_image, decode_image
from headpose_sdk.preprocessing import check_box, crop_face
from headpose_sdk.results import BoundingBox, HeadPose, Image
from headpose_sdk.video.plots import read_series

from .conftest import Limited
from .mutations import damaged_json, mutated, with_sums

PICTURES = [case.data for case in corpus() if case.size == (31, 24)]
CONFIGS = [to_json(pose_config()), to_json(detector_config())]
METRICS = [json.dumps([{"dataset": "d", "metric": "MAE", "value": 4.5, "unit": "degrees", "source": "s"}] * 2).encode()]
MANIFESTS = [
    b"file,yaw,pitch,roll\n1.png,10,-20,30.5\n1.png,0,0,0\n",
    b"file,yaw,pitch,roll,x1,y1,x2,y2,source,kind\n1.png,1,2,3,0,0,9,9,a,photo\n1.png,1,2,3,,,,,b,rendered\n",
]
FACES = [b"file,x1,y1,x2,y2,ignore\n1.png,0,0,9,9,\n1.png,1,1,8,8,1\n2.png,,,,,0\n"]
FACE = {"identity": 1, **dict.fromkeys(("yaw", "pitch", "roll", "yaw_std", "pitch_std", "roll_std"), 1.5)}
RECORDS = [json.dumps({"frame": 3, "time": 0.1, "faces": [FACE]}).encode() + b"\n"]

anything = st.floats(width=32, allow_nan=False, allow_infinity=False)
near = st.floats(-200, 400)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples, with the two pictures that the tables name."""
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("1.png", "2.png"):
        (folder / name).touch()
    return folder


@given(data=mutated(PICTURES) | mutated(PICTURES).map(with_sums))
def test_pictures(data: bytes, limited: Limited) -> None:
    with limited():
        message = ""
        try:
            image = decode_image(data, max_pixels=1_000_000)
        except InvalidImageError as error:
            message = str(error)
        assert message.isprintable()
        assert message or check_image(image).size <= 3_000_000


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    """Corners of every size, mostly in an order that can be."""
    numbers = st.sampled_from([near, st.floats()])
    x1, y1 = draw(draw(numbers)), draw(draw(numbers))
    sides = near.map(abs) | st.floats(0, 1e-9) | st.floats(0)
    return x1, y1, x1 + draw(sides), y1 + draw(sides)


@given(corners=boxes(), width=st.integers(1, 300), height=st.integers(1, 300), size=st.sampled_from([16, 64, 112]))
def test_boxes(
    corners: tuple[float, float, float, float], width: int, height: int, size: int, limited: Limited
) -> None:
    white = np.full((height, width, 3), 255, np.uint8)
    with limited():
        try:
            box = check_box(BoundingBox(*corners), white)
        except InvalidBoxError:
            return
        crop = crop_face(white, box, margin=1.2, size=size)
        assert crop.shape == (size, size, 3)
        x, y = box.center
        reach = max(box.width, box.height) * 1.2 + 2  # the crop's own is half of that; pixels at its edge are averaged
        if reach < x < width - reach and reach < y < height - reach:
            assert crop.min() == 255  # nothing from outside of the photo
        draw_on(white, box)


def draw_on(image: Image, box: BoundingBox) -> None:
    drawn = draw_poses(image, [HeadPose(10, -20, 30, 1, 1, 1, box, None)])
    assert drawn.shape == image.shape


@given(data=damaged_json(CONFIGS) | mutated(CONFIGS, b'"', b"null", b"-1", b"1e999", b"NaN", b"[", b"{}", b"9" * 30))
def test_model_configs(folder: Path, data: bytes, limited: Limited) -> None:
    (folder / CONFIG_NAME).write_bytes(data)
    with limited():
        message = ""
        try:
            config = read_config(folder)
        except ModelError as error:
            message = str(error)
        assert len(message) < 600
        assert message or (folder / config.files["cpu"].name).parent == folder


@given(data=damaged_json(METRICS) | mutated(METRICS, b'"', b"null", b"-1", b"1e999", b"NaN", b"[", b"{}", b"9" * 30))
def test_model_metrics(folder: Path, data: bytes, limited: Limited) -> None:
    (folder / METRICS_NAME).write_bytes(data)
    with limited():
        try:
            assert all(math.isfinite(metric.value) for metric in read_metrics(folder))
        except ModelError:
            return


@given(data=mutated(MANIFESTS, b",", b"\n", b'"', b"nan", b"1e999", b"\0", b"1.png" * 90, b"../"))
def test_manifests(folder: Path, data: bytes, limited: Limited) -> None:
    (folder / "manifest.csv").write_bytes(data)
    with limited():
        try:
            samples = read_manifest(folder)
        except DatasetError:
            return
        assert all(abs(angle) <= 180 for sample in samples for angle in sample.angles)


@given(data=mutated(FACES, b",", b"\n", b'"', b"nan", b"1e999", b"\0", b"1.png" * 90))
def test_tables_of_faces(folder: Path, data: bytes, limited: Limited) -> None:
    (folder / "faces.csv").write_bytes(data)
    with limited():
        try:
            assert len(read_faces(folder / "faces.csv")) > 0
        except DatasetError:
            return


@given(data=damaged_json(RECORDS) | mutated(RECORDS, b"[", b"{", b'"', b"1e999", b"NaN", b"null", b"9" * 400, b"\n"))
def test_records_of_a_video(folder: Path, data: bytes, limited: Limited) -> None:
    (folder / "records.jsonl").write_bytes(data)
    with limited():
        try:
            people = read_series(folder / "records.jsonl")
        except DatasetError:
            return
        assert all(len(series.times) == len(series.values["yaw"]) for series in people.values())


@given(
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    faces=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), anything | near, anything, anything, anything)),
)
def test_detector(
    folder: Path,
    height: int,
    width: int,
    faces: list[tuple[float, float, float, float, float, float]],
    limited: Limited,
) -> None:
    padded = -(-height // 32) * 32, -(-width // 32) * 32
    cells = np.zeros((len(cell_grid(*padded)), 5), np.float32)
    for place, score, *raw in faces:
        cells[int(place * (len(cells) - 1))] = score, *raw
    shutil.rmtree(folder / "detector", ignore_errors=True)
    detector = OnnxFaceDetector(write_detector(folder / "detector", cells), device="cpu", threads=1)
    photo = np.zeros((height, width, 3), np.uint8)
    with limited():
        found = detector.detect(photo)
        for face in found:
            check_box(face.box, photo)
        assert [face.score for face in found] == sorted((face.score for face in found), reverse=True)
