"""Several processes that train one network, each on a part of every batch, as PyTorch's ``torchrun`` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from numpy.typing import NDArray
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from headpose_sdk.errors import ProviderError
from headpose_sdk.training.config import TrainingDevice

__all__ = ["Processes", "torch_device", "training_processes"]


@dataclass(frozen=True, slots=True)
class Processes:
    """This process is number ``rank`` of ``count`` and trains on ``device``; the first one writes."""

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this process writes checkpoints, log and progress."""
        return self.rank == 0

    def share(self, rows: NDArray[Any]) -> NDArray[Any]:
        """This process's part of the rows of a batch."""
        return rows[self.rank :: self.count]

    def share_of(self, number: int) -> int:
        """This process's part of a number of things that are all alike."""
        return (number - self.rank + self.count - 1) // self.count

    def seeds(self, *seeds: int) -> list[int]:
        """For chance that each process has its own of; alone, as if there were no others to think of."""
        return [*seeds, self.rank] if self.count > 1 else list(seeds)

    def joined(self, model: nn.Module) -> nn.Module:
        """``model``, whose gradients are the mean over all processes."""
        return DistributedDataParallel(model) if self.count > 1 else model


@contextmanager
def training_processes(device: TrainingDevice) -> Iterator[Processes]:
    """This process among those that ``torchrun`` started, or alone; raises as :func:`torch_device`."""
    count, place = int(os.environ.get("WORLD_SIZE", "1")), torch_device(device)
    if count == 1:
        yield Processes(device=place)
        return
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Processes(distributed.get_rank(), count, place)
    finally:
        distributed.destroy_process_group()


def torch_device(device: TrainingDevice) -> torch.device:
    """Where to train: "auto" is a GPU if PyTorch can use one; of several, that of this process.

    Raises:
        ProviderError: if ``device`` is "cuda" and PyTorch can use none.
    """
    usable = torch.cuda.is_available()
    if device == "cuda" and not usable:
        raise ProviderError(
            'device="cuda": PyTorch finds no GPU that it can use; see `nvidia-smi` and `python -c "import torch; '
            'print(torch.version.cuda)"`, or train on the CPU'
        )
    if not usable or device == "cpu":
        return torch.device("cpu")
    place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(place)
    return place
