"""``headpose batch``: an archive of pictures to one Parquet file, on this machine or on a Ray cluster."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from headpose_sdk import __version__
from headpose_sdk.batch.archive import PART_IMAGES, Engine, check_target, local_engine, write_parquet
from headpose_sdk.cli.arguments import Subparsers, add_model_arguments, positive, positive_float
from headpose_sdk.cli.messages import complain, extra_installed, one_line
from headpose_sdk.cli.outputs import check_output
from headpose_sdk.cli.progress import Counter
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.images import MAX_PIXELS
from headpose_sdk.weights import DEFAULT_MODEL, absolute_folder, find_model

__all__ = ["add_parser"]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``batch``."""
    parser = subparsers.add_parser(
        "batch",
        help="write the poses of a whole archive to one Parquet file",
        description="A row a face, and one for an image without a face or with an error. A run that was stopped, "
        "killed even, goes on where it was when the same command is given again; until the end its parts lie in "
        'DST.parquet.parts. Needs pip install "headpose-sdk[batch]", and [ray] for --engine ray.',
    )
    parser.add_argument(
        "sources",
        nargs="+",
        type=Path,
        metavar="SRC",
        help="photos, or folders, in which photos are looked for at any depth",
    )
    parser.add_argument("target", type=Path, metavar="DST.parquet", help="the file to write; must not exist")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace DST when all is done; begin again, if need be"
    )
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="local: this process, on all its CPUs; ray: workers on a Ray cluster, which see the same files under the "
        "same names (default: %(default)s)",
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="the Ray cluster to use, or auto for the one on this machine (default: start one here for this run)",
    )
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="Ray workers (default: as many as the cluster has CPUs for)"
    )
    parser.add_argument(
        "--gpus",
        type=positive_float,
        metavar="X",
        help="GPUs a Ray worker, such as 0.25 for four that share one (default: none)",
    )
    parser.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="CPU threads of the networks (default: all of this process, or 1 a Ray worker)",
    )
    parser.add_argument(
        "--batch-size",
        type=positive,
        default=32,
        metavar="N",
        help="photos, or faces, that go through the network together (default: %(default)s)",
    )
    parser.add_argument(
        "--part-images",
        type=positive,
        default=PART_IMAGES,
        metavar="N",
        help="images of a part, which is what a worker gets at a time and what a killed run does again "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--max-megapixels",
        type=positive,
        default=MAX_PIXELS // 1_000_000,
        metavar="N",
        help="refuse photos that are larger, before memory is taken for them (default: %(default)s)",
    )
    add_model_arguments(parser, DEFAULT_MODEL)
    parser.set_defaults(run=partial(_run, parser))


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    for name in ("address", "workers", "gpus"):
        if args.engine == "local" and getattr(args, name) is not None:
            parser.error(f"--{name} is for --engine ray")
    with extra_installed("batch", "writing Parquet needs pyarrow"):
        import pyarrow.parquet  # noqa: F401
    check_output(args.target)
    check_target(args.target, overwrite=args.overwrite)
    model = find_model(args.model).config
    settings: dict[str, Any] = {
        "version": __version__,
        "model": model.name,
        "weights": {device: file.sha256 for device, file in sorted(model.files.items())},
        "device": args.device,
        "batch_size": args.batch_size,
        "max_megapixels": args.max_megapixels,
    }
    complaints: list[object] = []
    with Counter(unit="images") as counter, Counter(unit="files") as listing:

        def progress(done: int, total: int | None) -> None:
            listing.clear()
            counter(done, total)

        summary = write_parquet(
            args.sources,
            args.target,
            _engine(args),
            settings,
            part_images=args.part_images,
            overwrite=args.overwrite,
            on_error=complaints.append,
            listing=listing,
            progress=progress,
        )
    for complaint in complaints:
        complain(complaint)
    if summary.failed:
        complain(f"{summary.failed} of {summary.images} files could not be read; their rows say why under error")
    print(f"wrote {one_line(args.target)}: {summary.images} images, {summary.faces} faces")
    return 1 if summary.failed or complaints else 0


def _engine(args: argparse.Namespace) -> Engine:
    max_pixels = args.max_megapixels * 1_000_000
    if args.engine == "local":
        make = partial(HeadPoseEstimator, args.model, device=args.device, threads=args.threads)
        return local_engine(make, batch_size=args.batch_size, max_pixels=max_pixels)
    with extra_installed("ray", "a cluster needs Ray"):
        from headpose_sdk.integrations.ray import ray_engine

        return ray_engine(
            absolute_folder(args.model),
            device=args.device,
            threads=args.threads or 1,
            batch_size=args.batch_size,
            max_pixels=max_pixels,
            address=args.address,
            workers=args.workers,
            gpus=args.gpus or 0,
        )
