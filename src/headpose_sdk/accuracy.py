"""What was measured of a model: ``metrics.json`` in its folder, shown by ``headpose models`` and on its model card."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path

from headpose_sdk.errors import ModelIntegrityError

__all__ = ["METRICS_NAME", "Metric", "read_metrics"]

METRICS_NAME = "metrics.json"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: ``value`` of ``metric`` in ``unit`` ("" for a fraction) on ``dataset``; ``source`` is its file."""

    dataset: str
    metric: str
    value: float
    unit: str
    source: str

    def __str__(self) -> str:
        return f"{self.metric} {self.value:.2f}{' ' if self.unit else ''}{self.unit}, {self.dataset}"


def read_metrics(folder: Path) -> list[Metric]:
    """The figures in ``folder/metrics.json``, the one to judge the model by first; none if there is no such file.

    Raises:
        ModelIntegrityError: if the file is something else.
    """
    path = folder / METRICS_NAME
    try:
        return [_metric(entry) for entry in json.loads(path.read_bytes())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise ModelIntegrityError(
            f"{path} is no list of measured figures ({error}); mend it, or delete it: the model runs without"
        ) from error


def _metric(entry: object) -> Metric:
    """One entry of the file; ValueError if it is none."""
    names = {field.name for field in fields(Metric)}
    if not isinstance(entry, dict) or entry.keys() != names:
        raise ValueError(f"each entry must hold {', '.join(sorted(names))}")
    value = entry["value"]
    texts = [text for name, text in entry.items() if name != "value"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"value is {value!r}, not a number")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("all but value must be text")
    return Metric(**entry)
