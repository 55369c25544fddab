"""``headpose train export``: from a checkpoint to a model folder, checked against the network it came from."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headpose_sdk.config import DetectorModelConfig, ModelConfig, PoseModelConfig, WeightsFile, open_folder, to_json
from headpose_sdk.errors import HeadPoseError, ModelIntegrityError, OutputError
from headpose_sdk.evaluation.datasets import PoseSample
from headpose_sdk.evaluation.metrics import pose_metrics
from headpose_sdk.evaluation.views import sample_photo, sample_views
from headpose_sdk.runtime import OnnxModel
from headpose_sdk.training.data import CROP_MARGIN, HeadCrops, load_crops, plain_batch, read_split, training_batch
from headpose_sdk.training.detector.network import DetectorGraph, FaceDetectorNetwork
from headpose_sdk.training.losses import BIN_CENTERS, BIN_WIDTH
from headpose_sdk.training.network import PoseGraph, PoseNetwork
from headpose_sdk.training.train import INPUT_SIZE
from headpose_sdk.training.trainer import CHECKPOINT, averaged_weights, read_checkpoint

__all__ = ["GOLDEN", "GOLDEN_VIEWS", "export_detector", "export_pose"]

CONVENTION = "degrees, yaw pitch roll, signs of 300W-LP: yaw > 0 to the image's left, pitch > 0 up, roll > 0 clockwise"
GOLDEN = "golden.json"
GOLDEN_VIEWS = 64
CALIBRATION_CROPS = 1024
LARGEST_DIFFERENCE = 1e-3  # degrees, ONNX against torch
LARGEST_QUANTISATION_LOSS = 0.3  # degrees of mean difference, int8 against float
ONE_SIGMA = 0.6827


def export_pose(run: Path, data: Path, out: Path, *, name: str, detector: str, license_id: str) -> dict[str, Any]:
    """Write the model folder ``out`` from the checkpoint in ``run``; return what was measured on the way.

    The validation part of ``data`` (the one that training left out) gives the scale of the std and the accuracy; its
    training part calibrates the quantisation. ``out`` appears when everything in it was checked, or not at all.

    Raises:
        ModelIntegrityError: if ``run`` holds no pose checkpoint, or the exported network does not do what the trained
            one does.
        DatasetError: if ``data`` is no data set that can be trained on.
        OutputError: if ``out`` exists or cannot be written.
    """
    _refuse_existing(out)
    settings, step, tensors = read_checkpoint(run / CHECKPOINT)
    _expect(settings, "pose", run)
    network = PoseNetwork(settings["backbone"])
    _load(network, tensors, run)
    training, held_back = read_split(data)
    validation = load_crops(held_back)
    plain = plain_batch(validation, slice(None), INPUT_SIZE)

    angles, std = _in_batches(PoseGraph(network, torch.ones(3)).eval(), plain)
    ratio = np.abs(angles - validation.angles) / std
    scale = np.quantile(ratio, ONE_SIGMA, axis=0)
    graph = PoseGraph(network, torch.tensor(scale, dtype=torch.float32)).eval()
    views = sample_views(GOLDEN_VIEWS, size=INPUT_SIZE, margin=CROP_MARGIN)
    golden, _ = _in_batches(graph, views)

    with _new_folder(out) as folder:
        dynamic = {"crops": {0: "batch"}, "angles": {0: "batch"}, "std": {0: "batch"}}
        example = torch.from_numpy(views[:2].copy())
        float_file = folder / "float.onnx"
        _to_onnx(graph, example, float_file, ["crops"], ["angles", "std"], dynamic)
        quantised = folder / "model.int8.onnx"
        _quantise(float_file, quantised, _calibration_batches(training))

        def config_of(file: Path) -> PoseModelConfig:
            return PoseModelConfig(
                name=name,
                input_size=INPUT_SIZE,
                crop_margin=CROP_MARGIN,
                bins=len(BIN_CENTERS),
                bin_width=BIN_WIDTH,
                convention=CONVENTION,
                std_scale=tuple(round(float(value), 4) for value in scale),
                detector=detector,
                files={"cpu": WeightsFile(file.name, hashlib.sha256(file.read_bytes()).hexdigest())},
                license=license_id,
                training={**settings, "step": step},
            )

        reports: dict[str, dict[str, Any]] = {}
        for file in (float_file, quantised):
            model = _open(folder, config_of(file))
            on_views, _ = _in_batches(model, views)
            on_validation, predicted_std = _in_batches(model, plain)
            reports[file.name] = {
                "difference_on_views": float(np.abs(on_views - golden).mean()),
                "largest_difference_on_views": float(np.abs(on_views - golden).max()),
                "validation": pose_metrics(on_validation, validation.angles, predicted_std).to_dict(),
            }
        worst = reports["float.onnx"]["largest_difference_on_views"]
        if not worst <= LARGEST_DIFFERENCE:  # also true of NaN
            raise ModelIntegrityError(
                f"the exported network differs from the trained one by {worst:.5f} degrees; "
                "install another version of torch or onnxruntime, and export again"
            )
        loss = reports["model.int8.onnx"]["difference_on_views"]
        if not loss <= LARGEST_QUANTISATION_LOSS:
            raise ModelIntegrityError(
                f"the int8 network differs from the float one by {loss:.3f} degrees on views of the sample photo, "
                f"more than {LARGEST_QUANTISATION_LOSS}; calibrate on more varied crops"
            )
        float_file.unlink()
        (folder / GOLDEN).write_text(json.dumps({"views": GOLDEN_VIEWS, "angles": golden.round(4).tolist()}) + "\n")
    return {"model": str(out), "std_scale": scale.round(4).tolist(), **reports}


def export_detector(run: Path, out: Path, *, name: str, license_id: str, score_threshold: float) -> dict[str, Any]:
    """Write the model folder ``out`` of a face detector from the checkpoint in ``run``; float32, as it is small.

    Raises:
        ModelIntegrityError: if ``run`` holds no detector checkpoint, or the exported network does not do what the
            trained one does.
        OutputError: if ``out`` exists or cannot be written.
    """
    _refuse_existing(out)
    settings, step, tensors = read_checkpoint(run / CHECKPOINT)
    _expect(settings, "detector", run)
    network = FaceDetectorNetwork()
    _load(network, tensors, run)
    graph = DetectorGraph(network).eval()
    photo = sample_photo()[None]
    with _new_folder(out) as folder:
        file = folder / "model.fp32.onnx"
        dynamic = {"picture": {1: "height", 2: "width"}, "cells": {0: "cells"}}
        # Traced at one size and run at another, so that a size baked into the graph cannot pass unseen.
        _to_onnx(graph, torch.from_numpy(photo[:, :256, :320].copy()), file, ["picture"], ["cells"], dynamic)
        config = DetectorModelConfig(
            name=name,
            score_threshold=score_threshold,
            max_iou=0.4,
            max_side=1280,
            coarse_side=160,
            files={"cpu": WeightsFile(file.name, hashlib.sha256(file.read_bytes()).hexdigest())},
            license=license_id,
            training={**settings, "step": step},
        )
        (cells,) = _open(folder, config).run(photo)
        with torch.no_grad():
            worst = float(np.abs(cells - graph(torch.from_numpy(photo)).numpy()).max())
        if not worst <= LARGEST_DIFFERENCE:  # also true of NaN
            raise ModelIntegrityError(
                f"the exported detector differs from the trained one by {worst:.5f}; "
                "install another version of torch or onnxruntime, and export again"
            )
    return {"model": str(out), "largest_difference": worst}


def _expect(settings: dict[str, Any], kind: str, run: Path) -> None:
    if settings.get("kind") != kind:
        raise ModelIntegrityError(f"{run} holds a {settings.get('kind')} run, not a {kind} run; name another --run")


def _load(network: nn.Module, tensors: dict[str, Tensor], run: Path) -> None:
    """The averaged weights of a checkpoint into ``network``."""
    weights = averaged_weights(tensors)
    broken = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    if broken:
        raise ModelIntegrityError(
            f"{run} holds weights that are no numbers ({broken[0]}); train again with a lower learning rate"
        )
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:  # torch's way to say that names or shapes differ
        reason = str(error).splitlines()[-1].strip()
        raise ModelIntegrityError(
            f"the weights in {run} do not fit the network: {reason}; export with the version that trained them"
        ) from error


def _open(folder: Path, config: ModelConfig) -> OnnxModel:
    """The model as a user gets it: config.json written, read, and the weights' hash checked."""
    (folder / "config.json").write_bytes(to_json(config))
    return OnnxModel(open_folder(folder), device="cpu")


