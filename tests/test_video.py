"""Frames in and out: what files, cameras and streams give, and what is left when something goes wrong."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
import stat
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from videos import ScriptedEstimator, read_all, square, write_irregular_video, write_video

from headpose_sdk import HeadPoseTracker, open_video
from headpose_sdk.errors import DatasetError, OutputError, VideoError
from headpose_sdk.results import Image
from headpose_sdk.tracking import TrackedPose
from headpose_sdk.video.pipeline import WriteBehind, read_ahead
from headpose_sdk.video.plots import read_series
from headpose_sdk.video.reader import VideoReader
from headpose_sdk.video.records import COLUMNS, RecordWriter, csv_rows, frame_record
from headpose_sdk.video.sound import add_sound
from headpose_sdk.video.writer import VideoWriter


def grey(level: int, height: int = 48, width: int = 64) -> Image:
    return np.full((height, width, 3), level, np.uint8)


def levels(frames: list[Image]) -> list[int]:
    """The brightness of each frame, which tells which one it is."""
    return [round(float(frame.mean())) for frame in frames]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds at 25 frames/s, each frame 4 brighter than the one before."""
    return write_video(tmp_path / "clip.mp4", (grey(20 + 4 * i) for i in range(50)), fps=25)


# Reading


def test_frames_come_in_order_with_number_and_time(clip: Path) -> None:
    reader = open_video(clip)
    assert (reader.fps, reader.count, reader.is_live, reader.name) == (25, 50, False, str(clip))
    frames = list(reader)
    assert [frame.index for frame in frames] == list(range(50))
    assert [frame.time for frame in frames] == pytest.approx([i / 25 for i in range(50)])
    seen = levels([frame.image for frame in frames])
    assert seen == pytest.approx([20 + 4 * i for i in range(50)], abs=6)  # the codec rounds
    assert seen == sorted(set(seen))


def test_every_nth_frame_of_a_part(clip: Path) -> None:
    reader = open_video(clip, every=3, start=0.5, end=1.2)
    frames = list(reader)
    assert [frame.index for frame in frames] == [15, 18, 21, 24, 27]
    assert frames[0].time == pytest.approx(0.6)
    assert reader.fps == pytest.approx(25 / 3)
    assert reader.count == pytest.approx(len(frames), abs=1)


@pytest.mark.skipif(not hasattr(cv2, "VIDEOWRITER_PROP_PTS"), reason="this OpenCV cannot write such a file")
def test_irregular_frames_keep_their_times(tmp_path: Path) -> None:
    times = [0, 30, 100, 120, 200, 500]
    path = write_irregular_video(tmp_path / "phone.mkv", [grey(40 * i) for i in range(6)], times)
    assert [frame.time for frame in open_video(path)] == pytest.approx([t / 1000 for t in times])


@pytest.mark.parametrize(("every", "start", "end"), [(0, 0, None), (1, -1, None), (1, 2, 2), (1, 3, 1)])
def test_a_part_that_cannot_be(clip: Path, every: int, start: float, end: float | None) -> None:
    with pytest.raises(ValueError, match=r"every=|start="):
        open_video(clip, every=every, start=start, end=end)


def test_a_start_behind_the_end_is_told(clip: Path) -> None:
    with pytest.raises(VideoError, match=r"clip.mp4: no frame from 9 s on, it ends at 2\.0 s"):
        list(open_video(clip, start=9))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.mp4", None, "no such file"),
        ("noise.mp4", b"\0\1\2\3" * 9, "is no video that OpenCV can read"),
        ("text.mp4", b"hello", "is text, or a list of videos"),
        ("list.mp4", b"#EXTM3U\n\0\xff", "list of videos elsewhere, and no video; give the video itself"),
        ("list.avi", b"\xef\xbb\xbf  ffconcat version 1.0\nfile 'other.mp4'", "list of videos elsewhere"),
        ("nul\0.mp4", None, "no such file"),
        ("long" * 99 + ".mp4", None, "cannot be read"),
        ("empty.mp4", b"", "empty"),
        (".", None, "is a folder"),
    ],
)
def test_what_is_no_video(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VideoError, match=says):
        open_video(path)


def test_a_list_does_not_lead_to_another_file(clip: Path, tmp_path: Path) -> None:
    """Versions of OpenCV differ in which of these they would follow."""
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{clip}\n#EXT-X-ENDLIST\n"
    for name, content in (
        ("hls.mp4", hls),
        ("hls.m3u8", hls),
        ("concat.mp4", f"ffconcat version 1.0\nfile {clip.name}"),
    ):
        file = clip.parent / name
        file.write_text(content)
        with pytest.raises(VideoError, match="list of videos elsewhere"):
            open_video(file)


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(VideoError, match="camera 97: cannot be opened"):
        open_video(97)


