"""Draw the picture of docs/video.md: what a camera's field of view and a zero pose do to the yaw of a head.

    python docs/draw_camera.py            # writes docs/images/camera.png

Seen from above. Every number in it comes from ``headpose_sdk.camera``; no sign is decided in this file.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np

from headpose_sdk.camera import NeutralPose, camera_matrix, line_of_sight
from headpose_sdk.results import Image
from headpose_sdk.rotation import FloatArray, direction_from_matrix, euler_from_matrix, matrix_from_euler

TARGET = Path(__file__).parent / "images" / "camera.png"
FINE = 3  # drawn larger and averaged down
WIDTH, HEIGHT = 1000, 400
PAPER, INK, GREY, BLUE, RED = (250, 248, 246), (60, 50, 45), (185, 180, 175), (225, 110, 30), (60, 60, 220)

FOV, PIXELS = 70.0, 1280
OFF_CENTER = (PIXELS * 0.86, 360.0)  # where in a picture of 1280x720 the second face is
SIDE_CAMERA = matrix_from_euler((35, 0, 0))  # how a camera to the side sees somebody who looks straight ahead

Point = tuple[float, float]


def corrected_yaws() -> tuple[float, float]:
    """Yaw of a head that faces along the camera's axis, at OFF_CENTER: as it appears, and corrected."""
    turn = line_of_sight(camera_matrix(FOV, PIXELS, 720), OFF_CENTER)
    apparent = turn.T  # times the identity, which is what the head's rotation truly is
    return float(euler_from_matrix(apparent)[0]), float(euler_from_matrix(turn @ apparent)[0])


def neutral_yaws() -> tuple[float, float]:
    """Yaw of somebody who looks straight ahead: as the camera to the side sees it, and from the zero pose."""
    relative = NeutralPose(seconds=0).relative(SIDE_CAMERA, 0.0)
    return float(euler_from_matrix(SIDE_CAMERA)[0]), float(euler_from_matrix(relative)[0])


class Sheet:
    """A picture drawn in units of its final pixels."""

    def __init__(self) -> None:
        self.pixels: Image = np.full((HEIGHT * FINE, WIDTH * FINE, 3), PAPER, np.uint8)

    def line(self, a: Point, b: Point, color: tuple[int, int, int], width: float = 1.5) -> None:
        cv2.line(self.pixels, _fine(a), _fine(b), color, round(width * FINE), cv2.LINE_AA)

    def arrow(self, a: Point, b: Point, color: tuple[int, int, int]) -> None:
        tip = 10 / float(np.hypot(b[0] - a[0], b[1] - a[1]))
        cv2.arrowedLine(self.pixels, _fine(a), _fine(b), color, 2 * FINE, cv2.LINE_AA, tipLength=tip)

    def text(self, text: str, at: Point, color: tuple[int, int, int] = INK, size: float = 0.46) -> None:
        cv2.putText(self.pixels, text, _fine(at), cv2.FONT_HERSHEY_SIMPLEX, size * FINE, color, FINE, cv2.LINE_AA)

    def camera(self, at: Point, axis: FloatArray) -> None:
        """A box that looks along ``axis`` (2,)."""
        across = np.array([-axis[1], axis[0]])
        corners = [-14 * across - 26 * axis, 14 * across - 26 * axis, 14 * across, -14 * across]
        outline = np.array([_fine((at[0] + x, at[1] + y)) for x, y in corners], np.int32)
        cv2.fillPoly(self.pixels, [outline], INK, cv2.LINE_AA)

    def head(self, at: Point, facing: FloatArray) -> None:
        """A head from above: a nose on a circle, and an arrow along which it looks."""
        nose = (at[0] + 26 * facing[0], at[1] + 26 * facing[1])
        self.arrow(nose, (at[0] + 84 * facing[0], at[1] + 84 * facing[1]), BLUE)
        cv2.circle(self.pixels, _fine(nose), 6 * FINE, (125, 160, 222), cv2.FILLED, cv2.LINE_AA)
        cv2.circle(self.pixels, _fine(at), 23 * FINE, (150, 185, 232), cv2.FILLED, cv2.LINE_AA)


def _fine(point: Point) -> tuple[int, int]:
    return round(point[0] * FINE), round(point[1] * FINE)


def _from_above(vector: FloatArray) -> FloatArray:
    """x and z of OpenCV's axes on the sheet, whose y runs down: the camera at the bottom looks up."""
    return np.array([vector[0], -vector[2]])


def draw() -> Image:
    """The two cases side by side."""
    sheet = Sheet()
    ahead = _from_above(np.array([0.0, 0, 1]))

    camera, distance = (230.0, 335.0), 200.0
    matrix = camera_matrix(FOV, PIXELS, 720)
    for edge in (0.0, float(PIXELS)):
        ray = _from_above(line_of_sight(matrix, (edge, 360.5))[:, 2])
        sheet.line(camera, (camera[0] + 290 * ray[0], camera[1] + 290 * ray[1]), GREY)
    sight = _from_above(line_of_sight(matrix, OFF_CENTER)[:, 2])
    sight = sight / -sight[1]
    middle, aside = (camera[0], camera[1] - distance), (camera[0] + distance * sight[0], camera[1] - distance)
    sheet.line(camera, middle, GREY)
    sheet.line(camera, aside, RED)
    facing = _from_above(direction_from_matrix(np.eye(3)))
    sheet.head(middle, facing)
    sheet.head(aside, facing)
    sheet.camera(camera, ahead)
    apparent, corrected = corrected_yaws()
    sheet.text("camera_fov=70", (20, 30), size=0.6)
    sheet.text("yaw 0", (middle[0] - 22, 100))
    sheet.text(f"line of sight: yaw {apparent:+.0f}", (aside[0] - 60, 80), RED)
    sheet.text(f"corrected: yaw {corrected + 0.0:.0f}", (aside[0] - 60, 100), BLUE)

    person, reach = (640.0, 130.0), 190.0
    # The camera sees the person along its own axis; SIDE_CAMERA is the person as seen from there.
    axis_seen_by_person = SIDE_CAMERA.T @ np.array([0.0, 0, 1])
    axis = _from_above(axis_seen_by_person)
    side = (person[0] - reach * axis[0], person[1] - reach * axis[1])
    sheet.line(side, person, RED)
    sheet.head(person, _from_above(np.array([0.0, 0, -1])))
    sheet.camera(side, axis)
    front = (person[0], person[1] + reach)
    outline = [(-14, 0), (14, 0), (14, 26), (-14, 26), (-14, 0)]
    for (ax, ay), (bx, by) in itertools.pairwise(outline):
        sheet.line((front[0] + ax, front[1] + ay), (front[0] + bx, front[1] + by), BLUE, 1.0)
    seen, relative = neutral_yaws()
    sheet.text("neutral_seconds=2", (520, 30), size=0.6)
    sheet.text("looks straight ahead", (person[0] - 72, 92))
    sheet.text(f"the camera sees yaw {seen:+.0f}", (side[0] + 24, side[1] + 6), RED)
    sheet.text(f"told: yaw {abs(relative):.0f}, as if seen from here", (front[0] - 100, front[1] + 46), BLUE)
    return np.asarray(cv2.resize(sheet.pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    cv2.imwrite(str(TARGET), draw(), [cv2.IMWRITE_PNG_COMPRESSION, 9])
