"""``headpose triton``: a model as a model repository of Triton Inference Server."""

from __future__ import annotations

import argparse
from pathlib import Path

from headpose_sdk.cli.arguments import Subparsers
from headpose_sdk.cli.messages import one_line
from headpose_sdk.runtime import OnnxModel
from headpose_sdk.triton import write_repository
from headpose_sdk.weights import DEFAULT_MODEL, find_model

__all__ = ["add_parser"]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``triton``."""
    parser = subparsers.add_parser(
        "triton",
        help="write a model as a Triton model repository",
        description="Writes DIR/NAME/config.pbtxt, with dynamic batching, and DIR/NAME/1/model.onnx. The network takes "
        "crops of faces: the client finds the faces and cuts them out, as the documentation shows.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the model repository; made if it is missing")
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME",
        help="a name from `headpose models`, a model folder, or org/repo[@revision] (default: %(default)s)",
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="where Triton is to run it (default: %(default)s)"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    folder = find_model(args.model)
    network = OnnxModel(folder, device="cpu")
    place = write_repository(folder, args.folder, device=args.device, crops=network.input, outputs=network.outputs)
    print(f"wrote {one_line(place)}")
    return 0
