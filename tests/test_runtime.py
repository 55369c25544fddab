"""ONNX Runtime sessions: what was asked for is what runs, or an error says why not. No test here needs a GPU."""

from __future__ import annotations

import linecache
import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from fresh_python import run_python
from tiny_models import (
    POSE_SIZE,
    detector_config,
    failing_network,
    infinite_network,
    mean_colour_network,
    pose_config,
    scattered_network,
    write_detector,
    write_model,
    write_pose_model,
)

from headpose_sdk.config import ModelFolder, open_folder
from headpose_sdk.cuda import CudaGraphs, OnnxSession
from headpose_sdk.detection import OnnxFaceDetector
from headpose_sdk.errors import ModelIntegrityError, ModelNotFoundError, ProviderError, UnknownModelError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.hardware import available_threads
from headpose_sdk.results import BoundingBox, FaceDetection, Image
from headpose_sdk.runtime import OneWarning, OnnxModel, _with_engine_cache

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"


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


def test_onnx_runtime_gathers_no_usage_data(folder: ModelFolder, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    run_python(OPEN, folder.path, "cpu", folder=folder.path, HOME=str(home), XDG_CACHE_HOME=str(home / "cache"))
    assert list(home.iterdir()) == []


def test_cuda_without_a_gpu_is_an_error_with_the_install_line(folder: ModelFolder) -> None:
    answer = run_python(OPEN, folder.path, "cuda", folder=folder.path, quiet=True, **WITHOUT_GPU)
    assert answer.startswith(("the installed ONNX Runtime was built without CUDA", "no NVIDIA driver"))
    assert 'pip install "headpose-sdk[cuda]"' in answer
    assert answer.endswith("or use device='cpu'")


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"device": "tpu"}, r"device='tpu' is not known; use 'auto', 'cpu' or 'cuda'"),
        ({"device": "cpu", "providers": [CPU]}, "give device= or providers=, not both"),
        ({"device": "cuda", "providers": [CPU]}, "give device= or providers=, not both"),
        ({"providers": []}, r"providers=\[\] names nothing to run on"),
        ({"threads": 0}, "threads=0 is not possible; give at least 1"),
        ({"threads": -2}, "threads=-2 is not possible"),
    ],
)
def test_arguments_that_cannot_be_are_plain_value_errors(
    folder: ModelFolder, arguments: dict[str, Any], cause: str
) -> None:
    with pytest.raises(ValueError, match=cause) as caught:
        OnnxModel(folder, **arguments)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize("providers", [["NoSuchProvider"], [CPU, ("NoSuchProvider", {})]])
def test_a_provider_that_is_not_built_in_is_refused(folder: ModelFolder, providers: list[Any]) -> None:
    with pytest.raises(ProviderError, match=f"built without NoSuchProvider; this one has .*{CPU}"):
        OnnxModel(folder, providers=providers)


