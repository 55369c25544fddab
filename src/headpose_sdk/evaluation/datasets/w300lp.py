"""300W-LP as published: AFW, HELEN, IBUG and LFPW, each with its mirror images, ``NAME.jpg`` and ``NAME.mat``.

``NAME`` tells a photo, the face in it and the version turned out of its plane: ``HELEN_232194_1_3``. The .mat holds
``Pose_Para`` as those of AFLW2000-3D do. Its ``pt2d`` are the landmarks of the photo as it was, for turned versions
too; the field cuts faces by them, and so does the box here.
"""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path

from headpose_sdk.errors import DatasetError
from headpose_sdk.evaluation.datasets.mat_files import box_of_points, load_mat, pose_angles
from headpose_sdk.evaluation.datasets.samples import PoseSample, Progress, check_photos

__all__ = ["W300LP_IMAGES", "read_300w_lp"]

W300LP_IMAGES = 122_450
"""In the published set, mirror images included."""

_PARTS = tuple(f"{name}{mirrored}" for name in ("AFW", "HELEN", "IBUG", "LFPW") for mirrored in ("", "_Flip"))
_NAME = re.compile(r"(?P<photo>.+)_\d+")  # without the number of the turned version


def read_300w_lp(root: str | PathLike[str], *, progress: Progress | None = None) -> list[PoseSample]:
    """Every image of the parts that ``root`` has, part by part, in the order of their names, none left out.

    ``source`` is the photo, which all its turned versions and mirror images share. Each photo is decoded once, so that
    nothing is wrong with the data when the measurement begins; ``progress`` tells of that. Needs SciPy (extra
    ``eval``).

    Raises:
        DatasetError: naming the file, if ``root`` has none of the parts, an image or a .mat is missing, a .mat cannot
            be read, lacks ``Pose_Para`` or ``pt2d`` or holds NaN, or a photo is damaged.
        HeadPoseError: if SciPy is not installed.
    """
    parts = [folder for name in _PARTS if (folder := Path(root) / name).is_dir()]
    if not parts:
        raise DatasetError(f"{root} has none of the folders {', '.join(_PARTS)}; give the folder of 300W-LP")
    samples = [_sample(photo) for folder in parts for photo in _photos(folder)]
    check_photos(samples, progress)
    return samples


def _photos(folder: Path) -> list[Path]:
    photos = sorted(folder.glob("*.jpg"))
    if not photos:
        raise DatasetError(f"{folder} holds no images; unpack the data set again")
    lonely = {labels.stem for labels in folder.glob("*.mat")} - {photo.stem for photo in photos}
    if lonely:
        name = min(lonely)
        raise DatasetError(f"{folder / name}.mat has no {name}.jpg beside it; unpack the data set again")
    return photos


def _sample(photo: Path) -> PoseSample:
    labels = photo.with_suffix(".mat")
    if not labels.is_file():
        raise DatasetError(f"{photo} has no {labels.name} beside it; unpack the data set again")
    named = _NAME.fullmatch(photo.stem)
    if named is None:
        raise DatasetError(f"{photo} is not named PHOTO_NUMBER.jpg as those of 300W-LP are; take it out of the folder")
    variables = load_mat(labels, "Pose_Para", "pt2d")
    box = box_of_points(variables, "pt2d", (2, 68), labels)
    return PoseSample(photo, pose_angles(variables, labels), box, named["photo"])
