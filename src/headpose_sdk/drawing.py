"""Head poses drawn on a copy of a picture: the face box, the head's three axes, the three numbers.

The axes are the columns of ``HeadPose.rotation`` as the camera sees them (first two rows), so the picture
shows the very matrix that was predicted. Red points to the side (to the right edge of the image for a frontal
face), green down, blue along the facing direction. A face that looks into the camera shows blue as a dot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from headpose_sdk.images import check_image
from headpose_sdk.results import BoundingBox, HeadPose, Image
from headpose_sdk.rotation import FloatArray

__all__ = ["axis_endpoints", "draw_poses"]

Color = tuple[int, int, int]  # BGR
Area = tuple[int, int, int, int]  # x, y, width, height in pixels
Plane = NDArray[np.uint8]  # (h, w)

AXIS_COLORS: tuple[Color, Color, Color] = ((50, 50, 240), (70, 205, 60), (255, 120, 30))  # side, down, front
BOX_COLOR: Color = (255, 255, 255)
OUTLINE_COLOR: Color = (25, 25, 25)

_AXIS_LENGTH = 0.6  # of the longer side of the box: the tips of a frontal face reach just outside it
_SHIFT = 4  # OpenCV takes coordinates in 1/16 pixel
_FAR = 1e7  # pixels; beyond this OpenCV's integers overflow
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_TEXT_OVERSAMPLING = 4
_LARGEST_LETTER = 160.0  # pixels of a capital while it is drawn; more would cost memory and show nothing


def axis_endpoints(pose: HeadPose) -> FloatArray:
    """The tips (3, 2) float64 of the side, down and front axis as x, y in pixels.

    All three start at the centre of the box, which is the centre of the crop too, and are 0.6 of the box's
    longer side long before foreshortening.
    """
    return np.asarray(pose.box.center) + _AXIS_LENGTH * _side(pose.box) * _axis_vectors(pose)[:, :2]


def draw_poses(image: Image, poses: Iterable[HeadPose], names: Sequence[str] | None = None) -> Image:
    """A copy of ``image`` with every pose drawn on it; the image itself stays as it is.

    Args:
        image: (H, W, 3) uint8, BGR, as ``cv2.imread`` returns.
        poses: as ``HeadPoseEstimator.predict`` returns; boxes may reach outside the image.
        names: a word before the numbers of each pose, in ASCII.

    Returns:
        (H, W, 3) uint8, BGR. Lines and letters grow with the picture and the face.

    Raises:
        InvalidImageError: if ``image`` is not such an array; the message says how to convert it.
        ValueError: if there are more or fewer ``names`` than poses.
    """
    canvas: Image = np.array(check_image(image), order="C")
    drawn = list(poses)
    for pose in drawn:
        _draw_box(canvas, pose.box)
        _draw_axes(canvas, pose)
    # Labels come last and keep clear of every face, every tip and each other, where there is room.
    occupied: list[Area] = []
    for pose in drawn:
        occupied.append(_area(pose.box.x1, pose.box.y1, pose.box.x2, pose.box.y2))
        radius = _tip_radius(canvas, pose.box)
        occupied += [_area(x - radius, y - radius, x + radius, y + radius) for x, y in axis_endpoints(pose)]
    for pose, name in zip(drawn, [""] * len(drawn) if names is None else names, strict=True):
        occupied.append(_draw_label(canvas, pose, name, occupied))
    return canvas


def _axis_vectors(pose: HeadPose) -> FloatArray:
    """Unit vectors (3, 3) in OpenCV axes, one a row: side, down, front."""
    side, down, back = pose.rotation.T
    return np.stack([side, down, -back])


def _side(box: BoundingBox) -> float:
    """The longer side in pixels, which is the side of the square crop."""
    return max(box.width, box.height)


def _line_width(canvas: Image, box: BoundingBox) -> float:
    """Pixels: in proportion to the face, but visible when the whole picture is shown on one screen."""
    longest = max(canvas.shape[:2])
    return float(max(1.0, 0.022 * min(_side(box), longest), 0.0012 * longest))


def _tip_radius(canvas: Image, box: BoundingBox) -> float:
    return max(1.8, 1.4 * _line_width(canvas, box))


def _fixed_point(point: Sequence[float] | FloatArray) -> tuple[int, int]:
    x, y = np.rint(np.clip(np.asarray(point, dtype=np.float64), -_FAR, _FAR) * 2**_SHIFT)
    return int(x), int(y)


def _draw_box(canvas: Image, box: BoundingBox) -> None:
    width = max(1, round(0.5 * _line_width(canvas, box)))
    outline = width + max(1, round(0.8 * width))
    corners = _fixed_point((box.x1, box.y1)), _fixed_point((box.x2, box.y2))
    for color, thickness in ((OUTLINE_COLOR, outline), (BOX_COLOR, width)):
        cv2.rectangle(canvas, *corners, color, thickness, cv2.LINE_AA, _SHIFT)


def _draw_axes(canvas: Image, pose: HeadPose) -> None:
    width = _line_width(canvas, pose.box)
    radius = _tip_radius(canvas, pose.box)
    outline = max(0.7, 0.35 * width)
    start = _fixed_point(pose.box.center)
    tips = axis_endpoints(pose)
    depths = _axis_vectors(pose)[:, 2]
    for axis in np.argsort(-depths, kind="stable"):  # the farthest first: the nearest lies on top
        tip = _fixed_point(tips[axis])
        for color, border in ((OUTLINE_COLOR, outline), (AXIS_COLORS[axis], 0.0)):
            cv2.line(canvas, start, tip, color, max(1, round(width + 2 * border)), cv2.LINE_AA, _SHIFT)
            ball = round((radius + border) * 2**_SHIFT)
            cv2.circle(canvas, tip, ball, color, cv2.FILLED, cv2.LINE_AA, _SHIFT)


def _draw_label(canvas: Image, pose: HeadPose, name: str, occupied: Sequence[Area]) -> Area:
    """Draw the name, if any, and the three numbers on a dark plate beside the face; returns the plate's area."""
    angles = (("yaw", pose.yaw), ("pitch", pose.pitch), ("roll", pose.roll))
    parts = ([name] if name else []) + [f"{angle} {round(value):+d}" for angle, value in angles]
    height, width = canvas.shape[:2]
    letter = max(8.0, 0.075 * min(_side(pose.box), max(height, width)), 0.008 * max(height, width))
    plate = _text_plate(["  ".join(parts)], letter)
    if plate.shape[1] > min(width, 1.8 * _side(pose.box)):
        plate = _text_plate(parts, letter)
    shrink = min(1.0, width / plate.shape[1], height / plate.shape[0])
    if shrink < 1:
        plate = _shrunk(plate, max(1, int(plate.shape[1] * shrink)), max(1, int(plate.shape[0] * shrink)))
    x, y, w, h = area = _free_place(pose.box, plate.shape[1], plate.shape[0], width, height, occupied)
    under = np.ascontiguousarray(canvas[y : y + h, x : x + w])
    dimmed = cv2.addWeighted(under, 0.3, np.full_like(under, OUTLINE_COLOR), 0.7, 0)
    ink = cv2.cvtColor(plate, cv2.COLOR_GRAY2BGR)
    canvas[y : y + h, x : x + w] = cv2.add(dimmed, cv2.multiply(255 - dimmed, ink, scale=1 / 255))
    return area


