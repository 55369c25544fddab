"""Readers of labelled photos: what is read, and what is said when a data set is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from headpose_sdk.errors import DatasetError, HeadPoseError
from headpose_sdk.evaluation.datasets import FaceSample, LabelledFace, PoseSample, read_faces, read_manifest
from headpose_sdk.results import BoundingBox

POSES = "file,yaw,pitch,roll"
BOXES = "file,yaw,pitch,roll,x1,y1,x2,y2"
FACES = "file,x1,y1,x2,y2,ignore"
Write = Callable[..., Path]


def test_manifest_without_boxes_in_any_column_order(write_dataset: Write) -> None:
    root = write_dataset("source,roll,file,pitch,yaw", "x,3,1.png,2,-1.5", "y,-180,0.png,0,180").parent
    assert read_manifest(root) == [
        PoseSample(root / "1.png", (-1.5, 2.0, 3.0), None, "x"),
        PoseSample(root / "0.png", (180.0, 0.0, -180.0), None, "y"),
    ]


def test_manifest_with_boxes_some_of_them_empty(write_dataset: Write) -> None:
    root = write_dataset(BOXES, "0.png,1,2,3,-4.5,5,60,70", "0.png,4,5,6,,,,").parent
    assert read_manifest(str(root)) == [
        PoseSample(root / "0.png", (1, 2, 3), BoundingBox(-4.5, 5, 60, 70), "0.png"),
        PoseSample(root / "0.png", (4, 5, 6), None, "0.png"),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column(write_dataset: Write) -> None:
    root = write_dataset("\ufeff" + POSES, "0.png,1,2,3").parent
    assert read_manifest(root)[0].angles == (1, 2, 3)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["file,yaw,roll", "0.png,1,2"], r"manifest\.csv has no column pitch"),
        ([""], r"no column file, yaw, pitch, roll"),
        ([POSES], r"header but no rows"),
        ([POSES, "0.png,1,2,3", "1.png,nan,2,3"], r"manifest\.csv row 3: yaw is nan"),
        ([POSES, "0.png,1,180.5,3"], r"row 2: pitch is 180\.5, not within -180 to 180"),
        ([POSES, "0.png,1,2,inf"], r"row 2: roll is inf"),
        ([POSES, "0.png,1,2,left"], r"row 2: roll is 'left', not a number"),
        ([POSES, "0.png,1,2"], r"row 2: roll is '', not a number"),
        ([POSES, "9.png,1,2,3"], r"row 2: image '9\.png' is not a file in "),
        ([POSES, "9" * 300 + ",1,2,3"], r"row 2: image '9+' is not a file in "),
        ([POSES, "9\0.png,1,2,3"], r"is not a file in "),
        ([POSES, ",1,2,3"], r"row 2: image '' is not a file in "),
        ([BOXES, "0.png,1,2,3,4,5,60,"], r"row 2: the box has only some"),
        ([BOXES, "0.png,1,2,3,60,5,4,70"], r"row 2: box .* is empty"),
        ([BOXES, "0.png,1,2,3,nan,5,4,70"], r"row 2: box .* NaN"),
    ],
)
def test_a_wrong_manifest_is_refused_by_row_and_cause(write_dataset: Write, lines: list[str], says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        read_manifest(write_dataset(*lines).parent)


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"manifest\.csv does not exist"):
        read_manifest(tmp_path)


def test_a_binary_file_is_not_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xfe\x00\x01" * 20)
    with pytest.raises(DatasetError, match="cannot be read as a CSV in UTF-8"):
        read_manifest(tmp_path)


def test_dataset_errors_are_caught_as_the_builtin_and_as_ours() -> None:
    assert issubclass(DatasetError, ValueError)
    assert issubclass(DatasetError, HeadPoseError)


def test_faces_are_gathered_by_photo_and_photos_without_faces_are_kept(write_dataset: Write) -> None:
    table = write_dataset(
        FACES, "1.png,0,0,10,20,0", "2.png,,,,,", "0.png,1,1,5,5,1", "1.png,30,30,50,60,1", name="faces.csv"
    )
    assert read_faces(table) == [
        FaceSample(
            table.parent / "1.png",
            (LabelledFace(BoundingBox(0, 0, 10, 20)), LabelledFace(BoundingBox(30, 30, 50, 60), ignore=True)),
        ),
        FaceSample(table.parent / "2.png", ()),
        FaceSample(table.parent / "0.png", (LabelledFace(BoundingBox(1, 1, 5, 5), ignore=True),)),
    ]


def test_ignored_faces_without_area_are_left_out_but_their_photo_is_kept(write_dataset: Write) -> None:
    table = write_dataset(FACES, "0.png,0,0,0,0,1")
    assert read_faces(table) == [FaceSample(table.parent / "0.png", ())]


def test_faces_need_no_ignore_column(write_dataset: Write) -> None:
    table = write_dataset(BOXES, "0.png,1,2,3,4,5,60,70")
    assert read_faces(table)[0].faces == (LabelledFace(BoundingBox(4, 5, 60, 70), ignore=False),)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([FACES, "0.png,0,0,0,0,0"], r"row 2: box .* is empty"),
        ([FACES, "0.png,0,0,9,9,maybe"], r"row 2: ignore is 'maybe'"),
        ([FACES, "0.png,0,0,wide,9,1"], r"row 2: x2 is 'wide'"),
        ([FACES, "7.png,0,0,9,9,0"], r"row 2: image '7\.png'"),
        (["file,x1,y1,x2", "0.png,0,0,9"], r"no column y2"),
        ([FACES], r"no rows"),
    ],
)
def test_a_wrong_face_table_is_refused_by_row_and_cause(write_dataset: Write, lines: list[str], says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        read_faces(write_dataset(*lines, name="faces.csv"))
