"""What several sub-commands ask for in the same words."""

from __future__ import annotations

import argparse
import math
from typing import TypeAlias

__all__ = [
    "Subparsers",
    "add_model_arguments",
    "fraction",
    "natural",
    "non_negative",
    "open_fraction",
    "positive",
    "positive_float",
    "seconds",
    "shares",
    "stages",
]

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_model_arguments(parser: argparse.ArgumentParser, default: str) -> None:
    """Add ``--model`` and ``--device`` as every command that runs a network has them."""
    parser.add_argument(
        "--model",
        default=default,
        metavar="NAME",
        help="a name from `headpose models`, a model folder, or org/repo[@revision] on the Hugging Face Hub "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto takes a GPU if one works, cuda fails without one (default: %(default)s)",
    )


def positive(text: str) -> int:
    """A whole number above 0, as the ``type`` of an argument."""
    if not text.strip().isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def natural(text: str) -> int:
    """A whole number from 0 on."""
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def positive_float(text: str) -> float:
    """A finite number above 0."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def non_negative(text: str) -> float:
    """A number from 0 on."""
    value = _number(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return value


def seconds(text: str) -> float:
    """A time in seconds from 0 on, written as 90, 1:30 or 0:01:30."""
    value = 0.0
    for part in text.split(":"):
        value = value * 60 + _number(part)
    if not 0 <= value < math.inf or "-" in text or text.count(":") > 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds from 0 on, such as 90 or 1:30")
    return value


def open_fraction(text: str) -> float:
    """A number between 0 and 1, neither of them included."""
    value = _number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def fraction(text: str) -> float:
    """A number from 0 on and below 1."""
    value = _number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on and below 1")
    return value


def between_minus_one_and_one(text: str) -> float:
    """A number between -1 and 1, neither of them included."""
    value = _number(text)
    if not -1 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between -1 and 1")
    return value


def shares(text: str) -> tuple[tuple[str, float], ...]:
    """Kinds and what part of the whole they are, such as ``photo=0.6,rendered=0.4``; the parts add up to 1."""
    parsed: dict[str, float] = {}
    for word in text.split(","):
        kind, _, number = (side.strip() for side in word.partition("="))
        if not kind or kind in parsed or not 0 < _number(number) <= 1:
            raise argparse.ArgumentTypeError(f"{word!r} is not KIND=PART, with each kind once and a part up to 1")
        parsed[kind] = float(number)
    if abs(sum(parsed.values()) - 1) > 1e-6:
        raise argparse.ArgumentTypeError(f"the parts in {text!r} do not add up to 1")
    return tuple(parsed.items())


def stages(text: str) -> tuple[tuple[int, float], ...]:
    """Input sizes and parts of a run, such as ``64:0.5,112:0.5``; the parts add up to 1."""
    parsed = []
    for stage in text.split(","):
        size, _, part = stage.partition(":")
        if not size.isdecimal() or int(size) < 32 or not 0 < _number(part) <= 1:
            raise argparse.ArgumentTypeError(f"{stage!r} is not SIZE:PART, with at least 32 pixels and a part up to 1")
        parsed.append((int(size), float(part)))
    if abs(sum(part for _, part in parsed) - 1) > 1e-6:
        raise argparse.ArgumentTypeError(f"the parts in {text!r} do not add up to 1")
    return tuple(parsed)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
