"""From a checkpoint to a model folder: the same numbers, or no folder at all."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from headpose_sdk.config import PoseModelConfig, read_config
from headpose_sdk.errors import DatasetError, ModelIntegrityError, OutputError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.views import SAMPLE_FACE, sample_photo, sample_views
from headpose_sdk.training.data import load_split, plain_batch
from headpose_sdk.training.export import export_detector, export_pose
from headpose_sdk.training.network import PoseGraph, PoseNetwork
from headpose_sdk.training.trainer import CHECKPOINT, averaged_weights, read_checkpoint


@pytest.fixture(scope="module")
def graph(teacher_run: Path, exported: dict[str, Any]) -> PoseGraph:
    """The trained network in torch, with the scale of the std that the export fitted."""
    network = PoseNetwork()
    network.load_state_dict(averaged_weights(read_checkpoint(teacher_run / CHECKPOINT)[2]))
    return PoseGraph(network, torch.tensor(exported["std_scale"])).eval()


def torch_outputs(graph: PoseGraph, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    with torch.no_grad():
        angles, std = graph(torch.from_numpy(crops))
    return angles.numpy(), std.numpy()


def test_the_float_network_is_that_of_torch_and_the_int8_one_close_to_it(exported: dict[str, Any]) -> None:
    assert exported["float.onnx"]["largest_difference_on_views"] < 1e-3
    assert 0 < exported["model.int8.onnx"]["difference_on_views"] < 0.3


def test_the_folder_holds_what_its_config_names(exported: dict[str, Any], views_folder: Path) -> None:
    folder = Path(exported["model"])
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "golden.json", "model.int8.onnx"]
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    config = read_config(folder)
    assert isinstance(config, PoseModelConfig)
    assert (config.name, config.detector, config.license) == ("tiny", "ehpnet-face", "MIT")
    assert (config.input_size, config.crop_margin, config.bins, config.bin_width) == (112, 1.2, 62, 3.0)
    assert list(config.std_scale) == exported["std_scale"]
    assert config.training["data"] == views_folder.name
    assert config.training["step"] == 40
    assert config.files.keys() == {"cpu"}
    assert (folder / "model.int8.onnx").stat().st_size < 13_000_000


def test_the_golden_angles_are_those_of_torch(exported: dict[str, Any], graph: PoseGraph) -> None:
    golden = json.loads((Path(exported["model"]) / "golden.json").read_text())
    angles, _ = torch_outputs(graph, sample_views(golden["views"], size=112, margin=1.2))
    assert np.array(golden["angles"]) == pytest.approx(angles, abs=1e-3)
    assert golden["views"] == 64


def test_the_std_covers_two_thirds_of_the_errors_on_photos_held_back(
    exported: dict[str, Any], graph: PoseGraph, views_folder: Path
) -> None:
    _, validation = load_split(views_folder)
    angles, std = torch_outputs(graph, plain_batch(validation, slice(None), 112))
    ratio = np.abs(angles - validation.angles) / std
    assert np.quantile(ratio, 0.6827, axis=0) == pytest.approx(np.ones(3), abs=1e-3)
    measured = exported["float.onnx"]["validation"]
    assert measured["n"] == len(validation)
    assert measured["mae"] == pytest.approx(np.abs(angles - validation.angles).mean(), abs=1e-2)


def test_the_estimator_takes_the_folder(exported: dict[str, Any], graph: PoseGraph) -> None:
    estimator = HeadPoseEstimator(exported["model"], device="cpu", threads=1)
    views = sample_views(8, size=112, margin=1.2, seed=5)
    angles, std = torch_outputs(graph, views)
    batch = estimator.predict_crops(views)
    assert batch.angles == pytest.approx(angles, abs=1.5)
    assert batch.std == pytest.approx(std, rel=0.05)
    [pose] = estimator.predict(sample_photo(), [SAMPLE_FACE])
    assert pose.box == SAMPLE_FACE


def test_an_existing_folder_stays_as_it_is(teacher_run: Path, views_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(OutputError, match=r"mine exists; remove it or choose another --out"):
        export_pose(teacher_run, views_folder, tmp_path / "mine", name="x", detector="ehpnet-face", license_id="MIT")
    with pytest.raises(OutputError, match=r"mine exists"):
        export_detector(teacher_run, tmp_path / "mine", name="x", license_id="MIT", score_threshold=0.3)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_made_says_so(teacher_run: Path, views_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "model"
    with pytest.raises(OutputError, match=r"cannot be written: .*; choose another --out"):
        export_pose(teacher_run, views_folder, out, name="x", detector="ehpnet-face", license_id="MIT")


def test_a_run_of_the_other_kind_is_refused(teacher_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelIntegrityError, match="holds a pose run, not a detector run; name another --run"):
        export_detector(teacher_run, tmp_path / "out", name="x", license_id="MIT", score_threshold=0.3)
    assert list(tmp_path.iterdir()) == []


def test_no_run_is_refused(views_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelIntegrityError, match="is not a checkpoint"):
        export_pose(tmp_path, views_folder, tmp_path / "out", name="x", detector="ehpnet-face", license_id="MIT")
    assert list(tmp_path.iterdir()) == []


def test_data_without_a_validation_part_is_refused(teacher_run: Path, views_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(views_folder, data)
    (data / "manifest.csv").write_text("\n".join((data / "manifest.csv").read_text().splitlines()[:3]))
    with pytest.raises(DatasetError, match="0 validation heads"):
        export_pose(teacher_run, data, tmp_path / "out", name="x", detector="ehpnet-face", license_id="MIT")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def with_tensor(run: Path, out: Path, name: str, value: Tensor) -> Path:
    """A copy of a run whose checkpoint holds ``value`` under ``name``."""
    with safe_open(run / CHECKPOINT, framework="pt") as file:
        metadata = file.metadata()
    settings, _, tensors = read_checkpoint(run / CHECKPOINT)
    assert settings["kind"] == "pose"
    assert name in tensors
    out.mkdir()
    save_file({**tensors, name: value}, out / CHECKPOINT, metadata)
    return out


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (torch.full((186,), float("nan")), r"weights that are no numbers \(heads\.bias\)"),
        (torch.zeros(198), r"do not fit the network: .*heads\.bias.*198.*186"),
    ],
)
def test_a_damaged_checkpoint_gives_no_model(
    teacher_run: Path, views_folder: Path, tmp_path: Path, value: Tensor, says: str
) -> None:
    run = with_tensor(teacher_run, tmp_path / "run", "averaged.heads.bias", value)
    with pytest.raises(ModelIntegrityError, match=says):
        export_pose(run, views_folder, tmp_path / "out", name="x", detector="ehpnet-face", license_id="MIT")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_failure_while_the_folder_is_filled_leaves_nothing_behind(
    teacher_run: Path, views_folder: Path, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, hard))  # a disk that is full amid the first network
    try:
        with pytest.raises(OutputError, match=r"model cannot be written: .*; choose another --out"):
            export_pose(teacher_run, views_folder, tmp_path / "model", name="x", detector="y", license_id="MIT")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
