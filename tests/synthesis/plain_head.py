"""A bare average head that looks straight into the camera, in even light: what tests change one thing of at a time."""

from __future__ import annotations

from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import (
    Background,
    Camera,
    Clothes,
    Expression,
    Face,
    Head,
    Light,
    Pose,
)
from headpose_sdk.synthesis.sampling.diversity import PLAIN_PHOTOGRAPHY
from headpose_sdk.synthesis.shape import AVERAGE

__all__ = ["plain_head", "turned"]


def plain_head(assets: Assets) -> Head:
    return Head(
        seed=0,
        number=0,
        pose=turned(),
        shape=AVERAGE,
        expression=Expression(()),
        face=Face(
            skin=assets.skins[0],
            second_skin=assets.skins[0],
            mix=0.0,
            tint=(1.0, 1.0, 1.0),
            specular=0.3,
            roughness=10.0,
            iris=assets.irises[0],
            brow=assets.brows[0],
            lash=assets.lashes[0],
            stubble=0.0,
            beard=0.0,
            lips=0.0,
            lip_colour=(0.5, 0.0, 0.0),
            eye_shadow=0.0,
            eye_shadow_colour=(0.0, 0.1, 0.3),
            blush=0.0,
        ),
        hair=None,
        clothes=Clothes((0.2, 0.2, 0.2), (0.6, 0.6, 0.6), stripes=0.0, collar=-0.5, stand=0.0),
        headwear=None,
        mask=None,
        glasses=None,
        light=Light(
            panorama=assets.panoramas[0],
            turn=0.0,
            tilt=0.0,
            ambient=0.6,
            saturation=0.2,
            key=(0.36, 0.48, 0.8),
            key_colour=(1.0, 1.0, 1.0),
            softness=0.5,
            shadows=True,
            fill=(-0.6, 0.0, 0.8),
            fill_colour=(0.1, 0.1, 0.1),
            exposure=1.0,
        ),
        camera=Camera(12.0, (0.0, 0.0)),
        background=Background(
            panorama=assets.panoramas[0],
            seed=0,
            left=0.0,
            top=0.0,
            side=0.5,
            brightness=1.0,
            blur=3.0,
            mirrored=False,
        ),
        covers=(),
        photography=PLAIN_PHOTOGRAPHY,
    )


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Pose:
    """A head that turns with shoulders that stay as they are."""
    return Pose(yaw, pitch, roll, torso=(0.0, 0.0, 0.0))
