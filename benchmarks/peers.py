"""The same crops through the same network by other means: torch, ONNX Runtime as people usually call it, OpenVINO.

    python benchmarks/peers.py [--root DIR] [--threads N] [--quick] [--json out.json]

By default the crops are seeded views of the sample photo; --root takes the faces found in a folder of photos. Needs
torch and onnx (pip install "headpose-sdk[train]"); OpenVINO joins where it is installed, torch.compile where a
compiler is and --quick is not given. The float networks have random weights: they take as long as trained ones.

Every peer gets what its documentation advises: torch inference_mode, channels_last and as many threads, ONNX Runtime's
default options but for the threads, OpenVINO's LATENCY hint. All of them normalise and decode inside the graph.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import alternate, arguments, per_second, ratio, report
from numpy.typing import NDArray

from headpose_sdk import HeadPoseEstimator, read_image
from headpose_sdk.evaluation.views import sample_views
from headpose_sdk.hardware import available_threads
from headpose_sdk.images import find_images
from headpose_sdk.preprocessing import crop_faces
from headpose_sdk.training.network import PoseGraph, PoseNetwork
from headpose_sdk.training.onnx_files import to_onnx
from headpose_sdk.weights import find_model

OURS_1, OURS_32 = "headpose predict_crops, batch 1", "headpose predict_crops, batch 32"
ORT_1, TORCH_32, OPENVINO_32 = "ONNX Runtime fp32, batch 1", "torch eager fp32, batch 32", "OpenVINO int8, batch 32"
COMPILED_32 = "torch.compile fp32, batch 32"


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, help="a folder of photos with faces, instead of the sample photo")
    options = parser.parse_args()
    threads = options.threads or available_threads()
    estimator = HeadPoseEstimator(device=options.device, threads=threads)
    crops = real_crops(estimator, options.root)
    actions: dict[str, Callable[[], object]] = {
        OURS_1: lambda: estimator.predict_crops(crops[:1]),
        OURS_32: lambda: estimator.predict_crops(crops),
        **torch_and_onnx(crops, threads, compiled=not options.quick),
    }
    if find_spec("openvino"):
        actions[OPENVINO_32] = openvino_run(crops, threads)
    else:
        print("left out, not installed: OpenVINO (pip install openvino)")
    times = alternate(actions, seconds=2 if options.quick else 60)
    figures = {name: per_second(row, 1 if name.endswith("batch 1") else len(crops)) for name, row in times.items()}
    ratios = {
        f"{ours} against {peer}": ratio(figures[ours], figures[peer])
        for ours, peer in ((OURS_1, ORT_1), (OURS_32, TORCH_32), (OURS_32, COMPILED_32), (OURS_32, OPENVINO_32))
        if peer in figures
    }
    report("peers", options, figures, providers=estimator.providers, ratios=ratios, root=options.root is not None)


def real_crops(estimator: HeadPoseEstimator, root: Path | None) -> NDArray[np.uint8]:
    """32 face crops."""
    size, margin = estimator.config.input_size, estimator.config.crop_margin
    if root is None:
        return sample_views(32, size=size, margin=margin)
    crops: list[NDArray[np.uint8]] = []
    for path in find_images(root):
        photo = read_image(path)
        crops += crop_faces(photo, [face.box for face in estimator.detector.detect(photo)], margin=margin, size=size)
        if len(crops) >= 32:
            return np.stack(crops[:32])
    raise SystemExit(f"{root}: {len(crops)} faces found, 32 are needed; give a folder with more photos")


def torch_and_onnx(crops: NDArray[np.uint8], threads: int, *, compiled: bool) -> dict[str, Callable[[], object]]:
    import onnxruntime

    torch.set_num_threads(threads)
    graph = PoseGraph(PoseNetwork("resnet18"), torch.ones(3)).eval().to(memory_format=torch.channels_last)
    batch = torch.from_numpy(crops)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "float.onnx"
        dynamic = {"crops": {0: "batch"}, "angles": {0: "batch"}, "std": {0: "batch"}}
        to_onnx(graph, batch[:2], file, ["crops"], ["angles", "std"], dynamic)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def inferred(network: Any) -> Callable[[], object]:
        def run() -> object:
            with torch.inference_mode():
                return network(batch)

        return run

    actions: dict[str, Callable[[], object]] = {
        ORT_1: lambda: session.run(None, {"crops": crops[:1]}),
        TORCH_32: inferred(graph),
    }
    if compiled:
        run = inferred(torch.compile(graph))
        try:
            run()
            actions[COMPILED_32] = run
        except Exception as error:  # no C++ compiler, most often; told, not hidden
            print(f"left out, it does not work here: torch.compile ({str(error).splitlines()[0]})")
    return actions


def openvino_run(crops: NDArray[np.uint8], threads: int) -> Callable[[], object]:
    import openvino

    folder = find_model("ehpnet-resnet18")
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    file = folder.path / folder.config.files["cpu"].name
    request = openvino.Core().compile_model(str(file), "CPU", settings).create_infer_request()
    return lambda: request.infer({0: crops})


if __name__ == "__main__":
    main()
