"""Angles over time as a picture; needs the extra ``plot``."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from headpose_sdk.errors import DatasetError
from headpose_sdk.figures import save_figure

__all__ = ["Series", "plot_angles", "read_series"]

ANGLES = ("yaw", "pitch", "roll")


@dataclass(slots=True)
class Series:
    """One person: times in seconds, and for each angle its degrees and their std, NaN where the person was away."""

    times: list[float] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in ANGLES})
    stds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in ANGLES})


def read_series(path: Path) -> dict[int, Series]:
    """The people in a file of records (JSON lines), by identity.

    Raises:
        DatasetError: the file cannot be read, or a line of it is no record of a frame.
    """
    people: dict[int, Series] = {}
    read = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                read += 1
                record = json.loads(line)
                _add(people, float(record["time"]), {int(face["identity"]): face for face in record["faces"]})
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot read ({error.strerror}); give what `headpose video --json` wrote"
        ) from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DatasetError(f"{path}: line {read} is no record of `headpose video --json`; give such a file") from error
    if not people:
        raise DatasetError(f"{path}: shows nobody, so there is nothing to draw")
    return people


def _add(people: dict[int, Series], time: float, faces: dict[int, dict[str, float]]) -> None:
    for identity in faces.keys() | people.keys():
        series = people.setdefault(identity, Series())
        face = faces.get(identity)
        series.times.append(time)
        for name in ANGLES:
            series.values[name].append(math.nan if face is None else float(face[name]))
            series.stds[name].append(math.nan if face is None else float(face[f"{name}_std"]))


def plot_angles(people: dict[int, Series], path: Path) -> None:
    """Draw yaw, pitch and roll below one another, a colour a person, with a band of one standard deviation.

    Raises:
        OutputError: the extension is unknown, or the file cannot be written.
    """
    from matplotlib.figure import Figure  # without pyplot: no window, no global state

    figure = Figure(figsize=(10, 7.5), layout="constrained")
    axes = figure.subplots(len(ANGLES), sharex=True)
    for axis, name in zip(axes, ANGLES, strict=True):
        for index, (identity, series) in enumerate(sorted(people.items())):
            color = f"C{index % 10}"
            low, high = (
                [value + side * std for value, std in zip(series.values[name], series.stds[name], strict=True)]
                for side in (-1, 1)
            )
            axis.fill_between(series.times, low, high, color=color, alpha=0.2, linewidth=0)
            axis.plot(series.times, series.values[name], color=color, linewidth=1.2, label=f"person {identity}")
        axis.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        axis.set_ylabel(f"{name} (degrees)")
        axis.margins(x=0)
    axes[-1].set_xlabel("time (s)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=min(len(people), 6))
    save_figure(figure, path)
