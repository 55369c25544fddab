"""Readers of labelled photos on disk, one file a benchmark; the tables that anybody can write are in ``tables``.

Whatever is incomplete or wrong is an error that names the file and what to do: a measurement on a data set that was
silently shortened is a measurement of something else.
"""

from headpose_sdk.evaluation.datasets.aflw2000 import read_aflw2000
from headpose_sdk.evaluation.datasets.biwi import read_biwi
from headpose_sdk.evaluation.datasets.pointing04 import Pointing04, read_pointing04
from headpose_sdk.evaluation.datasets.samples import (
    BoxedPhoto,
    DirectionSample,
    FaceSample,
    LabelledFace,
    PoseSample,
    Progress,
    check_photos,
)
from headpose_sdk.evaluation.datasets.tables import MANIFEST, manifest_of, read_faces, read_manifest
from headpose_sdk.evaluation.datasets.w300lp import read_300w_lp

__all__ = [
    "MANIFEST",
    "BoxedPhoto",
    "DirectionSample",
    "FaceSample",
    "LabelledFace",
    "Pointing04",
    "PoseSample",
    "Progress",
    "check_photos",
    "manifest_of",
    "read_300w_lp",
    "read_aflw2000",
    "read_biwi",
    "read_faces",
    "read_manifest",
    "read_pointing04",
]
