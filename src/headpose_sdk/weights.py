"""Where models come from: a folder of yours, the wheel, or the Hugging Face Hub.

Weights are checked against the SHA-256 in the model's own config.json whenever they are read: that finds damage and
mix-ups. What the Hub sends is trusted as far as its revision is, which a commit's 40 digits pin down.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from dataclasses import dataclass
from importlib.metadata import distribution
from os import PathLike, fspath
from pathlib import Path

from headpose_sdk.accuracy import METRICS_NAME, read_metrics
from headpose_sdk.config import CONFIG_NAME, ModelFolder, open_folder, read_config
from headpose_sdk.errors import HeadPoseError, ModelNotFoundError, OutputError, UnknownModelError
from headpose_sdk.hub import HubRepository, fetch_model

__all__ = [
    "DEFAULT_DETECTOR",
    "DEFAULT_MODEL",
    "PUBLISHED",
    "ModelInfo",
    "PublishedModel",
    "absolute_folder",
    "copy_model",
    "download_model",
    "find_model",
    "list_models",
]

DEFAULT_MODEL = "ehpnet-resnet18"
DEFAULT_DETECTOR = "ehpnet-face"

_BUNDLED = Path(__file__).parent / "models"
_HUB_NAME = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>\w[\w./-]*))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """A model that is not in the wheel but on the Hub.

    ``revision`` is a commit of 40 digits, ``config_sha256`` the SHA-256 of its config.json, which holds those of the
    weights, ``size`` the bytes of its files; ``accuracy`` is one line, as ``headpose models`` shows it.
    """

    kind: str
    repo: str
    revision: str
    config_sha256: str
    size: int
    license: str
    accuracy: str | None = None


PUBLISHED: dict[str, PublishedModel] = {}
"""By name, and only what anybody can fetch. Nothing is hosted yet: both models are in the wheel."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model known by name.

    ``kind`` is "pose" or "detector", ``size`` the bytes of its files, ``accuracy`` one line with the figure to judge it
    by. ``path`` is its folder in the package; ``repository``, of a model not there, ``org/repo@commit`` on the Hub.
    """

    name: str
    kind: str
    size: int
    license: str
    accuracy: str | None
    path: Path | None = None
    repository: str | None = None

    @property
    def bundled(self) -> bool:
        """Whether it is inside the package, so that no network is needed."""
        return self.path is not None


def list_models() -> list[ModelInfo]:
    """The models that can be asked for by name: those inside the package, then those on the Hub.

    Raises:
        ModelNotFoundError, ModelIntegrityError: if the installed package is damaged.
    """
    models = []
    for name, folder in _bundled().items():
        config = read_config(folder)
        try:
            size = sum((folder / entry.name).stat().st_size for entry in config.files.values())
        except OSError as error:
            raise ModelNotFoundError(
                f"{error.filename}, which {CONFIG_NAME} names, cannot be read: {error.strerror}; reinstall headpose-sdk"
            ) from error
        metrics = read_metrics(folder)
        accuracy = str(metrics[0]) if metrics else None
        models.append(ModelInfo(name, config.kind, size, config.license, accuracy, folder))
    models += [
        ModelInfo(
            name, model.kind, model.size, model.license, model.accuracy, repository=f"{model.repo}@{model.revision}"
        )
        for name, model in PUBLISHED.items()
    ]
    return models


def find_model(
    model: str | PathLike[str], *, cache_dir: str | PathLike[str] | None = None, local_files_only: bool = False
) -> ModelFolder:
    """The model that ``model`` names: an existing folder, a bundled or published name, or ``org/repo[@revision]``.

    A folder or a bundled model never touches the network, nor does one of the Hub that is in the local cache.

    Raises:
        UnknownModelError: if it is none of these.
        ModelNotFoundError, ModelIntegrityError: if the folder is not what it should be.
        ModelDownloadError: if the Hub cannot be reached or has no such model.
    """
    return _find(model, cache_dir, local_files_only, newest=False)


def download_model(name: str, *, cache_dir: str | PathLike[str] | None = None, local_files_only: bool = False) -> Path:
    """Make sure that a model is on this machine, its weights complete and verified, and return its folder.

    Of ``org/repo`` without a commit this takes the newest one; :func:`find_model` keeps the one it took first.
    """
    folder = _find(name, cache_dir, local_files_only, newest=True)
    for device in folder.config.files:
        folder.read_weights(device)
    return folder.path


def copy_model(folder: Path, target: str | PathLike[str]) -> Path:
    """Copy the model in ``folder`` to ``target``, a new or empty folder: all of it, verified, or nothing.

    With a bundled model go the texts that its licence wants to go with it.

    Raises:
        OutputError: if ``target`` is not empty or cannot be written.
        ModelNotFoundError, ModelIntegrityError: if the model is not what it should be.
    """
    model, target = open_folder(folder), Path(target)
    temporary = target.absolute().parent / f".headpose-{secrets.token_hex(8)}.tmp"
    names = {CONFIG_NAME, *(entry.name for entry in model.config.files.values())}
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise OutputError(f"{target}: cannot copy the model there, it is not an empty folder; name a new one")
        temporary.mkdir(parents=True)
        for name in sorted(names | ({METRICS_NAME} if (folder / METRICS_NAME).is_file() else set())):
            shutil.copyfile(folder / name, temporary / name)
        if folder in _bundled().values():
            for text in _licence_texts():
                shutil.copyfile(text, temporary / text.name)
        copied = open_folder(temporary)
        for device in copied.config.files:
            copied.read_weights(device)
        if target.exists():
            target.rmdir()  # Windows renames to no existing folder, not even an empty one
        temporary.replace(target)
    except OSError as error:
        if isinstance(error, HeadPoseError):
            raise
        raise OutputError(
            f"{target}: cannot copy the model there ({error.strerror}); check permissions and free space"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def absolute_folder(model: str | PathLike[str]) -> str | PathLike[str]:
    """``model``, as an absolute path if it is a folder: so it is the same one in a process that works elsewhere."""
    return os.path.abspath(model) if os.path.isdir(model) else model  # noqa: PTH100, PTH112 (as in find_model)


def _bundled() -> dict[str, Path]:
    """The folders of the wheel's models by name; a broken one must not keep the others from being found."""
    return {path.parent.name: path.parent for path in sorted(_BUNDLED.glob(f"*/{CONFIG_NAME}"))}


