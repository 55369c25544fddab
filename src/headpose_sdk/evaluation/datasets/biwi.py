"""BIWI Kinect Head Pose as published: ``01`` to ``24``, each with ``frame_NNNNN_rgb.png`` and ``frame_NNNNN_pose.txt``.

The text holds the rotation of the head in the camera's axes (x right, y down, z forward), three rows of three numbers,
and its centre in millimetres. The rotation is that of :mod:`headpose_sdk.rotation` as it stands, so the angles here are
those that Hopenet and its successors report. It belongs to the depth camera: the turn of a degree or so from that to
the colour camera, in ``rgb.cal``, is not applied, as it is not by them. No face is boxed: they come from a detector.
"""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

import numpy as np

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets.samples import PoseSample, Progress, check_photos
from headpose_sdk.rotation import FloatArray, euler_from_matrix

__all__ = ["BIWI_FRAMES", "read_biwi"]

BIWI_FRAMES = 15_678
"""In the published set, 24 sequences of 20 people. Many papers measure 13,219 of them, those a detector agreed with."""

_SEQUENCE = re.compile(r"\d\d")
_FRAME = re.compile(r"(?P<frame>frame_\d+)_(rgb\.png|pose\.txt)")
_LARGEST_DEVIATION = 0.01  # of a matrix from a rotation; the files have six digits


def read_biwi(root: str | PathLike[str], *, progress: Progress | None = None) -> list[PoseSample]:
    """Every frame of the sequences that ``root`` has, in order, none left out; ``source`` is the sequence.

    Each picture is decoded once, so that nothing is wrong with the data when the measurement begins; ``progress``
    tells of that.

    Raises:
        DatasetError: naming the file, if ``root`` has no sequences, a picture or a text is missing or damaged, or a
            text holds no rotation.
    """
    folder = Path(root)
    sequences = sorted(path for path in folder.glob("*") if path.is_dir() and _SEQUENCE.fullmatch(path.name))
    if not sequences:
        raise DatasetError(
            f"{folder} has no folders 01 to 24; give the folder of the sequences of BIWI Kinect Head Pose"
        )
    samples = [_sample(sequence, frame) for sequence in sequences for frame in _frames(sequence)]
    check_photos(samples, progress)
    return samples


def _frames(sequence: Path) -> list[str]:
    names = {match["frame"] for file in sequence.iterdir() if (match := _FRAME.fullmatch(file.name))}
    if not names:
        raise DatasetError(f"{sequence} holds no frames; unpack the data set again")
    return sorted(names)


def _sample(sequence: Path, frame: str) -> PoseSample:
    picture, labels = sequence / f"{frame}_rgb.png", sequence / f"{frame}_pose.txt"
    for file in (picture, labels):
        if not file.is_file():
            raise DatasetError(f"{file} is missing, but its frame has another file; unpack the data set again")
    yaw, pitch, roll = euler_from_matrix(_rotation(labels)).tolist()
    return PoseSample(picture, (yaw, pitch, roll), None, sequence.name)


def _rotation(labels: Path) -> FloatArray:
    try:
        numbers = [float(word) for word in labels.read_text(encoding="ascii").split()]
    except (OSError, ValueError) as error:
        raise DatasetError(f"{labels} cannot be read as numbers: {error}; unpack it again") from error
    if len(numbers) != 12:
        raise DatasetError(f"{labels} holds {len(numbers)} numbers, not nine of a rotation and three of a place")
    matrix: FloatArray = np.array(numbers[:9]).reshape(3, 3)
    deviation = np.abs(matrix @ matrix.T - np.eye(3)).max()
    if not deviation < _LARGEST_DEVIATION or np.linalg.det(matrix) < 0:
        raise DatasetError(f"{labels} does not begin with a rotation; unpack it again")
    return matrix
