"""The .mat files of AFLW2000-3D and 300W-LP, which share their variables: angles, points, and what can be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from headpose_sdk.errors import DatasetError, HeadPoseError, InvalidBoxError, first_line
from headpose_sdk.results import BoundingBox
from headpose_sdk.rotation import FloatArray

__all__ = ["box_of_points", "load_mat", "pose_angles"]

_FULL_TURN = 2 * np.pi  # AFLW2000-3D has heads beyond half a turn in an angle; what is beyond a whole one is no radian


def load_mat(labels: Path, *names: str) -> Mapping[str, Any]:
    """The variables ``names`` of the file ``labels``, as far as it has them. Needs SciPy (extra ``eval``).

    Raises:
        DatasetError: if it cannot be read.
        HeadPoseError: if SciPy is not installed.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise HeadPoseError(
            f"the labels are .mat files, which SciPy reads ({first_line(error)}); install it with "
            '`pip install "headpose-sdk[eval]"`'
        ) from error
    try:
        variables: Mapping[str, Any] = loadmat(labels, variable_names=names)
    except Exception as error:  # damaged files make SciPy raise what they happen to lead to: ValueError, TypeError ...
        raise DatasetError(f"{labels} cannot be read as a .mat file: {first_line(error)}; unpack it again") from error
    return variables


def pose_angles(variables: Mapping[str, Any], labels: Path) -> tuple[float, float, float]:
    """Yaw, pitch, roll in degrees from ``Pose_Para``, which begins with pitch, yaw, roll in radians.

    Raises:
        DatasetError: if there is none, or it does not hold radians.
    """
    pose = _numbers(variables, "Pose_Para", labels).ravel()
    if len(pose) < 3:
        raise DatasetError(f"{labels}: Pose_Para has {len(pose)} numbers, not pitch, yaw, roll first; unpack it again")
    pitch, yaw, roll = pose[:3]
    if np.abs(pose[:3]).max() > _FULL_TURN:
        raise DatasetError(f"{labels}: Pose_Para begins {pose[:3].round(3)}, which are no radians; unpack it again")
    yaw, pitch, roll = np.degrees([yaw, pitch, roll]).tolist()
    return yaw, pitch, roll


def box_of_points(variables: Mapping[str, Any], name: str, shape: tuple[int, int], labels: Path) -> BoundingBox:
    """Minimum and maximum of the points ``name``, x and y in pixels in its first two rows.

    Raises:
        DatasetError: if there are none of that ``shape``, or they span no box.
    """
    points = _numbers(variables, name, labels)
    if points.shape != shape:
        raise DatasetError(f"{labels}: {name} has shape {points.shape}, not {shape}; unpack it again")
    (x1, y1), (x2, y2) = points[:2].min(axis=1).tolist(), points[:2].max(axis=1).tolist()
    try:
        return BoundingBox(x1, y1, x2, y2)
    except InvalidBoxError as error:
        raise DatasetError(f"{labels}: {name} spans no box: {error}; unpack it again") from error


def _numbers(variables: Mapping[str, Any], name: str, labels: Path) -> FloatArray:
    if name not in variables:
        raise DatasetError(f"{labels} has no {name}; give the data set's own files")
    try:
        values = np.asarray(variables[name], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{labels}: {name} does not hold numbers; unpack it again") from error
    if not np.isfinite(values).all():
        raise DatasetError(f"{labels}: {name} holds NaN or infinity; unpack it again")
    return values
