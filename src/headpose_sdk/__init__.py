"""Yaw, pitch and roll of every head in a photo.

>>> from headpose_sdk import HeadPoseEstimator, read_image
>>> estimator = HeadPoseEstimator()
>>> [pose] = estimator.predict(read_image("examples/astronaut.jpg"))
>>> abs(pose.yaw) < 15  # degrees: she looks almost straight into the camera
True
"""

from importlib.metadata import version as _version

from headpose_sdk.detection import FaceDetector, OnnxFaceDetector
from headpose_sdk.drawing import draw_poses
from headpose_sdk.errors import (
    DatasetError,
    HeadPoseError,
    InvalidBoxError,
    InvalidImageError,
    ModelDownloadError,
    ModelError,
    ModelIntegrityError,
    ModelNotFoundError,
    OutputError,
    ProviderError,
    RenderError,
    TrainingError,
    UnknownModelError,
)
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.images import read_image, write_image
from headpose_sdk.results import BoundingBox, FaceDetection, HeadPose, Image, ImageResult, PoseBatch
from headpose_sdk.weights import ModelInfo, download_model, list_models

__version__ = _version("headpose-sdk")

__all__ = [
    "BoundingBox",
    "DatasetError",
    "FaceDetection",
    "FaceDetector",
    "HeadPose",
    "HeadPoseError",
    "HeadPoseEstimator",
    "Image",
    "ImageResult",
    "InvalidBoxError",
    "InvalidImageError",
    "ModelDownloadError",
    "ModelError",
    "ModelInfo",
    "ModelIntegrityError",
    "ModelNotFoundError",
    "OnnxFaceDetector",
    "OutputError",
    "PoseBatch",
    "ProviderError",
    "RenderError",
    "TrainingError",
    "UnknownModelError",
    "__version__",
    "download_model",
    "draw_poses",
    "list_models",
    "read_image",
    "write_image",
]
