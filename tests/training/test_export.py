"""From a checkpoint to a model folder: the same numbers, or no folder at all."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from headpose_sdk.config import PoseModelConfig, read_config
from headpose_sdk.errors import DatasetError, ModelIntegrityError, OutputError, UnknownModelError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.evaluation.datasets import MANIFEST, read_manifest
from headpose_sdk.evaluation.views import SAMPLE_FACE, sample_photo, sample_views
from headpose_sdk.training import export as pose_export
from headpose_sdk.training import onnx_files
from headpose_sdk.training.checkpoint import CHECKPOINT, read_checkpoint
from headpose_sdk.training.data import load_crops, plain_batch, read_split
from headpose_sdk.training.export import _accept, calibration_rows, export
from headpose_sdk.training.labels import facing_camera, known_angles
from headpose_sdk.training.network import PoseGraph, PoseNetwork
from headpose_sdk.training.provenance import folders_settings, source_commit
from headpose_sdk.training.smaller import quantise


@pytest.fixture(scope="module")
def graph(teacher_run: Path, exported: dict[str, Any]) -> PoseGraph:
    """The trained network in torch, with the scale of the std that the export fitted."""
    network = PoseNetwork()
    network.load_state_dict(read_checkpoint(teacher_run / CHECKPOINT).averaged)
    return PoseGraph(network, torch.tensor(exported["std_scale"])).eval()


def torch_outputs(graph: PoseGraph, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    with torch.no_grad():
        angles, std = graph(torch.from_numpy(crops))
    return angles.numpy(), std.numpy()


def test_the_float_network_is_that_of_torch_and_the_int8_one_close_to_it(exported: dict[str, Any]) -> None:
    assert exported["float.onnx"]["largest_difference_on_views"] < 1e-3
    assert exported["float.onnx"]["largest_std_difference_on_views"] < 1e-3
    int8 = exported["model.int8.onnx"]
    assert 0 < int8["difference_on_views"] < 0.3
    assert abs(int8["validation"]["mae"] - exported["float.onnx"]["validation"]["mae"]) < 0.1
    assert all(0 <= share <= 1 for share in int8["validation"]["coverage_1_sigma"])


def test_half_precision_is_closer_to_float_than_int8_is(exported: dict[str, Any]) -> None:
    half, int8 = exported["model.fp16.onnx"], exported["model.int8.onnx"]
    assert 0 < half["difference_on_views"] < min(0.05, int8["difference_on_views"])


def test_the_folder_holds_what_its_config_names(exported: dict[str, Any], views_folder: Path) -> None:
    folder = Path(exported["model"])
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "golden.json",
        "model.fp16.onnx",
        "model.int8.onnx",
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    config = read_config(folder)
    assert isinstance(config, PoseModelConfig)
    assert (config.name, config.detector, config.license) == ("tiny", "ehpnet-face", "MIT")
    assert (config.input_size, config.crop_margin, config.bins, config.bin_width) == (112, 1.2, 62, 3.0)
    assert list(config.std_scale) == exported["std_scale"]
    assert config.training["data"] == [views_folder.name]
    assert config.training["step"] == 40
    assert config.training["commit"] == source_commit()
    assert config.training["command"] == (
        f"headpose train teacher --data {views_folder.name} --out RUN --backbone resnet18 --crops 640 --batch 16 "
        "--stages 32:1 --learning-rate 0.01"
    )
    assert config.files.keys() == {"cpu", "cuda"}
    assert (folder / "model.int8.onnx").stat().st_size < 13_000_000


def test_the_golden_angles_are_those_of_torch(exported: dict[str, Any], graph: PoseGraph) -> None:
    golden = json.loads((Path(exported["model"]) / "golden.json").read_text())
    angles, _ = torch_outputs(graph, sample_views(golden["views"], size=112, margin=1.2))
    assert np.array(golden["angles"]) == pytest.approx(angles, abs=1e-3)
    assert golden["views"] == 64


def test_the_std_covers_two_thirds_of_the_errors_on_photos_held_back(
    exported: dict[str, Any], graph: PoseGraph, views_folder: Path
) -> None:
    validation = load_crops(read_split([views_folder])[1])
    angles, std = torch_outputs(graph, plain_batch(validation, slice(None), 112))
    ratio = np.abs(angles - validation.angles) / std
    assert np.quantile(ratio, 0.6827, axis=0) == pytest.approx(np.ones(3), abs=1e-3)
    measured = exported["float.onnx"]["validation"]
    assert measured["n"] == len(validation)
    assert measured["mae"] == pytest.approx(np.abs(angles - validation.angles).mean(), abs=1e-2)


def as_if_trained_on(folders: list[Path], run: Path, copy: Path) -> Path:
    """A copy of a run whose settings name these folders."""
    with safe_open(run / CHECKPOINT, framework="pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    rows = [len(read_manifest(folder)) for folder in folders]
    config = {**json.loads(metadata["config"]), **folders_settings([folder / MANIFEST for folder in folders], rows)}
    copy.mkdir()
    save_file(tensors, copy / CHECKPOINT, {**metadata, "config": json.dumps(config)})
    return copy


def test_other_data_than_the_training_s_is_refused(teacher_run: Path, views_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "changed"
    shutil.copytree(views_folder, data)
    lines = (data / MANIFEST).read_text().splitlines()
    (data / MANIFEST).write_text("\n".join(lines[:-1]))
    for folders in ([data], [views_folder, data]):
        with pytest.raises(DatasetError, match=f"not what the run was trained on, which is {views_folder.name} as it"):
            export(teacher_run, tmp_path / "out", data=folders)
    assert [path.name for path in tmp_path.iterdir()] == ["changed"]


def test_heads_whose_pose_cannot_be_seen_are_measured_apart(
    teacher_run: Path, views_folder: Path, rendered_folder: Path, tmp_path: Path
) -> None:
    folders = [views_folder, rendered_folder]
    held_back = load_crops(read_split(folders).held_back)
    known, away = known_angles(held_back.angles).all(axis=1), ~facing_camera(held_back.angles)
    assert 0 < away.sum() < len(held_back) - known.sum() + 1
    run = as_if_trained_on(folders, teacher_run, tmp_path / "run")
    report = export(run, tmp_path / "model", data=folders)
    for measured in (report["float.onnx"], report["model.int8.onnx"]):
        assert measured["validation"]["n"] == known.sum()
        by_kind = measured["by_kind"]
        assert {kind: of["n"] for kind, of in by_kind.items()} == {
            kind: (held_back.kind[known] == kind).sum() for kind in ("photo", "rendered")
        }
        mean = sum(of["n"] * of["mae"] for of in by_kind.values()) / known.sum()
        assert mean == pytest.approx(measured["validation"]["mae"], abs=1e-3)
        assert measured["away"]["n"] == away.sum()
        assert measured["away"]["median_yaw_std"] > 0


def test_without_heads_from_behind_nothing_is_said_of_them(exported: dict[str, Any]) -> None:
    measured = exported["float.onnx"]
    assert "away" not in measured
    assert measured["by_kind"] == {"photo": {"n": measured["validation"]["n"], "mae": measured["validation"]["mae"]}}


def test_data_without_a_face_to_measure_is_refused(teacher_run: Path, rendered_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(rendered_folder, data)
    lines = (data / "manifest.csv").read_text().splitlines()
    (data / "manifest.csv").write_text("\n".join(line for line in lines if ".png,1" in line or "file" in line))
    run = as_if_trained_on([data], teacher_run, tmp_path / "run")
    with pytest.raises(DatasetError, match=r"0 training and 0 validation heads have all angles within the bins"):
        export(run, tmp_path / "out", data=[data])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "run"]


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
        export(teacher_run, tmp_path / "mine", data=[views_folder])
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_made_says_so(teacher_run: Path, views_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "model"
    with pytest.raises(OutputError, match=r"cannot be written: .*; choose another --out"):
        export(teacher_run, out, data=[views_folder])


def test_a_pose_network_without_data_is_refused(teacher_run: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds a pose network.*add --data"):
        export(teacher_run, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    metadata = {"config": json.dumps({"kind": "landmarks"}), "step": "3"}
    save_file({"averaged.weight": torch.zeros(3)}, tmp_path / CHECKPOINT, metadata)
    with pytest.raises(ModelIntegrityError, match=r"of the kind 'landmarks'.*use the version that trained it"):
        export(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("detector", ["no-such-face", "ehpnet-resnet18"])
def test_a_detector_that_is_none_is_refused_before_the_data_is_read(
    teacher_run: Path, tmp_path: Path, detector: str
) -> None:
    with pytest.raises(UnknownModelError, match=detector):
        export(teacher_run, tmp_path / "out", data=[tmp_path / "nowhere"], detector=detector)
    assert list(tmp_path.iterdir()) == []


def test_no_run_is_refused(views_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelIntegrityError, match="is not a checkpoint"):
        export(tmp_path, tmp_path / "out", data=[views_folder])
    assert list(tmp_path.iterdir()) == []


def test_data_without_a_validation_part_is_refused(teacher_run: Path, views_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(views_folder, data)
    (data / "manifest.csv").write_text("\n".join((data / "manifest.csv").read_text().splitlines()[:3]))
    with pytest.raises(DatasetError, match="0 validation heads"):
        export(teacher_run, tmp_path / "out", data=[data])
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def with_tensor(run: Path, out: Path, name: str, value: Tensor) -> Path:
    """A copy of a run whose checkpoint holds ``value`` under ``name``."""
    with safe_open(run / CHECKPOINT, framework="pt") as file:
        metadata = file.metadata()
    tensors = read_checkpoint(run / CHECKPOINT).tensors
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
        export(run, tmp_path / "out", data=[views_folder])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_failure_while_the_folder_is_filled_leaves_nothing_behind(
    teacher_run: Path, views_folder: Path, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, hard))  # a disk that is full amid the first network
    try:
        with pytest.raises(OutputError, match=r"model cannot be written: .*; choose another --out"):
            export(teacher_run, tmp_path / "model", data=[views_folder])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_was_killed_leaves_no_model_and_the_next_one_is_made(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from headpose_sdk.training.onnx_files import new_folder
with new_folder(Path(sys.argv[1])) as work:
    (work / "model.onnx").write_bytes(b"half of it")
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
"""
    for end, status in (("die", -signal.SIGKILL), ("live", 0)):
        done = subprocess.run([sys.executable, "-c", code, tmp_path / "model", end], check=False)
        assert done.returncode == status
        assert (tmp_path / "model" / "model.onnx").exists() == (end == "live")


