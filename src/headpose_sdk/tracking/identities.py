"""Which face is whose: detections given to tracks, frame by frame, as SORT and ByteTrack do it.

Each track expects its face where a Kalman filter says; the most likely assignment wins. Tracks that the frame before
showed choose first, lost ones among the rest, or a hidden face would take the detection of the one that hides it.
Who turns up later is believed when the next frame shows him too: most false faces live for one frame alone.

Written here since no library fits beside four packages: norfair 2.3 brings scipy, filterpy and rich, supervision 0.31
matplotlib, scipy, av and more, trackers 2.6 supervision and opencv-python, which overwrites the headless one, boxmot 25
torch under the AGPL, and motpy 0.0.10 has stood still since 2021.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headpose_sdk.results import FaceDetection
from headpose_sdk.tracking.assignment import assign
from headpose_sdk.tracking.kalman import BoxMotion

__all__ = ["IdentityTracker", "Track"]

_GATE = 25.0
"""Squared standard deviations beyond which a detection is not the track's; motion is not quite Gaussian."""

_IN_A_ROW = 0.2
"""Seconds between two frames up to which a face is where it is expected; after longer ones it is believed at once."""


class Track:
    """One person: the face last found, when, and how it moves; ``identity`` is 0 until the face is believed."""

    def __init__(self, identity: int, detection: FaceDetection, time: float) -> None:
        self.identity = identity
        self.detection = detection
        self.last_seen = time
        self.motion = BoxMotion(detection.box, time)

    def see(self, detection: FaceDetection, time: float, *, measured: bool = True) -> None:
        """Take in the face at ``time``, to which the motion has been predicted; ``measured``: it is not that guess."""
        if measured:
            self.motion.measure(detection.box)
        self.detection = detection
        self.last_seen = time


class IdentityTracker:
    """Identities count from 1 and are never given twice. A face not seen for ``forget_seconds`` is forgotten.

    A face has none before it was found twice in a row, unless it was there in the first frame.
    """

    def __init__(self, forget_seconds: float) -> None:
        self._forget_seconds = forget_seconds
        self._count = 0
        self._previous = -np.inf
        self.tracks: list[Track] = []

    def predict(self, time: float) -> None:
        """Go on to the frame at ``time`` in seconds: forget who is gone for too long, expect the others."""
        self.tracks = [track for track in self.tracks if time - track.last_seen <= self._forget_seconds]
        for track in self.tracks:
            track.motion.predict(time)

    def visible(self) -> list[Track]:
        """The tracks with an identity that the newest frame taken in shows."""
        return [track for track in self._newest() if track.identity]

    @property
    def doubtful(self) -> bool:
        """Whether the newest frame showed a face that the next one has to confirm."""
        return any(not track.identity for track in self.tracks)

    def _newest(self) -> list[Track]:
        return [track for track in self.tracks if track.last_seen >= self._previous]

    def match(self, detections: Sequence[FaceDetection], time: float) -> None:
        """Give every detection in the frame that was predicted to a track; those that are nobody's begin new ones."""
        owned: set[int] = set()
        seen = self._newest()
        for group in (seen, [track for track in self.tracks if track not in seen]):
            free = [index for index in range(len(detections)) if index not in owned]
            for track, index in _matched(group, free, detections):
                owned.add(index)
                track.see(detections[index], time)
                track.identity = track.identity or self._next_identity()
        self.tracks = [track for track in self.tracks if track.identity]
        for index, detection in enumerate(detections):
            if index not in owned:
                believed = time - self._previous > _IN_A_ROW
                self.tracks.append(Track(self._next_identity() if believed else 0, detection, time))
        self._previous = time

    def _next_identity(self) -> int:
        self._count += 1
        return self._count

    def follow(self, faces: Sequence[tuple[Track, FaceDetection, bool]], time: float) -> None:
        """Take in faces whose tracks are known; the flag says whether they were measured or merely expected there."""
        for track, detection, measured in faces:
            track.see(detection, time, measured=measured)
        self._previous = time


def _matched(
    tracks: Sequence[Track], free: Sequence[int], detections: Sequence[FaceDetection]
) -> list[tuple[Track, int]]:
    """Tracks and which of the ``free`` detections is theirs."""
    pairs = [[track.motion.distance(detections[index].box) for index in free] for track in tracks]
    table = np.array(pairs).reshape(len(tracks), len(free), 2)
    found = assign(table[..., 1], forbidden=table[..., 0] > _GATE)
    return [(tracks[row], free[column]) for row, column in found]
