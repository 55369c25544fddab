"""What teachers say, kept in a table: the mean of views taken back to the picture, and a manifest to train on."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from headpose_sdk.cli.main import main
from headpose_sdk.errors import ModelIntegrityError, OutputError
from headpose_sdk.evaluation.datasets import read_manifest
from headpose_sdk.rotation import euler_from_matrix
from headpose_sdk.training.checkpoint import CHECKPOINT, read_checkpoint
from headpose_sdk.training.config import TeacherConfig
from headpose_sdk.training.data import HeadCrops
from headpose_sdk.training.losses import BIN_CENTERS, BIN_WIDTH, BINS, LOWEST
from headpose_sdk.training.targets import mean_answers, write_targets
from headpose_sdk.training.train import train_teacher

CPU = torch.device("cpu")


def drawn_head(roll: float) -> np.ndarray:
    """A frontal head (128, 128, 3) as little as it needs: blue where the nose is, red at the top, which leans right."""
    image = np.zeros((128, 128, 3), np.uint8)
    x, y = 64 + 30 * np.sin(np.radians(roll)), 64 - 30 * np.cos(np.radians(roll))
    cv2.circle(image, (64, 64), 5, (255, 0, 0), -1, cv2.LINE_AA)
    cv2.circle(image, (round(x), round(y)), 5, (0, 0, 255), -1, cv2.LINE_AA)
    return image


class DotReader:
    """Teachers that see where the red dot lies from the blue one: the first is exact, the others are off."""

    def __init__(self, *off: float) -> None:
        self.off = off

    def each(self, crops: Tensor) -> Tensor:
        rolls = []
        for image in crops.numpy().astype(float):
            blue, red = (np.argwhere(image[:, :, channel] > 128).mean(axis=0) for channel in (0, 2))
            (down, right) = red - blue
            rolls.append(np.degrees(np.arctan2(right, -down)))
        angles = np.zeros((len(self.off), len(crops), 3))
        angles[:, :, 2] = np.add.outer(np.array(self.off), np.array(rolls))
        return distributions(torch.from_numpy(angles))


def distributions(angles: Tensor) -> Tensor:
    """Two neighbouring bins for each angle, with exactly that mean."""
    place = (angles - LOWEST) / BIN_WIDTH - 0.5
    low = place.floor().long()
    spread = torch.zeros(*angles.shape, BINS, dtype=torch.float32)
    spread.scatter_(-1, low[..., None], (1 - (place - low))[..., None].float())
    spread.scatter_(-1, low[..., None] + 1, (place - low)[..., None].float())
    assert torch.allclose(spread @ BIN_CENTERS, angles.float(), atol=1e-3)
    return spread


def heads(*rolls: float) -> HeadCrops:
    images = np.stack([drawn_head(roll) for roll in rolls])
    return HeadCrops(images, np.zeros((len(rolls), 3)), np.array([""] * len(rolls)), np.zeros(len(rolls)))


def test_answers_to_mirrored_and_turned_views_agree_in_the_picture_as_it_is() -> None:
    rolls = (-40.0, -7.0, 0.0, 25.0)
    rotations, spread = mean_answers(DotReader(0.0), heads(*rolls), views=8, seed=1, place=CPU)  # type: ignore[arg-type]
    angles = euler_from_matrix(rotations)
    np.testing.assert_allclose(angles[:, 2], rolls, atol=1.5)  # dots lie on whole pixels
    np.testing.assert_allclose(angles[:, :2], 0, atol=0.1)
    assert spread.max() < 1


def test_teachers_that_disagree_meet_in_the_middle_and_the_spread_says_so() -> None:
    teachers = DotReader(-6.0, 6.0)
    rotations, spread = mean_answers(teachers, heads(10.0), views=6, seed=1, place=CPU)  # type: ignore[arg-type]
    # Each view has both, and a mistake to the right is one to the left in the mirror.
    assert euler_from_matrix(rotations)[0, 2] == pytest.approx(10, abs=1.5)
    assert spread[0] == pytest.approx(6, abs=0.5)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(rendered_folder: Path, tmp_path: Path) -> Path:
    """A data set of its own: two thirds of the heads are seen from behind."""
    copy = tmp_path / "heads"
    copy.mkdir()
    for file in rendered_folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def test_the_table_is_a_manifest_whose_known_heads_are_taught(folder: Path, teacher_run: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = folder / "targets.csv"
    words = ["train", "targets", "--data", str(folder), "--teachers", str(teacher_run), "--out", str(out)]
    assert main([*words, "--views", "2", "--threads", "1"]) == 0
    before, after = table(folder / "manifest.csv"), table(out)
    assert [row["file"] for row in after] == [row["file"] for row in before]
    taught = [row["spread"] != "" for row in after]
    assert f"{sum(taught)} heads taught, {60 - sum(taught)} kept" in capsys.readouterr().out
    for old, new, changed in zip(before, after, taught, strict=True):
        assert old["kind"] == new["kind"]
        assert changed == any(old[name] != new[name] for name in ("yaw", "pitch", "roll"))
        if changed:
            assert abs(float(old["yaw"])) < 93  # nobody can tell of the others
    assert 10 < sum(taught) < 20  # 19 of 60 look to the camera with all angles known, some are held back
    assert [sample.spread > 0 for sample in read_manifest(out)] == taught


def test_a_student_is_trained_on_the_table_beside_other_data(
    folder: Path, views_folder: Path, teacher_run: Path, tmp_path: Path
) -> None:
    write_targets(folder, [teacher_run], folder / "targets.csv", views=2, threads=1)
    config = TeacherConfig("resnet10t", crops=32, batch=16, stages=((32, 1.0),), spread_weight=1.0)
    train_teacher([folder / "targets.csv", views_folder], tmp_path / "run", config, resume=False, threads=1)
    settings = read_checkpoint(tmp_path / "run" / CHECKPOINT).settings
    assert settings["data"] == ["heads/targets.csv", views_folder.name]
    assert settings["spread_weight"] == 1.0


@pytest.mark.parametrize(
    ("name", "says"),
    [("manifest.csv", "exists; name another file"), ("../targets.csv", "name a .csv in"), ("t.json", "name a .csv in")],
)
def test_a_table_elsewhere_or_in_place_of_another_is_refused(
    folder: Path, teacher_run: Path, name: str, says: str
) -> None:
    manifest = (folder / "manifest.csv").read_bytes()
    with pytest.raises(OutputError, match=says):
        write_targets(folder, [teacher_run], folder / name)
    assert (folder / "manifest.csv").read_bytes() == manifest


def test_a_folder_that_holds_no_teacher_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelIntegrityError, match="is not a checkpoint"):
        write_targets(folder, [tmp_path], folder / "targets.csv")
    assert not (folder / "targets.csv").exists()