def _to_onnx(
    graph: nn.Module, example: Tensor, file: Path, inputs: list[str], outputs: list[str], dynamic: dict[str, Any]
) -> None:
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


def _in_batches(model: nn.Module | OnnxModel, crops: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Angles and std (N, 3) of crops (N, S, S, 3), from the torch graph or from the ONNX file."""
    parts = []
    for start in range(0, len(crops), 128):
        part = crops[start : start + 128]
        if isinstance(model, OnnxModel):
            parts.append(model.run(part))
        else:
            with torch.no_grad():
                parts.append([output.numpy() for output in model(torch.from_numpy(part))])
    angles, std = (np.concatenate(column) for column in zip(*parts, strict=True))
    return angles, std


def _calibration_batches(samples: list[PoseSample]) -> Iterator[NDArray[np.uint8]]:
    """Crops over the whole range of yaw, half of them as inference cuts them, half varied as in training."""
    rng = np.random.default_rng(0)
    yaw = np.array([sample.angles[0] for sample in samples])
    order = np.argsort(yaw + rng.uniform(-1e-6, 1e-6, len(yaw)))
    # Evenly spaced in angle, not in rank: profiles are few, and they have activations of their own.
    wanted = rng.uniform(yaw.min(), yaw.max(), CALIBRATION_CROPS)
    rows = np.unique(order[np.searchsorted(yaw[order], wanted).clip(max=len(order) - 1)])
    crops: HeadCrops = load_crops([samples[row] for row in rows])
    for start in range(0, len(crops), 32):
        part = np.arange(start, min(start + 32, len(crops)))
        yield plain_batch(crops, slice(start, start + 32), INPUT_SIZE)
        yield training_batch(crops, part, INPUT_SIZE, rng)[0]


def _quantise(source: Path, target: Path, batches: Iterator[NDArray[np.uint8]]) -> None:
    """Static int8 in QDQ form: activations uint8, weights int8 per channel; first convolution and heads stay float."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            batch = next(batches, None)
            return None if batch is None else {"crops": batch}

    prepared = source.with_name("prepared.onnx")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    convolutions = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"]
    quantize_static(
        str(prepared),
        str(target),
        Reader(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["Conv", "Add", "MaxPool"],
        nodes_to_exclude=convolutions[:1],
    )
    prepared.unlink()


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise OutputError(f"{out} exists; remove it or choose another --out")


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A folder that takes its name when everything in it is done; otherwise nothing is left."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        work.chmod(0o755)  # mkdtemp makes it private
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror}; choose another --out") from error
    try:
        yield work
        _refuse_existing(out)  # it may have come up meanwhile
        work.rename(out)
    except BaseException as error:
        shutil.rmtree(work, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, HeadPoseError):
            raise OutputError(f"{out} cannot be written: {error.strerror}; choose another --out") from error
        raise
