"""How a run went: ``log.jsonl``, and the same figures as TensorBoard scalars where that is installed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from headpose_sdk.images import atomic_write

__all__ = ["LOG", "SCALARS", "RunLog"]

LOG = "log.jsonl"
SCALARS = "tensorboard"


class RunLog:
    """The log in the folder ``out`` of a run that goes on from ``step``; to be used as a context.

    What a killed run logged after its last checkpoint is dropped: it is done again.
    """

    def __init__(self, out: Path, step: int) -> None:
        self._file = out / LOG
        self._drop_after(step)
        self._scalars: Any = None
        self._closing = ExitStack()
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._scalars = SummaryWriter(str(out / SCALARS), purge_step=step + 1)
            self._closing.callback(self._scalars.close)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def write(self, record: Mapping[str, Any]) -> None:
        """Add the figures of ``record["step"]``."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        if self._scalars is not None:
            for name in record.keys() - {"step", "of"}:
                self._scalars.add_scalar(name, record[name], record["step"])

    def _drop_after(self, step: int) -> None:
        if not self._file.exists():
            return
        lines = self._file.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if _logged_step(line) <= step]
        if len(kept) < len(lines):
            with atomic_write(self._file) as file:
                file.write("".join(kept).encode())


def _logged_step(line: str) -> float:
    """The step of a line of the log; infinity for one that a kill cut short."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, TypeError, KeyError):
        return math.inf
