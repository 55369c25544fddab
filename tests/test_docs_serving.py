"""docs/serving.md does what it says: the service answers over HTTP, and the client sends what the network takes."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from headpose_sdk import HeadPoseEstimator
from headpose_sdk.results import Image
from headpose_sdk.runtime import OnnxModel
from headpose_sdk.weights import DEFAULT_MODEL, find_model

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
PHOTO = ROOT / "examples" / "astronaut.jpg"
NO_FASTAPI = any(find_spec(name) is None for name in ("fastapi", "httpx", "python_multipart"))


def example(name: str) -> str:
    [code] = re.findall(rf"<!-- example: {name} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    return str(code)


@pytest.fixture(scope="module")
def client() -> Any:
    """A client of the page's service. It is a module, as FastAPI looks the annotations up in one."""
    from fastapi.testclient import TestClient

    service = ModuleType("service")
    sys.modules["service"] = service
    exec(compile(example("fastapi"), "serving.md", "exec"), service.__dict__)
    return TestClient(service.app)


@pytest.mark.skipif(NO_FASTAPI, reason="pip install fastapi httpx python-multipart")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestService:
    def test_a_photo_gets_its_poses(self, client: Any, estimator: HeadPoseEstimator, photo: Image) -> None:
        answer = client.post("/poses", files={"file": ("photo.jpg", PHOTO.read_bytes())})
        assert answer.status_code == 200
        assert answer.json() == [pose.to_dict() for pose in estimator.predict(photo)]

    def test_what_is_no_picture_is_said(self, client: Any) -> None:
        answer = client.post("/poses", files={"file": ("page.jpg", b"<html>")})
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("page.jpg: the file holds text")

    def test_a_large_upload_is_refused_before_it_is_read(self, client: Any) -> None:
        answer = client.post("/poses", content=b"", headers={"content-length": "200000000"})
        assert (answer.status_code, answer.json()) == (413, {"detail": "over 20000000 bytes"})

    def test_an_upload_without_a_length_is_refused(self, client: Any) -> None:
        assert client.post("/poses", content=iter([b"x"] * 9)).status_code == 411

    def test_nothing_uploaded_is_said(self, client: Any) -> None:
        assert client.post("/poses").status_code in (411, 422)


def test_the_client_of_triton_sends_what_the_network_takes_and_prints_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], estimator: HeadPoseEstimator
) -> None:
    """In place of the server: the network itself, asked with what the client's library was given."""
    network = OnnxModel(find_model(DEFAULT_MODEL), device="cpu")

    class Input:
        def __init__(self, name: str, shape: tuple[int, ...], datatype: str) -> None:
            assert (name, datatype) == (network.input, "UINT8")
            self.shape = shape

        def set_data_from_numpy(self, data: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
            assert (data.shape, data.dtype) == (self.shape, np.uint8)
            self.data = data

    class Server:
        def __init__(self, url: str) -> None:
            assert url == "localhost:8000"

        def infer(self, model: str, inputs: list[Input]) -> SimpleNamespace:
            assert model == DEFAULT_MODEL
            answers = dict(zip(network.outputs, network.run(inputs[0].data), strict=True))
            return SimpleNamespace(as_numpy=answers.__getitem__)

    package, stand_in = ModuleType("tritonclient"), ModuleType("tritonclient.http")
    stand_in.InferInput, stand_in.InferenceServerClient = Input, Server  # type: ignore[attr-defined]
    package.http = stand_in  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tritonclient", package)
    monkeypatch.setitem(sys.modules, "tritonclient.http", stand_in)
    (tmp_path / "examples").mkdir()
    shutil.copy(PHOTO, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    exec(compile(example("triton"), "serving.md", "exec"), {"__name__": "__main__"})
    [result] = estimator.predict_files([PHOTO])
    [face] = result.faces
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(f"yaw {face.yaw:+.1f}  pitch {face.pitch:+.1f}  roll {face.roll:+.1f}  (")


def test_the_limits_of_the_page_are_those_of_the_configuration() -> None:
    from headpose_sdk import triton

    assert f"up to {triton.LARGEST_BATCH} crops, waiting {triton.QUEUE_MICROSECONDS // 1000} ms" in PAGE
    assert f"at most {triton.LARGEST_BATCH} crops" in PAGE


def test_the_command_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from headpose_sdk.cli.main import main

    [command, written] = re.findall(r"^headpose (.*?) +# writes (.*)$", PAGE, re.MULTILINE)[0]
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 0
    assert capsys.readouterr().out == f"wrote {written}\n"


def test_what_the_page_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