def _text_plate(lines: Sequence[str], letter: float) -> Plane:
    """Coverage (h, w), 0 to 255, of text with capitals ``letter`` pixels high; small ones are averaged down."""
    oversampling = min(_TEXT_OVERSAMPLING, max(1.0, _LARGEST_LETTER / letter))
    unit = letter * oversampling
    scale = cv2.getFontScaleFromHeight(_FONT, round(unit))
    stroke = max(1, round(unit * 0.13))
    widths = [cv2.getTextSize(line, _FONT, scale, stroke)[0][0] for line in lines]
    width = int(max(widths) + 1.1 * unit)
    height = int(unit * (1.7 * len(lines) + 0.45))
    large = np.zeros((height, width), np.uint8)
    for row, line in enumerate(lines):
        baseline = round(unit * (1.55 + 1.7 * row))
        cv2.putText(large, line, (round(0.55 * unit), baseline), _FONT, scale, 255, stroke, cv2.LINE_AA)
    return _shrunk(large, max(1, int(width / oversampling)), max(1, int(height / oversampling)))


def _shrunk(coverage: Plane, width: int, height: int) -> Plane:
    return np.asarray(cv2.resize(coverage, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _area(x1: float, y1: float, x2: float, y2: float) -> Area:
    """The rectangle in whole pixels."""
    left, top, right, bottom = (int(corner) for corner in np.clip((x1, y1, x2, y2), -_FAR, _FAR))
    return left, top, right - left, bottom - top


def _free_place(box: BoundingBox, w: int, h: int, width: int, height: int, occupied: Sequence[Area]) -> Area:
    """Where around the box a label (w, h) hides least, above it if all is equal; always in the picture."""
    x1, y1, box_width, box_height = _area(box.x1, box.y1, box.x2, box.y2)
    x2, y2 = x1 + box_width, y1 + box_height
    gap = max(2, h // 8)
    left, right, above, below = x1 - w - gap, x2 + gap, y1 - h - gap, y2 + gap
    places = [(x1, above), (x1, below), (right, y1), (left, y1)]
    places += [(right, above), (left, above), (right, below), (left, below)]
    inside = [(min(max(x, 0), width - w), min(max(y, 0), height - h), w, h) for x, y in places]
    return min(inside, key=lambda place: sum(_overlap(place, other) for other in occupied))


def _overlap(a: Area, b: Area) -> int:
    """Pixels that two areas share."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(across, 0) * max(down, 0)