def with_initialiser(source: Path, changed: Path, name: str, change: Callable[[NDArray[np.float32]], Any]) -> None:
    """A copy of an ONNX file in which ``change`` was made to one tensor."""
    model = onnx.load(source)
    [tensor] = [tensor for tensor in model.graph.initializer if tensor.name == name]
    values = change(numpy_helper.to_array(tensor).copy())
    tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))
    onnx.save(model, changed)


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("network.heads.bias", lambda bias: bias + np.linspace(0, 0.1, 186), r"by \d\.\d+ in its angles on views"),
        ("std_scale", lambda scale: scale * 1.01, r"by \d\.\d+ in its std on views"),
    ],
)
def test_a_float_network_that_differs_from_torch_gives_no_model(
    teacher_run: Path,
    views_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    change: Callable[[NDArray[np.float32]], Any],
    says: str,
) -> None:
    def to_wrong_onnx(graph: nn.Module, example: Tensor, file: Path, *rest: Any) -> None:
        onnx_files.to_onnx(graph, example, file, *rest)
        with_initialiser(file, file, name, change)

    monkeypatch.setattr(pose_export, "to_onnx", to_wrong_onnx)
    with pytest.raises(ModelIntegrityError, match=says):
        export(teacher_run, tmp_path / "model", data=[views_folder])
    assert list(tmp_path.iterdir()) == []


