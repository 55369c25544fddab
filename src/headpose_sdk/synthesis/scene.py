"""Everything that is decided about one picture with several heads, as plain frozen values, as ``head.py`` has them.

Positions and sizes are pixels of the picture, 0 at its left and upper edge. What is nearer is drawn over what is
farther, and how near something is is told by how large a face beside it would be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headpose_sdk.synthesis.head import Background, Colour, Cover, Head, Photography

__all__ = ["Panel", "Scene", "Standing", "Thing", "ThingKind"]

ThingKind = Literal["ball", "blob", "board", "trunk", "table"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A head and where its face is; the body below it goes on as far as the picture does."""

    head: Head
    center: tuple[float, float]  # of the face's box
    side: float  # the longer one of that box, which is the one that crops are framed by
    trousers: Colour
    seed: int  # of how the body is held


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is no face: a patterned ball, blob or board, a body without a head, a table along the bottom."""

    kind: ThingKind
    center: tuple[float, float]  # a trunk's neck; a table's upper edge
    size: float
    turn: float  # degrees
    colour: Colour
    second_colour: Colour  # of its pattern, and of a trunk's legs
    seed: int  # of pattern and shape
    near: float  # side of a face that is as near


@dataclass(frozen=True, slots=True)
class Panel:
    """A poster, window or screen far behind all heads, with a sharp piece of a panorama or something painted."""

    center: tuple[float, float]
    width: float
    height: float
    turn: float  # degrees
    picture: Background
    frame: Colour
    border: float  # width of the frame


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture, whole. ``number`` counts the pictures of a run from 0. Of its heads, backgrounds and photography
    are not used: there is one for all of them."""

    seed: int
    number: int
    width: int
    height: int
    background: Background
    panels: tuple[Panel, ...]
    people: tuple[Standing, ...]
    things: tuple[Thing, ...]
    covers: tuple[Cover, ...]  # hands, phones, bars and discs behind all heads; the picture takes the place of a box
    photography: Photography
