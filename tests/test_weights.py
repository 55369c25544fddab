"""Where models come from: the wheel without any network, folders, and the Hub, played by a server on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fresh_python import run_python
from hub_server import COMMIT, REPO, serve_repository
from tiny_models import write_pose_model

import headpose_sdk
from headpose_sdk.config import read_config
from headpose_sdk.errors import ModelIntegrityError, ModelNotFoundError, UnknownModelError
from headpose_sdk.weights import DEFAULT_DETECTOR, DEFAULT_MODEL, download_model, find_model, list_models

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


# The Hub; HF_ENDPOINT and HF_HUB_OFFLINE are read at import, so each needs an interpreter of its own

DOWNLOAD = """
import sys
from pathlib import Path
import headpose_sdk
for name in sys.argv[1:]:
    try:
        print(headpose_sdk.download_model(name, cache_dir=Path.cwd() / "cache"))
    except headpose_sdk.ModelError as error:
        print(f"{type(error).__name__}: {error}")
"""


def test_a_model_on_the_hub_is_fetched_once(tmp_path: Path) -> None:
    source = write_pose_model(tmp_path / "source")
    (source / "README.md").write_text("not needed to run")
    with serve_repository(source) as address:
        names = (REPO, f"{REPO}@{COMMIT}", f"{REPO}@v9", "somebody/else", f"somebody/{'x' * 99}")
        answers = run_python(DOWNLOAD, *names, folder=tmp_path, HF_ENDPOINT=address).splitlines()
    path = tmp_path / "cache" / f"models--{REPO.replace('/', '--')}" / "snapshots" / COMMIT
    assert answers[:2] == [str(path)] * 2
    assert {file.name: file.read_bytes() for file in path.iterdir()} == {
        name: (source / name).read_bytes() for name in ("config.json", "model.onnx")
    }
    assert answers[2].startswith(f"ModelDownloadError: model {REPO}@v9 could not be downloaded: ")
    assert answers[2].endswith("check the name and the revision, or try again later")
    assert answers[3].startswith("ModelDownloadError: the Hub has no model somebody/else, or it is private")

    assert answers[4].startswith(f"ModelDownloadError: model somebody/{'x' * 99} could not be downloaded: ")

    # The server is gone: a revision that is pinned comes from the cache, and so does a name.
    pinned = run_python(DOWNLOAD, f"{REPO}@{COMMIT}", REPO, folder=tmp_path, HF_ENDPOINT=address).splitlines()
    assert pinned == [str(path)] * 2


def test_offline_and_not_cached_names_the_next_action(tmp_path: Path) -> None:
    answer = run_python(DOWNLOAD, "somebody/some-model", folder=tmp_path, HF_HUB_OFFLINE="1")
    assert answer == (
        "ModelDownloadError: there is no folder somebody/some-model here, model somebody/some-model is not in the "
        "local cache, and the Hub cannot be reached; check the name, connect once, or give the folder of a copy"
    )


def test_local_files_only_never_asks_the_hub(tmp_path: Path) -> None:
    code = """
import headpose_sdk
try:
    headpose_sdk.HeadPoseEstimator("somebody/some-model", cache_dir="cache", local_files_only=True)
except headpose_sdk.ModelDownloadError as error:
    print(error)
"""
    with serve_repository(write_pose_model(tmp_path / "source")) as address:
        answer = run_python(code, folder=tmp_path, HF_ENDPOINT=address)
    assert "is not in the local cache" in answer
