"""Small data sets in the full layout of the published ones, drawn from the sample photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from headpose_sdk.evaluation.views import SAMPLE_FACE, sample_photo
from headpose_sdk.images import write_image

PANS, TILTS = range(-90, 91, 15), (-60, -30, -15, 0, 15, 30, 60)
FACE = (96.0, 96.0, 41.0, 53.0)  # centre x, centre y, width, height of the sample face in the photos written here


def small_photo() -> NDArray[np.uint8]:
    """The sample face in the middle of 192 x 192 pixels."""
    x, y = (int(value) for value in SAMPLE_FACE.center)
    return np.ascontiguousarray(cv2.resize(sample_photo()[y - 132 : y + 132, x - 132 : x + 132], (192, 192))[..., :3])


def published_matrix(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """300W-LP's own rotation, typed out again: x right, y up, z towards the viewer; degrees."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in np.radians([yaw, pitch, roll]))
    rx = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    ry = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    rz = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    matrix: NDArray[np.float64] = rx @ ry @ rz
    return matrix


def neutral_landmarks() -> NDArray[np.float64]:
    """(3, 68) of a plain head: x right, y up, z towards the viewer, about 1 wide."""
    points = np.zeros((3, 68))
    around = np.linspace(np.pi, 2 * np.pi, 17)  # the jaw, from the image's left ear over the chin to the other ear
    points[:, :17] = 0.5 * np.cos(around), 0.6 * np.sin(around), -0.6 - 0.3 * np.sin(around)
    points[:, 17:27] = np.linspace(-0.35, 0.35, 10), np.full(10, 0.25), np.full(10, -0.1)
    points[:, 27:36] = np.zeros(9), np.linspace(0.12, -0.12, 9), np.full(9, 0.15)
    points[:, 30] = 0, -0.05, 0.25
    for first, x in ((36, -0.2), (42, 0.2)):
        turn = np.linspace(0, 2 * np.pi, 6, endpoint=False)
        points[:, first : first + 6] = x + 0.07 * np.cos(turn), 0.12 + 0.03 * np.sin(turn), np.full(6, -0.1)
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    points[:, 48:] = 0.15 * np.cos(turn), -0.3 + 0.06 * np.sin(turn), np.full(20, -0.1)
    return points


def write_aflw2000(root: Path, poses: dict[str, tuple[float, float, float]]) -> Path:
    """``root`` with an image and a .mat, of all the variables published, for each name and yaw, pitch, roll."""
    root.mkdir()
    for stem, (yaw, pitch, roll) in poses.items():
        write_image(root / f"{stem}.jpg", small_photo())
        points = published_matrix(yaw, pitch, roll) @ neutral_landmarks() * 55
        points[0], points[1] = 96 + points[0], 96 - points[1]
        savemat(root / f"{stem}.mat", aflw2000_variables((yaw, pitch, roll), points))
    (root / "Code").mkdir()  # the published set has MATLAB code beside the images
    (root / "Code" / "image.mat").write_bytes(b"none of the images")
    return root


def write_300w_lp(root: Path, poses: dict[str, tuple[float, float, float]]) -> Path:
    """``root`` with the parts of 300W-LP that ``poses`` names, ``HELEN/HELEN_1_1_0``, each with its mirror image."""
    for name, (yaw, pitch, roll) in poses.items():
        part, stem = name.split("/")
        points = published_matrix(yaw, pitch, roll) @ neutral_landmarks() * 55
        for folder, sign in ((part, 1), (f"{part}_Flip", -1)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            write_image(root / folder / f"{stem}.jpg", np.ascontiguousarray(small_photo()[:, ::sign]))
            variables = aflw2000_variables((sign * yaw, pitch, sign * roll), points)
            del variables["pt3d_68"]
            variables["pt2d"] = np.array([96 + sign * points[0], 96 - points[1]], np.float32)
            savemat(root / folder / f"{stem}.mat", variables)
    return root


def write_biwi(root: Path, poses: dict[str, tuple[float, float, float]]) -> Path:
    """``root`` with the frames of BIWI that ``poses`` names, ``01/frame_00003``, and the other files it has."""
    for name, (yaw, pitch, roll) in poses.items():
        frame = root / name
        frame.parent.mkdir(parents=True, exist_ok=True)
        write_image(frame.with_name(f"{frame.name}_rgb.png"), small_photo())
        flip = np.diag([1, -1, -1])
        rows = flip @ published_matrix(yaw, pitch, roll) @ flip
        text = "\n".join(" ".join(f"{value:.6f}" for value in row) + " " for row in rows)
        frame.with_name(f"{frame.name}_pose.txt").write_text(f"{text}\n\n26.8 -12.5 871.2 \n")
        frame.with_name(f"{frame.name}_depth.bin").write_bytes(b"depth")
        (frame.parent / "rgb.cal").write_text("517.679 0 320\n")
    (root / "readme.txt").write_text("BIWI")
    return root


def aflw2000_variables(angles: tuple[float, float, float], points: NDArray[np.float64]) -> dict[str, Any]:
    """What a published .mat holds, for yaw, pitch, roll in degrees and landmarks (3, 68) in pixels."""
    yaw, pitch, roll = np.radians(angles)
    return {
        "pt2d": np.full((2, 21), -1.0),
        "roi": np.array([[1, 192, 1, 192]], np.int16),
        "Illum_Para": np.zeros((1, 10)),
        "Color_Para": np.ones((1, 7), np.float32),
        "Tex_Para": np.zeros((199, 1)),
        "Shape_Para": np.zeros((199, 1)),
        "Exp_Para": np.zeros((29, 1)),
        "Pose_Para": np.array([[pitch, yaw, roll, 96, 96, 0, 1e-3]], np.float32),
        "pt3d_68": points.astype(np.float32),
    }


def write_pointing04(root: Path, people: tuple[str, ...], *, full: bool = False) -> Path:
    """``root`` with both series of ``people``: all 93 images of each if ``full``, else every fourth."""
    root.mkdir()
    photo = cv2.imencode(".jpg", small_photo())[1].tobytes()
    marks = [(-90, 0), *((tilt, pan) for tilt in TILTS for pan in PANS), (90, 0)]
    for person in people:
        folder = root / f"Person{person}"
        folder.mkdir()
        for series in "12":
            for number, (tilt, pan) in enumerate(marks):
                if full or number % 4 == 0:
                    stem = f"person{person}{series}{number:02d}{tilt:+d}{pan:+d}"
                    (folder / f"{stem}.jpg").write_bytes(photo)
                    box = "\n".join(f"{value:g}" for value in FACE)
                    (folder / f"{stem}.txt").write_text(f"{stem}.jpg\n\nFace\n{box}\n", encoding="utf-8")
    (root / "README.txt").write_text("Head Pose Image Database\n", encoding="utf-8")
    return root
