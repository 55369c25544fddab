"""The pictures of docs/benchmarks.md, drawn from the JSON that the benchmarks wrote.

    python benchmarks/plot.py RESULT.json... --out docs/images

Needs matplotlib: pip install "headpose-sdk[plot]".
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    for path in options.results:
        content = json.loads(path.read_text(encoding="utf-8"))
        target = options.out / f"benchmark_{content['benchmark']}.png"
        draw(content, target)
        print(target)


def draw(content: dict[str, Any], target: Path) -> None:
    """Bars of the medians with whiskers from p5 to p95, a panel a unit."""
    units = list(dict.fromkeys(figure["unit"] for figure in content["figures"].values()))
    rows = {unit: [(n, f) for n, f in content["figures"].items() if f["unit"] == unit] for unit in units}
    heights = [len(rows[unit]) for unit in units]
    height = 1.3 * len(units) + 0.32 * sum(heights)
    canvas, panels = plt.subplots(
        len(units), figsize=(9, height), squeeze=False, height_ratios=heights, layout="constrained"
    )
    for panel, unit in zip(panels[:, 0], units, strict=True):
        names = [f"{name}   {figure['median']:.4g}" for name, figure in rows[unit]]
        medians = [figure["median"] for _, figure in rows[unit]]
        below = [figure["median"] - figure["p5"] for _, figure in rows[unit]]
        above = [figure["p95"] - figure["median"] for _, figure in rows[unit]]
        panel.barh(names, medians, xerr=[below, above], color="#4878a8", ecolor="#888888", capsize=2)
        panel.invert_yaxis()
        panel.set_xlabel({"ms": "milliseconds (less is better)", "1/s": "per second (more is better)"}.get(unit, unit))
        panel.spines[["top", "right"]].set_visible(False)
    machine = content["machine"]
    canvas.suptitle(f"{content['benchmark']}: {machine['processor']}, {machine['threads']} threads", fontsize=8)
    canvas.savefig(target, dpi=110)
    plt.close(canvas)


if __name__ == "__main__":
    main()
