"""HeadPoseTracker: find or follow, recognise, estimate, correct, smooth. Wiring only; every step has its own room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from headpose_sdk.camera import NeutralPose, camera_matrix, check_camera_matrix, line_of_sight
from headpose_sdk.detection import FaceDetector
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.images import check_image
from headpose_sdk.results import BoundingBox, FaceDetection, HeadPose, Image
from headpose_sdk.rotation import FloatArray, euler_from_matrix
from headpose_sdk.smoothing import LEVELS, RotationFilter, Smoothing
from headpose_sdk.tracking.following import follow
from headpose_sdk.tracking.identities import IdentityTracker, Track

__all__ = ["HeadPoseTracker", "PoseEstimator", "TrackedPose"]


@dataclass(frozen=True, slots=True)
class TrackedPose:
    """One person's head in one frame.

    ``identity`` counts from 1 and stays with the person; ``time`` is the frame's, in seconds. ``pose`` is smoothed and
    corrected as the tracker was told to; its std are the network's own for this frame. ``detected`` is False where the
    face was followed from the frame before, which the detector did not look at.
    """

    identity: int
    time: float
    pose: HeadPose
    detected: bool

    def to_dict(self) -> dict[str, Any]:
        """``identity``, ``detected``, the fields of ``HeadPose.to_dict()``, ``rotation`` as three rows to 1e-5."""
        rotation = (self.pose.rotation.round(5) + 0.0).tolist()
        return {"identity": self.identity, "detected": self.detected, **self.pose.to_dict(), "rotation": rotation}


class PoseEstimator(Protocol):
    """What the tracker needs of a :class:`HeadPoseEstimator`, which is one."""

    @property
    def detector(self) -> FaceDetector:
        """Finds the faces."""
        ...

    def predict(self, image: Image, boxes: Sequence[BoundingBox]) -> list[HeadPose]:
        """The pose in each of ``boxes``, in their order."""
        ...


@dataclass(slots=True)
class _Person:
    """What is kept of one identity."""

    smooth: RotationFilter | None
    neutral: NeutralPose | None


class HeadPoseTracker:
    """The head poses of people in a video or a live picture, frame by frame.

    Args:
        estimator: the networks, a new ``HeadPoseEstimator()`` by default. Several trackers may share one.
        detect_every: look for faces in every Nth frame only, or where one is lost, and follow them by optical flow in
            between: much quicker; somebody new is seen up to N - 1 frames later.
        smoothing: "off", "light" or "strong"; :data:`headpose_sdk.smoothing.LEVELS` tells their delays.
        camera_fov: the camera's horizontal field of view in degrees, or
        camera_matrix: its matrix (3, 3) in pixels: then angles are to the camera's axis, not to the line of sight.
        neutral_seconds: the mean pose of each person's first seconds is their zero pose.
        forget_seconds: how long a face may be hidden and keep its identity.

    Raises:
        ValueError: a value that an argument cannot have, or ``camera_fov`` beside ``camera_matrix``.
        HeadPoseError: as HeadPoseEstimator.

    A tracker is for one video and one thread.
    """

    def __init__(
        self,
        estimator: PoseEstimator | None = None,
        *,
        detect_every: int = 1,
        smoothing: Smoothing = "light",
        camera_fov: float | None = None,
        camera_matrix: ArrayLike | None = None,
        neutral_seconds: float | None = None,
        forget_seconds: float = 1.0,
    ) -> None:
        if detect_every < 1:
            raise ValueError(f"detect_every={detect_every} is not possible; give at least 1")
        if smoothing not in LEVELS:
            raise ValueError(f"smoothing={smoothing!r} is not known; use {', '.join(map(repr, LEVELS))}")
        if camera_fov is not None and camera_matrix is not None:
            raise ValueError("give camera_fov= or camera_matrix=, not both")
        for name, seconds in (("neutral_seconds", neutral_seconds), ("forget_seconds", forget_seconds)):
            if seconds is not None and not 0 <= seconds < math.inf:
                raise ValueError(f"{name}={seconds} is not possible; give seconds from 0 on")
        _check_fov(camera_fov)
        self._estimator: PoseEstimator = HeadPoseEstimator() if estimator is None else estimator
        self._detect_every = detect_every
        self._level = LEVELS[smoothing]
        self._camera_fov = camera_fov
        self._camera_matrix = None if camera_matrix is None else check_camera_matrix(camera_matrix)
        self._neutral_seconds = neutral_seconds
        self._identities = IdentityTracker(forget_seconds)
        self._people: dict[int, _Person] = {}
        self._time = -math.inf
        self._since_detection = 0
        self._frame: Image | None = None  # the one before, kept where faces are followed

    def update(self, frame: Image, time: float) -> list[TrackedPose]:
        """The people in the next frame, by identity; whoever is hidden or not found is not among them.

        Who turns up after the first frame is told when he is found in two frames in a row: false faces seldom are.

        Args:
            frame: (H, W, 3) uint8 BGR.
            time: when it was taken, in seconds from any start; frames may come irregularly.

        Raises:
            ValueError: ``time`` is not after that of the frame before.
            InvalidImageError, InvalidBoxError: as ``HeadPoseEstimator.predict``.
        """
        frame = check_image(frame, name="frame")
        if not self._time < time < math.inf:
            raise ValueError(
                f"time={time} is not after {self._time}, the frame before; give each frame's own in seconds"
            )
        self._identities.predict(time)
        followed = None if self._detection_is_due(frame) else self._followed(frame)
        detected = followed is None
        if followed is None:
            self._identities.match(self._estimator.detector.detect(frame), time)
        else:
            self._identities.follow(followed, time)
        self._since_detection = 0 if detected else self._since_detection + 1
        self._frame = frame.copy() if self._detect_every > 1 else None  # the caller may write into it
        self._time = time
        self._forget()
        tracks = self._identities.visible()
        poses = self._estimator.predict(frame, [_shown(track.detection, frame) for track in tracks])
        return [
            TrackedPose(track.identity, time, self._corrected(pose, track, frame), detected)
            for track, pose in zip(tracks, poses, strict=True)
        ]

    def calibrate_neutral(self, seconds: float = 2.0, identity: int | None = None) -> None:
        """Make the mean pose of the next ``seconds`` the zero pose, of everybody or of one identity.

        Everybody gets one of their own, those who come later too. While the mean is gathered, angles are to the mean so
        far. With 0 seconds the next frame alone decides.

        Raises:
            ValueError: ``seconds`` is negative, or nobody has that identity now.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"seconds={seconds} is not possible; give seconds from 0 on")
        if identity is None:
            self._neutral_seconds = seconds
            for person in self._people.values():
                person.neutral = NeutralPose(seconds)
        elif identity in self._people:
            self._people[identity].neutral = NeutralPose(seconds)
        else:
            raise ValueError(f"identity={identity} is nobody here; give one of {list(self._people)}")

    def clear_neutral(self) -> None:
        """Tell angles as the camera sees them again."""
        self._neutral_seconds = None
        for person in self._people.values():
            person.neutral = None

    def _detection_is_due(self, frame: Image) -> bool:
        if self._frame is None or self._frame.shape != frame.shape:
            return True
        return self._identities.doubtful or self._since_detection + 1 >= self._detect_every

    def _followed(self, frame: Image) -> list[tuple[Track, FaceDetection, bool]] | None:
        """The faces of the frame before, where they are now; and whether that was measured, or is merely expected.

        None if one of them cannot be made out: then it is time to look again.
        """
        assert self._frame is not None
        visible = self._identities.visible()
        faces = []
        for track in visible:
            # Of overlapping faces the flow would follow the one in front for both.
            alone = not any(other is not track and _overlap(other.motion.box, track.motion.box) for other in visible)
            box = follow(self._frame, frame, track.detection.box) if alone else track.motion.box
            if box is None:
                return None
            if _touches(box, frame):
                faces.append((track, _moved(track.detection, box), alone))
        return faces

    def _corrected(self, pose: HeadPose, track: Track, frame: Image) -> HeadPose:
        """The pose for the camera's axis, smoothed, from the zero pose; with the box and score of the detector."""
        person, face = self._people.setdefault(track.identity, self._new_person()), track.detection
        rotation = self._line_of_sight(frame, face.box) @ pose.rotation
        if person.smooth is not None:
            std = math.hypot(pose.yaw_std, pose.pitch_std, pose.roll_std)
            rotation = person.smooth(rotation, self._time, std)
        if person.neutral is not None:
            rotation = person.neutral.relative(rotation, self._time)
        yaw, pitch, roll = euler_from_matrix(rotation).tolist()
        return replace(pose, yaw=yaw, pitch=pitch, roll=roll, box=face.box, score=face.score)

    def _line_of_sight(self, frame: Image, box: BoundingBox) -> FloatArray:
        matrix = self._camera_matrix
        if self._camera_fov is not None:
            matrix = camera_matrix(self._camera_fov, frame.shape[1], frame.shape[0])
        return np.eye(3) if matrix is None else line_of_sight(matrix, box.center)

    def _new_person(self) -> _Person:
        return _Person(
            None if self._level is None else RotationFilter(self._level),
            None if self._neutral_seconds is None else NeutralPose(self._neutral_seconds),
        )

    def _forget(self) -> None:
        known = {track.identity for track in self._identities.tracks}
        self._people = {identity: person for identity, person in self._people.items() if identity in known}


