"""A small data set of turned views of the sample photo, and what is trained on it once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headpose_sdk.evaluation.views import SAMPLE_FACE, sample_photo
from headpose_sdk.images import write_image
from headpose_sdk.preprocessing import CropSquare, cut_square
from headpose_sdk.rotation import euler_from_matrix, matrix_from_euler, rotate_in_plane

VIEWS = 60
UNTURNED = (12.0, 4.0, -3.0)  # about the pose of the astronaut; that the turns are exact is what counts


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """The networks here are too small to share out."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def views_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with manifest.csv: the sample face turned in its plane by known degrees, squares of 1.4 times it."""
    root = tmp_path_factory.mktemp("views")
    x, y = SAMPLE_FACE.center
    side = SAMPLE_FACE.height * 1.4
    lines = ["file,yaw,pitch,roll,kind"]
    for number, turn in enumerate(np.linspace(-40, 40, VIEWS)):
        # The square turns, so the picture in it turns the other way.
        write_image(root / f"{number}.png", cut_square(sample_photo(), CropSquare(x, y, side, float(turn)), 128))
        angles = euler_from_matrix(rotate_in_plane(matrix_from_euler(UNTURNED), -turn))
        lines.append(f"{number}.png," + ",".join(f"{angle:.4f}" for angle in angles) + ",photo")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def rendered_folder(views_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same pictures as rows of kind rendered, of other heads: two thirds from behind, one on its head."""
    root = tmp_path_factory.mktemp("rendered")
    lines = ["file,yaw,pitch,roll,kind"]
    for number in range(VIEWS):
        name = f"rendered-{number}.png"
        (root / name).write_bytes((views_folder / f"{number}.png").read_bytes())
        angles = (10, 0, 180) if number == 0 else (5, number - 30, 0) if number % 3 == 0 else (100 + number, 0, 0)
        lines.append(f"{name},{','.join(map(str, angles))},rendered")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def teacher_run(views_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The --out folder of a teacher trained for 40 steps on 32 x 32 pixels."""
    from headpose_sdk.training.config import TeacherConfig
    from headpose_sdk.training.train import train_teacher

    out = tmp_path_factory.mktemp("teacher")
    config = TeacherConfig(crops=640, batch=16, stages=((32, 1.0),), learning_rate=0.01)
    train_teacher([views_folder], out, config, resume=False, threads=1)
    return out


@pytest.fixture(scope="session")
def exported(teacher_run: Path, views_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``export`` says of the teacher; its folder is under "model"."""
    from headpose_sdk.training.export import export

    out = tmp_path_factory.mktemp("exported") / "tiny"
    return export(teacher_run, out, data=[views_folder], license_id="MIT")
