"""AFLW2000-3D as published: ``imageNNNNN.jpg``, each with ``imageNNNNN.mat`` beside it, in one folder.

``Pose_Para`` holds pitch, yaw, roll in radians with the signs of :mod:`headpose_sdk.rotation`, ``pt3d_68`` the 68
landmarks of a fitted head (x and y in pixels). The box is taken from these and not from ``pt2d``, where hidden points
are -1 and would pull the box to the corner of the picture.
"""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets.mat_files import box_of_points, load_mat, pose_angles
from headpose_sdk.evaluation.datasets.samples import PoseSample, Progress, check_photos

__all__ = ["AFLW2000_IMAGES", "read_aflw2000"]

AFLW2000_IMAGES = 2000
"""In the published set."""

_NAME = re.compile(r"image\d+\.(jpg|mat)", re.IGNORECASE)


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
    variables = load_mat(labels, "Pose_Para", "pt3d_68")
    box = box_of_points(variables, "pt3d_68", (3, 68), labels)
    return PoseSample(photo, pose_angles(variables, labels), box, photo.stem)
