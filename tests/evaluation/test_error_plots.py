"""Errors over labels as a picture."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from headpose_sdk.cli.measures import measure_manifest
from headpose_sdk.errors import OutputError
from headpose_sdk.images import read_image

from .stand_ins import KeyedEstimator, box_pose
from .test_eval_command import parse

pytestmark = pytest.mark.skipif(find_spec("matplotlib") is None, reason='needs pip install "headpose-sdk[plot]"')

Write = Callable[..., Path]
MISSED = (40, 39, 214)  # matplotlib's C3, BGR


@pytest.mark.parametrize("found", [True, False])
def test_each_head_is_a_dot_and_a_missed_one_a_cross(write_dataset: Write, found: bool) -> None:
    rows = [f"{index}.png,{10 * index},9,9" for index in range(3)]
    root = write_dataset("file,yaw,pitch,roll", *rows).parent
    poses = {index: [box_pose((10 * index + 20, 8, 8))] for index in range(3)}
    estimator = KeyedEstimator(poses if found else {**poses, 2: []})
    plot = root / "errors.png"
    assert measure_manifest(parse("manifest", "--root", root, "--plot", plot), estimator) == 0  # type: ignore[arg-type]
    picture = read_image(plot).astype(int)
    right = picture[:, picture.shape[1] // 3 :]  # pitch and roll, where no legend is
    assert ((np.abs(right - MISSED).max(axis=2) < 70).sum() > 0) != found
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_a_plot_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    args = parse("manifest", "--root", tmp_path / "no folder", "--plot", tmp_path / "errors.gif", "--device", "cpu")
    with pytest.raises(OutputError, match=r"errors\.gif: cannot write \.gif; use \.png"):
        args.run(args)
    args = parse("manifest", "--root", tmp_path / "no folder", "--plot", tmp_path / "no" / "errors.png")
    with pytest.raises(OutputError, match="is no folder"):
        args.run(args)
