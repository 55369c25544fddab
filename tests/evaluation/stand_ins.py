"""Stand-ins for the networks that answer as they are told, by the colour of a photo (see ``write_dataset``)."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from headpose_sdk.results import BoundingBox, FaceDetection, HeadPose, Image


def box_pose(
    angles: tuple[float, float, float],
    corners: tuple[float, float, float, float] = (10.0, 10.0, 60.0, 60.0),
    std: tuple[float, float, float] = (3.0, 3.0, 3.0),
) -> HeadPose:
    return HeadPose(*angles, *std, BoundingBox(*corners), 0.9)


class KeyedEstimator:
    """Answers with the angles listed under a photo's colour, in the boxes it is given or in its own."""

    providers = ("CPUExecutionProvider",)

    def __init__(self, poses: dict[int, list[HeadPose]]) -> None:
        self.poses = poses
        self.config = SimpleNamespace(name="keyed", crop_margin=1.25)
        self.detector = KeyedDetector({})

    def predict(self, image: Image, boxes: Sequence[BoundingBox] | None = None) -> list[HeadPose]:
        poses = self.poses[int(image[0, 0, 0])]
        if boxes is None:
            return poses
        return [
            HeadPose(p.yaw, p.pitch, p.roll, p.yaw_std, p.pitch_std, p.roll_std, box, None)
            for p, box in zip(poses, boxes, strict=True)
        ]


class QueuedEstimator(KeyedEstimator):
    """Answers with the poses listed, one photo after another; an empty list stands for a missed face."""

    def __init__(self, poses: Sequence[list[HeadPose]]) -> None:
        super().__init__({})
        self.coming = iter(poses)

    def predict(self, image: Image, boxes: Sequence[BoundingBox] | None = None) -> list[HeadPose]:
        return next(self.coming)


class KeyedDetector:
    """Finds the faces listed under a photo's colour."""

    def __init__(self, found: dict[int, list[FaceDetection]]) -> None:
        self.found = found

    def detect(self, image: Image) -> list[FaceDetection]:
        return self.found[int(image[0, 0, 0])]
