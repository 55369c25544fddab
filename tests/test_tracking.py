"""Identities over time, faces followed without the detector, and the tracker that puts it all together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from videos import FACE, ScriptedEstimator, bust, picture, square

from headpose_sdk import HeadPoseEstimator, HeadPoseTracker, TrackedPose
from headpose_sdk.errors import InvalidImageError
from headpose_sdk.evaluation.faces import iou_matrix
from headpose_sdk.results import BoundingBox, FaceDetection, Image
from headpose_sdk.rotation import geodesic_angle, matrix_from_euler, rotate_in_plane
from headpose_sdk.tracking.assignment import assign
from headpose_sdk.tracking.following import follow
from headpose_sdk.tracking.identities import IdentityTracker

STEP = 1 / 30
BLANK = np.zeros((300, 400, 3), np.uint8)
TEXTURE = np.random.default_rng(9).integers(0, 255, (300, 400, 3), dtype=np.uint8)


# The assignment, with scipy as the oracle


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 7), st.integers(0, 7), st.integers(0, 2**31), st.booleans(), st.floats(0, 1))
def test_the_assignment_is_as_large_and_as_cheap_as_can_be(
    rows: int, columns: int, seed: int, whole: bool, share: float
) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.normal(size=(rows, columns)) * 10
    cost = cost.round() if whole else cost  # whole numbers: many ties
    forbidden = rng.random((rows, columns)) < share
    found = assign(cost, forbidden)
    assert len({row for row, _ in found}) == len({column for _, column in found}) == len(found)
    assert not any(forbidden[pair] for pair in found)
    best = zip(*linear_sum_assignment(np.where(forbidden, 1e6, cost)), strict=True)
    oracle = [pair for pair in best if not forbidden[pair]]
    assert len(found) == len(oracle)
    assert sum(cost[pair] for pair in found) == pytest.approx(sum(cost[pair] for pair in oracle))


# Identities


def identities(
    frames: Sequence[Sequence[FaceDetection]], times: Sequence[float] | None = None, forget: float = 1.0
) -> list[list[int]]:
    """The identity of every detection, frame by frame; 0 where it has none yet."""
    tracker = IdentityTracker(forget)
    given = []
    for index, detections in enumerate(frames):
        time = index * STEP if times is None else times[index]
        tracker.predict(time)
        tracker.match(detections, time)
        owner = {id(track.detection): track.identity for track in tracker.visible()}
        given.append([owner.get(id(detection), 0) for detection in detections])
    return given


def crossing(seed: int, *, drop: float = 0.0) -> tuple[list[list[FaceDetection]], list[list[int]]]:
    """Two faces that pass each other, both hidden for 10 frames where they meet; and who is who."""
    rng = np.random.default_rng(seed)
    side, speed, pace = rng.uniform(60, 140), rng.uniform(150, 350), rng.uniform(0.8, 1.25)
    height, nod = rng.uniform(-0.3, 0.3) * side, rng.uniform(0, 0.1) * side
    frames, people = [], []
    for index in range(100):
        seconds = (index - 50) * STEP
        found, who = [], []
        for person, x in enumerate((400 + speed * seconds, 400 - pace * speed * seconds)):
            if -5 <= index - 50 < 5 or rng.random() < drop:
                continue
            y = 300 + person * height + nod * np.sin(4 * seconds + person)
            dx, dy, growth = rng.normal(0, (0.02, 0.02, 0.04))
            found.append(square(x + dx * side, y + dy * side, side * np.exp(growth)))
            who.append(person)
        order = rng.permutation(len(found))  # a detector sorts by score
        frames.append([found[i] for i in order])
        people.append([who[i] for i in order])
    return frames, people


@pytest.mark.parametrize("drop", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(20))
def test_two_faces_that_cross_keep_their_identities_through_ten_hidden_frames(seed: int, drop: float) -> None:
    frames, people = crossing(seed, drop=drop)
    pairs = {
        (person, identity)
        for who, given in zip(people, identities(frames), strict=True)
        for person, identity in zip(who, given, strict=True)
    }
    pairs = {pair for pair in pairs if pair[1]}  # a face is believed when it was found twice in a row
    assert len(pairs) == 2
    assert {identity for _, identity in pairs} == {1, 2}


@pytest.mark.parametrize("seed", range(5))
def test_the_face_in_front_keeps_its_identity_while_it_hides_the_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(90):
        front, behind = 100 + 6 * index, 600 - 6 * index
        both = [square(front + rng.normal(0, 1.5), 200, 90), square(behind + rng.normal(0, 1.5), 215, 80)]
        frames.append(both if abs(front - behind) > 55 else both[:1])
    given = identities(frames)
    assert all(len(row) == 1 for row in given[40:44])
    assert {row[0] for row in given} == {1}
    assert {row[1] for row in given if len(row) == 2} == {2}


def test_frames_that_come_irregularly_are_matched_by_their_times() -> None:
    """At 600 pixels a second a face of 80 is elsewhere after a quarter of a second: only its velocity leads there."""
    times = np.cumsum([*[STEP] * 8, 0.25, STEP, STEP, 0.3, STEP])
    frames = [[square(600 * time, 100, 80), square(900 - 600 * time, 300, 80)] for time in times]
    assert identities(frames, list(times)) == [[1, 2]] * len(times)


def test_whoever_is_gone_for_long_is_forgotten_and_no_number_is_given_twice() -> None:
    seen, gone = [square(100, 100, 60)], list[FaceDetection]()
    frames = [*[seen] * 5, *[gone] * 20, *[seen] * 3, *[gone] * 40, *[seen] * 2]
    numbers = [row[0] for row in identities(frames) if row]
    assert numbers == [1] * 8 + [0, 2]


def test_somebody_elsewhere_is_somebody_else() -> None:
    here, there = [square(100, 100, 60)], [square(400, 300, 60)]
    assert identities([here, here, there, [*here, *there]]) == [[1], [1], [0], [1, 2]]
    large = [square(100, 100, 200)]  # more than three times as large
    assert identities([here, here, large, large]) == [[1], [1], [0], [2]]


def test_a_false_face_of_one_frame_is_nobody_and_takes_no_number() -> None:
    here, false, there = square(100, 100, 60), square(400, 300, 60), square(700, 300, 60)
    given = identities([[here], [here, false], [here], [here, there], [here, there]])
    assert given == [[1], [1, 0], [1], [1, 0], [1, 2]]


def test_faces_of_frames_far_apart_are_believed_at_once() -> None:
    """Within a second somebody may be anywhere: what one frame shows, the next one need not confirm."""
    here, there = [square(100, 100, 60)], [square(600, 300, 60)]
    assert identities([here, there, here], times=[0, 1, 2], forget=0.5) == [[1], [2], [3]]


# Following by optical flow


@pytest.mark.parametrize(("dx", "dy", "size"), [(0, 0, 200), (9, -4, 200), (-14, 6, 200), (3, 2, 210), (-6, 0, 188)])
def test_a_face_is_followed_where_it_moves_and_as_it_grows(photo: Image, dx: int, dy: int, size: int) -> None:
    def box(x: float, y: float, side: float) -> BoundingBox:
        """FACE as it is pasted."""
        scale = side / 330
        corners = (FACE.x1 - 60, FACE.y1, FACE.x2 - 60, FACE.y2)
        return BoundingBox(*(start + scale * c for start, c in zip((x, y, x, y), corners, strict=True)))

    before = picture((bust(photo, 200), 120, 60))
    now = picture((bust(photo, size), 120 + dx, 60 + dy))
    found = follow(before, now, box(120, 60, 200))
    assert found is not None
    assert iou_matrix([found], [box(120 + dx, 60 + dy, size)])[0, 0] > 0.92


def test_what_is_gone_is_not_followed(photo: Image) -> None:
    before = picture((bust(photo, 200), 120, 60))
    noise = np.random.default_rng(0).integers(0, 255, before.shape, dtype=np.uint8)
    assert follow(before, noise, BoundingBox(190, 100, 250, 180)) is None


# The tracker, with scripted networks


def still(_: int) -> tuple[float, float, float]:
    return 20.0, -10.0, 5.0


def run(tracker: HeadPoseTracker, frames: int, image: Image = BLANK) -> list[list[TrackedPose]]:
    return [tracker.update(image, index * STEP) for index in range(frames)]


def test_the_pose_network_sees_the_face_and_the_box_is_reported() -> None:
    shown = BoundingBox(95, 100, 205, 210)
    face = FaceDetection(BoundingBox(100, 100, 200, 200), 0.8, face=shown)
    networks = ScriptedEstimator([[face]], still)
    [[person]] = run(HeadPoseTracker(networks), 1)
    assert networks.shown == [[shown]]
    assert person.pose.box == face.box
    assert (person.identity, person.time, person.detected, person.pose.score) == (1, 0.0, True, 0.8)
    assert (person.pose.yaw, person.pose.pitch, person.pose.roll) == pytest.approx(still(0))


def test_what_is_shown_moves_along_with_a_box_that_is_followed(photo: Image) -> None:
    face = FaceDetection(BoundingBox(192, 104, 248, 176), 0.8, face=BoundingBox(182, 108, 258, 184))
    networks = ScriptedEstimator([[face]], still)
    tracker = HeadPoseTracker(networks, detect_every=2)
    tracker.update(picture((bust(photo, 200), 120, 60)), 0.0)
    [person] = tracker.update(picture((bust(photo, 200), 130, 55)), STEP)
    assert not person.detected
    assert person.pose.box.center == pytest.approx((230, 135), abs=1.0)
    assert networks.shown[1][0].center == pytest.approx((230, 141), abs=1.0)
    assert networks.shown[1][0].width == pytest.approx(76, rel=0.03)


def test_a_shown_face_outside_of_the_picture_gives_way_to_the_box() -> None:
    face = FaceDetection(BoundingBox(-80, 50, 4, 130), 0.8, face=BoundingBox(-90, 50, -5, 130))
    networks = ScriptedEstimator([[face]], still)
    run(HeadPoseTracker(networks), 1)
    assert networks.shown == [[face.box]]


def test_a_face_that_turns_up_is_looked_for_again_in_the_next_frame() -> None:
    one, other = square(100, 100, 60), square(300, 200, 60)
    networks = ScriptedEstimator([[one], [one, other], [one, other]], lambda call: (0.0, 0.0, 0.0))
    picture = np.random.default_rng(4).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    tracker = HeadPoseTracker(networks, detect_every=3)
    shown = [[person.identity for person in tracker.update(picture, index * STEP)] for index in range(7)]
    assert shown == [[1], [1], [1], [1], [1, 2], [1, 2], [1, 2]]


def test_the_detector_looks_at_every_nth_frame_and_at_one_of_a_new_size() -> None:
    networks = ScriptedEstimator([[square(100, 100, 60)]] * 10, still)
    tracker = HeadPoseTracker(networks, detect_every=4)
    people = run(tracker, 9, TEXTURE)
    assert [row[0].detected for row in people] == [index % 4 == 0 for index in range(9)]
    assert networks.detector.looks == 3
    [person] = tracker.update(np.zeros((200, 300, 3), np.uint8), 1.0)
    assert person.detected


def test_a_caller_may_write_into_the_frame_it_gave(photo: Image) -> None:
    face = FaceDetection(BoundingBox(192, 104, 248, 176), 0.8)
    tracker = HeadPoseTracker(ScriptedEstimator([[face]], still), detect_every=2)
    frame = picture((bust(photo, 200), 120, 60))
    tracker.update(frame, 0.0)
    frame[:] = picture((bust(photo, 200), 132, 60))
    [person] = tracker.update(frame, STEP)
    assert person.pose.box.center[0] == pytest.approx(232, abs=1.0)


def test_overlapping_faces_are_followed_by_their_own_motion() -> None:
    """The flow of two faces in one place is that of the one in front; here it would be none at all."""
    script = [[square(100 + 6 * i, 100, 60), square(150 + 6 * i, 110, 60)] for i in range(0, 40, 5)]
    people = run(HeadPoseTracker(ScriptedEstimator(script, still), detect_every=5), 30, TEXTURE)
    ends = [(person.identity, person.pose.box.center[0]) for person in people[-1]]
    assert ends == [(1, pytest.approx(274, abs=1)), (2, pytest.approx(324, abs=1))]


def test_followed_faces_that_leave_the_picture_are_gone() -> None:
    script = [[square(200, 100, 60), square(250, 100, 60)], [square(40, 100, 60), square(90, 100, 60)]]
    people = run(HeadPoseTracker(ScriptedEstimator(script, still), detect_every=8), 16, TEXTURE)
    assert [len(row) for row in people] == [*[2] * 12, *[1] * 4]  # 20 pixels a frame: at -40 it is out


def test_a_face_that_cannot_be_followed_is_looked_for() -> None:
    networks = ScriptedEstimator([[square(100, 100, 60)], [square(125, 100, 60)]], still)
    tracker = HeadPoseTracker(networks, detect_every=9)
    first, second = np.random.default_rng(4).integers(0, 255, (2, 300, 400, 3), dtype=np.uint8)
    people = [tracker.update(image, index * STEP) for index, image in enumerate((first, first, second, second))]
    assert [(row[0].identity, row[0].detected) for row in people] == [(1, True), (1, False), (1, True), (1, False)]


@pytest.mark.parametrize("smoothing", ["light", "strong"])
def test_smoothing_is_per_person_and_forgotten_with_them(smoothing: str) -> None:
    one, other = square(100, 100, 60), square(300, 200, 60)
    script = [*[[one]] * 2, *[[one, other]] * 2, *[[]] * 40, *[[one]] * 2]
    networks = ScriptedEstimator(script, lambda call: (30.0 * (call % 2), 0.0, 0.0))
    people = run(HeadPoseTracker(networks, smoothing=smoothing), len(script))  # type: ignore[arg-type]
    first, new = people[3]
    assert 0 < first.pose.yaw < 25  # smoothed from 0 to 30
    assert new.pose.yaw == pytest.approx(30)  # nothing to smooth from
    [back] = people[-1]
    assert back.identity == 3
    assert back.pose.yaw == pytest.approx(30)


def test_off_gives_what_the_network_says() -> None:
    networks = ScriptedEstimator([[square(100, 100, 60)]] * 6, lambda call: (25.0 * call - 60, 3.0 * call, -7.0 * call))
    for index, [person] in enumerate(run(HeadPoseTracker(networks, smoothing="off"), 6)):
        angles = (person.pose.yaw, person.pose.pitch, person.pose.roll)
        assert angles == pytest.approx((25.0 * index - 60, 3.0 * index, -7.0 * index))


def test_a_face_off_the_middle_is_corrected_for_the_camera() -> None:
    left = [[square(40, 150, 60)]]
    [[plain]] = run(HeadPoseTracker(ScriptedEstimator(left, lambda _: (25.0, 0.0, 0.0))), 1)
    [[turned]] = run(HeadPoseTracker(ScriptedEstimator(left, lambda _: (25.0, 0.0, 0.0)), camera_fov=70), 1)
    assert plain.pose.yaw == pytest.approx(25)
    off = np.degrees(np.arctan((200 - 40) / (200 / np.tan(np.radians(35)))))
    assert turned.pose.yaw == pytest.approx(25 - off, abs=0.1)
    focal = 200 / np.tan(np.radians(35))
    matrix = [[focal, 0, 199.5], [0, focal, 149.5], [0, 0, 1]]
    [[same]] = run(HeadPoseTracker(ScriptedEstimator(left, lambda _: (25.0, 0.0, 0.0)), camera_matrix=matrix), 1)
    assert same.pose.yaw == pytest.approx(turned.pose.yaw)


def test_a_zero_pose_from_the_start_or_on_demand() -> None:
    networks = ScriptedEstimator([[square(100, 100, 60)]] * 30, lambda call: (20.0 + (call > 20) * 10, 5.0, 0.0))
    tracker = HeadPoseTracker(networks, neutral_seconds=0.3, smoothing="off")
    people = run(tracker, 25)
    assert [row[0].pose.yaw for row in people[:20]] == pytest.approx([0] * 20, abs=1e-9)
    assert people[-1][0].pose.yaw == pytest.approx(10, abs=0.2)
    tracker.calibrate_neutral(seconds=0)
    assert tracker.update(BLANK, 2.0)[0].pose.yaw == pytest.approx(0, abs=1e-9)
    tracker.clear_neutral()
    assert tracker.update(BLANK, 2.1)[0].pose.yaw == pytest.approx(30)


def test_a_zero_pose_of_one_person_alone() -> None:
    networks = ScriptedEstimator([[square(100, 100, 60), square(300, 100, 60)]] * 3, still)
    tracker = HeadPoseTracker(networks)
    tracker.update(BLANK, 0.0)
    tracker.calibrate_neutral(0, identity=2)
    one, two = tracker.update(BLANK, STEP)
    assert one.pose.yaw == pytest.approx(20)
    assert two.pose.yaw == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="identity=7"):
        tracker.calibrate_neutral(identity=7)
    with pytest.raises(ValueError, match="seconds=-1"):
        tracker.calibrate_neutral(-1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"detect_every": 0},
        {"smoothing": "medium"},
        {"camera_fov": 180.0},
        {"camera_fov": 60.0, "camera_matrix": np.eye(3)},
        {"camera_matrix": np.zeros((3, 3))},
        {"neutral_seconds": -1.0},
        {"forget_seconds": float("inf")},
    ],
)
def test_values_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        HeadPoseTracker(ScriptedEstimator([], still), **wrong)  # type: ignore[arg-type]


def test_times_must_go_on_and_frames_be_pictures() -> None:
    tracker = HeadPoseTracker(ScriptedEstimator([[]] * 3, still))
    assert tracker.update(BLANK, 1.0) == []
    for time in (1.0, 0.5, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="time="):
            tracker.update(BLANK, time)
    with pytest.raises(InvalidImageError, match="frame is None"):
        tracker.update(None, 2.0)  # type: ignore[arg-type]
    assert tracker.update(BLANK, 2.0) == []


def test_the_record_of_a_person_is_plain_and_complete() -> None:
    [[person]] = run(HeadPoseTracker(ScriptedEstimator([[square(100, 100, 60)]], still)), 1)
    record = person.to_dict()
    assert list(record) == ["identity", "detected", *person.pose.to_dict(), "rotation"]
    np.testing.assert_allclose(record["rotation"], matrix_from_euler(still(0)), atol=1e-5)


# The tracker with the bundled networks, on pictures with known angles


def turning(photo: Image, turns: Sequence[float], *, noise: float = 0.0, size: int = 220) -> Iterator[Image]:
    rng = np.random.default_rng(8)
    for turn in turns:
        frame = picture((bust(photo, size, turn=turn), 130, 50))
        yield np.clip(frame + rng.normal(0, noise, frame.shape), 0, 255).astype(np.uint8) if noise else frame


@pytest.mark.parametrize("detect_every", [1, 5])
def test_a_head_that_turns_moves_and_grows_has_the_angles_that_were_drawn(
    photo: Image, estimator: HeadPoseEstimator, detect_every: int
) -> None:
    tracker = HeadPoseTracker(estimator, detect_every=detect_every, smoothing="off")
    first = None
    for index in range(26):
        turn = 22 * np.sin(index / 8)
        frame = picture((bust(photo, 200 + 2 * index, turn=turn), 60 + 4 * index, 20))
        [person] = tracker.update(frame, index * STEP)
        assert person.identity == 1
        first = person.pose.rotation if first is None else first
        assert geodesic_angle(person.pose.rotation, rotate_in_plane(first, turn)) < 7


def test_noise_on_a_still_face_is_smoothed_to_a_quarter(photo: Image, estimator: HeadPoseEstimator) -> None:
    raw, light = HeadPoseTracker(estimator, smoothing="off"), HeadPoseTracker(estimator)
    rotations = [
        [tracker.update(frame, index * STEP)[0].pose.rotation for tracker in (raw, light)]
        for index, frame in enumerate(turning(photo, [0] * 60, noise=20))
    ]
    spread = []
    for series in np.array(rotations)[20:].swapaxes(0, 1):
        u, _, vt = np.linalg.svd(series.mean(axis=0))
        spread.append(np.sqrt(np.mean(geodesic_angle(u @ vt, series) ** 2)))
    assert spread[0] > 0.2  # there was jitter to begin with
    assert spread[1] < spread[0] / 4


def test_predictions_of_a_fast_turn_are_followed_within_50_ms(photo: Image, estimator: HeadPoseEstimator) -> None:
    raw, light = HeadPoseTracker(estimator, smoothing="off"), HeadPoseTracker(estimator)
    turns = [-35] * 5 + list(np.arange(-35, 36, 200 * STEP))  # 200 degrees a second at 30 frames/s
    lags = []
    for index, frame in enumerate(turning(photo, turns)):
        [before], [after] = (tracker.update(frame, index * STEP) for tracker in (raw, light))
        lags.append(geodesic_angle(before.pose.rotation, after.pose.rotation) / 200)
    assert np.max(lags) <= 0.050


@pytest.mark.parametrize("detect_every", [1, 5])
def test_two_portraits_that_cross_keep_their_identities(
    photo: Image, estimator: HeadPoseEstimator, detect_every: int
) -> None:
    tracker, seen = HeadPoseTracker(estimator, detect_every=detect_every), []
    for index in range(29):
        left, right = 10 + 14 * index, 410 - 14 * index
        frame = picture((bust(photo, 140), left, 40), (bust(photo, 150), right, 70), width=600)
        people = {person.identity: person.pose.box.center[0] for person in tracker.update(frame, index * STEP)}
        assert people.keys() <= {1, 2}
        seen.append(people)
    assert seen[0][1] < 300 < seen[0][2] or seen[0][2] < 300 < seen[0][1]
    for identity in (1, 2):
        assert (seen[0][identity] < 300) == (seen[-1][identity] > 300)  # each is on the other side
    assert min(map(len, seen)) == 1  # in the middle one hides the other
