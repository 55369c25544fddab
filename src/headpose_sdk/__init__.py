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
    VideoError,
)
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.images import read_image, write_image
from headpose_sdk.results import BoundingBox, FaceDetection, HeadPose, Image, ImageResult, PoseBatch
from headpose_sdk.tracking import HeadPoseTracker, TrackedPose
from headpose_sdk.video import Frame, VideoReader, open_video
from headpose_sdk.weights import ModelInfo, download_model, list_models

__version__ = _version("headpose-sdk")

__all__ = [
    "BoundingBox",
    "DatasetError",
    "FaceDetection",
    "FaceDetector",
    "Frame",
    "HeadPose",
    "HeadPoseError",
    "HeadPoseEstimator",
    "HeadPoseTracker",
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
    "TrackedPose",
    "TrainingError",
    "UnknownModelError",
    "VideoError",
    "VideoReader",
    "__version__",
    "download_model",
    "draw_poses",
    "list_models",
    "open_video",
    "read_image",
    "write_image",
]
