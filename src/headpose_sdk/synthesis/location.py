"""Takes pictures on location: many heads before one background, the nearer ones before the farther, and their boxes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.evaluation.datasets import LabelledFace
from headpose_sdk.results import BoundingBox, Image
from headpose_sdk.rotation import FloatArray, matrix_from_euler
from headpose_sdk.synthesis.picture.bodies import paint_body, shoulders
from headpose_sdk.synthesis.picture.covers import cover
from headpose_sdk.synthesis.picture.photography import photograph
from headpose_sdk.synthesis.picture.things import paint_thing, pixel_colour
from headpose_sdk.synthesis.scene import Panel, Scene, Standing
from headpose_sdk.synthesis.studio import Studio

__all__ = ["FAINTEST", "IGNORED_BELOW", "NO_FACE_BELOW", "SMALLEST_FACE", "WIDEST_MARGIN", "Location", "Snapshot"]

NO_FACE_BELOW = 0.05
"""A head that shows less than this part of its face's vertices, seen from behind, has none."""

IGNORED_BELOW = 0.3
"""A face of which the picture shows less is neither to be found nor wrong to find."""

SMALLEST_FACE = 8.0
"""Pixels; a face whose box has a shorter longer side is ignored as well."""

WIDEST_MARGIN = 3.2
"""Side of the square that a head is drawn in, in sides of its face's box: with shoulders."""

FAINTEST = 6.0
"""Grey levels of standard deviation; a face that shows less in the dark or in glaring light is ignored."""

_SIZES = (128, 192, 256, 384, 512, 768)  # pixels of such squares as they are drawn
_CHIN, _BELOW_CHIN = 8, 0.1  # the iBUG point, and how many decimetres lower boxes of faces end
_FADE = 0.3  # sides of the face over which the drawn body passes into the painted one


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A picture with the faces that it shows; boxes end at its edges."""

    image: Image  # (H, W, 3) BGR
    faces: tuple[LabelledFace, ...]


@dataclass(slots=True)
class _Face:
    """A face that stands in the picture, and how much of it is seen past what was put before it so far."""

    points: FloatArray  # (M, 2) pixels of the picture
    boxed: NDArray[np.bool_]  # (M,) which of the points its box is round
    seen: NDArray[np.float32]  # (M,) 0 to 1
    has_face: bool

    def hide(self, hidden: NDArray[np.float32]) -> None:
        """Something was put before it that hides this much of each pixel (H, W)."""
        height, width = hidden.shape
        column, row = np.clip(self.points, 0, (width - 1, height - 1)).astype(int).T
        self.seen *= 1 - hidden[row, column]

    def label(self, image: Image) -> LabelledFace | None:
        """The box of the face in the picture, unless it has none or nothing of it is seen."""
        height, width = image.shape[:2]
        boxed = self.points[self.boxed]
        (x1, y1), (x2, y2) = boxed.min(0), boxed.max(0)
        small, area = max(x2 - x1, y2 - y1) < SMALLEST_FACE, (x2 - x1) * (y2 - y1)
        (x1, x2), (y1, y2) = np.clip((x1, x2), 0, width), np.clip((y1, y2), 0, height)
        # The vertices crowd about ears, eyes and mouth, so they alone do not tell what the picture's edge cuts off.
        visible = min(float(self.seen.mean()), (x2 - x1) * (y2 - y1) / area)
        # What nothing is seen of is not there for whoever looks at the picture.
        if not self.has_face or visible < NO_FACE_BELOW or x2 - x1 < 1 or y2 - y1 < 1:
            return None
        faint = image[math.floor(y1) : math.ceil(y2), math.floor(x1) : math.ceil(x2)].std(axis=(0, 1)).max() < FAINTEST
        ignore = small or visible < IGNORED_BELOW or bool(faint)
        return LabelledFace(BoundingBox(float(x1), float(y1), float(x2), float(y2)), ignore)


class Location:
    """Draws scenes with the heads of a ``studio``."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        # Crops are framed with the throat; the boxes that people and detectors draw end at the chin.
        model = studio.model
        height = model.average[:, 1]
        self._boxed = height[model.face_box] > height[model.landmarks[_CHIN]] - _BELOW_CHIN

    def draw(self, scene: Scene) -> Snapshot:
        """The picture of a scene, with its faces from the farthest to the nearest."""
        size = max(scene.width, scene.height)
        background = self._studio.backgrounds.draw(scene.background, size)
        canvas = np.ascontiguousarray(background[: scene.height, : scene.width])
        for panel in scene.panels:
            self._hang(canvas, panel)
        if scene.covers:
            canvas, _ = cover(canvas, scene.covers, (0.0, 0.0, float(scene.width), float(scene.height)))
        faces: list[_Face] = []
        standing = [(person.side, person) for person in scene.people] + [(thing.near, thing) for thing in scene.things]
        for _, item in sorted(standing, key=lambda pair: pair[0]):
            if isinstance(item, Standing):
                canvas = self._put(canvas, item, faces)
            else:
                hidden = paint_thing(canvas, item)
                for face in faces:
                    face.hide(hidden)
        labels = [face.label(canvas) for face in faces]
        return Snapshot(photograph(canvas, scene.photography), tuple(label for label in labels if label is not None))

    def _put(self, canvas: Image, person: Standing, faces: list[_Face]) -> Image:
        """A head with its body and what is before its face. It hides the other ``faces``, and its own joins them."""
        height, width = canvas.shape[:2]
        margin = _margin(person, width, height)
        side = max(2, round(margin * person.side))
        drawn = next((size for size in _SIZES if size >= 1.5 * side), _SIZES[-1])
        cutout = self._studio.cutout(person.head, margin, drawn)
        how = cv2.INTER_AREA if drawn > side else cv2.INTER_LINEAR
        layer = np.asarray(cv2.resize(cutout.picture.image, (side, side), interpolation=how), np.uint8)
        layer = _faded(layer, round(_FADE * person.side))
        left, top = round(person.center[0] - side / 2), round(person.center[1] - side / 2)
        points = cutout.face * (side / drawn) + (left, top)

        hidden = _paint_below(canvas, person, layer, (left, top))
        hidden = np.maximum(hidden, _lay(canvas, layer, left, top))
        for face in faces:
            face.hide(hidden)
        inside = ((points >= 0) & (points < (width, height))).all(1)
        face = _Face(
            points, self._boxed, (cutout.seen & inside).astype(np.float32), float(cutout.seen.mean()) >= NO_FACE_BELOW
        )
        faces.append(face)
        if person.head.covers:
            x1, y1, x2, y2 = (float(edge) for edge in (*points.min(0), *points.max(0)))
            canvas, hidden = cover(canvas, person.head.covers, (x1, y1, x2, y2))
            for face in faces:
                face.hide(hidden)
        return canvas

    def _hang(self, canvas: Image, panel: Panel) -> None:
        """A panel with its frame, turned about its middle."""
        side = max(2, round(max(panel.width, panel.height)))
        width, height = max(2, round(panel.width)), max(2, round(panel.height))
        border = round(panel.border)
        picture = self._studio.backgrounds.draw(panel.picture, side)[:height, :width]
        framed = cv2.copyMakeBorder(
            picture, border, border, border, border, cv2.BORDER_CONSTANT, value=pixel_colour(panel.frame)
        )
        middle = framed.shape[1] / 2, framed.shape[0] / 2
        turn = cv2.getRotationMatrix2D(middle, panel.turn, 1.0)
        turn[:, 2] += np.array(panel.center) - middle
        cv2.warpAffine(framed, turn, canvas.shape[1::-1], canvas, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)


