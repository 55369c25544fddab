"""Several processes that train one network: what each does, and that together they do what one alone would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headpose_sdk.training.checkpoint import CHECKPOINT, read_checkpoint
from headpose_sdk.training.processes import Processes, training_processes
from headpose_sdk.training.trainer import Trainer

THIS = Path(__file__)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("number", [0, 1, 5, 128])
def test_shares_are_the_whole_and_do_not_overlap(count: int, number: int) -> None:
    processes = [Processes(rank, count) for rank in range(count)]
    rows = np.concatenate([each.share(np.arange(number)) for each in processes])
    assert sorted(rows) == list(range(number))
    shares = [each.share_of(number) for each in processes]
    assert sum(shares) == number
    assert max(shares) - min(shares) <= 1
    assert sum(each.first for each in processes) == 1


def test_chance_differs_between_processes_and_alone_is_as_it_always_was() -> None:
    assert Processes().seeds(4, 7) == [4, 7]
    assert Processes(0, 2).seeds(4, 7) != Processes(1, 2).seeds(4, 7)


def train_line(out: Path, steps: int = 60) -> None:
    """A linear layer on 16 points a step."""
    torch.manual_seed(0)
    with training_processes("cpu") as processes:
        network = nn.Linear(2, 1)
        trainer = Trainer(
            network, out, {}, steps=steps, learning_rate=0.1, weight_decay=0.0, warmup=1, processes=processes
        )
        trainer.start(resume=True)

        def points(step: int) -> Tensor:
            batch = np.random.default_rng(step).standard_normal((16, 2)).astype(np.float32)
            return torch.from_numpy(processes.share(batch).copy())

        def loss(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
            wanted = batch @ torch.tensor([[2.0], [-1.0]]) + 0.5
            return {"mse": ((model(batch) - wanted) ** 2).mean()}

        trainer.run(points, loss, items=16, unit="points")


def torchrun(*words: str | Path) -> None:
    """Two processes on this machine's CPU."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *map(str, words)]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_two_processes_learn_what_one_would(tmp_path: Path) -> None:
    train_line(tmp_path / "alone")
    torchrun(THIS, tmp_path / "together")
    one, two = (read_checkpoint(tmp_path / name / CHECKPOINT) for name in ("alone", "together"))
    assert one.step == two.step == 60
    for name, value in one.tensors.items():
        torch.testing.assert_close(two.tensors[name], value, atol=1e-5, rtol=1e-4)
    assert len((tmp_path / "together" / "log.jsonl").read_text().splitlines()) == 1  # the first one alone writes


def test_a_pose_network_is_trained_by_two_processes_from_the_command_line(views_folder: Path, tmp_path: Path) -> None:
    words = ["train", "teacher", "--backbone", "resnet10t", "--crops", "64", "--batch", "17", "--stages", "32:1"]
    words += ["--data", str(views_folder), "--out", str(tmp_path / "run"), "--threads", "1"]
    torchrun("-m", "headpose_sdk", *words)
    assert read_checkpoint(tmp_path / "run" / CHECKPOINT).step == 3


if __name__ == "__main__":
    train_line(Path(sys.argv[1]))
