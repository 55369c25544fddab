"""AFLW2000-3D as published: ``imageNNNNN.jpg``, each with ``imageNNNNN.mat`` beside it, in one folder.

``Pose_Para`` holds pitch, yaw, roll in radians with the signs of :mod:`headpose_sdk.rotation`, ``pt3d_68`` the 68
landmarks of a fitted head (x and y in pixels). The box is taken from these and not from ``pt2d``, where hidden points
are -1 and would pull the box to the corner of the picture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from headpose_sdk.errors import DatasetError, HeadPoseError, InvalidBoxError, first_line
from headpose_sdk.evaluation.datasets.samples import PoseSample, Progress, check_photos
from headpose_sdk.results import BoundingBox
from headpose_sdk.rotation import FloatArray

__all__ = ["AFLW2000_IMAGES", "read_aflw2000"]

AFLW2000_IMAGES = 2000
"""In the published set."""

_NAME = re.compile(r"image\d+\.(jpg|mat)", re.IGNORECASE)
_FULL_TURN = 2 * np.pi  # the set has heads beyond half a turn in an angle; what is beyond a whole one is no radian


def read_aflw2000(root: str | PathLike[str], *, progress: Progress | None = None) -> list[PoseSample]:
    """Every image of the folder ``root``, in the order of their names, none left out whatever its angles.

    Each photo is decoded once, so that nothing is wrong with the data when the measurement begins; ``progress`` tells
    of that. Needs SciPy (extra ``eval``).

    Raises:
        DatasetError: naming the file, if the folder has no images, an image or a .mat is missing, a .mat cannot be
            read, lacks ``Pose_Para`` or ``pt3d_68`` or holds NaN, or a photo is damaged.
        HeadPoseError: if SciPy is not installed.
    """
    folder = Path(root)
    samples = [_sample(photo, labels) for photo, labels in _pairs(folder)]
    check_photos(samples, progress)
    return samples


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    """(photo, .mat) of each image; both must exist."""
    try:
        files = [file for file in folder.iterdir() if _NAME.fullmatch(file.name) and file.is_file()]
    except OSError as error:
        raise DatasetError(f"{folder}: cannot list the folder ({error.strerror}); check its name") from error
    found: dict[str, dict[str, Path]] = {}
    for file in files:
        found.setdefault(file.stem.lower(), {})[file.suffix.lower()] = file
    if not found:
        raise DatasetError(f"{folder} holds no imageNNNNN.jpg; give the folder of the images and .mat of AFLW2000-3D")
    for _, parts in sorted(found.items()):
        for lacking, present in ((".mat", parts.get(".jpg")), (".jpg", parts.get(".mat"))):
            if present is not None and lacking not in parts:
                raise DatasetError(f"{present} has no {present.stem}{lacking} beside it; unpack the data set again")
    return [(found[stem][".jpg"], found[stem][".mat"]) for stem in sorted(found)]


def _sample(photo: Path, labels: Path) -> PoseSample:
    variables = _load(labels)
    pose = _numbers(variables, "Pose_Para", labels).ravel()
    if len(pose) < 3:
        raise DatasetError(f"{labels}: Pose_Para has {len(pose)} numbers, not pitch, yaw, roll first; unpack it again")
    pitch, yaw, roll = pose[:3]
    if np.abs(pose[:3]).max() > _FULL_TURN:
        raise DatasetError(f"{labels}: Pose_Para begins {pose[:3].round(3)}, which are no radians; unpack it again")
    points = _numbers(variables, "pt3d_68", labels)
    if points.shape != (3, 68):
        raise DatasetError(f"{labels}: pt3d_68 has shape {points.shape}, not (3, 68); unpack it again")
    (x1, y1), (x2, y2) = points[:2].min(axis=1).tolist(), points[:2].max(axis=1).tolist()
    try:
        box = BoundingBox(x1, y1, x2, y2)
    except InvalidBoxError as error:
        raise DatasetError(f"{labels}: pt3d_68 spans no box: {error}; unpack it again") from error
    yaw, pitch, roll = np.degrees([yaw, pitch, roll]).tolist()
    return PoseSample(photo, (yaw, pitch, roll), box, photo.stem)


def _load(labels: Path) -> Mapping[str, Any]:
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise HeadPoseError(
            f"the labels of AFLW2000-3D are .mat files, which SciPy reads ({first_line(error)}); install it with "
            '`pip install "headpose-sdk[eval]"`'
        ) from error
    try:
        variables: Mapping[str, Any] = loadmat(labels, variable_names=("Pose_Para", "pt3d_68"))
    except Exception as error:  # damaged files make SciPy raise what they happen to lead to: ValueError, TypeError ...
        raise DatasetError(f"{labels} cannot be read as a .mat file: {first_line(error)}; unpack it again") from error
    return variables


def _numbers(variables: Mapping[str, Any], name: str, labels: Path) -> FloatArray:
    if name not in variables:
        raise DatasetError(f"{labels} has no {name}; give AFLW2000-3D's own files (its pt2d is no substitute)")
    try:
        values = np.asarray(variables[name], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{labels}: {name} does not hold numbers; unpack it again") from error
    if not np.isfinite(values).all():
        raise DatasetError(f"{labels}: {name} holds NaN or infinity; unpack it again")
    return values