@pytest.mark.parametrize(("extension", "codec"), [("avi", "MJPG"), ("mkv", "mp4v")])
def test_a_file_that_is_cut_off_gives_what_it_has_and_says_so(tmp_path: Path, extension: str, codec: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / f"cut.{extension}", noise, codec=codec)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    given: list[int] = []
    with pytest.raises(VideoError, match=r"ends after \d+ of 60 frames"):
        given.extend(frame.index for frame in open_video(path))
    assert 10 < len(given) < 50


class ScriptedCapture:
    """A camera that gives the frames it was made of, then nothing."""

    def __init__(self, frames: list[Image], *, properties: dict[int, float] | None = None) -> None:
        self._frames = iter(frames)
        self._properties = properties or {}
        self._now: Image | None = None
        self.released = 0

    def grab(self) -> bool:
        self._now = next(self._frames, None)
        return self._now is not None

    def retrieve(self) -> tuple[bool, Any]:
        return True, self._now

    def get(self, property_id: int, /) -> float:
        return self._properties.get(property_id, 0.0)

    def release(self) -> None:
        self.released += 1


def test_a_camera_that_vanishes_is_told_after_its_frames() -> None:
    capture = ScriptedCapture([grey(1), grey(2), grey(3)])
    clock = itertools.chain([5.0, 5.04, 5.3], itertools.repeat(9.0))
    frames = iter(VideoReader(capture, "camera 0", is_live=True, clock=lambda: next(clock)))
    assert [next(frames).time for _ in range(3)] == pytest.approx([0, 0.04, 0.3])
    with pytest.raises(VideoError, match="camera 0: stopped giving frames after 3"):
        next(frames)
    assert capture.released == 1


def test_frames_that_change_size_are_told_after_those_before() -> None:
    frames = iter(VideoReader(ScriptedCapture([grey(1), grey(2), grey(3, 24)]), "s.mjpeg", is_live=False))
    assert [next(frames).index for _ in range(2)] == [0, 1]
    with pytest.raises(VideoError, match="frame 2 has 64x24 pixels and those before 64x48"):
        next(frames)


def test_a_video_of_no_frames() -> None:
    capture = ScriptedCapture([])
    with pytest.raises(VideoError, match=r"zero\.mp4: holds no frame"):
        list(VideoReader(capture, "zero.mp4", is_live=False))
    assert capture.released == 1


def test_nonsense_in_the_header_and_missing_times_do_no_harm() -> None:
    properties = {cv2.CAP_PROP_FPS: 90000.0, cv2.CAP_PROP_FRAME_COUNT: -1.9e14}
    reader = VideoReader(ScriptedCapture([grey(1)] * 4, properties=properties), "a.webm", is_live=False)
    assert (reader.fps, reader.count) == (30, None)
    assert [frame.time for frame in reader] == pytest.approx([0, 1 / 30, 2 / 30, 3 / 30])


def test_the_source_is_closed_when_nobody_wants_more() -> None:
    capture = ScriptedCapture([grey(1)] * 9)
    frames = read_ahead(VideoReader(capture, "a", is_live=False))
    next(frames)
    frames.close()
    assert capture.released == 1


# Writing


