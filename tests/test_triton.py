"""``headpose triton``: a repository that Triton's own schema takes, and whose network is the model's."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.cli.main import main
from headpose_sdk.config import PoseModelConfig
from headpose_sdk.runtime import OnnxModel
from headpose_sdk.triton import BATCHES
from headpose_sdk.weights import DEFAULT_MODEL, find_model

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def place(tmp_path: Path, capsys: Capture) -> Path:
    """The bundled model in a repository."""
    assert main(["triton", str(tmp_path / "repository")]) == 0
    assert capsys.readouterr().out == f"wrote {tmp_path / 'repository' / DEFAULT_MODEL}\n"
    return tmp_path / "repository" / DEFAULT_MODEL


def test_a_repository_is_two_files_and_the_network_is_the_model_s(place: Path) -> None:
    files = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert files == {"config.pbtxt", "1/model.onnx"}
    assert (place / "1" / "model.onnx").read_bytes() == find_model(DEFAULT_MODEL).read_weights("cpu")


@pytest.mark.skipif(find_spec("tritonclient") is None, reason="pip install 'tritonclient[grpc]'")
def test_triton_s_own_schema_takes_the_configuration_and_it_fits_the_network(place: Path) -> None:
    from google.protobuf import text_format
    from tritonclient.grpc.model_config_pb2 import TYPE_FP32, TYPE_UINT8, ModelConfig, ModelInstanceGroup

    config = text_format.Parse((place / "config.pbtxt").read_text(), ModelConfig())
    folder = find_model(DEFAULT_MODEL)
    network = OnnxModel(folder, device="cpu")
    assert isinstance(folder.config, PoseModelConfig)
    size = folder.config.input_size
    assert (config.name, config.backend, config.default_model_filename) == (place.name, "onnxruntime", "model.onnx")
    [crops] = config.input
    assert (crops.name, crops.data_type, list(crops.dims)) == (network.input, TYPE_UINT8, [size, size, 3])
    answers = network.run(np.zeros((2, size, size, 3), np.uint8))
    assert [output.name for output in config.output] == list(network.outputs) == ["angles", "std"]
    for output, answer in zip(config.output, answers, strict=True):
        assert (output.data_type, [2, *output.dims]) == (TYPE_FP32, list(answer.shape))
        assert answer.dtype == np.float32
    assert config.HasField("dynamic_batching")
    assert list(config.dynamic_batching.preferred_batch_size) == list(BATCHES)
    assert max(BATCHES) <= config.max_batch_size
    assert config.instance_group[0].kind == ModelInstanceGroup.KIND_CPU


def test_an_existing_model_is_not_overwritten(place: Path, capsys: Capture) -> None:
    (place / "config.pbtxt").write_text("mine")
    assert main(["triton", str(place.parent)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"headpose: {place}: exists already; delete it or choose another folder"
    assert (place / "config.pbtxt").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--device", "cuda"], "has no file for cuda; it has cpu"),
        (["--model", "ehpnet-face"], "not a pose model"),
        (["--model", "nobody"], "nobody"),
    ],
)
def test_what_cannot_be_is_told_in_one_line_and_leaves_nothing(
    words: list[str], said: str, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["triton", str(tmp_path / "repository"), *words]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_told(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "repository").write_text("mine")
    assert main(["triton", str(tmp_path / "repository")]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "cannot write" in line
    assert (tmp_path / "repository").read_text() == "mine"
