"""Where models come from: the wheel without any network, and folders. The Hub is in test_hub.py."""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path

import pytest
from fresh_python import run_python
from tiny_models import write_pose_model

import headpose_sdk
from headpose_sdk.config import read_config
from headpose_sdk.errors import ModelIntegrityError, ModelNotFoundError, OutputError, UnknownModelError
from headpose_sdk.weights import DEFAULT_DETECTOR, DEFAULT_MODEL, copy_model, download_model, find_model, list_models

PACKAGE = Path(headpose_sdk.__file__).parent


# Bundled models


def test_the_default_models_are_bundled_and_complete() -> None:
    kinds = {info.name: info.kind for info in list_models()}
    assert kinds[DEFAULT_MODEL] == "pose"
    assert kinds[DEFAULT_DETECTOR] == "detector"
    for info in list_models():
        folder = find_model(info.name)
        assert folder.path == info.path == PACKAGE / "models" / info.name
        assert folder.config.name == info.name
        assert folder.config.license == info.license
        assert sum(len(folder.read_weights(device)) for device in folder.config.files) == info.size


def test_the_detector_that_a_bundled_pose_model_names_is_bundled() -> None:
    names = {info.name for info in list_models() if info.kind == "detector"}
    for info in list_models():
        if info.kind == "pose":
            assert getattr(find_model(info.name).config, "detector") in names  # noqa: B009


def test_bundled_models_need_no_network(tmp_path: Path) -> None:
    code = """
import socket, sys
class NoNetwork(socket.socket):
    def __init__(self, *args, **kwargs):
        raise AssertionError("a socket was opened")
socket.socket = socket.create_connection = socket.getaddrinfo = NoNetwork
import headpose_sdk
estimator = headpose_sdk.HeadPoseEstimator(threads=1)
print(headpose_sdk.download_model(estimator.config.name), "huggingface_hub" in sys.modules)
"""
    assert run_python(code, folder=tmp_path) == f"{PACKAGE / 'models' / DEFAULT_MODEL} False"


def test_a_package_without_models_says_so(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "headpose_sdk", ignore=shutil.ignore_patterns("models", "__pycache__"))
    code = """
import headpose_sdk
print(headpose_sdk.__file__, headpose_sdk.list_models())
try:
    headpose_sdk.HeadPoseEstimator()
except headpose_sdk.UnknownModelError as error:
    print(error)
"""
    first, second = run_python(code, folder=tmp_path, PYTHONPATH=str(tmp_path)).splitlines()
    assert first == f"{tmp_path / 'headpose_sdk' / '__init__.py'} []"
    assert second.startswith(f"no model is called '{DEFAULT_MODEL}'; choose one of (none is installed), a folder")


def test_a_damaged_package_says_so(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "headpose_sdk", ignore=shutil.ignore_patterns("*.onnx", "__pycache__"))
    code = """
import headpose_sdk
for ask in (headpose_sdk.list_models, headpose_sdk.HeadPoseEstimator):
    try:
        ask()
    except headpose_sdk.ModelNotFoundError as error:
        print(error)
"""
    listing, loading = run_python(code, folder=tmp_path, PYTHONPATH=str(tmp_path)).splitlines()
    assert f"{tmp_path / 'headpose_sdk' / 'models'}" in listing
    assert "which config.json names, cannot be read: No such file or directory; reinstall headpose-sdk" in listing
    assert DEFAULT_MODEL in loading


# Folders


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    path = write_pose_model(tmp_path / "mine")
    for given in (path, str(path)):
        folder = find_model(given)
        assert (folder.path, folder.config) == (path, read_config(path))
    assert download_model(str(path)) == path


def test_an_existing_folder_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pose_model(tmp_path / DEFAULT_MODEL)
    assert find_model(DEFAULT_MODEL).config.name == DEFAULT_MODEL
    monkeypatch.chdir(tmp_path)
    assert find_model(DEFAULT_MODEL).config.name == "tiny-pose"


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"no model is called 'resnet'; choose one of .*ehpnet-resnet18"):
        find_model("resnet")
    for odd in ("a" * 300, "nul\0character", "@main"):
        with pytest.raises(UnknownModelError, match="no model is called"):
            find_model(odd)
    for missing in (tmp_path / "gone", str(tmp_path / "gone"), Path("gone"), "./gone", "../gone", "gone/", "a/b/c"):
        with pytest.raises(ModelNotFoundError, match=r"gone|a/b/c") as caught:
            find_model(missing)
        assert "does not exist; give an existing one or a name" in str(caught.value)
    with pytest.raises(ModelNotFoundError, match=r"has no config\.json"):
        find_model(tmp_path)


def test_download_verifies_every_byte(tmp_path: Path) -> None:
    path = write_pose_model(tmp_path / "mine")
    (path / "model.onnx").write_bytes(b"other")
    find_model(path)
    with pytest.raises(ModelIntegrityError, match=r"model\.onnx has SHA-256"):
        download_model(str(path))
    (path / "model.onnx").unlink()
    with pytest.raises(ModelNotFoundError, match=r"model\.onnx"):
        download_model(str(path))


# Copies


def test_a_copy_is_the_same_model(tmp_path: Path) -> None:
    target = copy_model(find_model(DEFAULT_MODEL).path, tmp_path / "copies" / "mine")
    texts = {file.name for file in distribution("headpose-sdk").files or []} & {"LICENSE-WEIGHTS", "MODELS.md"}
    assert {path.name for path in target.iterdir()} == {"config.json", "metrics.json", "model.int8.onnx"} | texts
    assert find_model(target).config == find_model(DEFAULT_MODEL).config
    assert download_model(str(target)) == target
    assert [path.name for path in target.parent.iterdir()] == ["mine"]


def test_an_empty_folder_is_filled_and_another_left_alone(tmp_path: Path) -> None:
    source = write_pose_model(tmp_path / "source")
    (tmp_path / "empty").mkdir()
    assert find_model(copy_model(source, tmp_path / "empty")).config.name == "tiny-pose"
    with pytest.raises(OutputError, match=r"empty: cannot copy the model there, it is not an empty folder"):
        copy_model(source, tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    for blocked in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="cannot copy the model there"):
            copy_model(source, blocked)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "source"]


def test_a_damaged_model_is_not_copied(tmp_path: Path) -> None:
    source = write_pose_model(tmp_path / "source")
    (source / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelIntegrityError, match="has SHA-256"):
        copy_model(source, tmp_path / "copy")
    (source / "model.onnx").unlink()
    with pytest.raises(OutputError, match="No such file"):
        copy_model(source, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
