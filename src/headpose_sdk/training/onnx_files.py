"""What both exports share: a folder that is whole or absent, a torch graph as ONNX, and where its weights come from."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from headpose_sdk.config import CONFIG_NAME, ModelConfig, open_folder, to_json
from headpose_sdk.errors import HeadPoseError, ModelIntegrityError, OutputError
from headpose_sdk.runtime import OnnxModel
from headpose_sdk.training.checkpoint import Checkpoint
from headpose_sdk.training.provenance import command_of

__all__ = ["new_folder", "open_model", "refuse_difference", "refuse_existing", "to_onnx", "training_of", "write_config"]

LARGEST_DIFFERENCE = 1e-3  # ONNX against torch, in degrees (poses), or in score and strides (cells of a detector)


def training_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """What a model's config.json says under "training"."""
    return {
        **checkpoint.settings,
        "step": checkpoint.step,
        "command": command_of(checkpoint.settings),
        "commit": checkpoint.commit,
    }


def to_onnx(
    graph: nn.Module, example: Tensor, file: Path, inputs: list[str], outputs: list[str], dynamic: dict[str, Any]
) -> None:
    """Write ``graph`` to ``file``; ``dynamic`` names the axes that may have any size, by input and output."""
    with warnings.catch_warnings():
        # The exporter by tracing is the one that needs no further package; torch would have us use the other.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            graph,
            (example,),
            str(file),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=dynamic,
            opset_version=17,
            dynamo=False,
        )


def write_config(folder: Path, config: ModelConfig) -> None:
    """``folder/config.json``."""
    (folder / CONFIG_NAME).write_bytes(to_json(config))


def open_model(folder: Path, config: ModelConfig) -> OnnxModel:
    """The model as a user gets it: config.json written, read, and the weights' hash checked."""
    write_config(folder, config)
    return OnnxModel(open_folder(folder), device="cpu")


def refuse_difference(worst: float, what: str) -> None:
    """Raise ModelIntegrityError if ONNX and torch differ by ``worst``, measured on ``what``."""
    if not worst <= LARGEST_DIFFERENCE:  # also true of NaN
        raise ModelIntegrityError(
            f"the exported network differs from the trained one by {worst:.5f} in its {what}; "
            "install another version of torch or onnxruntime, and export again"
        )


def refuse_existing(out: Path) -> None:
    """Raise OutputError if there is something at ``out``."""
    if out.exists():
        raise OutputError(f"{out} exists; remove it or choose another --out")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that takes its name when everything in it is done; otherwise nothing is left."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        work.chmod(0o755)  # mkdtemp makes it private
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}; choose another --out") from error
    try:
        yield work
        refuse_existing(out)  # it may have come up meanwhile
        work.rename(out)
    except BaseException as error:
        shutil.rmtree(work, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, HeadPoseError):
            raise OutputError(f"{out} cannot be written: {error.strerror}; choose another --out") from error
        raise
