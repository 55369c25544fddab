"""ONNX Runtime sessions: what was asked for is what runs, or an error says why not. No test here needs a GPU."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fresh_python import run_python
from tiny_models import POSE_SIZE, detector_config, mean_colour_network, pose_config, write_model, write_pose_model

from headpose_sdk.config import ModelFolder, open_folder
from headpose_sdk.errors import ModelIntegrityError, ModelNotFoundError, ProviderError
from headpose_sdk.runtime import OnnxModel, available_threads

CPU = "CPUExecutionProvider"


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return open_folder(write_pose_model(tmp_path / "model"))


def crops(*colours: tuple[int, int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.ones((len(colours), POSE_SIZE, POSE_SIZE, 1), np.uint8) * np.array(colours, np.uint8)[:, None, None]


@pytest.mark.parametrize(
    "arguments",
    [{"device": "cpu"}, {"providers": [CPU]}, {"providers": [(CPU, {})]}, {"device": "cpu", "threads": 2}],
)
def test_the_network_runs_on_the_cpu(folder: ModelFolder, arguments: dict[str, Any]) -> None:
    model = OnnxModel(folder, **arguments)
    assert model.providers == (CPU,)
    angles, std = model.run(crops((10, 20, 30), (1, 2, 3)))
    np.testing.assert_allclose(angles, [[10, 20, 30], [1, 2, 3]])
    np.testing.assert_allclose(std, np.ones((2, 3)))


def test_batches_may_be_views(folder: ModelFolder) -> None:
    model = OnnxModel(folder, device="cpu", threads=1)
    batch = crops((10, 20, 30), (1, 2, 3), (4, 5, 6))
    np.testing.assert_allclose(model.run(batch[::-2, :, ::-1, ::-1])[0], [[6, 5, 4], [30, 20, 10]])


WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": ""}  # for the driver, a machine that has none

OPEN = """
import sys
from pathlib import Path
import headpose_sdk, headpose_sdk.runtime
from headpose_sdk.config import open_folder
try:
    print(headpose_sdk.runtime.OnnxModel(open_folder(Path(sys.argv[1])), device=sys.argv[2], threads=1).providers)
except headpose_sdk.ProviderError as error:
    print(error)
"""


def test_auto_without_a_gpu_runs_on_the_cpu_and_prints_nothing(folder: ModelFolder) -> None:
    assert run_python(OPEN, folder.path, "auto", folder=folder.path, quiet=True, **WITHOUT_GPU) == f"('{CPU}',)"


def test_cuda_without_a_gpu_is_an_error_with_the_install_line(folder: ModelFolder) -> None:
    answer = run_python(OPEN, folder.path, "cuda", folder=folder.path, quiet=True, **WITHOUT_GPU)
    assert answer.startswith(("the installed ONNX Runtime was built without CUDA", "ONNX Runtime"))
    assert 'pip install "headpose-sdk[cuda]"' in answer
    assert answer.endswith("or use device='cpu'")


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"device": "gpu"}, r"device='gpu' is not known; use 'auto', 'cpu' or 'cuda'"),
        ({"device": "cpu", "providers": [CPU]}, "give device= or providers=, not both"),
        ({"device": "cuda", "providers": [CPU]}, "give device= or providers=, not both"),
        ({"providers": []}, r"providers=\[\] names nothing to run on"),
        ({"providers": ["NoSuchProvider"]}, f"built without NoSuchProvider; this one has .*{CPU}"),
        ({"providers": [CPU, ("NoSuchProvider", {})]}, "built without NoSuchProvider"),
        ({"threads": 0}, "threads=0 is not possible; give at least 1"),
        ({"threads": -2}, "threads=-2 is not possible"),
    ],
)
def test_what_cannot_work_is_refused(folder: ModelFolder, arguments: dict[str, Any], cause: str) -> None:
    with pytest.raises(ProviderError, match=cause):
        OnnxModel(folder, **arguments)


@pytest.mark.parametrize("network", [b"", b"no network", b"<html>", mean_colour_network()[:-40]])
def test_a_file_that_is_no_network_is_refused(
    tmp_path: Path, network: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_model(tmp_path / "model", pose_config(network), network)
    with pytest.raises(ModelIntegrityError, match=r"cannot load the network in .*model: .*; upgrade onnxruntime, or"):
        OnnxModel(open_folder(path), device="cpu")
    assert capfd.readouterr() == ("", "")


def test_damaged_and_missing_weights_never_reach_the_runtime(folder: ModelFolder) -> None:
    (folder.path / "model.onnx").write_bytes(mean_colour_network() + b"\0")
    with pytest.raises(ModelIntegrityError, match="SHA-256"):
        OnnxModel(folder, device="cpu")
    (folder.path / "model.onnx").unlink()
    with pytest.raises(ModelNotFoundError, match=r"model\.onnx"):
        OnnxModel(folder, device="cpu")


def test_nan_is_an_error_and_never_an_answer(folder: ModelFolder) -> None:
    model = OnnxModel(folder, device="cpu", threads=1)
    with pytest.raises(ModelIntegrityError, match=rf"model answered NaN or infinity on {CPU}; try device='cpu'"):
        model.run(crops((1, 2, 3), (4, 0, 6)))  # std is 0 / 0


def test_a_batch_that_does_not_fit_is_told(tmp_path: Path) -> None:
    network = mean_colour_network()
    folder = open_folder(write_model(tmp_path / "model", detector_config(network), network))
    model = OnnxModel(folder, device="cpu", threads=1)
    with pytest.raises(ProviderError, match=r"failed on a batch of shape \(1, 32, 32, 3\) on CPU"):
        model.run(np.zeros((1, 32, 32, 3), np.uint8))


def cgroup_limit() -> float:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return math.inf
    return math.inf if quota == "max" else math.ceil(int(quota) / int(period))


def test_threads_follow_the_affinity() -> None:
    if not hasattr(os, "sched_setaffinity"):  # macOS and Windows
        assert available_threads() == os.cpu_count()
        return
    before = os.sched_getaffinity(0)
    try:
        for allowed in (before, {min(before)}):
            os.sched_setaffinity(0, allowed)
            assert available_threads() == min(len(allowed), cgroup_limit())
    finally:
        os.sched_setaffinity(0, before)
