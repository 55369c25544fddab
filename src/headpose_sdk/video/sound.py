"""The sound of the source put to the annotated video, by an ffmpeg executable where there is one."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from headpose_sdk.errors import OutputError

__all__ = ["add_sound", "find_ffmpeg"]


def find_ffmpeg() -> str | None:
    """The ffmpeg on the PATH, if any."""
    return shutil.which("ffmpeg")


def add_sound(ffmpeg: str, video: Path, source: str, *, start: float, seconds: float) -> None:
    """Put the sound of ``source``, from ``start`` on for ``seconds``, to ``video``; it stays as it is if there is none.

    Raises:
        OutputError: ffmpeg failed; ``video`` is as it was.
    """
    target = Path(os.path.realpath(video))
    temporary = target.parent / f".headpose-{secrets.token_hex(8)}.tmp{target.suffix}"
    inputs = ["-i", str(target), "-ss", f"{start:.3f}", "-t", f"{seconds:.3f}", "-i", source]
    streams = ["-map", "0:v", "-map", "1:a?", "-c:v", "copy"]
    try:
        # Not every container takes every kind of sound: then it is encoded as the container's own.
        for codec in (["-c:a", "copy"], []):
            done = subprocess.run(
                [ffmpeg, "-v", "error", "-nostdin", "-y", *inputs, *streams, *codec, str(temporary)],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                start_new_session=True,  # Ctrl-C means the reading, not this last step
            )
            if done.returncode == 0:
                temporary.replace(target)
                return
        reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise OutputError(f"{video}: has no sound, as ffmpeg failed: {reason}")
    finally:
        temporary.unlink(missing_ok=True)
