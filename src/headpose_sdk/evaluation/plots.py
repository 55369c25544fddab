"""Errors against the labelled angle as a picture, as in the paper's figures 4 and 5; needs the extra ``plot``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headpose_sdk.evaluation.datasets import PoseSample
from headpose_sdk.evaluation.predictions import Predictions, labels_of
from headpose_sdk.figures import save_figure

__all__ = ["plot_errors"]

ANGLES = ("yaw", "pitch", "roll")
BIN = 15.0
"""Degrees of label that one step of the line is the mean of."""
FEWEST = 5
"""Heads that a mean is drawn of."""


def plot_errors(measured: Predictions[PoseSample], path: Path) -> None:
    """For each angle, absolute errors over labels: a dot a head, and their mean in steps of 15 degrees.

    Missed faces, which count as 0, 0, 0, are crosses.

    Raises:
        OutputError: the extension is none of .png, .svg, .pdf and .jpg, or the file cannot be written.
    """
    from matplotlib.figure import Figure  # without pyplot: no window, no global state

    labels, found = labels_of(measured), np.isfinite(measured.std[:, 0])
    errors = np.abs(measured.angles - labels)
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    for index, (axis, name) in enumerate(zip(figure.subplots(1, len(ANGLES)), ANGLES, strict=True)):
        label, error = labels[:, index], errors[:, index]
        axis.scatter(label[found], error[found], s=9, alpha=0.35, linewidths=0, color="C0")
        if not found.all():
            axis.scatter(label[~found], error[~found], s=22, marker="x", linewidths=1.2, color="C3", label="missed")
        steps = np.round(label / BIN)
        middles = [step for step in np.unique(steps) if (steps == step).sum() >= FEWEST]
        means = [error[steps == step].mean() for step in middles]
        axis.plot(np.array(middles) * BIN, means, color="C1", linewidth=2, label=f"mean over {BIN:g} degrees")
        axis.set_title(f"{name}: mean {error.mean():.2f}")
        axis.set_xlabel(f"labelled {name} (degrees)")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    figure.axes[0].set_ylabel("absolute error (degrees)")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(f"{measured.networks['model']}, boxes from {measured.boxes}, n = {len(measured.samples)}")
    save_figure(figure, path)