@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv", "avi"])
def test_a_video_is_written_in_every_format_and_nothing_beside_it(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"out.{extension}"
    with VideoWriter(path, 25) as writer:
        for index in range(10):
            writer.write(grey(20 * index), 3 + index / 25)
            assert not path.exists()  # not before it is complete
    assert levels(read_all(path)) == pytest.approx([20 * i for i in range(10)], abs=6)
    assert list(tmp_path.iterdir()) == [path]
    assert writer.seconds == pytest.approx((3, 0.4))


def test_irregular_frames_are_repeated_or_left_out_so_that_time_is_kept(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.avi", 10) as writer:
        for time_, level in ((0.0, 0), (0.1, 50), (0.14, 100), (0.5, 150), (0.6, 200)):
            writer.write(grey(level), time_)
    # At 0.14 there is no place of its own; from 0.2 on it is what was there last.
    assert levels(read_all(tmp_path / "out.avi")) == pytest.approx([0, 50, 100, 100, 100, 150, 200], abs=3)


def test_an_exception_leaves_a_complete_file(tmp_path: Path) -> None:
    def interrupted() -> None:
        with VideoWriter(tmp_path / "out.mp4", 25) as writer:
            for index in range(5):
                writer.write(grey(20 * index), index / 25)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(read_all(tmp_path / "out.mp4")) == 5


def test_without_frames_there_is_no_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 25):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_a_complete_file(tmp_path: Path) -> None:
    free = iter([10**9] * 4 + [10**6] * 9)

    def fill() -> None:
        with VideoWriter(tmp_path / "out.mp4", 25, free_bytes=lambda folder: next(free)) as writer:
            for index in range(9):
                writer.write(grey(20 * index), index / 25)

    with pytest.raises(OutputError, match=r"out\.mp4: only 1 MB are free there; the video ends after 3 frames"):
        fill()
    assert len(read_all(tmp_path / "out.mp4")) == 3


@pytest.mark.parametrize(
    ("name", "says"),
    [("out.gif", r"cannot write \.gif videos; use \.mp4"), ("out", "without an extension"), ("no/out.mp4", "No such")],
)
def test_what_cannot_be_written(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(OutputError, match=says), VideoWriter(tmp_path / name, 25) as writer:
        writer.write(grey(1), 0)


def test_a_rate_that_no_codec_takes_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot encode"), VideoWriter(tmp_path / "out.mp4", 0.0) as writer:
        writer.write(grey(1), 0)
    assert list(tmp_path.iterdir()) == []


# Records


@pytest.fixture
def people() -> list[TrackedPose]:
    networks = ScriptedEstimator([[square(100, 100, 60), square(20, 20, 30)]], lambda _: (20.0, -10.0, 5.0))
    return HeadPoseTracker(networks).update(np.zeros((200, 200, 3), np.uint8), 0.5)


def test_records_are_the_same_as_json_and_as_csv(tmp_path: Path, people: list[TrackedPose]) -> None:
    with RecordWriter(tmp_path / "a.jsonl", "jsonl") as lines, RecordWriter(tmp_path / "a.csv", "csv") as table:
        for writer in (lines, table):
            writer.write(0, 0.46666666, [])
            writer.write(1, 0.5, people)
    first, second = map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())
    assert first == {"frame": 0, "time": 0.4667, "faces": []}
    assert second == frame_record(1, 0.5, people)
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert list(rows[0]) == list(COLUMNS)
    assert [rows[0]["frame"], rows[0]["time"], rows[0]["identity"], rows[0]["yaw"]] == ["0", "0.4667", "", ""]
    for row, face in zip(rows[1:], second["faces"], strict=True):
        assert [row["frame"], row["time"], row["identity"], row["detected"]] == ["1", "0.5", str(face["identity"]), "1"]
        assert [float(row[name]) for name in ("yaw", "pitch", "roll")] == [face["yaw"], face["pitch"], face["roll"]]
        assert [float(row[name]) for name in ("x1", "y1", "x2", "y2")] == face["box"]
        assert float(row["r02"]) == face["rotation"][0][2]


@pytest.mark.parametrize(
    "line",
    [
        '{"time": 0, "faces": [{"identity": 1e999}]}',
        '{"time": 1e999, "faces": 3}',
        '{"time": ' + "9" * 400 + ', "faces": []}',
        '{"time": 0, "faces": ' + "[" * 5000 + "]" * 5000 + "}",
        "[]",
        "\u0000",
    ],
    ids=["infinite identity", "no list", "a huge time", "nested deep", "no record", "NUL"],
)
def test_lines_that_are_no_records_are_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "people.jsonl").write_text(line + "\n")
    with pytest.raises(DatasetError, match=r"people\.jsonl: line 1 is no record of"):
        read_series(tmp_path / "people.jsonl")


def test_a_row_has_the_columns(people: list[TrackedPose]) -> None:
    for some in ([], people):
        assert {len(row) for row in csv_rows(frame_record(3, 0.1, some))} == {len(COLUMNS)}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_records_that_find_no_room_are_told() -> None:
    with (
        pytest.raises(OutputError, match=r"/dev/full: cannot write \(No space"),
        RecordWriter("/dev/full", "csv") as full,
    ):
        full.write(0, 0.0, [])


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit on the size of files")
def test_a_disk_that_fills_up_leaves_whole_records(tmp_path: Path) -> None:
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with RecordWriter(tmp_path / "a.jsonl", "jsonl") as writer:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[0][1]))
            with pytest.raises(OutputError, match=r"a\.jsonl: cannot write \(File too large\)"):
                all(writer.write(index, index / 30, []) is None for index in range(100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before[0])
        signal.signal(signal.SIGXFSZ, before[1])
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(len(lines)))
    assert len(lines) > 15


# Sound


