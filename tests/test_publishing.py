"""What `headpose publish` would upload, what it does upload, and that it comes back as the same model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fresh_python import run_python
from hub_server import REPO, TOKEN, Hub, serve_hub
from huggingface_hub import ModelCard
from tiny_models import mean_colour_network, pose_config, write_detector, write_model, write_pose_model

from headpose_sdk.accuracy import read_metrics
from headpose_sdk.config import open_folder
from headpose_sdk.errors import ModelIntegrityError, OutputError
from headpose_sdk.publishing import Publication, prepare
from headpose_sdk.weights import DEFAULT_DETECTOR, DEFAULT_MODEL, find_model

ROOT = Path(__file__).parent.parent


def card(publication: Publication) -> ModelCard:
    return ModelCard(publication.files["README.md"].decode())


@pytest.mark.parametrize("name", [DEFAULT_MODEL, DEFAULT_DETECTOR])
def test_the_card_of_a_bundled_model_says_in_the_hubs_format_what_was_measured(name: str) -> None:
    publication = prepare(find_model(name), "org/repo", license_files=[ROOT / "LICENSE-WEIGHTS", ROOT / "MODELS.md"])
    weights = sorted(file.name for file in find_model(name).config.files.values())
    texts = ["LICENSE-WEIGHTS", "MODELS.md", "README.md"]
    assert list(publication.files) == [*texts, "config.json", "metrics.json", *weights]
    read = card(publication)
    results = {(result.dataset_name, result.metric_value) for result in read.data.eval_results}
    assert results == {(metric.dataset, metric.value) for metric in read_metrics(find_model(name).path)}
    assert (read.data.license, read.data.license_link) == ("other", "LICENSE-WEIGHTS")
    assert read.data.library_name == "headpose-sdk"
    assert 'HeadPoseEstimator("org/repo")' in read.text or 'OnnxFaceDetector("org/repo")' in read.text
    for file in ("LICENSE-WEIGHTS", "MODELS.md"):
        assert f"[{file}]({file})" in read.text


@pytest.mark.parametrize(("text", "known"), [("MIT", "mit"), ("CC BY 4.0", "cc-by-4.0"), ("Apache-2.0", "apache-2.0")])
def test_a_licence_that_the_hub_knows_gets_its_name_there(tmp_path: Path, text: str, known: str) -> None:
    folder = write_model(tmp_path / "mine", pose_config(mean_colour_network(), license=text), mean_colour_network())
    assert card(prepare(open_folder(folder), "org/repo")).data.license == known


def test_a_model_without_figures_has_a_card_without(tmp_path: Path) -> None:
    for folder in (
        write_pose_model(tmp_path / "pose"),
        write_detector(tmp_path / "face", np.zeros((1, 5), np.float32)),
    ):
        publication = prepare(open_folder(folder), "org/repo")
        assert list(publication.files) == ["README.md", "config.json", "model.onnx"]
        assert "Measured" not in card(publication).text
        assert card(publication).data.eval_results is None


def test_what_cannot_be_published_is_refused(tmp_path: Path) -> None:
    folder = write_pose_model(tmp_path / "mine")
    for odd in ("repo", "a/b/c", "org/", "../repo", "org/rep o"):
        with pytest.raises(OutputError, match="is no repository on the Hub; write org/repo"):
            prepare(open_folder(folder), odd)
    with pytest.raises(OutputError, match=r"gone: cannot be read \(No such file or directory\)"):
        prepare(open_folder(folder), "org/repo", license_files=[tmp_path / "gone"])
    with pytest.raises(OutputError, match=r"there is a config\.json in the repository already"):
        prepare(open_folder(folder), "org/repo", license_files=[folder / "config.json"])
    (folder / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelIntegrityError, match="has SHA-256"):
        prepare(open_folder(folder), "org/repo")


PUBLISH = "import sys; from headpose_sdk.cli.main import main; sys.exit(main(['publish', *sys.argv[1:]]))"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "nothing").mkdir()
    with serve_hub(tmp_path / "nothing") as served:
        served.faults.private = True
        yield served


def test_a_dry_run_lists_what_an_upload_then_sends_and_a_download_gets(hub: Hub, tmp_path: Path) -> None:
    folder = write_pose_model(tmp_path / "mine")
    (folder / "notes.txt").write_text("mine alone")
    dry = run_python(PUBLISH, folder, REPO, "--dry-run", folder=tmp_path, **hub.variables)
    assert hub.tokens == set()
    assert hub.uploaded == {}
    sent = run_python(PUBLISH, folder, REPO, folder=tmp_path, **hub.variables, HF_TOKEN=TOKEN)
    assert sent == f"{REPO}@{hub.commit}"
    listed = [line.removeprefix(f"{REPO}/") for line in dry.splitlines() if line.startswith(f"{REPO}/")]
    assert listed == [f"{name}: {len(content)} bytes" for name, content in sorted(hub.uploaded.items())]
    assert dry.endswith(hub.uploaded["README.md"].decode().rstrip())
    assert json.loads(hub.uploaded["config.json"]) == json.loads((folder / "config.json").read_bytes())

    hub.files.update(hub.uploaded)
    code = """
import sys
from headpose_sdk.weights import find_model
print(find_model(sys.argv[2]).config == find_model(sys.argv[1]).config)
"""
    answer = run_python(code, folder, sent, folder=tmp_path, **hub.variables, HF_TOKEN=TOKEN)
    assert answer == "True"


def test_an_upload_without_a_right_token_says_what_to_do(hub: Hub, tmp_path: Path) -> None:
    folder = write_pose_model(tmp_path / "mine")
    code = PUBLISH.replace("sys.exit(main", "print(main")
    done = run_python(f"import sys; sys.stderr = sys.stdout\n{code}", folder, REPO, folder=tmp_path, **hub.variables)
    assert done.startswith(f"headpose: {REPO} could not be uploaded: ")
    assert "log in with `hf auth login`" in done
    assert done.endswith("\n1")
