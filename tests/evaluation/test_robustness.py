"""What changes of photos do to predictions, on stand-ins that see the change and answer as they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import read_manifest
from headpose_sdk.evaluation.robustness import WHAT_CHANGED, evaluate_robustness
from headpose_sdk.images import write_image
from headpose_sdk.results import BoundingBox, HeadPose, Image
from headpose_sdk.rotation import euler_from_matrix, matrix_from_euler, rotate_in_plane

from .stand_ins import KeyedEstimator, box_pose

BOX = BoundingBox(60, 40, 140, 140)


class Seeing(KeyedEstimator):
    """Answers with what ``read`` makes of the picture inside of the box, and keeps all that it was shown."""

    def __init__(self, read: Callable[[Image], tuple[float, float, float]]) -> None:
        super().__init__({})
        self.read = read
        self.shown: list[tuple[Image, BoundingBox]] = []

    def predict(self, image: Image, boxes: Sequence[BoundingBox] | None = None) -> list[HeadPose]:
        assert boxes is not None
        [box] = boxes
        self.shown.append((image, box))
        return [box_pose(self.read(image[round(box.y1) : round(box.y2), round(box.x1) : round(box.x2)]))]


@pytest.fixture
def photo() -> Image:
    """200 x 180, grey: a white bar from the box's centre straight up, blue on its right."""
    image = np.full((180, 200, 3), 90, np.uint8)
    image[50:90, 96:104] = 255
    image[84:96, 104:120] = (255, 0, 0)
    return image


@pytest.fixture
def root(photo: Image, tmp_path: Path) -> Path:
    write_image(tmp_path / "0.png", photo)
    (tmp_path / "manifest.csv").write_text("file,yaw,pitch,roll,x1,y1,x2,y2\n0.png,10,0,5,60,40,140,140\n")
    return tmp_path


def bar_angle(face: Image) -> float:
    """Degrees clockwise from upwards of what is white."""
    y, x = np.nonzero((face > 200).all(axis=2))
    return float(np.degrees(np.arctan2(x.mean() + 0.5 - face.shape[1] / 2, face.shape[0] / 2 - y.mean() - 0.5)))


def test_a_face_turned_clockwise_is_one_whose_top_leans_to_the_right(root: Path) -> None:
    seeing = Seeing(lambda face: (0.0, 0.0, bar_angle(face)) if (face > 200).all(axis=2).any() else (0, 0, 0))
    report = evaluate_robustness(seeing, read_manifest(root))  # type: ignore[arg-type]
    angles = [bar_angle(image[40:140, 60:140]) for image, _ in seeing.shown[:4]]
    assert angles == pytest.approx([0, 0, 30, -30], abs=1.5)
    assert report["turn"] < 1.5  # a network that reads the bar bears turns
    assert evaluate_robustness(Seeing(lambda face: (0, 0, 0)), read_manifest(root))["turn"] == pytest.approx(30)  # type: ignore[arg-type]


def test_the_whole_rotation_turns(root: Path) -> None:
    poses = [(35.0, 10.0, 0.0)] * 2
    poses += [tuple(euler_from_matrix(rotate_in_plane(matrix_from_euler(poses[0]), a)).tolist()) for a in (30, -30)]
    answers = iter(poses + [poses[0]] * len(WHAT_CHANGED))
    report = evaluate_robustness(Seeing(lambda face: next(answers)), read_manifest(root))  # type: ignore[arg-type]
    assert report["turn"] == pytest.approx(0, abs=1e-4)