def _check_fov(fov: float | None) -> None:
    if fov is not None:
        camera_matrix(fov, 1, 1)


def _shown(face: FaceDetection, frame: Image) -> BoundingBox:
    """What the pose network is to see: the detector's ``face``, where that is in the picture at all."""
    return face.face if face.face is not None and _touches(face.face, frame) else face.box


def _touches(box: BoundingBox, frame: Image) -> bool:
    height, width = frame.shape[:2]
    return box.x2 > 0 and box.y2 > 0 and box.x1 < width and box.y1 < height


def _overlap(a: BoundingBox, b: BoundingBox) -> bool:
    return min(a.x2, b.x2) > max(a.x1, b.x1) and min(a.y2, b.y2) > max(a.y1, b.y1)


def _moved(detection: FaceDetection, box: BoundingBox) -> FaceDetection:
    """The same face with its box at ``box``, and what is shown to the network moved and scaled along."""
    old, shown = detection.box, detection.face
    if shown is None:
        return replace(detection, box=box)
    scale = box.width / old.width
    (x, y), (old_x, old_y) = box.center, old.center
    corners = [(x + scale * (edge - old_x)) for edge in (shown.x1, shown.x2)]
    rows = [(y + scale * (edge - old_y)) for edge in (shown.y1, shown.y2)]
    return FaceDetection(box, detection.score, BoundingBox(corners[0], rows[0], corners[1], rows[1]))
