"""The face detector from pictures to a model folder that finds the face."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headpose_sdk.config import DetectorModelConfig, read_config
from headpose_sdk.detection import OnnxFaceDetector, cell_grid
from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import read_faces
from headpose_sdk.evaluation.views import SAMPLE_FACE, sample_photo
from headpose_sdk.images import write_image
from headpose_sdk.results import Image
from headpose_sdk.training.checkpoint import read_checkpoint
from headpose_sdk.training.config import DetectorConfig
from headpose_sdk.training.detector.loss import Targets, detection_loss
from headpose_sdk.training.detector.network import DetectorGraph, FaceDetectorNetwork
from headpose_sdk.training.detector.train import split_by_file, train_detector
from headpose_sdk.training.export import export
from headpose_sdk.training.network import normalise
from headpose_sdk.training.provenance import source_commit
from headpose_sdk.training.trainer import Trainer

SIDE = 192
BOX = np.array([SAMPLE_FACE.x1, SAMPLE_FACE.y1, SAMPLE_FACE.x2, SAMPLE_FACE.y2], np.float32) * SIDE / 512


def small_photo() -> Image:
    photo = cv2.resize(sample_photo(), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(photo, dtype=np.uint8)


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """The run of 80 steps on the sample photo alone, and its loss at each step."""
    out = tmp_path_factory.mktemp("detector")
    torch.manual_seed(0)
    cells = torch.from_numpy(cell_grid(SIDE, SIDE).copy())
    pictures = torch.from_numpy(np.stack([small_photo(), small_photo()[:, ::-1]]))
    x1, y1, x2, y2 = BOX.tolist()
    targets = Targets(torch.tensor([[[x1, y1, x2, y2]], [[SIDE - x2, y1, SIDE - x1, y2]]]), torch.ones(2, 1))
    losses = []

    def loss_of(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        score, box = detection_loss(model(normalise(batch)), cells, targets)
        losses.append(float((score + box).detach()))
        return {"score": score, "box": box}

    config = {"kind": "detector", "data": "the sample photo"}
    network = FaceDetectorNetwork()
    trainer = Trainer(network, out, config, steps=80, learning_rate=5e-3, weight_decay=0.0, warmup=3)
    trainer.start(resume=False)
    trainer.run(lambda step: pictures, loss_of, items=2, unit="pictures")
    return out, losses


def test_a_fresh_network_is_small_sees_few_faces_and_has_a_cell_every_8_16_and_32_pixels() -> None:
    network = FaceDetectorNetwork().eval()
    assert 600_000 < sum(p.numel() for p in network.parameters()) < 800_000
    with torch.no_grad():
        cells = DetectorGraph(network)(torch.zeros(1, 96, 64, 3, dtype=torch.uint8))
    assert cells.shape == (96 * 64 * (1 / 64 + 1 / 256 + 1 / 1024), 5)
    assert cells[:, 0].numpy() == pytest.approx(0.01, abs=0.01)


def test_the_loss_falls_on_one_picture(overfitted: tuple[Path, list[float]]) -> None:
    _, losses = overfitted
    assert len(losses) == 80
    assert np.mean(losses[-3:]) < 0.4 * np.mean(losses[:3])


def test_the_exported_detector_finds_the_face_it_has_learnt(
    overfitted: tuple[Path, list[float]], tmp_path: Path
) -> None:
    run, _ = overfitted
    out = tmp_path / "models" / "learnt"
    report = export(run, out, license_id="MIT", score_threshold=0.5, face_scale=1.1, face_shift=-0.05)
    assert report["largest_difference"] < 1e-3
    assert [path.name for path in out.parent.iterdir()] == ["learnt"]
    assert sorted(path.name for path in out.iterdir()) == ["config.json", "model.fp32.onnx"]
    config = read_config(out)
    assert isinstance(config, DetectorModelConfig)
    assert (config.name, config.license, config.score_threshold) == ("learnt", "MIT", 0.5)
    assert (config.face_scale, config.face_shift) == (1.1, -0.05)
    assert config.training == {
        "kind": "detector", "data": "the sample photo", "step": 80, "commit": source_commit(),
        "command": "headpose train detector --data 'the sample photo' --out RUN --pictures 250000",
    }  # fmt: skip

    detector = OnnxFaceDetector(out, device="cpu", threads=1)
    for mirrored in (False, True):
        image = small_photo()[:, ::-1] if mirrored else small_photo()
        x1, y1, x2, y2 = BOX.tolist()
        expected = (SIDE - x2, y1, SIDE - x1, y2) if mirrored else (x1, y1, x2, y2)
        found = detector.detect(image)[0].box
        assert (found.x1, found.y1, found.x2, found.y2) == pytest.approx(expected, abs=10)


def test_the_exported_network_is_the_trained_one_at_any_size(
    overfitted: tuple[Path, list[float]], tmp_path: Path
) -> None:
    run, _ = overfitted
    export(run, tmp_path / "learnt", score_threshold=0.01)
    network = FaceDetectorNetwork()
    network.load_state_dict(read_checkpoint(run / "checkpoint.safetensors").averaged)
    picture = np.ascontiguousarray(sample_photo()[72:200, 150:310])  # small enough to be looked at only once
    with torch.no_grad():
        cells = DetectorGraph(network).eval()(torch.from_numpy(picture)[None]).numpy()
    detector = OnnxFaceDetector(tmp_path / "learnt", device="cpu", threads=1)
    found = detector.detect(picture)
    assert found[0].score == pytest.approx(float(cells[:, 0].max()), abs=1e-3)


@pytest.fixture
def faces_csv(tmp_path: Path) -> Path:
    lines = ["file,x1,y1,x2,y2"]
    for key in range(6):
        write_image(tmp_path / f"{key}.png", small_photo())
        lines.append(f"{key}.png," + ",".join(map(str, BOX.tolist())) if key else "0.png,,,,")
    (tmp_path / "faces.csv").write_text("\n".join(lines))
    return tmp_path / "faces.csv"


def test_a_run_ends_with_a_checkpoint_that_says_what_it_was_trained_with(faces_csv: Path, tmp_path: Path) -> None:
    config = DetectorConfig(pictures=12, batch=4, size=64)
    path = train_detector(faces_csv, tmp_path / "out", config, resume=False, threads=1)
    checkpoint = read_checkpoint(path)
    assert checkpoint.step == 3
    assert checkpoint.settings == {
        "kind": "detector", "data": "faces.csv", "data_sha256": hashlib.sha256(faces_csv.read_bytes()).hexdigest(),
        "rows": 6, "init": None, "init_sha256": None, "pictures": 12, "batch": 4, "size": 64,
        "learning_rate": 0.002, "weight_decay": 0.02, "seed": 0,
    }  # fmt: skip
    assert all(torch.isfinite(value).all() for value in checkpoint.tensors.values())


def test_a_table_without_a_column_is_refused_before_anything_is_written(faces_csv: Path, tmp_path: Path) -> None:
    faces_csv.write_text(faces_csv.read_text().replace("y2", "bottom"))
    with pytest.raises(DatasetError, match=r"faces\.csv has no column y2"):
        train_detector(faces_csv, tmp_path / "out", DetectorConfig(), resume=False, threads=1)
    assert not (tmp_path / "out").exists()


def test_the_export_measures_on_the_photos_held_back(overfitted: tuple[Path, list[float]], tmp_path: Path) -> None:
    run, _ = overfitted
    lines = ["file,x1,y1,x2,y2"]
    for key in range(40):
        write_image(tmp_path / f"{key}.png", small_photo())
        # Only where the face is labelled does the detector, which knows it, find what is asked for.
        box = BOX if key % 2 else np.array([5, 5, 50, 60])
        lines.append(f"{key}.png," + ",".join(map(str, box.tolist())))
    (tmp_path / "faces.csv").write_text("\n".join(lines))
    report = export(run, tmp_path / "model", data=[tmp_path / "faces.csv"], score_threshold=0.5)["validation"]
    held_back = [int(sample.file.stem) for sample in split_by_file(read_faces(tmp_path / "faces.csv"))[1]]
    assert 0 < sum(key % 2 for key in held_back) < len(held_back)
    assert (report["photos"], report["faces"]) == (len(held_back), len(held_back))
    assert report["recall"]["threshold"] == 0.5
    assert report["recall"]["missed"] == sum(key % 2 == 0 for key in held_back)
    assert [row["min_size"] for row in report["size_classes"]] == [40, 20]


def test_photos_of_which_none_is_held_back_measure_nothing(
    overfitted: tuple[Path, list[float]], tmp_path: Path
) -> None:
    run, _ = overfitted
    write_image(tmp_path / "a.png", small_photo())
    (tmp_path / "faces.csv").write_text("file,x1,y1,x2,y2\na.png,1,2,30,40\n")
    assert split_by_file(read_faces(tmp_path / "faces.csv"))[1] == []
    with pytest.raises(DatasetError, match="there are no samples"):
        export(run, tmp_path / "model", data=[tmp_path / "faces.csv"])
    assert not (tmp_path / "model").exists()
