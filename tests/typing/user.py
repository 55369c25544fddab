"""A user's program, for type checkers only: mypy --strict and pyright read it against the installed package.

What is not as annotated is an error there, and so is an ignore that nothing needs; nobody runs this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

from headpose_sdk import (
    BoundingBox,
    FaceDetection,
    FaceDetector,
    HeadPose,
    HeadPoseEstimator,
    Image,
    ImageResult,
    ModelInfo,
    PoseBatch,
    download_model,
    draw_poses,
    list_models,
    read_image,
)
from headpose_sdk.conversions import rvec_from_matrix


class Nothing:
    """A detector by its shape alone."""

    def detect(self, image: Image) -> list[FaceDetection]:
        return []


detector: FaceDetector = Nothing()
estimator = HeadPoseEstimator("ehpnet-resnet18", detector=detector, device="cpu", threads=1, cache_dir=Path("cache"))
image = read_image(Path("photo.jpg"))
[pose] = estimator.predict(image, boxes=[BoundingBox(1, 2, 3.5, 4)])
assert_type(pose, HeadPose)
assert_type(pose.yaw, float)
assert_type(pose.score, float | None)
assert_type(pose.rotation, NDArray[np.float64])
assert_type(estimator.predict_batch(iter([image])), Iterator[list[HeadPose]])
assert_type(estimator.predict_files(["a.jpg", Path("b.jpg")]), Iterator[ImageResult])
assert_type(estimator.predict_crops(np.zeros((2, 112, 112, 3), np.uint8)), PoseBatch)
assert_type(estimator.providers, tuple[str, ...])
assert_type(draw_poses(image, [pose]), NDArray[np.uint8])
assert_type(list_models(), list[ModelInfo])
assert_type(download_model("ehpnet-face"), Path)
assert_type(rvec_from_matrix(pose.rotation), NDArray[np.float64])

HeadPoseEstimator(device="tpu")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
HeadPoseEstimator(detector=object())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
estimator.predict("photo.jpg")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
pose.yaw = 3.0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