def test_a_mirror_image_has_its_box_mirrored_and_yaw_and_roll_turned_over(root: Path) -> None:
    def blue_on_the_right(face: Image) -> bool:
        _, x = np.nonzero((face[..., 0] > 200) & (face[..., 2] < 60))
        return bool(len(x) == 0 or x.mean() > face.shape[1] / 2)

    seeing = Seeing(lambda face: (12.0, 4.0, 7.0) if blue_on_the_right(face) else (-11.0, 6.0, -7.0))
    report = evaluate_robustness(seeing, read_manifest(root))  # type: ignore[arg-type]
    assert seeing.shown[1][1] == BoundingBox(60, 40, 140, 140)  # in the middle of 200 pixels
    assert report["mirror"] == {"yaw": 1, "pitch": 2, "roll": 0}
    off = (root / "manifest.csv").read_text().replace("60,40,140,140", "20,40,100,140")
    (root / "manifest.csv").write_text(off)
    evaluate_robustness(seeing, read_manifest(root))  # type: ignore[arg-type]
    assert seeing.shown[-len(WHAT_CHANGED) - 3][1] == BoundingBox(100, 40, 180, 140)


def test_each_change_is_what_it_says(root: Path, photo: Image) -> None:
    seeing = Seeing(lambda face: (0, 0, 0))
    report = evaluate_robustness(seeing, read_manifest(root))  # type: ignore[arg-type]
    shown = dict(zip(WHAT_CHANGED, [image for image, _ in seeing.shown[4:]], strict=True))
    assert all(box == BOX for _, box in seeing.shown[4:])
    for name, part in (("covered_16", 0.16), ("covered_40", 0.4)):
        changed = (shown[name] != photo).any(axis=2)
        grey = (shown[name] == 128).all(axis=2)
        assert grey.sum() == pytest.approx(part * 80 * 100, rel=0.05)
        assert not (changed & ~grey).any()
        y, x = np.nonzero(grey)
        assert (x.min() >= 60, x.max() < 140, y.min() >= 40, y.max() < 140) == (True,) * 4
    assert (shown["dark"] == photo // 2).all()
    assert (shown["rgb_for_bgr"] == photo[:, :, ::-1]).all()
    small = cv2.resize(photo, (48, 43), interpolation=cv2.INTER_AREA)  # 24 of the box's 100 pixels
    assert (shown["coarse"] == cv2.resize(small, (200, 180), interpolation=cv2.INTER_LINEAR)).all()
    assert report["changed"] == dict.fromkeys(WHAT_CHANGED, 5)  # labelled 10, 0, 5


def test_covers_lie_elsewhere_in_each_photo_and_where_they_lay_in_a_repetition(root: Path, photo: Image) -> None:
    write_image(root / "1.png", photo)
    with (root / "manifest.csv").open("a") as file:
        file.write("1.png,10,0,5,60,40,140,140\n")
    runs = []
    for _ in range(2):
        seeing = Seeing(lambda face: (0, 0, 0))
        evaluate_robustness(seeing, read_manifest(root))  # type: ignore[arg-type]
        runs.append([image for image, _ in seeing.shown])
    assert all((first == second).all() for first, second in zip(*runs, strict=True))
    views = 4 + len(WHAT_CHANGED)
    covered = 4 + list(WHAT_CHANGED).index("covered_40")
    assert (runs[0][covered] != runs[0][views + covered]).any()


def test_what_cannot_be_measured_is_refused_and_unreadable_photos_are_named(root: Path) -> None:
    with (root / "manifest.csv").open("a") as file:
        file.write("broken.png,10,0,5,60,40,140,140\n")
    (root / "broken.png").write_bytes(b"not a picture")
    seeing = Seeing(lambda face: (10, 0, 5))
    report = evaluate_robustness(seeing, read_manifest(root))  # type: ignore[arg-type]
    assert (report["n"], report["mae"], [Path(drop["file"]).name for drop in report["dropped"]]) == (
        1,
        0,
        ["broken.png"],
    )
    (root / "manifest.csv").write_text("file,yaw,pitch,roll\n0.png,1,2,3\n")
    with pytest.raises(DatasetError, match=r"0\.png has no labelled box"):
        evaluate_robustness(seeing, read_manifest(root))  # type: ignore[arg-type]
