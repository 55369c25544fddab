"""Files to arrays and back; what is refused for its bytes is in test_formats.py."""

from __future__ import annotations

import os
import resource
import stat
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
from picture_bytes import (
    CORNERS,
    NOISE,
    QUARTERS,
    encode,
    flat_jpeg,
    png,
    png_chunk,
    read_bytes_as_image,
    tiff,
    with_exif,
)

from headpose_sdk.errors import InvalidImageError, ModelNotFoundError, OutputError
from headpose_sdk.images import (
    MAX_BYTES,
    MAX_SIDE,
    atomic_write,
    check_image,
    decode_image,
    find_images,
    read_image,
    write_image,
)

# What an upright picture looks like as stored for each EXIF orientation: the inverse of what a viewer does.
STORED = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image, -1),
}


@contextmanager
def without_root() -> Iterator[None]:
    """Root may read and write everything; for as long as this lasts, be a user who may not."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)


# check_image


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 20000, 3), (3, 5, 3)])
def test_check_image_returns_the_very_array(shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, np.uint8)
    assert check_image(image) is image


def test_check_image_accepts_views() -> None:
    for view in (NOISE[..., ::-1], NOISE[::2, 3:9], np.broadcast_to(NOISE[0, 0], (5, 6, 3))):
        assert check_image(view) is view


class PilLookalike:
    """PIL is not installed with us; what tells its images is the module of their class."""

    __module__ = "PIL.Image"


@pytest.mark.parametrize(
    ("image", "cause", "action"),
    [
        (None, "cv2.imread", "headpose_sdk.read_image"),
        ("photo.jpg", "is a str", "headpose_sdk.read_image"),
        (PurePosixPath("photo.jpg"), "not an array", "headpose_sdk.read_image"),
        (PilLookalike(), "PIL", "np.asarray(image)[..., ::-1]"),
        ([[1, 2, 3]], "is a list", "numpy array"),
        (np.zeros((4, 4, 3), np.float32), "float32", "astype(np.uint8)"),
        (np.zeros((4, 4, 3), np.uint16), "uint16", "astype(np.uint8)"),
        (np.zeros((4, 4, 3), bool), "bool", "astype(np.uint8)"),
        (np.zeros((4, 4), np.uint8), "grey", "COLOR_GRAY2BGR"),
        (np.zeros((4, 4, 1), np.uint8), "grey", "COLOR_GRAY2BGR"),
        (np.zeros((4, 4, 4), np.uint8), "alpha", "COLOR_BGRA2BGR"),
        (np.zeros((0, 4, 3), np.uint8), "empty", "slice"),
        (np.zeros((3, 40, 50), np.uint8), "(3, 40, 50)", "np.moveaxis(image, 0, -1)"),
        (np.zeros((2, 4, 4, 3), np.uint8), "(2, 4, 4, 3)", "one picture"),
        (np.zeros(3, np.uint8), "(3,)", "one picture"),
    ],
)
def test_check_image_says_what_is_wrong_and_what_to_do(image: object, cause: str, action: str) -> None:
    with pytest.raises(InvalidImageError) as caught:
        check_image(image, name="frame")
    message = str(caught.value)
    assert message.startswith("frame ")
    assert cause in message.split(";")[0]
    assert action in message.split(";", 1)[1]


# read_image: what is accepted


@pytest.mark.parametrize("extension", [".png", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("shape", [(24, 31), (1, 1), (1, 300)])
def test_lossless_formats_come_back_exactly(tmp_path: Path, extension: str, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    options = (cv2.IMWRITE_WEBP_QUALITY, 101) if extension == ".webp" else ()  # above 100 means lossless
    decoded = read_bytes_as_image(tmp_path, encode(extension, image, *options))
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    assert np.array_equal(decoded, image)


@pytest.mark.parametrize(
    ("extension", "options"),
    [
        (".jpg", ()),
        (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        (".jpg", (cv2.IMWRITE_JPEG_RST_INTERVAL, 1)),
        (".webp", (cv2.IMWRITE_WEBP_QUALITY, 90)),
    ],
)
@pytest.mark.parametrize("shape", [(64, 96), (1, 1), (32, 3008)])
def test_lossy_formats_come_back_nearly(
    tmp_path: Path, extension: str, options: tuple[int, ...], shape: tuple[int, int]
) -> None:
    image = cv2.resize(QUARTERS, shape[::-1], interpolation=cv2.INTER_NEAREST)
    decoded = read_bytes_as_image(tmp_path, encode(extension, image, *options))
    assert decoded.shape == image.shape
    assert np.abs(decoded.astype(int) - image).mean() < 4


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_a_panorama_is_accepted(tmp_path: Path, extension: str) -> None:
    image = np.full((20, 20000, 3), (10, 200, 90), np.uint8)
    assert read_bytes_as_image(tmp_path, encode(extension, image)).shape == image.shape


@pytest.mark.parametrize("orientation", list(STORED))
def test_the_exif_orientation_of_a_jpeg_is_applied(tmp_path: Path, orientation: int) -> None:
    stored = STORED[orientation](QUARTERS)
    decoded = read_bytes_as_image(tmp_path, with_exif(encode(".jpg", stored), orientation))
    assert decoded.shape == QUARTERS.shape
    assert decoded.flags.c_contiguous
    assert np.abs(decoded.astype(int) - QUARTERS).mean() < 4  # another orientation: above 80


def test_the_extension_is_not_trusted(tmp_path: Path) -> None:
    assert np.array_equal(read_bytes_as_image(tmp_path, encode(".png", NOISE), "photo.webp"), NOISE)
    assert np.array_equal(read_bytes_as_image(tmp_path, encode(".png", NOISE), "no extension"), NOISE)


def test_grey_palette_alpha_and_16_bits_become_8_bit_bgr(tmp_path: Path) -> None:
    grey = NOISE[..., 0]
    as_bgr = np.repeat(grey[..., None], 3, axis=-1)
    assert np.array_equal(read_bytes_as_image(tmp_path, encode(".png", grey)), as_bgr)
    assert read_bytes_as_image(tmp_path, encode(".jpg", grey)).shape == NOISE.shape

    indices = zlib.compress(b"\0\0\1\0\2\3")  # two rows of two pixels, a filter byte before each
    palette = png_chunk(b"PLTE", CORNERS.reshape(-1, 3)[:, ::-1].tobytes())
    data = png(2, 2, 8, 3, palette, png_chunk(b"IDAT", indices), png_chunk(b"IEND", b""))
    assert np.array_equal(read_bytes_as_image(tmp_path, data), CORNERS)

    alpha = np.arange(grey.size, dtype=np.uint8).reshape(grey.shape)  # 0 to 255: blending would show
    assert np.array_equal(read_bytes_as_image(tmp_path, encode(".png", np.dstack([NOISE, alpha]))), NOISE)

    deep = NOISE.astype(np.uint16) * 257
    assert np.array_equal(read_bytes_as_image(tmp_path, encode(".png", deep)), NOISE)
    assert np.array_equal(read_bytes_as_image(tmp_path, encode(".tif", deep)), NOISE)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_either_byte_order(tmp_path: Path, order: str) -> None:
    grey = np.ascontiguousarray(NOISE[..., 1])
    decoded = read_bytes_as_image(tmp_path, tiff(order, 31, 24, grey.tobytes()))
    assert np.array_equal(decoded, np.repeat(grey[..., None], 3, axis=-1))


def test_bytes_after_the_end_are_tolerated(tmp_path: Path) -> None:
    for extension in (".jpg", ".png", ".webp"):
        whole = encode(extension, QUARTERS)
        expected = read_bytes_as_image(tmp_path, whole)
        assert np.array_equal(read_bytes_as_image(tmp_path, whole + b"appended by a phone"), expected)


def test_a_path_that_is_no_readable_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match=r"gone\.jpg: no such file"):
        read_image(tmp_path / "gone.jpg")
    with pytest.raises(InvalidImageError, match=r"this is a folder; .*headpose predict DIR"):
        read_image(str(tmp_path))
    with pytest.raises(InvalidImageError, match="cannot read the file"):
        read_image("nul\0character.jpg")
    file = tmp_path / "photo.jpg"
    file.write_bytes(encode(".jpg", QUARTERS))
    with pytest.raises(InvalidImageError, match="cannot read the file"):
        read_image(file / "photo.jpg")
    file.chmod(0)
    with without_root(), pytest.raises(InvalidImageError, match="Permission denied"):
        read_image(file)


# read_image: limits


def test_the_limit_of_pixels_is_the_callers(tmp_path: Path) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(encode(".png", NOISE))  # 31 x 24
    assert read_image(file, max_pixels=31 * 24).shape == NOISE.shape
    with pytest.raises(InvalidImageError, match=r"31 x 24 pixels are over the limit of 0\.000743 megapixels; scale"):
        read_image(file, max_pixels=31 * 24 - 1)
    with pytest.raises(InvalidImageError, match=r"^upload 7: 31 x 24 pixels are over the limit of"):
        decode_image(file.read_bytes(), name="upload 7", max_pixels=1)


def test_the_limit_of_bytes_is_the_callers_and_what_is_over_it_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(encode(".png", NOISE))
    size = file.stat().st_size
    assert read_image(file, max_bytes=size).shape == NOISE.shape
    with pytest.raises(InvalidImageError, match=r"photo\.png: the file is over the limit of 0\.001 megabytes; save"):
        read_image(file, max_bytes=1000)
    os.truncate(file, MAX_BYTES + 1)  # a hole
    with pytest.raises(InvalidImageError, match="over the limit of 400 megabytes"):
        read_image(file)


def test_a_pipe_is_read_to_its_end_or_to_the_limit(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def send(data: bytes) -> threading.Thread:
        def write() -> None:
            with suppress(BrokenPipeError), pipe.open("wb", buffering=0) as file:
                file.write(data)

        thread = threading.Thread(target=write)
        thread.start()
        return thread

    for data, cause in ((encode(".png", NOISE), None), (encode(".png", NOISE) + bytes(200_000), "over the limit")):
        writing = send(data)
        if cause is None:
            assert np.array_equal(read_image(pipe, max_bytes=100_000), NOISE)
        else:
            with pytest.raises(InvalidImageError, match=cause):
                read_image(pipe, max_bytes=100_000)
        writing.join(timeout=10)
        assert not writing.is_alive()


def test_the_limit_of_a_side_is_what_a_jpeg_can_have(tmp_path: Path) -> None:
    longest = np.zeros((1, MAX_SIDE, 3), np.uint8)
    assert decode_image(encode(".jpg", longest[:, :65_500])).shape == (1, 65_500, 3)  # as far as OpenCV writes them
    assert decode_image(encode(".png", longest)).shape == longest.shape
    with pytest.raises(InvalidImageError, match=r"^image: 1 x 65536 pixels are over the limit of 65535 pixels a side"):
        decode_image(encode(".png", np.zeros((65_536, 1, 3), np.uint8)))


def test_what_the_decoder_itself_refuses_for_its_size_is_an_error_too() -> None:
    # 65535 pixels a side are more than OpenCV's own limit of 2**30.
    data = png(MAX_SIDE, MAX_SIDE, 8, 2, png_chunk(b"IDAT", zlib.compress(b"")), png_chunk(b"IEND", b""))
    with pytest.raises(InvalidImageError, match="cannot decode this PNG file"):
        decode_image(data, max_pixels=10**10)


def test_as_many_scans_as_any_encoder_writes() -> None:
    assert decode_image(flat_jpeg(1200, 1200, (9,), scans=100)).shape == (1200, 1200, 3)
    with pytest.raises(InvalidImageError, match=r"the JPEG file is damaged \(it has 101 scans, more than 100\)"):
        decode_image(flat_jpeg(1200, 1200, (9,), scans=101))


# write_image and atomic_write


@pytest.mark.parametrize("extension", [".jpg", ".JPEG", ".png", ".webp", ".bmp", ".tif", ".tiff"])
def test_what_is_written_can_be_read(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"picture{extension}"
    write_image(path, QUARTERS[..., ::-1])  # a view with negative strides
    assert np.abs(read_image(path).astype(int) - QUARTERS[..., ::-1]).mean() < 4
    assert list(tmp_path.iterdir()) == [path]


def test_jpeg_is_written_at_quality_95(tmp_path: Path) -> None:
    write_image(tmp_path / "picture.jpg", NOISE)
    assert (tmp_path / "picture.jpg").read_bytes() == encode(".jpg", NOISE, cv2.IMWRITE_JPEG_QUALITY, 95)


def test_write_image_refuses(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.gif; use \.bmp, .*\.png"):
        write_image(tmp_path / "picture.gif", NOISE)
    with pytest.raises(OutputError, match=r"without an extension; use"):
        write_image(tmp_path / "picture", NOISE)
    with pytest.raises(OutputError, match=r"\.jpg cannot hold 70000 x 1 pixels; write \.png"):
        write_image(tmp_path / "picture.jpg", np.zeros((1, 70000, 3), np.uint8))
    with pytest.raises(InvalidImageError, match="float64"):
        write_image(tmp_path / "picture.png", np.zeros((4, 4, 3)))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError(), FileNotFoundError(2, "gone", "x")])
def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with atomic_write(path) as file:
            file.write(b"half of the n")
            raise error

    with pytest.raises(type(error)) as caught:
        interrupted()
    assert caught.value is error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_errors_of_this_package_pass_through_a_write(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no folder"), atomic_write(tmp_path / "x.json"):
        raise ModelNotFoundError("no folder")  # an OSError too, but none of the writing


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(b"old")
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "results.json") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "results.json").stat().st_mode) == 0o640


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    with atomic_write(tmp_path / "link.json") as file:
        file.write(b"x")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_bytes() == b"x"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    cases = {
        tmp_path / "missing" / "x.json": "folder does not exist; create the folder",
        tmp_path: "it is a folder or a device",
        Path("/dev/null"): "it is a folder or a device",
    }
    for path, cause in cases.items():
        with pytest.raises(OutputError, match=cause) as caught, atomic_write(path):
            pass
        assert str(caught.value).startswith(f"{path}: ")
    tmp_path.chmod(0o555)
    with without_root(), pytest.raises(OutputError, match="Permission denied"), atomic_write(tmp_path / "x"):
        pass
    tmp_path.chmod(0o755)


def test_a_write_that_hits_a_limit_names_the_file_and_cleans_up(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # as a full disk would, the system refuses to go on
    try:
        with pytest.raises(OutputError) as caught, atomic_write(tmp_path / "large.bin") as file:
            file.write(bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value).startswith(f"{tmp_path / 'large.bin'}: cannot write (File too large)")
    assert list(tmp_path.iterdir()) == []


# find_images


def test_find_images_is_recursive_sorted_and_leaves_hidden_files_out(tmp_path: Path) -> None:
    wanted = ["a.JPG", "b/c.png", "b/d/e.webp", "z.tiff"]
    unwanted = [".hidden.jpg", "._a.JPG", ".cache/x.jpg", "notes.txt", "jpg", "b/clip.mp4"]
    for name in [*reversed(wanted), *unwanted]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    assert find_images(tmp_path) == [tmp_path / name for name in wanted]
    assert find_images(str(tmp_path / "b")) == [tmp_path / "b/c.png", tmp_path / "b/d/e.webp"]


def test_find_images_takes_files_alone_and_links_to_them(tmp_path: Path) -> None:
    (tmp_path / "real.jpg").touch()
    (tmp_path / "link.jpg").symlink_to("real.jpg")
    (tmp_path / "broken.jpg").symlink_to("gone.jpg")  # reading it tells that it is
    os.mkfifo(tmp_path / "endless.jpg")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    assert [path.name for path in find_images(tmp_path)] == ["broken.jpg", "link.jpg", "real.jpg"]


def test_find_images_works_below_a_hidden_folder_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / ".album").mkdir()
    (tmp_path / ".album" / "a.jpg").touch()
    assert find_images(tmp_path / ".album") == [tmp_path / ".album" / "a.jpg"]


def test_find_images_names_the_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(InvalidImageError, match=r"gone: cannot list the folder \(No such file"):
        find_images(tmp_path / "gone")
    (tmp_path / "locked").mkdir(mode=0)
    with without_root(), pytest.raises(InvalidImageError, match=r"cannot list the folder \(Permission denied"):
        find_images(tmp_path)
    (tmp_path / "locked").chmod(0o755)


def test_find_images_tells_of_a_folder_and_goes_on_if_asked_to(tmp_path: Path) -> None:
    told: list[InvalidImageError] = []
    assert find_images(tmp_path / "gone", on_error=told.append) == []
    [error] = told
    assert str(error).startswith(f"{tmp_path / 'gone'}: cannot list the folder (No such file")