def test_an_int8_network_that_lost_accuracy_gives_no_model(
    teacher_run: Path, views_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quantise_badly(source: Path, *others: Any, **options: Any) -> None:
        shifted = source.with_name("shifted.onnx")
        with_initialiser(source, shifted, "centers", lambda centers: centers + 1.0)
        quantise(shifted, *others, **options)

    monkeypatch.setattr(pose_export, "quantise", quantise_badly)
    with pytest.raises(ModelIntegrityError, match=r"differs from the float one on views .* by \d\.\d+ degrees"):
        export(teacher_run, tmp_path / "model", data=[views_folder])
    assert list(tmp_path.iterdir()) == []


def test_an_int8_network_may_change_the_error_on_heads_held_back_by_a_tenth_of_a_degree(
    exported: dict[str, Any],
) -> None:
    exact, int8 = exported["float.onnx"], exported["model.int8.onnx"]

    def accept(change: float) -> None:
        _accept(
            exact, {**int8, "validation": {**int8["validation"], "mae": exact["validation"]["mae"] + change}}, "int8"
        )

    accept(0.09)
    accept(-0.09)
    for change in (0.11, -0.11, float("nan")):
        with pytest.raises(ModelIntegrityError, match=r"has another MAE than the float one .*more than 0\.1"):
            accept(change)


def test_calibration_takes_different_rows_over_the_whole_range_of_yaw() -> None:
    rng = np.random.default_rng(4)
    yaw = np.concatenate([rng.normal(0, 8, 5000), rng.uniform(-88, 88, 300)])
    rows = calibration_rows(yaw, 1024, np.random.default_rng(0))
    assert len(set(rows.tolist())) == 1024
    assert (np.abs(yaw) > 45).sum() > 100
    assert set(np.flatnonzero(np.abs(yaw) > 45).tolist()) <= set(rows.tolist())  # the few profiles all are there
    assert sorted(calibration_rows(yaw[:700], 1024, np.random.default_rng(0)).tolist()) == list(range(700))
    assert len(set(calibration_rows(np.zeros(5), 3, np.random.default_rng(0)).tolist())) == 3


def test_the_variance_of_a_sure_network_survives_half_precision() -> None:
    class Sure(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            logits = torch.full((len(x), 3, 62), -20.0, dtype=torch.float16)
            logits[..., 59:61] = 0.0  # half at 85.5, half at 88.5: a deviation of 1.5 around 87
            return logits

    graph = PoseGraph(cast(PoseNetwork, Sure()), torch.ones(3)).half()
    angles, std = graph(torch.zeros(2, 8, 8, 3, dtype=torch.uint8))
    assert angles.float().numpy() == pytest.approx(87.0, abs=0.1)
    assert std.float().numpy() == pytest.approx(1.5, abs=0.05)