def _margin(person: Standing, width: int, height: int) -> float:
    """As wide as shoulders are, or only to beyond the picture's edges: near faces are drawn in all detail."""
    x, y = person.center
    reach = max(x, width - x, y, height - y)
    return min(WIDEST_MARGIN, max(2 * reach / person.side, 1.2) + 2 * _FADE)


def _faded(layer: Image, rows: int) -> Image:
    """The layer with its last ``rows`` ever more transparent: there is no edge where the square ends."""
    fading = np.ones((layer.shape[0], 1, 1), np.float32)
    if rows:
        fading[-rows:, 0, 0] = np.linspace(1, 0, rows, dtype=np.float32)
    return (layer * fading).astype(np.uint8)


def _paint_below(canvas: Image, person: Standing, layer: Image, corner: tuple[int, int]) -> NDArray[np.float32]:
    """The body below a head whose ``layer`` begins at the ``corner``, and how much of each pixel it hides."""
    yaw, pitch, roll = person.head.pose.torso
    spine = matrix_from_euler([(yaw, pitch, roll)])[0][:, 1]  # OpenCV's axes, from head to hips
    length = math.hypot(spine[0], spine[1])
    down = (float(spine[0] / length), float(spine[1] / length)) if length > 0.3 else (0.0, 1.0)
    half = layer.shape[0] / 2
    build = shoulders(layer, (half, half), person.side, down, pixel_colour(person.trousers))
    if build is None:
        return np.zeros(canvas.shape[:2], np.float32)
    middle = corner[0] + half, corner[1] + half
    return paint_body(canvas, build, middle, person.side, down, person.seed)


def _lay(canvas: Image, layer: Image, left: int, top: int) -> NDArray[np.float32]:
    """Lay (S, S, 4) premultiplied BGRA onto the canvas, and say how much of each pixel (H, W) it hides."""
    height, width = canvas.shape[:2]
    hidden = np.zeros((height, width), np.float32)
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + layer.shape[1], width), min(top + layer.shape[0], height)
    if x1 < x2 and y1 < y2:
        part = layer[y1 - top : y2 - top, x1 - left : x2 - left]
        seen_past = (255 - part[..., 3:]).astype(np.uint16)
        behind = (canvas[y1:y2, x1:x2] * seen_past + np.uint16(127)) // np.uint16(255)
        canvas[y1:y2, x1:x2] = np.minimum(part[..., :3] + behind, 255).astype(np.uint8)
        hidden[y1:y2, x1:x2] = part[..., 3] / np.float32(255)
    return hidden
