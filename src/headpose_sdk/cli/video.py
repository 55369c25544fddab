"""``headpose video``: the poses of everybody in a video, from a camera or in a stream, drawn and as data."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import cv2

from headpose_sdk.cli.arguments import Subparsers, add_model_arguments, positive, positive_float, seconds
from headpose_sdk.cli.messages import complain, one_line
from headpose_sdk.cli.outputs import check_output, file_identity
from headpose_sdk.cli.progress import Counter
from headpose_sdk.errors import HeadPoseError, OutputError, VideoError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.smoothing import LEVELS
from headpose_sdk.tracking import HeadPoseTracker, TrackedPose
from headpose_sdk.video import Frame, VideoReader, open_video
from headpose_sdk.video.outputs import Outputs, draw_people
from headpose_sdk.video.pipeline import WriteBehind, read_ahead
from headpose_sdk.video.records import RecordWriter
from headpose_sdk.video.sound import add_sound, find_ffmpeg
from headpose_sdk.video.writer import VideoWriter
from headpose_sdk.weights import DEFAULT_MODEL

__all__ = ["add_parser"]

_SILENT = 0  # OpenCV's level of logging


def add_parser(subparsers: Subparsers) -> None:
    """Add ``video``."""
    parser = subparsers.add_parser(
        "video",
        help="follow the heads in a video, from a camera or in a stream",
        description="Writes a copy of the video with the pose and the number of every person drawn on it, and on "
        "request the same as data: a record a frame, angles in degrees. Ctrl-C ends it; all files are complete then.",
    )
    parser.add_argument("input", metavar="INPUT", help="a video file, a camera's number (0, 1, ...) or a stream's URL")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="the video to write (default: NAME_pose.mp4 in this folder)"
    )
    parser.add_argument("--no-draw", action="store_true", help="write no video")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a JSON line a frame here")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a row a face here")
    parser.add_argument(
        "--show", action="store_true", help="show the video in a window while it runs; q or Esc ends it"
    )
    parser.add_argument("--every", type=positive, default=1, metavar="N", help="take every Nth frame only")
    parser.add_argument("--start", type=seconds, default=0.0, metavar="TIME", help="begin there: 90, 1:30 or 0:01:30")
    parser.add_argument("--end", type=seconds, metavar="TIME", help="end there")
    parser.add_argument(
        "--detect-every",
        type=positive,
        default=1,
        metavar="N",
        help="look for faces in every Nth frame and follow them in between: faster (default: %(default)s)",
    )
    parser.add_argument(
        "--smoothing", choices=tuple(LEVELS), default="light", help="how steady the angles are (default: %(default)s)"
    )
    parser.add_argument(
        "--neutral-seconds",
        type=seconds,
        metavar="S",
        help="the mean pose of each person's first S seconds is their zero pose",
    )
    parser.add_argument(
        "--camera-fov",
        type=positive_float,
        metavar="DEGREES",
        help="the camera's horizontal field of view: angles are then to the camera's axis, wherever a face is",
    )
    add_model_arguments(parser, DEFAULT_MODEL)
    parser.set_defaults(run=partial(_run, parser))


def _run(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    if args.no_draw and args.out:
        parser.error("--no-draw writes no video, -o names one: give one of the two")
    if args.no_draw and not (args.json or args.csv or args.show):
        parser.error("nothing would be written: with --no-draw give --json or --csv")
    if args.end is not None and args.end <= args.start:
        parser.error("--end must be after --start")
    if args.camera_fov is not None and args.camera_fov >= 180:
        parser.error("--camera-fov must be below 180 degrees")
    _silence_opencv()
    target = None if args.no_draw else args.out or Path(f"{_stem(args.input)}_pose.mp4")
    _check_outputs(args.input, [path for path in (target, args.json, args.csv) if path is not None])
    if args.show:
        _check_window()
    source = int(args.input) if args.input.isdecimal() else args.input
    reader = open_video(source, every=args.every, start=args.start, end=args.end)
    outputs = Outputs(
        video=None if target is None else VideoWriter(target, reader.fps),
        records=[
            *([RecordWriter(args.json, "jsonl")] if args.json else []),
            *([RecordWriter(args.csv, "csv")] if args.csv else []),
        ],
    )
    tracker = HeadPoseTracker(
        HeadPoseEstimator(args.model, device=args.device),
        detect_every=args.detect_every,
        smoothing=args.smoothing,
        camera_fov=args.camera_fov,
        neutral_seconds=args.neutral_seconds,
    )
    stopped: BaseException | None = None
    try:
        _follow(reader, tracker, outputs, show=args.show)
    except (VideoError, KeyboardInterrupt) as error:  # what was read is as good as ever
        stopped = error
    sound = "" if reader.is_live else _add_sound(outputs.video, args.input)
    _tell(outputs, sound)
    if stopped is not None:
        raise stopped
    return 0


def _follow(reader: VideoReader, tracker: HeadPoseTracker, outputs: Outputs, *, show: bool) -> None:
    """All frames through the tracker, with reading before it and writing behind it on threads of their own."""
    with (
        outputs,
        Counter(unit="frames") as counter,
        closing(read_ahead(reader, newest_only=reader.is_live)) as frames,
        WriteBehind(outputs.write) as behind,
    ):
        for done, frame in enumerate(frames, start=1):
            people = tracker.update(frame.image, frame.time)
            behind.put((frame, people))
            if show and not _shown(frame, people):
                break
            counter(done, reader.count)


def _add_sound(video: VideoWriter | None, source: str) -> str:
    """Keep the sound of the input, and return what is to be said of it."""
    if video is None or not video.is_begun:
        return ""
    ffmpeg = find_ffmpeg()
    if ffmpeg is None:
        return ", without sound: to keep the input's, install ffmpeg"
    start, length = video.seconds
    try:
        add_sound(ffmpeg, video.path, source, start=start, seconds=length)
    except OutputError as error:
        complain(error)
    return ""


def _tell(outputs: Outputs, sound: str) -> None:
    for path in outputs.written:
        is_video = outputs.video is not None and path == outputs.video.path
        print(f"wrote {one_line(path)}{sound if is_video else ''}")
    if outputs.frames:
        print(f"{outputs.frames} frames, {len(outputs.identities)} people", flush=True)


def _shown(frame: Frame, people: Sequence[TrackedPose]) -> bool:
    """Show the frame; False if the user wants to end."""
    cv2.imshow("headpose", draw_people(frame.image, people))
    return cv2.waitKey(1) & 0xFF not in (ord("q"), 27)


def _check_window() -> None:
    """Raise HeadPoseError if no window can be opened here."""
    if not cv2.currentUIFramework():
        raise HeadPoseError(
            "--show needs an OpenCV with windows, and this one is headless; leave --show out, or "
            "`pip uninstall opencv-python-headless` and `pip install opencv-python`"
        )
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise HeadPoseError("--show needs a screen, and this machine has none; leave --show out")


def _check_outputs(source: str, targets: Sequence[Path]) -> None:
    """Raise OutputError for what cannot be written, or would replace the input or one another."""
    taken = {file_identity(Path(source)): source}
    for target in targets:
        check_output(target)
        identity = file_identity(target)
        if identity in taken:
            raise OutputError(f"{target}: is {taken[identity]} as well; choose another place for one of them")
        taken[identity] = str(target)


def _stem(source: str) -> str:
    """What the video made of ``source`` is called after."""
    if source.isdecimal():
        return f"camera_{source}"
    return Path(urlsplit(source).path if "://" in source else source).stem or "stream"


def _silence_opencv() -> None:
    """OpenCV and its ffmpeg say on stderr what we say in one line of our own."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if hasattr(cv2, "setLogLevel"):  # OpenCV 4
        cv2.setLogLevel(_SILENT)
    else:
        cv2.utils.logging.setLogLevel(_SILENT)
