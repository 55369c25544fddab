"""Measurements as tables on stdout, for ``headpose eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headpose_sdk.cli.messages import one_line

__all__ = ["print_coverage", "print_figures", "print_median_std", "print_names", "print_title"]


def print_title(report: dict[str, Any]) -> None:
    """What was measured, with faces from where, and how many."""
    part = f" of the {report['published']} images published" if "published" in report else ""
    print(f"{report['model']}, boxes from {report['boxes']}, n = {report['n']}{part}, degrees")


def print_figures(*rows: tuple[str, dict[str, Any] | None]) -> None:
    """A table of pose metrics with a row each, its name at the end; None where nothing was measured."""
    print("    yaw   pitch    roll     MAE    95 % interval   geodesic    MAEV")
    for name, metrics in rows:
        if metrics is None:
            print(f"{'-':>7} {'-':>7} {'-':>7} {'-':>7}   {'-':>15}    {'-':>7} {'-':>7}   {name}")
            continue
        low, high = metrics["mae_interval"]
        line = (
            f"{metrics['yaw']:7.2f} {metrics['pitch']:7.2f} {metrics['roll']:7.2f} {metrics['mae']:7.2f}"
            f"   {low:6.2f} -{high:6.2f}    {metrics['geodesic']:7.2f} {metrics['maev']:7.2f}   {name}"
        )
        print(line.rstrip())


def print_names(what: str, files: list[str]) -> None:
    """The names of ``files``, if there are any, on one line."""
    if files:
        print(f"{what} ({len(files)}): {' '.join(one_line(Path(file).name) for file in files)}")


def print_coverage(metrics: dict[str, Any]) -> None:
    """How many errors lie within one and two predicted standard deviations."""
    for sigmas in (1, 2):
        covered = metrics[f"coverage_{sigmas}_sigma"]
        if covered is not None:
            shares = "  ".join(f"{share:.1%}" for share in covered)
            print(f"errors within {sigmas} predicted std (yaw pitch roll): {shares}")


def print_median_std(what: str, group: dict[str, Any]) -> None:
    """The median predicted standard deviations of a group of heads."""
    told = "-" if group["median_std"] is None else "  ".join(f"{value:.1f}" for value in group["median_std"])
    print(f"median predicted std of {group['n']} {what} (yaw pitch roll): {told}")
