"""How long one photo takes, stage by stage: decode, detect, crop, network, results.

    python benchmarks/latency.py [--device cpu|cuda|auto] [--threads N] [--quick] [--json out.json]

On a GPU: pip install "headpose-sdk[cuda]" (a V100: "headpose-sdk[cuda12]"), then --device cuda.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from measuring import alternate, arguments, composite, ratio, report

from headpose_sdk import HeadPoseEstimator, read_image
from headpose_sdk.evaluation.views import sample_views
from headpose_sdk.images import write_image
from headpose_sdk.preprocessing import crop_faces


def main() -> None:
    options = arguments(__doc__.splitlines()[0]).parse_args()
    estimator = HeadPoseEstimator(device=options.device, threads=options.threads)
    size, margin = estimator.config.input_size, estimator.config.crop_margin
    views = sample_views(32, size=size, margin=margin)
    photo = composite(640, 480, 1)
    faces = estimator.predict(photo)
    boxes = [face.box for face in faces]
    crops = crop_faces(photo, boxes, margin=margin, size=size)

    def detector_and_network() -> None:
        estimator.detector.detect(photo)
        estimator.predict_crops(crops)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "photo.jpg"
        write_image(file, photo)
        actions: dict[str, Callable[[], object]] = {
            "decode (read_image, 640x480 JPEG)": lambda: read_image(file),
            "detect (detector.detect)": lambda: estimator.detector.detect(photo),
            "crop (crop_faces)": lambda: crop_faces(photo, boxes, margin=margin, size=size),
            "network (predict_crops, batch 1)": lambda: estimator.predict_crops(crops[:1]),
            "network (predict_crops, batch 32)": lambda: estimator.predict_crops(views),
            "detector + network": detector_and_network,
            "whole (predict)": lambda: estimator.predict(photo),
        }
        figures = alternate(actions, seconds=2 if options.quick else 30)
    ratios = {"predict / (detector + network)": ratio(figures["whole (predict)"], figures["detector + network"])}
    report("latency", options, figures, providers=estimator.providers, ratios=ratios, faces=len(faces))


if __name__ == "__main__":
    main()