def _licence_texts() -> list[Path]:
    """LICENSE-WEIGHTS and MODELS.md as they were installed with the package."""
    installed = distribution("headpose-sdk").files or []
    return [Path(str(file.locate())) for file in installed if file.name in ("LICENSE-WEIGHTS", "MODELS.md")]


def _find(
    model: str | PathLike[str], cache_dir: str | PathLike[str] | None, local_files_only: bool, *, newest: bool
) -> ModelFolder:
    name = fspath(model)
    path = Path(name)
    if os.path.isdir(name):  # noqa: PTH112 - Path.is_dir raises for a name that is too long or holds a NUL
        return open_folder(path)
    bundled = _bundled()
    if name in bundled:
        return open_folder(bundled[name])
    if name in PUBLISHED:
        published = PUBLISHED[name]
        return fetch_model(
            HubRepository(published.repo, published.revision),
            config_sha256=published.config_sha256,
            newest=newest,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
        )
    on_hub = _HUB_NAME.fullmatch(name) if isinstance(model, str) else None
    if on_hub:
        repository = HubRepository(on_hub["repo"], on_hub["revision"])
        return fetch_model(repository, newest=newest, cache_dir=cache_dir, local_files_only=local_files_only)
    if isinstance(model, str) and path.name == name:
        known = ", ".join([*bundled, *PUBLISHED]) or "(none is installed)"
        raise UnknownModelError(
            f"no model is called {name!r}; choose one of {known}, "
            "a folder written by `headpose train export`, or org/repo on the Hugging Face Hub"
        )
    raise ModelNotFoundError(
        f"model folder {name} does not exist; give an existing one or a name from `headpose models`"
    )
