"""Where the head looks, where the shoulders do, and where the camera stands.

A pose is composed as it comes about, not drawn angle by angle: the neck nods and leans, the person turns, the camera
looks from above or below, the picture is held askew. So a profile that nods is a head whose chin comes down in the
picture, as on photos, and its label has whatever angles that gives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from headpose_sdk.rotation import FloatArray, euler_from_matrix, matrix_from_euler
from headpose_sdk.synthesis.head import Camera, Pose
from headpose_sdk.synthesis.sampling.dice import Dice

__all__ = ["USUAL_NOD", "Poses", "Stance", "sample_camera", "sample_stance"]

Poses = Literal["front", "full"]
"""``front``: the face looks into the camera's half of the world, all angles within 90 degrees. ``full``: any yaw."""

PROFILE = 90.0  # degrees of turn
USUAL_NOD = 45.0  # degrees up or down
STEEPEST = 75.0  # likewise, together with the camera's part in it
NECK_NODS, NECK_TURNS = 50.0, 65.0  # what a neck reaches: farther than that the shoulders come along


@dataclass(frozen=True, slots=True)
class Stance:
    """How a pose comes about, in degrees with the signs of yaw, pitch and roll: a head nods, then leans, then turns."""

    turn: float  # of the person about the vertical
    nod: float  # of the head
    lean: float  # of the head to a shoulder
    elevation: float  # of the view: below 0 the camera looks down on the person
    askew: float  # turn of the picture in its plane
    twist: float  # how much further than the shoulders the head is turned
    bow: float  # of the shoulders
    slant: float  # likewise, to a side

    def pose(self, poses: Poses) -> Pose:
        """The label and the shoulders, as the line of sight sees them."""
        for fade in (1.0, 0.75, 0.5, 0.25, 0.0):
            askew, elevation, turn, lean, nod, torso_turn, slant, bow = matrix_from_euler(
                [
                    (0, 0, fade * self.askew),
                    (0, fade * self.elevation, 0),
                    (self.turn, 0, 0),
                    (0, 0, fade * self.lean),
                    (0, fade * self.nod, 0),
                    (self.turn - self.twist, 0, 0),
                    (0, 0, self.slant),
                    (0, self.bow, 0),
                ]
            )
            view = askew @ elevation
            head = _angles(view @ turn @ lean @ nod)
            # Who looks aside and leans may look out of the front half; with the turn alone nobody does.
            if poses == "full" or max(map(abs, head)) <= 90:
                break
        return Pose(*head, torso=_angles(view @ torso_turn @ slant @ bow))


def sample_stance(dice: Dice, poses: Poses) -> Stance:
    """Any turn, most of them within profile; nods to 75 degrees, pictures askew to 45."""
    turn = _turn(dice, 180.0 if poses == "full" else PROFILE)
    elevation = dice.between(-40, 40) if dice.chance(0.25) else dice.bell(0, 6, -20, 20)
    nod, steep = dice.bell(0, 16, -USUAL_NOD, USUAL_NOD), dice.between(0, 1)
    if steep < 0.14:
        # In profile half as far: few people throw back a head that is turned to the side.
        nod = dice.between(-STEEPEST, STEEPEST) * (1 - 0.5 * math.sin(math.radians(turn)) ** 2)
    elif steep < 0.5:
        nod -= 0.6 * elevation  # people look into the camera
    nod = min(max(nod, -STEEPEST - min(elevation, 0)), STEEPEST - max(elevation, 0))
    lean = dice.bell(0, 9, -30, 30)
    return Stance(
        turn=turn,
        nod=nod,
        lean=lean,
        elevation=elevation,
        askew=dice.between(-45, 45) if dice.chance(0.25) else dice.bell(0, 5, -15, 15),
        twist=dice.bell(0, 25, -NECK_TURNS, NECK_TURNS),
        bow=dice.bell(0.25 * nod, 6, nod - NECK_NODS, nod + NECK_NODS),
        slant=dice.bell(0.25 * lean, 4),
    )


def _turn(dice: Dice, limit: float) -> float:
    """Near the front for 40 in 100; for 35 evenly to profile, which photos lack; for the rest evenly to ``limit``.

    Few need be seen from behind: there is one answer to all of them.
    """
    group = dice.between(0, 1)
    if group >= 0.4:
        reach = PROFILE if group < 0.75 else limit
        return dice.between(-reach, reach)
    turn = dice.bell(0, 30)
    while abs(turn) > PROFILE:
        turn = dice.bell(0, 30)
    return turn


def _angles(matrix: FloatArray) -> tuple[float, float, float]:
    """Yaw, pitch, roll of a rotation: of the two ways to write it, the one with pitch within 90 degrees.

    A head from behind is then one with a yaw beyond 90 degrees, not one that is upside down.
    """
    yaw, pitch, roll = (float(angle) for angle in euler_from_matrix(matrix))
    if abs(pitch) <= 90:
        return yaw, pitch, roll
    return math.copysign(180, yaw) - yaw, pitch - math.copysign(180, pitch), roll - math.copysign(180, roll)


def sample_camera(dice: Dice) -> Camera:
    """From a selfie at arm's length or less to a tele lens, sometimes with the face far from the picture's middle."""
    distance = dice.between_factors(3, 40)
    if not dice.chance(0.25):
        return Camera(distance, aside=(0.0, 0.0))
    angle, way = dice.between(2, 20), dice.between(0, 2 * math.pi)
    return Camera(distance, aside=(angle * math.cos(way), angle * math.sin(way)))
