"""What the readers give: a photo and what is known of the head, or of the faces, in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from headpose_sdk.errors import DatasetError, InvalidBoxError, InvalidImageError
from headpose_sdk.images import read_image
from headpose_sdk.preprocessing import check_box
from headpose_sdk.results import BoundingBox

__all__ = ["BoxedPhoto", "DirectionSample", "FaceSample", "LabelledFace", "PoseSample", "Progress", "check_photos"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called after each photo with the number done and the number of all."""


class BoxedPhoto(Protocol):
    """A photo in which one head is to be measured."""

    @property
    def file(self) -> Path:
        """The picture."""

    @property
    def box(self) -> BoundingBox | None:
        """The labelled face in pixels, if the data set has it."""


@dataclass(frozen=True, slots=True)
class PoseSample:
    """A photo with the pose of one head: ``angles`` yaw, pitch, roll in degrees; ``box`` in pixels, if labelled.

    ``source`` names what the photo was made from (a person, an original): rows that share it belong on one side of
    any split. Without such a column it is the file itself. ``kind`` says how the picture was made, if the data set
    does: "profiled" is a photo that was turned out of its plane with a fitted mesh. ``spread`` is how far the label may
    be off, in degrees, as far as the data set knows; 0 for an exact one.
    """

    file: Path
    angles: tuple[float, float, float]
    box: BoundingBox | None
    source: str
    kind: str = ""
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """A face box in pixels; a face with ``ignore`` is neither to be found nor wrong to find."""

    box: BoundingBox
    ignore: bool = False


@dataclass(frozen=True, slots=True)
class FaceSample:
    """A photo with all its faces, of which there may be none."""

    file: Path
    faces: tuple[LabelledFace, ...]


@dataclass(frozen=True, slots=True)
class DirectionSample:
    """A photo of somebody asked to look at a mark on the wall: the direction, not the roll, of the head is known.

    ``pan`` > 0 is towards the left edge of the image, ``tilt`` > 0 up, in degrees. ``person`` and ``series`` are the
    data set's own names; ``box`` is the face in pixels as it is handed to the estimator.
    """

    file: Path
    pan: float
    tilt: float
    person: str
    series: str
    box: BoundingBox


def check_photos(samples: Sequence[BoxedPhoto], progress: Progress | None = None) -> None:
    """Decode every photo once, so that a damaged one is told before the long work and not in the middle of it.

    Raises:
        DatasetError: naming the file, if a photo cannot be read or its box lies wholly outside of it.
    """
    for done, sample in enumerate(samples, start=1):
        try:
            image = read_image(sample.file)
            if sample.box is not None:
                check_box(sample.box, image)
        except InvalidImageError as error:  # which names the file and what to do
            raise DatasetError(str(error)) from error
        except InvalidBoxError as error:
            raise DatasetError(f"{sample.file}: {error}; unpack its label again") from error
        if progress is not None:
            progress(done, len(samples))
