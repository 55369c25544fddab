"""What heads are sampled: how often, how far, and that nothing but seed and number decides."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from headpose_sdk.synthesis.assets import Assets
from headpose_sdk.synthesis.head import Head, Pose
from headpose_sdk.synthesis.sampling.catalogue import Catalogue
from headpose_sdk.synthesis.sampling.dice import Dice
from headpose_sdk.synthesis.sampling.people import sample_gaze
from headpose_sdk.synthesis.sampling.sampler import sample_head
from headpose_sdk.synthesis.shape import HeadModel

from .tiny_catalogue import CATALOGUE, COUNT, DETAILS, SEED, UNITS, sampled, share


@pytest.fixture(scope="module")
def heads() -> list[Head]:
    return sampled()


# --- camera and light


def test_cameras_stand_near_and_far_and_some_look_aside(heads: list[Head]) -> None:
    distances = np.array([head.camera.distance for head in heads])
    assert 3 <= distances.min() < 3.1
    assert 38 < distances.max() <= 40
    assert_allclose(np.median(distances), np.sqrt(3 * 40), rtol=0.1)
    aside = np.array([np.hypot(*head.camera.aside) for head in heads])
    assert_allclose((aside > 0).mean(), 0.25, atol=0.04)
    assert 19 < aside.max() <= 20


def test_light_comes_from_everywhere_mostly_from_before_and_above(heads: list[Head]) -> None:
    keys = np.array([head.light.key for head in heads])
    assert_allclose(np.linalg.norm(keys, axis=1), 1, atol=1e-5)
    assert 0.55 < (keys[:, 2] > 0).mean() < 0.85
    assert 0.1 < (keys[:, 2] < -0.3).mean() < 0.35
    assert (keys[:, 1] > 0).mean() > 0.7
    assert_allclose(share(heads, lambda head: max(head.light.key_colour) == 0), 0.12, atol=0.03)
    exposures = np.array([head.light.exposure for head in heads])
    assert_allclose((exposures > 1.6).mean(), 0.08, atol=0.025)
    assert_allclose((exposures < 0.6).mean(), 0.08, atol=0.025)


def test_a_panoramas_sun_turns_with_it(heads: list[Head]) -> None:
    # A third of the keys are suns; the hall's lies on the horizon, to the right of where the panorama looks.
    suns = [head.light for head in heads if head.light.panorama == "hall" and head.light.key[1] == 0]
    assert len(suns) > 0.2 * COUNT / 2
    for light in suns:
        turn = np.radians(light.turn)
        assert_allclose(light.key, (np.cos(turn), 0, np.sin(turn)), atol=1e-5)


def test_most_backgrounds_are_of_the_panorama_that_lights_the_head(heads: list[Head]) -> None:
    assert_allclose(share(heads, lambda head: head.background.panorama is None), 0.35, atol=0.04)
    assert 0.5 < share(heads, lambda head: head.background.panorama == head.light.panorama) < 0.65
    assert_allclose(share(heads, lambda head: head.background.blur == 0), 0.5, atol=0.04)
    assert all(head.background.top + head.background.side <= 1 + 1e-6 for head in heads)


# --- people


def test_all_tones_of_skin_are_equally_likely(heads: list[Head]) -> None:
    colours = dict(zip(CATALOGUE.skins, np.array(CATALOGUE.skin_colours), strict=True))

    def lightness(head: Head) -> float:
        face = head.face
        mixed = (1 - face.mix) * colours[face.skin] ** (1 / 2.2) + face.mix * colours[face.second_skin] ** (1 / 2.2)
        luminance = (mixed**2.2 * face.tint) @ (0.2126, 0.7152, 0.0722)
        return float(116 * np.cbrt(luminance) - 16)

    tones = np.array([lightness(head) for head in heads])
    # From the darkest tone's L* of 23 to the lightest's of 76, in thirds.
    shares = np.histogram(tones, [0, 23 + 53 / 3, 23 + 2 * 53 / 3, 100])[0] / COUNT
    assert_allclose(shares, 1 / 3, atol=0.05)


def test_all_descents_ages_and_sexes_are_there(heads: list[Head]) -> None:
    races = np.array([head.shape.races for head in heads])
    assert_allclose(races.sum(axis=1), 1, atol=1e-5)
    assert_allclose(races.mean(axis=0), 1 / 3, atol=0.04)
    ages = np.array([head.shape.ages for head in heads])
    assert_allclose(ages.sum(axis=1), 1, atol=1e-5)
    assert_allclose((ages[:, 0] > 0).mean(), 0.17, atol=0.03)
    assert (ages[:, 2] > 0.9).mean() > 0.03
    male = np.array([head.shape.male for head in heads])
    assert_allclose((male < 0.5).mean(), 0.5, atol=0.04)
    assert (np.abs(male - 0.5) < 0.2).mean() > 0.05


def test_a_feature_goes_one_way_and_nearly_alike_on_both_sides(heads: list[Head]) -> None:
    used: Counter[str] = Counter()
    for head in heads:
        weights = dict(head.shape.details)
        used.update(weights.keys())
        assert len(weights) == len(head.shape.details)
        assert all(0 <= weight <= 1 for weight in weights.values())
        assert not {"nose/nose-point-down", "nose/nose-point-up"} <= set(weights)
        assert not {"asym/asym-jaw-1-l", "asym/asym-jaw-1-r"} <= set(weights)
        for way in ("decr", "incr"):
            left, right = (weights.get(f"ears/{side}-ear-scale-{way}") for side in "lr")
            assert (left is None) == (right is None)
            if left is not None and right is not None:
                assert abs(left - right) <= 0.25 * max(left, right)
    assert set(used) == set(DETAILS) - {"macrodetails/asian-male-old"}
    assert_allclose(used["chin/chin-width-decr"] / COUNT, 0.25, atol=0.04)


def test_every_unit_of_the_face_moves_and_sides_go_together(heads: list[Head]) -> None:
    used: Counter[str] = Counter()
    for head in heads:
        units = dict(head.expression.units)
        used.update(units.keys())
        assert all(0 <= weight <= 1 for weight in units.values())
        assert not {"jawLeft", "jawRight"} <= set(units)
        assert not {"mouthLeft", "mouthRight"} <= set(units)
        assert units.get("mouthClose", 0) <= units.get("jawOpen", 0)
        for name in ("mouthSmile", "browDown", "eyeWide", "noseSneer"):
            assert (f"{name}Left" in units) == (f"{name}Right" in units)
        # Both eyes look the same way: to the person's right, the left eye looks in and the right one out.
        assert units.get("eyeLookInLeft") == units.get("eyeLookOutRight")
        assert units.get("eyeLookOutLeft") == units.get("eyeLookInRight")
        assert ("eyeLookInLeft" in units) != ("eyeLookOutLeft" in units)
    assert set(used) == set(UNITS)


def test_many_look_into_the_camera(heads: list[Head]) -> None:
    turned = [head for head in heads if 20 < head.pose.yaw < 35 and abs(head.pose.pitch) < 30]
    # Turned to their own right, they look back to the left: the left eye out.
    back = share(turned, lambda head: dict(head.expression.units).get("eyeLookOutLeft", 0) > 0.4)
    assert 0.35 < back < 0.65


def test_beards_grow_on_men_and_make_up_is_mostly_on_women(heads: list[Head]) -> None:
    women = [head for head in heads if head.shape.male < 0.5]
    children = [head for head in heads if head.shape.ages[0] > 0.5]
    men = [head for head in heads if head.shape.male >= 0.5 and head.shape.ages[0] == 0]
    assert not any(head.face.stubble or head.face.beard for head in women + children)
    assert_allclose(share(men, lambda head: head.face.beard > 0), 0.25, atol=0.05)
    assert_allclose(share(men, lambda head: head.face.stubble > 0), 0.65, atol=0.05)
    assert_allclose(share(women, lambda head: head.face.lips > 0), 0.5 * 0.8, atol=0.09)
    assert share(men, lambda head: head.face.lips > 0) < 0.05


# --- what is worn, what is in front


def test_shares_of_what_is_worn(heads: list[Head]) -> None:
    assert_allclose(share(heads, lambda head: head.glasses is not None), 0.20, atol=0.03)
    assert_allclose(share(heads, lambda head: head.mask is not None), 0.06, atol=0.02)
    assert_allclose(share(heads, lambda head: head.headwear is not None), 0.15, atol=0.03)
    assert_allclose(share(heads, lambda head: head.covers != ()), 0.08, atol=0.02)
    assert 0.05 < share(heads, lambda head: head.hair is None) < 0.15
    assert 0.15 < share(heads, lambda head: head.hair is not None and head.hair.shift[1] < -0.055) < 0.3


def test_glasses_are_clear_tinted_or_dark(heads: list[Head]) -> None:
    glasses = [head.glasses for head in heads if head.glasses]
    darkness = np.array([pair.darkness for pair in glasses])
    assert_allclose((darkness == 0).mean(), 0.58, atol=0.08)
    assert_allclose((darkness >= 0.6).mean(), 0.25, atol=0.08)
    assert {pair.kind for pair in glasses} == {"round", "oval", "square"}
    assert 0.3 < np.mean([pair.reflection > 0 for pair in glasses]) < 0.6


def test_hats_sit_on_short_hair_and_have_a_texture_that_fits(heads: list[Head]) -> None:
    worn = [(head.headwear, head.hair) for head in heads if head.headwear]
    assert {headwear.kind for headwear, _ in worn} == {"beanie", "hood", "headscarf", *CATALOGUE.hats}
    for headwear, hair in worn:
        if headwear.kind in CATALOGUE.hats:
            assert hair is None or hair.style.startswith("short")
            assert headwear.texture in CATALOGUE.hat_textures[CATALOGUE.hats.index(headwear.kind)]
        else:
            assert headwear.texture is None


def test_every_kind_of_cover_comes_before_a_face(heads: list[Head]) -> None:
    covers = [cover for head in heads for cover in head.covers]
    assert {cover.kind for cover in covers} == {"hand", "phone", "bar", "disc"}
    assert np.mean([cover.kind == "hand" for cover in covers]) > 0.35
    assert max(abs(place) for cover in covers for place in cover.center) < 0.7


def test_photography_does_each_thing_sometimes(heads: list[Head]) -> None:
    photos = [head.photography for head in heads]
    assert_allclose(np.mean([photo.grey for photo in photos]), 0.056, atol=0.02)
    assert_allclose(np.mean([photo.noise > 0 for photo in photos]), 0.36, atol=0.04)
    assert_allclose(np.mean([photo.defocus > 0 for photo in photos]), 0.22, atol=0.04)
    assert_allclose(np.mean([photo.motion > 0 for photo in photos]), 0.064, atol=0.02)
    qualities = [photo.jpeg for photo in photos if photo.jpeg is not None]
    assert 0.7 < len(qualities) / COUNT < 0.9
    assert 15 <= min(qualities) < 20
    assert 90 < max(qualities) <= 97


def test_eyes_that_look_into_the_camera_do_so_on_a_head_that_leans() -> None:
    """Turned to its right and leant to its left by so much that the camera is above: the eyes go up and to the left."""
    frontal, leant = Pose(30, 0, 0, torso=(0, 0, 0)), Pose(30, 0, 80, torso=(0, 0, 0))
    means = []
    for pose in (frontal, leant):
        units = [sample_gaze(Dice(1, number, "gaze"), pose) for number in range(400)]
        means.append(
            [
                np.mean([of.get(f"eyeLook{one}Left", 0) - of.get(f"eyeLook{other}Left", 0) for of in units])
                for one, other in (("Out", "In"), ("Up", "Down"))
            ]
        )
    assert means[0][0] > 0.2  # a left eye that looks out looks to the person's left
    assert abs(means[0][1]) < 0.1
    assert means[1][1] > 0.2
    assert means[1][0] < 0.5 * means[0][0]


# --- nothing but seed and number


GOLDEN = "b8bc4a08e94e06a22e088243eba29b214a134f030ad18c00db62e09a3ff826d7"


def test_a_head_is_what_it_always_was() -> None:
    head = sample_head(CATALOGUE, 2024, 17, "full")
    assert hashlib.sha256(repr(head).encode()).hexdigest() == GOLDEN


def test_a_head_is_the_same_in_another_process() -> None:
    code = (
        "from headpose_sdk.synthesis.sampling.sampler import sample_head\n"
        "from tests.synthesis.tiny_catalogue import CATALOGUE\n"
        "print(repr(sample_head(CATALOGUE, 2024, 17)), end='')"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert found == repr(sample_head(CATALOGUE, 2024, 17))


def test_heads_do_not_depend_on_those_before(heads: list[Head]) -> None:
    assert sample_head(CATALOGUE, SEED, 1500) == heads[1500]


def test_other_numbers_and_seeds_are_other_heads(heads: list[Head]) -> None:
    assert len({head.shape for head in heads}) == COUNT
    assert len({head.pose for head in heads}) == COUNT
    other = sample_head(CATALOGUE, SEED + 1, 0)
    assert other.shape != heads[0].shape
    assert other.light.turn != heads[0].light.turn
    # Seed and number are no sum, and their order counts.
    assert sample_head(CATALOGUE, SEED + 1, SEED).shape != heads[SEED + 1].shape


def test_values_are_plain_numbers_of_six_decimals(heads: list[Head]) -> None:
    assert "np." not in repr(heads[0])
    assert all(round(part, 6) == part for head in heads[:50] for part in head.face.tint)


@pytest.mark.parametrize(("seed", "number"), [(-1, 0), (0, -1)])
def test_negative_seeds_and_numbers_are_refused(seed: int, number: int) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        sample_head(CATALOGUE, seed, number)


# --- the catalogue


def test_the_catalogue_knows_the_parts(assets_folder: Path) -> None:
    assets = Assets(assets_folder)
    model = HeadModel(assets)
    catalogue = Catalogue.of(assets, model)
    assert catalogue.skins == assets.skins
    assert catalogue.hats == assets.hats
    assert [set(textures) for textures in catalogue.hat_textures] == [
        set(assets.textures_of(hat)) for hat in assets.hats
    ]
    assert catalogue.targets == tuple(model.target_names)
    assert_allclose(np.linalg.norm(catalogue.suns, axis=1), 1, atol=1e-2)
    for name, colour in zip(catalogue.skins, catalogue.skin_colours, strict=True):
        red, green, blue = colour
        assert 0 < blue < green < red < 1, name  # skin, not its blank surroundings, and RGB, not BGR
    assert catalogue == Catalogue.of(assets, model)


def test_heads_of_any_folder_of_parts_name_what_it_holds(assets_folder: Path) -> None:
    assets = Assets(assets_folder)
    catalogue = Catalogue.of(assets, HeadModel(assets))
    for number in range(30):
        head = sample_head(catalogue, 1, number)
        assert head.face.skin in assets.skins
        assert head.face.iris in assets.irises
        assert head.hair is None or head.hair.style in assets.hair
        assert {f"faceunits/{name}" for name, _ in head.expression.units} <= set(catalogue.targets)
        assert {name for name, _ in head.shape.details} <= set(catalogue.targets)
        assert head.light.panorama in assets.panoramas
