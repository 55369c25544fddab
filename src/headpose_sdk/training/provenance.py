"""Where weights come from: data, command and commit, as a checkpoint and a model's config.json state them."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets import MANIFEST
from headpose_sdk.training.config import DetectorConfig, TeacherConfig, shares_text, stages_text

__all__ = ["command_of", "data_settings", "folders_settings", "refuse_other_data", "source_commit", "teachers_settings"]

PACKAGE = Path(__file__).parents[1]

# By kind of run: the task of `headpose train`, its defaults, and its options; the first ones are always told.
_TASKS: dict[str, tuple[str, TeacherConfig | DetectorConfig, tuple[str, ...], tuple[str, ...]]] = {
    "pose": (
        "teacher",
        TeacherConfig(),
        ("backbone", "crops"),
        (
            "batch",
            "stages",
            "shares",
            "nonface_share",
            "learning_rate",
            "weight_decay",
            "label_sigma",
            "spread_weight",
            "mse_weight",
            "precision",
            "seed",
        ),
    ),
    "detector": ("detector", DetectorConfig(), ("pictures",), ("batch", "learning_rate", "weight_decay", "seed")),
}


def data_settings(table: Path, name: str, rows: int) -> dict[str, Any]:
    """The settings that tell one data set from another: its ``name``, and size and bytes of its ``table``.

    The pictures are not hashed; whoever changes them and keeps the table changes the run unseen.
    """
    return {"data": name, "data_sha256": _sha256(table), "rows": rows}


def folders_settings(tables: Sequence[Path], rows: Sequence[int]) -> dict[str, Any]:
    """The same for several folders, in their order: the ``tables`` in them, and how many ``rows`` each has."""
    return {
        "data": [_name(table.resolve()) for table in tables],
        "data_sha256": [_sha256(table) for table in tables],
        "rows": list(rows),
    }


def teachers_settings(checkpoints: Sequence[Path]) -> dict[str, Any]:
    """The settings that name the runs whose ``checkpoints`` teach a student, in their order."""
    return {
        "teachers": [checkpoint.resolve().parent.name for checkpoint in checkpoints],
        "teachers_sha256": [_sha256(checkpoint) for checkpoint in checkpoints],
    }


def refuse_other_data(settings: Mapping[str, Any], tables: Sequence[Path]) -> None:
    """Refuse to measure or calibrate a run with ``settings`` on other ``tables`` than those it was trained on.

    Their order does not matter. Settings without a hash are of no run of ``headpose train`` and are let through.

    Raises:
        DatasetError: naming what the run was trained on.
    """
    then = settings.get("data_sha256")
    if then is None:
        return
    hashes = then if isinstance(then, list) else [then]
    if sorted(hashes) != sorted(map(_sha256, tables)):
        data = settings.get("data")
        names = ", ".join(data) if isinstance(data, list) else str(data)
        raise DatasetError(
            f"{', '.join(map(str, tables))}: not what the run was trained on, which is {names} as it was then; "
            "what was held back from training is known of that alone, so give it as --data"
        )


def command_of(settings: Mapping[str, Any]) -> str:
    """The ``headpose train`` command of a run with these ``settings``.

    It names the options that differ from the defaults, and always the network and the length of the run. Folders
    stand there without their path, and RUN for that of ``--out``. Settings that have no option are not in it.
    """
    task, defaults, always, others = _TASKS[settings["kind"]]
    data = settings.get("data")
    words = ["headpose", "train", "distill" if "teachers" in settings else task]
    for name in settings.get("teachers", ()):
        words += ["--teachers", name]
    for name in data if isinstance(data, list) else [data]:  # a detector has one CSV
        words += ["--data", str(name)]
    words += ["--out", "RUN"]
    if settings.get("init"):
        words += ["--init", str(settings["init"])]
    for name in always + others:
        value, default = settings.get(name, getattr(defaults, name)), getattr(defaults, name)
        if name == "stages":  # as the option writes them; in a checkpoint they are lists
            value, default = stages_text(value), stages_text(default)
        if name == "shares" and value is not None:
            value = shares_text(value.items())
        if name in always or value != default:
            words += ["--" + name.replace("_", "-"), str(value)]
    if settings.get("photo_share") is not None:  # of an older version, whose runs can still be exported
        words += ["--photo-share", str(settings["photo_share"])]
    return shlex.join(words)


def source_commit() -> str | None:
    """The git commit of this source code, "-dirty" added if the package was changed since; None outside a checkout."""
    # An installed package may lie in an environment inside of some other project's checkout.
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", ".")
    return f"{commit}-dirty" if commit and changes else commit


def _name(table: Path) -> str:
    """The folder of a manifest, and its own name where that is another."""
    return table.parent.name if table.name == MANIFEST else f"{table.parent.name}/{table.name}"


def _git(*words: str) -> str | None:
    """What git says in the package's folder; None if it is not there or refuses."""
    try:
        done = subprocess.run(["git", *words], cwd=PACKAGE, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
