"""Where models come from: a folder of yours, the wheel, or the Hugging Face Hub.

Weights are checked against the SHA-256 in the model's own config.json whenever they are read: that finds damage and
mix-ups. What the Hub sends is trusted as far as its revision is, which a commit's 40 digits pin down.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from headpose_sdk.config import CONFIG_NAME, ModelFolder, open_folder, read_config
from headpose_sdk.errors import ModelDownloadError, ModelNotFoundError, UnknownModelError, first_line

__all__ = [
    "DEFAULT_DETECTOR",
    "DEFAULT_MODEL",
    "ModelInfo",
    "absolute_folder",
    "download_model",
    "find_model",
    "list_models",
]

DEFAULT_MODEL = "ehpnet-resnet18"
DEFAULT_DETECTOR = "ehpnet-face"

_BUNDLED = Path(__file__).parent / "models"
_HUB_NAME = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>\w[\w./-]*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model known by name: ``kind`` is "pose" or "detector", ``size`` the bytes of its files, ``path`` its folder."""

    name: str
    kind: str
    size: int
    license: str
    path: Path


def list_models() -> list[ModelInfo]:
    """The models that can be asked for by name. All of them are inside the package.

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
        models.append(ModelInfo(name, config.kind, size, config.license, folder))
    return models


def find_model(
    model: str | PathLike[str], *, cache_dir: str | PathLike[str] | None = None, local_files_only: bool = False
) -> ModelFolder:
    """The model folder that ``model`` names: an existing folder, else a bundled name, else ``org/repo[@revision]``.

    Raises:
        UnknownModelError: if it is none of these.
        ModelNotFoundError, ModelIntegrityError: if the folder is not what it should be.
        ModelDownloadError: if the Hub cannot be reached or has no such model.
    """
    name = fspath(model)
    path = Path(name)
    if os.path.isdir(name):  # noqa: PTH112 - Path.is_dir raises for a name that is too long or holds a NUL
        return open_folder(path)
    bundled = _bundled()
    if name in bundled:
        return open_folder(bundled[name])
    on_hub = _HUB_NAME.fullmatch(name) if isinstance(model, str) else None
    if on_hub:
        path = _from_hub(on_hub["repo"], on_hub["revision"], cache_dir, local_files_only)
        return open_folder(path)
    if isinstance(model, str) and path.name == name:
        raise UnknownModelError(
            f"no model is called {name!r}; choose one of {', '.join(bundled) or '(none is installed)'}, "
            "a folder written by `headpose train export`, or org/repo on the Hugging Face Hub"
        )
    raise ModelNotFoundError(
        f"model folder {name} does not exist; give an existing one or a name from `headpose models`"
    )


def download_model(name: str, *, cache_dir: str | PathLike[str] | None = None, local_files_only: bool = False) -> Path:
    """Make sure that a model is on this machine, its weights complete and verified, and return its folder."""
    folder = find_model(name, cache_dir=cache_dir, local_files_only=local_files_only)
    for device in folder.config.files:
        folder.read_weights(device)
    return folder.path


def absolute_folder(model: str | PathLike[str]) -> str | PathLike[str]:
    """``model``, as an absolute path if it is a folder: so it is the same one in a process that works elsewhere."""
    return os.path.abspath(model) if os.path.isdir(model) else model  # noqa: PTH100, PTH112 (as in find_model)


def _bundled() -> dict[str, Path]:
    """The folders of the wheel's models by name; a broken one must not keep the others from being found."""
    return {path.parent.name: path.parent for path in sorted(_BUNDLED.glob(f"*/{CONFIG_NAME}"))}


def _from_hub(repo: str, revision: str | None, cache_dir: str | PathLike[str] | None, local_files_only: bool) -> Path:
    """The snapshot folder of a Hub repository, from the cache where it is complete there."""
    # Imported here: it takes longer than everything else together, and most programs never need it.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    where = f"{repo}@{revision}" if revision else repo
    try:
        folder = snapshot_download(
            repo,
            revision=revision,
            cache_dir=None if cache_dir is None else Path(cache_dir),
            local_files_only=local_files_only,
            allow_patterns=[CONFIG_NAME, "*.onnx"],
        )
    except RepositoryNotFoundError as error:
        raise ModelDownloadError(
            f"the Hub has no model {where}, or it is private, and there is no such folder here either; "
            "check the name, or log in with `hf auth login`"
        ) from error
    except LocalEntryNotFoundError as error:
        raise ModelDownloadError(
            f"there is no folder {where} here, model {where} is not in the local cache, and the Hub cannot be "
            "reached; check the name, connect once, or give the folder of a copy"
        ) from error
    # Which HTTP library raises here depends on the version of huggingface_hub, and their errors share no base class.
    except Exception as error:
        raise ModelDownloadError(
            f"model {where} could not be downloaded: {first_line(error)}; "
            "check the name and the revision, or try again later"
        ) from error
    return Path(folder)
