"""Pins what CI installs, and lists the licences of all of it: constraints.txt beside this file, docs/licences.md.

    make constraints

Asks pip what it would install today for every extra but those of CUDA, on the machine that this runs on. Installs
nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
CONSTRAINTS = ROOT / "requirements" / "constraints.txt"
PAGE = ROOT / "docs" / "licences.md"
BESIDE = ("hatchling", "onnxruntime")  # what builds the wheel, and what may stand in for onnxruntime-gpu
FOR_USERS = {"": "pip install headpose-sdk", "train": "training", "synthesis": "rendering heads", "plot": "curves"}

INTRODUCTION = """# Licences of what it needs

The code is MIT, the weights have a licence of their own ([LICENSE-WEIGHTS](../LICENSE-WEIGHTS)). This lists what pip
installs beside it, with the licence that each package states of itself, as resolved on Linux with Python {python};
`make constraints` writes it anew. What a user does not install is in the last table: tests, documentation and checks.
"""


def main() -> None:
    installed = {canonicalize_name(each["metadata"]["name"]): each["metadata"] for each in resolve()}
    project = installed.pop("headpose-sdk")
    lines = [f"{name}=={installed[name]['version']}" for name in sorted(installed)]
    header = "# What CI installs, to the version: written by `make constraints`, and not by hand."
    CONSTRAINTS.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")

    listed: set[str] = set()
    text = INTRODUCTION.format(python=f"{sys.version_info.major}.{sys.version_info.minor}")
    for extra, purpose in FOR_USERS.items():
        needed = closure(project.get("requires_dist", []), extra, installed) - listed
        text += f"\n## {purpose if not extra else f'The extra `{extra}`: {purpose}'}\n\n{table(needed, installed)}"
        listed |= needed
    rest = installed.keys() - listed
    PAGE.write_text(f"{text}\n## For whoever works on it\n\n{table(rest, installed)}", encoding="utf-8")
    print(f"{len(installed)} packages in {CONSTRAINTS.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}")


def extras() -> list[str]:
    """All that can be installed together: each of those of CUDA holds ONNX Runtime back in its own way."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [name for name in project["optional-dependencies"] if not name.startswith("cuda")]


def resolve() -> list[dict[str, Any]]:
    """What pip's report says of each package that it would install."""
    if int(version("pip").partition(".")[0]) < 25:
        sys.exit("this pip does not know how packages state their licence today: pip install -U pip")
    words = ["install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    words += ["-e", f"{ROOT}[{','.join(extras())}]", *BESIDE]
    done = subprocess.run([sys.executable, "-m", "pip", *words], stdout=subprocess.PIPE, check=True)
    report: list[dict[str, Any]] = json.loads(done.stdout)["install"]
    return report


def closure(requirements: Iterable[str], extra: str, installed: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The names in ``installed`` that these requirements lead to."""
    found: set[str] = set()
    waiting = [(requirement, extra) for requirement in requirements]
    while waiting:
        text, wanted = waiting.pop()
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": wanted}):
            continue
        if name in installed and name not in found:
            found.add(name)
            inner = ["", *requirement.extras]
            waiting += [(text, each) for text in installed[name].get("requires_dist", []) for each in inner]
    return found


def table(names: Iterable[str], installed: Mapping[str, Mapping[str, Any]]) -> str:
    """A row a package, by name."""
    rows = [f"| {name} | {licence(installed[name])} |" for name in sorted(names)]
    return "\n".join(["| package | licence |", "|---|---|", *rows]) + "\n"


def licence(metadata: Mapping[str, Any]) -> str:
    """What a package's metadata, with pip's names of the fields, says of its licence, on one short line."""
    if expression := metadata.get("license_expression"):
        return str(expression)
    text = str(metadata.get("license") or "").strip()
    if text and text != "UNKNOWN" and len(text) < 50 and "\n" not in text:
        return text
    classifiers = [each for each in metadata.get("classifier") or [] if each.startswith("License ::")]
    names = [each.rpartition(" :: ")[2] for each in classifiers if not each.endswith(":: OSI Approved")]
    return ", ".join(names) or "not stated"


if __name__ == "__main__":
    main()