def test_a_provider_that_cannot_be_set_up_is_named_and_nothing_is_printed(
    folder: ModelFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime itself would print "EP Error" to stdout and run without the options."""
    with pytest.raises(ProviderError, match=f"could not start {CPU}: .*; see ONNX Runtime's documentation of that"):
        OnnxModel(folder, providers=[(CPU, 3)])  # type: ignore[list-item]
    assert capfd.readouterr() == ("", "")


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


@pytest.mark.parametrize("file", [b"more.bin", b"../more.bin", b"/etc/passwd"])
def test_weights_in_a_file_of_their_own_are_refused(tmp_path: Path, file: bytes) -> None:
    network = scattered_network(file)
    folder = write_model(tmp_path / "model", pose_config(network), network)
    for place in (folder / "more.bin", tmp_path / "more.bin"):
        place.write_bytes(np.ones(3, np.float32).tobytes())
    with pytest.raises(ModelIntegrityError, match="keeps weights in a file of their own, which nothing verifies"):
        OnnxModel(open_folder(folder), device="cpu")


def test_a_network_that_fails_when_it_runs_is_told_each_time(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    network = failing_network()
    model = OnnxModel(open_folder(write_model(tmp_path / "model", pose_config(network), network)), device="cpu")
    for _ in range(3):
        with pytest.raises(
            ProviderError, match=r"ONNX Runtime failed on a batch of shape \(1, 16, 16, 3\) on CPU.*try a"
        ):
            model.run(crops((1, 2, 3)))
    assert capfd.readouterr() == ("", "")


def test_infinity_is_an_error_in_every_way_to_ask(tmp_path: Path) -> None:
    network = infinite_network()
    estimator = HeadPoseEstimator(write_model(tmp_path / "model", pose_config(network), network), threads=1)
    photo, box = np.full((40, 40, 3), 7, np.uint8), BoundingBox(3, 3, 30, 30)
    with pytest.raises(ModelIntegrityError, match="answered NaN or infinity"):
        estimator.predict(photo, [box])
    with pytest.raises(ModelIntegrityError, match="answered NaN or infinity"):
        estimator.predict_crops(crops((1, 2, 3)))
    stream = HeadPoseEstimator(tmp_path / "model", detector=WholePicture(), threads=1)
    with pytest.raises(ModelIntegrityError, match="answered NaN or infinity"):
        list(stream.predict_batch([photo] * 3))


class WholePicture:
    """Finds a face that fills the picture."""

    def detect(self, image: Image) -> list[FaceDetection]:
        return [FaceDetection(BoundingBox(0, 0, image.shape[1], image.shape[0]), 1.0)]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, 1, 4])
def test_a_detector_that_answers_nonsense_is_an_error_too(tmp_path: Path, wrong: float, column: int) -> None:
    cells = np.zeros((16 + 4 + 1, 5), np.float32)
    cells[3, column] = wrong
    detector = OnnxFaceDetector(write_detector(tmp_path / "detector", cells), device="cpu", threads=1)
    with pytest.raises(ModelIntegrityError, match="detector answered NaN or infinity"):
        detector.detect(np.zeros((32, 32, 3), np.uint8))


def test_a_batch_that_does_not_fit_is_told(tmp_path: Path) -> None:
    network = mean_colour_network()
    folder = open_folder(write_model(tmp_path / "model", detector_config(network), network))
    model = OnnxModel(folder, device="cpu", threads=1)
    for batch in (np.zeros((1, 32, 32, 3), np.uint8), np.zeros((16, 16, 3), np.uint8), np.zeros((1, 16, 16, 3))):
        with pytest.raises(ModelIntegrityError) as caught:
            model.run(batch)  # type: ignore[arg-type]
        assert "model takes tensor(uint8) of shape ['n', 16, 16, 3], and its config.json" in str(caught.value)
        assert f"promises that it takes {batch.dtype} of shape {batch.shape}; export the model" in str(caught.value)


# A stand-in for an ONNX Runtime that was built with CUDA: no machine without a GPU has a working one.


class FakeRuntime:
    """Loads every network with the real CPU provider, and says of ``working`` providers that it uses them."""

    def __init__(self, *built_in: str, working: tuple[str, ...] = ()) -> None:
        self.tried: list[str] = []
        self.SessionOptions = onnxruntime.SessionOptions
        self.get_available_providers = lambda: [*built_in, CPU]
        tried = self.tried

        class InferenceSession(onnxruntime.InferenceSession):  # type: ignore[misc]
            def __init__(self, weights: bytes, options: Any, providers: list[Any], **others: Any) -> None:
                self.names = [name if isinstance(name, str) else name[0] for name in providers]
                tried.append(self.names[0])
                if self.names[0] not in (CPU, *working):
                    raise RuntimeError(f"{self.names[0]}: libcudnn.so.9 is missing")
                super().__init__(weights, options, providers=[CPU], **others)

            def get_providers(self) -> list[str]:
                return self.names

        self.InferenceSession = InferenceSession

    def install(self, monkeypatch: pytest.MonkeyPatch, *, driver: bool = True) -> FakeRuntime:
        """Be what ``import onnxruntime`` gives, on a machine with or without an NVIDIA driver."""
        monkeypatch.setitem(sys.modules, "onnxruntime", self)
        monkeypatch.setattr("headpose_sdk.runtime.has_nvidia_driver", lambda: driver)
        return self


def test_auto_falls_back_with_one_warning_at_the_callers_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRuntime(CUDA).install(monkeypatch)
    path = write_pose_model(tmp_path / "pose")
    with pytest.warns(UserWarning, match="CPU although there is an NVIDIA GPU: .*libcudnn.so.9 is missing; ") as told:
        estimator = HeadPoseEstimator(path, threads=1)  # two networks
    assert [warning.filename for warning in told] == [__file__]
    assert linecache.getline(__file__, told[0].lineno).endswith("# two networks\n")
    assert estimator.providers == (CPU,)


def test_a_network_alone_warns_at_the_callers_line_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRuntime(CUDA).install(monkeypatch)
    with pytest.warns(UserWarning, match="NVIDIA GPU") as told:
        OnnxFaceDetector(threads=1)
    assert [warning.filename for warning in told] == [__file__]


def test_nothing_is_told_of_a_fallback_that_fails_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRuntime(CUDA).install(monkeypatch)
    network = mean_colour_network()
    path = write_model(tmp_path / "pose", pose_config(network, detector="no-such-detector"), network)
    with pytest.raises(UnknownModelError, match="no-such-detector"):  # a warning would be an error here, and another
        HeadPoseEstimator(path, threads=1)


def test_the_cpus_file_on_cuda_is_told_once_and_only_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRuntime(CUDA, working=(CUDA,)).install(monkeypatch)
    path = write_pose_model(tmp_path / "pose")
    with pytest.warns(UserWarning, match="tiny-pose has no file made for CUDA") as told:
        estimator = HeadPoseEstimator(path, device="cuda", threads=1)
    assert [warning.filename for warning in told] == [__file__]
    assert "ehpnet-face" not in str(told[0].message)  # it has one
    assert estimator.providers == (CUDA, CPU)
    FakeRuntime(CUDA).install(monkeypatch)
    with pytest.raises(ProviderError, match=r"could not start CUDAExecutionProvider: .*libcudnn"):
        HeadPoseEstimator(path, device="cuda", threads=1)


def test_what_two_networks_warn_of_is_told_together(folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRuntime(CUDA, working=(CUDA,)).install(monkeypatch)
    other = replace(folder, config=replace(folder.config, name="other"))
    with pytest.warns(UserWarning, match="has no file made for CUDA.*; model other has no file") as told, OneWarning():
        _ = [OnnxModel(each, device="cuda", threads=1) for each in (folder, other, folder)]
    assert len(told) == 1
    assert str(told[0].message).count("no file") == 2


def test_a_driver_is_not_looked_for_where_onnx_runtime_has_no_cuda(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    FakeRuntime().install(monkeypatch)
    monkeypatch.setattr("headpose_sdk.runtime.has_nvidia_driver", lambda: bool(asked.append("driver")))
    OnnxModel(folder, threads=1)
    assert asked == []
    FakeRuntime(CUDA).install(monkeypatch, driver=False)
    assert OnnxModel(folder, threads=1).providers == (CPU,)


def test_another_provider_that_fails_is_named(folder: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRuntime("OtherProvider").install(monkeypatch)
    with pytest.raises(ProviderError, match=r"could not start OtherProvider: OtherProvider: libcudnn.*documentation"):
        OnnxModel(folder, providers=["OtherProvider", CPU])


def test_auto_falls_back_where_graphs_cannot_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRuntime(CUDA, working=(CUDA,)).install(monkeypatch)  # starts, but has no memory to give: no OrtValue
    network = mean_colour_network()
    config = pose_config(network)
    files = {"cpu": config.files["cpu"], "cuda": config.files["cpu"]}
    folder = open_folder(write_model(tmp_path / "halves", replace(config, files=files), network))
    with pytest.raises(ProviderError, match=r"cannot run the network as a graph, not even one crop: .*providers="):
        OnnxModel(folder, device="cuda")
    with pytest.warns(UserWarning, match="running on the CPU although there is an NVIDIA GPU: CUDA cannot run"):
        model = OnnxModel(folder, threads=1)
    assert model.providers == (CPU,)
    np.testing.assert_allclose(model.run(crops((10, 20, 30)))[0], [[10, 20, 30]])


def test_tensorrt_by_its_bare_name_gets_a_folder_for_its_engines(
    folder: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeRuntime(TENSORRT, working=(TENSORRT,)).install(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.warns(UserWarning, match="tiny-pose has no file made for CUDA"):
        model = OnnxModel(folder, providers=[TENSORRT, CPU])
    assert model.providers == (TENSORRT, CPU)
    cache = tmp_path / "cache" / "headpose-sdk" / "tensorrt"
    assert cache.is_dir()
    _, options = _with_engine_cache(TENSORRT)
    assert options["trt_engine_cache_path"] == str(cache)  # type: ignore[index]
    own = (TENSORRT, {"trt_fp16_enable": "0"})
    assert _with_engine_cache(own) is own
    FakeRuntime(TENSORRT, working=(TENSORRT,)).install(monkeypatch, driver=False)
    with pytest.raises(ProviderError, match="no NVIDIA driver"):
        OnnxModel(folder, providers=[TENSORRT, CPU])


def test_the_binding_calls_are_those_of_onnx_runtime(folder: ModelFolder) -> None:
    """The same calls as on a GPU, with ONNX Runtime itself on the CPU, which has no graphs and ignores their number."""
    session = onnxruntime.InferenceSession(folder.read_weights("cpu"), providers=[CPU])
    graphs = CudaGraphs(OnnxSession(onnxruntime, session, device="cpu"), crop=(POSE_SIZE, POSE_SIZE, 3), outputs=(3, 3))
    colours = np.random.default_rng(0).integers(1, 200, (140, 3), dtype=np.uint8)
    angles, std = graphs.run(np.ones((140, POSE_SIZE, POSE_SIZE, 1), np.uint8) * colours[:, None, None])
    np.testing.assert_allclose(angles, colours, rtol=1e-5)
    np.testing.assert_allclose(std, np.ones((140, 3)), rtol=1e-5)


def test_a_broken_network_is_told_as_such_on_cuda_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRuntime(CUDA, working=(CUDA,)).install(monkeypatch)
    path = write_model(tmp_path / "model", pose_config(b"no network"), b"no network")
    with pytest.raises(ModelIntegrityError, match=r"cannot load the network in .*model: "):
        OnnxModel(open_folder(path), device="cuda")
    assert fake.tried == [CUDA, CPU]


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


@pytest.mark.parametrize("module", ["", "raise OSError('libcudart.so.12: cannot open shared object file')"])
def test_a_hollow_or_broken_onnx_runtime_is_told_with_what_mends_it(tmp_path: Path, module: str) -> None:
    """Of two distributions one was taken out again: what is left can be imported and holds nothing."""
    (tmp_path / "onnxruntime.py").write_text(module + "\n")
    code = """
import sys
sys.path.insert(0, "")
import headpose_sdk
try:
    headpose_sdk.HeadPoseEstimator(device="cpu")
except headpose_sdk.ProviderError as error:
    print(error)
"""
    told = run_python(code, folder=tmp_path)
    assert told.startswith("ONNX Runtime cannot be imported (")
    assert "pip uninstall onnxruntime onnxruntime-gpu" in told
    doctor = """
import sys
sys.path.insert(0, "")
from headpose_sdk.cli.main import main
print(main(["doctor"]))
"""
    told = run_python(doctor, folder=tmp_path)
    assert told.endswith("1")
    assert "ONNX Runtime cannot be imported: " in told