def executable(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for ffmpeg")
def test_sound_that_cannot_be_copied_is_encoded_and_one_that_fails_leaves_the_video(tmp_path: Path) -> None:
    video = tmp_path / "out.mp4"
    video.write_bytes(b"silent")
    no_copy = 'case "$*" in *"-c:a copy"*) exit 1;; esac; for last; do :; done; echo with sound > "$last"'
    ffmpeg = executable(tmp_path / "ffmpeg", no_copy)
    add_sound(ffmpeg, video, "in.mp4", start=1, seconds=2)
    assert video.read_text() == "with sound\n"
    broken = executable(
        tmp_path / "broken", 'for last; do :; done; echo half > "$last"; echo no such codec >&2; exit 1'
    )
    with pytest.raises(OutputError, match=r"out\.mp4: has no sound, as ffmpeg failed: no such codec"):
        add_sound(broken, video, "in.mp4", start=0, seconds=2)
    assert video.read_text() == "with sound\n"
    assert {path.name for path in tmp_path.iterdir()} == {"out.mp4", "ffmpeg", "broken"}


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_the_real_ffmpeg_keeps_a_video_that_has_no_sound(clip: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    shutil.copy(clip, copy)
    add_sound(str(shutil.which("ffmpeg")), copy, str(clip), start=0, seconds=2)
    assert len(read_all(copy)) == 50


# Stages side by side


def test_items_read_ahead_are_the_same_and_so_is_what_goes_wrong() -> None:
    def source() -> Iterator[int]:
        yield from range(100)
        raise VideoError("torn")

    taken: list[int] = []
    with pytest.raises(VideoError, match="torn"):
        taken.extend(read_ahead(source()))
    assert taken == list(range(100))


def test_reading_ahead_stays_a_few_items_ahead_and_ends_with_its_reader() -> None:
    fetched: list[int] = []

    def source() -> Iterator[int]:
        for index in itertools.count():
            fetched.append(index)
            yield index

    items = read_ahead(source())
    assert [next(items) for _ in range(10)] == list(range(10))
    wait_for(lambda: len(fetched) >= 12)
    time.sleep(0.05)
    assert len(fetched) <= 16
    items.close()
    wait_for(lambda: not any(thread.name == "headpose-read" for thread in threading.enumerate()))


def test_of_live_items_only_the_newest_waits() -> None:
    ready = threading.Event()

    def source() -> Iterator[int]:
        yield 0
        ready.wait(5)
        yield from range(1, 50)

    items = read_ahead(source(), newest_only=True)
    assert next(items) == 0
    ready.set()
    time.sleep(0.2)
    assert list(items) == [49]


def test_what_is_put_is_consumed_in_order_and_before_the_block_ends() -> None:
    done: list[int] = []

    def slowly(item: int) -> None:
        time.sleep(0.001)
        done.append(item)

    with WriteBehind(slowly) as behind:
        for item in range(50):
            behind.put(item)
    assert done == list(range(50))


def test_what_consuming_raises_stops_the_one_who_puts() -> None:
    def full(item: int) -> None:
        if item == 3:
            raise OutputError("disk full")

    with pytest.raises(OutputError, match="disk full"), WriteBehind(full) as behind:
        all(behind.put(item) is None for item in itertools.count())
    with pytest.raises(OutputError, match="disk full"), WriteBehind(full) as behind:
        behind.put(3)  # the last item: nothing is put after it


def test_three_stages_take_as_long_as_the_slowest() -> None:
    def pause(_: int = 0) -> None:
        time.sleep(0.01)

    def source() -> Iterator[int]:
        for index in range(30):
            pause()
            yield index

    start = time.perf_counter()
    with WriteBehind(pause) as behind:
        for item in read_ahead(source()):
            pause()
            behind.put(item)
    assert time.perf_counter() - start < 2 * 30 * 0.01  # one after the other it would be three times


def test_memory_does_not_grow_with_the_video(people: list[TrackedPose]) -> None:
    """Three times as many frames, the same memory; benchmarks/video.py does it for an hour of frames."""

    class Passers:
        """A new person every 50 frames."""

        def __init__(self) -> None:
            self.looks = 0

        def detect(self, image: Image) -> list[Any]:
            self.looks += 1
            return [square(20 + self.looks % 50 * 2, 40 + self.looks // 50 % 3 * 60, 30)]

    networks = ScriptedEstimator([], lambda _: (1.0, 2.0, 3.0))
    networks.detector = Passers()  # type: ignore[assignment]
    tracker = HeadPoseTracker(networks)
    frame, used = np.zeros((240, 160, 3), np.uint8), []
    tracemalloc.start()
    try:
        for index in range(1200):
            tracker.update(frame, index / 30)
            networks.shown.clear()
            if index in (399, 1199):
                used.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert used[1] < 1.03 * used[0] + 2000


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
