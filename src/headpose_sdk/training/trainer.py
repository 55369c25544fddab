"""What every training here shares: AdamW with warm-up and cosine, averaged weights, checkpoints, exact resumption.

A run is a pure function of its configuration: the batch of step ``n`` depends on the seed and on ``n`` alone, so a
run that was killed and resumed ends with the same weights, bit for bit, as one that was left alone (on the same
machine and number of threads; on a GPU nearly so).
"""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn
from tqdm import tqdm

from headpose_sdk.errors import OutputError, TrainingError
from headpose_sdk.hardware import available_threads
from headpose_sdk.images import atomic_write
from headpose_sdk.training.checkpoint import CHECKPOINT, below, read_checkpoint
from headpose_sdk.training.processes import Processes
from headpose_sdk.training.provenance import source_commit
from headpose_sdk.training.run_log import RunLog

Batch = TypeVar("Batch")

CHECKPOINT_SECONDS = 180.0
LOG_EVERY = 50
EMA_DECAY = 0.999


class Trainer:
    """Trains ``model`` for ``steps`` steps and keeps ``out/checkpoint.safetensors`` up to date.

    ``config`` is everything that decides the result, JSON-ready; it is stored in the checkpoint, and a run goes on
    only from a checkpoint of the same configuration. ``averaged`` holds the exponential moving average of the
    weights, which is the network to evaluate and export. ``processes``: this one among those that train the network
    together, each with its share of a batch and on its device; without it this one alone, on the CPU. ``commit`` is
    that of the source code which began the run; other code may go on with it, and so may other devices or processes.
    """

    def __init__(
        self,
        model: nn.Module,
        out: Path,
        config: Mapping[str, Any],
        *,
        steps: int,
        learning_rate: float,
        weight_decay: float,
        warmup: int,
        processes: Processes | None = None,
    ) -> None:
        self._processes = processes or Processes()
        self.device = self._processes.device
        self.model = model.to(self.device)
        self.averaged = deepcopy(model).requires_grad_(False).eval()
        self.out = out
        self.config = dict(config)
        self.steps = steps
        self.step = 0
        self.commit = source_commit()
        if steps < 1:
            raise TrainingError("the run has not one full batch to see; raise --crops or --pictures, or lower --batch")
        self._warmup = warmup
        self._learning_rate = learning_rate
        # Decay shrinks weights, not what batch norm and biases hold.
        matrices = [p for p in model.parameters() if p.ndim > 1]
        vectors = [p for p in model.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=learning_rate)

    def run(
        self,
        batch_at: Callable[[int], Batch],
        loss_of: Callable[[nn.Module, Batch], Mapping[str, Tensor]],
        *,
        items: int,
        unit: str,
    ) -> None:
        """Train to the last step. ``batch_at(n)`` makes the batch of step n, on threads, some steps ahead.

        ``loss_of(model, batch)`` gives named terms, on the device, whose sum is minimised; ``items`` is the batch size,
        for the rate that the progress bar shows in ``unit`` a second. The folder is made here, not before.

        Raises:
            OutputError: if the folder or a file in it cannot be written.
            TrainingError: if the loss is no number any more.
        """
        model = self._processes.joined(self.model)
        if not self._processes.first:
            with closing(self._batches(batch_at)) as batches:
                for batch in batches:
                    self._advance(loss_of(model, batch))
            return
        self._make_folder()
        if not self.checkpoint.exists():
            self.save()  # from now on no other run takes the folder for empty
        saved = time.monotonic()
        started, begun = time.monotonic(), self.step
        bar = tqdm(total=self.steps * items, initial=self.step * items, unit=unit, disable=None, smoothing=0.05)
        with RunLog(self.out, self.step) as log, closing(self._batches(batch_at)) as batches, bar:
            for batch in batches:
                terms = self._advance(loss_of(model, batch))
                bar.update(items)
                if self.step % LOG_EVERY == 0:
                    rate = (self.step - begun) * items / (time.monotonic() - started)
                    bar.set_postfix({name: f"{value:.3f}" for name, value in terms.items()})
                    log.write({"step": self.step, "of": self.steps, **terms, f"{unit}_per_s": round(rate, 1)})
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self.save()
                    saved = time.monotonic()
        self.save()

    def _batches(self, batch_at: Callable[[int], Batch]) -> Generator[Batch]:
        """The batches of the steps to come, each made while those before it are trained on."""
        # A network on the CPU needs the cores itself; one on a GPU waits for pictures.
        threads = 1 if self.device.type == "cpu" else max(1, available_threads() - 1)
        with ThreadPoolExecutor(threads) as pool:
            ahead: deque[Future[Batch]] = deque()
            for step in range(self.step, self.steps):
                ahead.append(pool.submit(batch_at, step))
                if len(ahead) > threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"averaged.{name}": value for name, value in self.averaged.state_dict().items()}
        for index, state in self._optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
        metadata = {"config": json.dumps(self.config), "step": str(self.step)}
        if self.commit is not None:
            metadata["commit"] = self.commit
        data = to_safetensors({k: v.contiguous().cpu() for k, v in tensors.items()}, metadata)
        with atomic_write(self.checkpoint) as file:
            file.write(data)

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint is."""
        return self.out / CHECKPOINT

    def start(self, resume: bool) -> None:
        """With ``resume`` go on from the folder's checkpoint, if there is one. Writes nothing.

        Raises:
            TrainingError: if ``out`` holds a run and ``resume`` is not asked for, or one of another configuration.
        """
        path = self.checkpoint
        if not path.exists():
            return
        if not resume:
            raise TrainingError(f"{path} exists; add --resume to go on with that run, or choose another --out")
        saved = read_checkpoint(path)
        then, now = saved.settings, self.config
        if then != now:
            changed = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
            raise TrainingError(
                f"{path} belongs to a run with other settings ({', '.join(changed)}); "
                "resume it with the options and the data it was started with, or choose another --out"
            )
        self.model.load_state_dict(below(saved.tensors, "model."))
        self.averaged.load_state_dict(saved.averaged)
        state = self._optimizer.state_dict()
        for name, value in below(saved.tensors, "optimizer.").items():
            index, field = name.split(".", 1)
            state["state"].setdefault(int(index), {})[field] = value
        self._optimizer.load_state_dict(state)
        self.step, self.commit = saved.step, saved.commit

    def _make_folder(self) -> None:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.out} cannot be made: {error.strerror}; choose another --out") from error

    def _advance(self, terms: Mapping[str, Tensor]) -> dict[str, float]:
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate_now()
        self._optimizer.zero_grad(set_to_none=True)
        loss = torch.stack(list(terms.values())).sum()
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss of step {self.step} is {loss.item()}; start a new --out with a lower --learning-rate "
                f"(--init {self.out} keeps the weights of the last checkpoint)"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self._optimizer.step()
        self.step += 1
        self._average()
        return {name: round(float(value.detach()), 5) for name, value in terms.items()}

    def _rate_now(self) -> float:
        if self.step < self._warmup:
            return self._learning_rate * (self.step + 1) / self._warmup
        done = (self.step - self._warmup) / max(1, self.steps - self._warmup)
        return self._learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    @torch.no_grad()
    def _average(self) -> None:
        # A short memory at first, or the random initial weights would linger in the average.
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        # Buffers too: batch norm's statistics of the current weights do not fit the averaged ones.
        theirs = self.model.state_dict()
        for name, mine in self.averaged.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(theirs[name].detach(), 1 - decay)
            else:
                mine.copy_(theirs[name])


def shuffled_rows(count: int, batch: int, step: int, seed: int) -> NDArray[np.int64]:
    """The rows of the batch of ``step`` when epochs of ``count`` rows are shuffled anew and joined end to end."""
    return rows_at(count, np.arange(step * batch, (step + 1) * batch), seed)


def rows_at(count: int, positions: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The rows at ``positions`` (P,) of such a line of shuffled epochs."""
    epochs, places = np.divmod(positions, count)
    rows = [_epoch_order(count, int(epoch), seed)[place] for epoch, place in zip(epochs, places, strict=True)]
    return np.array(rows, np.int64)


@lru_cache(maxsize=32)  # each kind of row has its own epochs
def _epoch_order(count: int, epoch: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(count)
