"""Pointing'04 as published: ``person{id}{series}{nr}{tilt}{pan}.jpg``, each with a .txt beside it, in folders.

Fifteen people were asked, in two series each, to turn towards 93 marks on the walls: ``person01146+0-30.jpg`` is
person 01, series 1, picture 46, tilt 0, pan -30. Pan > 0 is towards the left edge of the image, tilt > 0 up. The .txt
names the picture, says ``Face`` and gives centre x, centre y, width and height of a box from brows to mouth.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from headpose_sdk.errors import DatasetError, InvalidBoxError
from headpose_sdk.evaluation.datasets.samples import DirectionSample, Progress, check_photos
from headpose_sdk.results import BoundingBox

__all__ = ["BOX_SCALE", "POINTING04_IMAGES", "SERIES_IMAGES", "Pointing04", "read_pointing04"]

POINTING04_IMAGES, SERIES_IMAGES = 2790, 93
"""In the published set, and in each series of a person."""

BOX_SCALE = 1.55
"""From the longer side of the published box, which ends at brows and mouth, to a face from forehead to chin."""

_STARTS_LIKE_ONE = re.compile(r"person\d.*\.jpg", re.IGNORECASE)
_NAME = re.compile(r"person(\d\d)(\d)(\d\d)([+-]\d\d?)([+-]\d\d?)\.jpg", re.IGNORECASE)
_STEEPEST = 90.0


@dataclass(frozen=True, slots=True)
class Pointing04:
    """What a folder holds: ``samples`` to be measured, and those of tilt +-90, ``left_out`` of the measure.

    A head that looks straight up or down has no pan, and the set gives it a single picture.
    """

    samples: tuple[DirectionSample, ...]
    left_out: tuple[DirectionSample, ...]

    @property
    def people(self) -> tuple[str, ...]:
        """The ids of the people in ``samples``, sorted."""
        return tuple(sorted({sample.person for sample in self.samples}))


def read_pointing04(root: str | PathLike[str], *, progress: Progress | None = None) -> Pointing04:
    """Every image at any depth of the folder ``root``, in the order of their names.

    The box is a square on the centre of the published one, ``BOX_SCALE`` times its longer side. Each photo is decoded
    once, so that nothing is wrong with the data when the measurement begins; ``progress`` tells of that.

    Raises:
        DatasetError: naming the file, if there are no images, a name is not one of the set or occurs twice, a .txt is
            missing or holds no box, or a photo is damaged.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder; give the one that holds Person01, Person02, ... of Pointing'04")
    seen: dict[str, Path] = {}
    samples = []
    for photo in sorted(folder.rglob("*"), key=lambda file: file.name.lower()):
        if not _STARTS_LIKE_ONE.fullmatch(photo.name) or not photo.is_file():
            continue
        first = seen.setdefault(photo.name.lower(), photo)
        if first is not photo:
            raise DatasetError(f"{first} and {photo} are one image of the set; remove the copy")
        samples.append(_sample(photo))
    if not samples:
        raise DatasetError(f"{folder} holds no person...jpg at any depth; give the folder of Pointing'04")
    check_photos(samples, progress)
    return Pointing04(
        samples=tuple(sample for sample in samples if abs(sample.tilt) < _STEEPEST),
        left_out=tuple(sample for sample in samples if abs(sample.tilt) >= _STEEPEST),
    )


def _sample(photo: Path) -> DirectionSample:
    match = _NAME.fullmatch(photo.name)
    if match is None:
        raise DatasetError(
            f"{photo}: the name is not person{{id}}{{series}}{{nr}}{{tilt}}{{pan}}.jpg, such as person01146+0-30.jpg; "
            "give it the name it had in the data set"
        )
    person, series, _, tilt, pan = match.groups()
    if max(abs(int(tilt)), abs(int(pan))) > _STEEPEST:
        raise DatasetError(f"{photo}: tilt {tilt} or pan {pan} is beyond 90 degrees; correct the name")
    return DirectionSample(photo, float(pan), float(tilt), person, series, _box(photo))


def _box(photo: Path) -> BoundingBox:
    """The square that is handed on, in pixels."""
    labels = photo.with_suffix(".txt")
    try:
        lines = [line.strip() for line in labels.read_text(encoding="utf-8", errors="replace").splitlines()]
    except FileNotFoundError as error:
        raise DatasetError(f"{photo} has no {labels.name} beside it; unpack the data set again") from error
    except OSError as error:
        raise DatasetError(f"{labels} cannot be read ({error.strerror}); check its permissions") from error
    words = [line for line in lines if line]
    try:
        x, y, width, height = (float(word) for word in words[words.index("Face") + 1 :])
        if not (min(width, height) > 0 and all(map(math.isfinite, (x, y, width, height)))):
            raise InvalidBoxError(f"its sides are {width} and {height}")
        half = BOX_SCALE * max(width, height) / 2
        return BoundingBox(x - half, y - half, x + half, y + half)
    except ValueError as error:  # InvalidBoxError is one too
        raise DatasetError(
            f"{labels} holds no box ({error}); after a line `Face` it must give centre x, centre y, width and height "
            "in pixels, a line each; unpack it again"
        ) from error
