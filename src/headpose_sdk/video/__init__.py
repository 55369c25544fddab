"""Frames in and out: files, cameras and streams read, annotated videos and records written, side by side."""

from headpose_sdk.video.reader import Frame, VideoReader, open_video

__all__ = ["Frame", "VideoReader", "open_video"]
