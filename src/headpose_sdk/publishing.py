"""A model folder made ready for the Hugging Face Hub: its files, and a model card with its figures and its licence.

:func:`prepare` decides what would be uploaded and writes nothing; :func:`upload` sends exactly that, as one commit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headpose_sdk.accuracy import METRICS_NAME, Metric, read_metrics
from headpose_sdk.config import CONFIG_NAME, ModelFolder, PoseModelConfig
from headpose_sdk.errors import OutputError
from headpose_sdk.hub import reason

__all__ = ["CARD_NAME", "Publication", "prepare", "upload"]

CARD_NAME = "README.md"

_REPO = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)
# What the Hub knows by name (https://huggingface.co/docs/hub/repositories-licenses), as far as weights are given it.
_HUB_LICENSES = ("apache-2.0", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-sa-4.0", "cc0-1.0", "mit")
_TASK = {"pose": "head-pose-estimation", "detector": "face-detection"}


@dataclass(frozen=True, slots=True)
class Publication:
    """What would be uploaded to ``repo``: the contents of each file by its name there."""

    repo: str
    model: ModelFolder
    files: dict[str, bytes]


def prepare(model: ModelFolder, repo: str, *, license_files: Sequence[Path] = ()) -> Publication:
    """The files of ``model``, verified, the texts of its licence, and a model card.

    Raises:
        OutputError: if ``repo`` is no ``org/repo``, or a licence file cannot be read or has another file's name.
        ModelNotFoundError, ModelIntegrityError: if the model, or the figures beside it, are not what they should be.
    """
    if not _REPO.fullmatch(repo):
        raise OutputError(f"{repo!r} is no repository on the Hub; write org/repo, in ASCII letters, digits, ., _ and -")
    files = {CONFIG_NAME: (model.path / CONFIG_NAME).read_bytes()}
    for device, entry in model.config.files.items():
        files[entry.name] = model.read_weights(device)
    metrics = read_metrics(model.path)
    if metrics:
        files[METRICS_NAME] = (model.path / METRICS_NAME).read_bytes()
    for path in license_files:
        if path.name in (*files, CARD_NAME):
            raise OutputError(f"{path}: there is a {path.name} in the repository already; rename this one")
        try:
            files[path.name] = path.read_bytes()
        except OSError as error:
            raise OutputError(f"{path}: cannot be read ({error.strerror}); check its name") from error
    files[CARD_NAME] = _card(model, repo, metrics, [path.name for path in license_files]).encode()
    return Publication(repo, model, dict(sorted(files.items())))


def upload(publication: Publication, *, private: bool = False) -> str:
    """Send it as one commit, in a repository that is made if it is missing, and return the commit's 40 digits.

    Raises:
        OutputError: if the Hub cannot be reached or refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    operations = [CommitOperationAdd(name, content) for name, content in publication.files.items()]
    try:
        api = HfApi()
        api.create_repo(publication.repo, private=private, exist_ok=True)
        message = f"{publication.model.config.name}, uploaded by headpose publish"
        commit = api.create_commit(publication.repo, operations=operations, commit_message=message)
    except Exception as error:  # which HTTP library raises here depends on the version of huggingface_hub
        raise OutputError(f"{publication.repo} could not be uploaded: {reason(error)}") from error
    return str(commit.oid)


def _card(model: ModelFolder, repo: str, metrics: Sequence[Metric], license_names: Sequence[str]) -> str:
    """README.md with the metadata block that the Hub reads."""
    from huggingface_hub import EvalResult, ModelCardData

    config = model.config
    results = [
        EvalResult(
            task_type=_TASK[config.kind],
            dataset_type=_slug(metric.dataset),
            dataset_name=metric.dataset,
            metric_type=_slug(metric.metric),
            metric_name=f"{metric.metric} ({metric.unit})" if metric.unit else metric.metric,
            metric_value=metric.value,
        )
        for metric in metrics
    ]
    known = _slug(config.license) if _slug(config.license) in _HUB_LICENSES else None
    data = ModelCardData(
        library_name="headpose-sdk",
        tags=["onnx", _TASK[config.kind]],
        model_name=config.name,
        eval_results=results or None,
        license=known or "other",
        license_name=None if known else _slug(config.license),
        license_link=license_names[0] if license_names and not known else None,
    )
    sections = [f"---\n{data.to_yaml()}\n---", f"# {config.name}", _what_it_is(model), _use(model, repo)]
    if metrics:
        rows = [f"| {metric.dataset} | {metric.metric} | {metric.value:.2f} {metric.unit} |" for metric in metrics]
        sections += ["## Measured", "\n".join(["| on | figure | value |", "|---|---|---|", *rows])]
    texts = "".join(f" [{name}]({name})" for name in license_names)
    sections += ["## Licence", f"Of the weights: {config.license}.{texts}"]
    if config.training:
        training = json.dumps(dict(config.training), indent=2)
        sections += ["## Training", f"```json\n{training}\n```"]
    return "\n\n".join(sections) + "\n"


def _what_it_is(model: ModelFolder) -> str:
    config = model.config
    files = ", ".join(f"`{entry.name}` ({device})" for device, entry in config.files.items())
    if isinstance(config, PoseModelConfig):
        return (
            f"Head pose from a face crop of {config.input_size}x{config.input_size} pixels, an ONNX network for "
            f"headpose-sdk: {files}. Angles: {config.convention}."
        )
    return f"A face detector, an ONNX network for headpose-sdk: {files}."


def _use(model: ModelFolder, repo: str) -> str:
    if isinstance(model.config, PoseModelConfig):
        lines = ["from headpose_sdk import HeadPoseEstimator", "", f'estimator = HeadPoseEstimator("{repo}")']
    else:
        lines = [
            "from headpose_sdk import HeadPoseEstimator, OnnxFaceDetector",
            "",
            f'estimator = HeadPoseEstimator(detector=OnnxFaceDetector("{repo}"))',
        ]
    return "\n".join(["```python", *lines, "```"])


def _slug(text: str) -> str:
    """``text`` in lower case with dashes, as the Hub wants identifiers: "CC BY 4.0" is "cc-by-4.0"."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")
