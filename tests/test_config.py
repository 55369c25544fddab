"""config.json: every rule refuses with the file and the field in the message, and what is written can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import detector_config, pose_config, write_model

from headpose_sdk.config import ModelConfig, WeightsFile, open_folder, read_config, to_json
from headpose_sdk.errors import ModelError, ModelIntegrityError, ModelNotFoundError

SHA = "0123456789abcdef" * 4
POSE: dict[str, Any] = json.loads(to_json(pose_config()))
DETECTOR: dict[str, Any] = json.loads(to_json(detector_config()))


def write(folder: Path, content: object) -> Path:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / "config.json").write_bytes(text)
    return folder


def refusal(folder: Path, content: object) -> str:
    """The message of the error that ``content`` as config.json gives; it names the file and says what to do."""
    with pytest.raises(ModelIntegrityError) as caught:
        read_config(write(folder, content))
    message = str(caught.value)
    assert str(folder / "config.json") in message
    assert "export or download the model again" in message
    return message


@pytest.mark.parametrize(
    "config",
    [
        pose_config(),
        pose_config(std_scale=(1, 2.5, 3), files={"cpu": WeightsFile("a.onnx", SHA), "cuda": WeightsFile("b", SHA)}),
        detector_config(),
        detector_config(training={"stages": [[64, 0.5], [88, 0.5]], "note": "\u00e9"}),
    ],
)
def test_what_is_written_is_read_again(tmp_path: Path, config: ModelConfig) -> None:
    assert read_config(write(tmp_path, to_json(config))) == config
    folder = open_folder(tmp_path)
    assert (folder.path, folder.config) == (tmp_path, config)


@pytest.mark.parametrize("whole", [POSE, DETECTOR], ids=["pose", "detector"])
def test_a_missing_field_is_named(tmp_path: Path, whole: dict[str, Any]) -> None:
    for name in whole.keys() - {"format", "kind"}:
        assert f"lacks {name};" in refusal(tmp_path, {key: value for key, value in whole.items() if key != name})


@pytest.mark.parametrize("whole", [POSE, DETECTOR], ids=["pose", "detector"])
def test_an_unknown_field_is_named(tmp_path: Path, whole: dict[str, Any]) -> None:
    assert "has an unknown field margin;" in refusal(tmp_path, {**whole, "margin": 1.2})


def test_format_and_kind_are_required(tmp_path: Path) -> None:
    for wrong in ({}, {**POSE, "format": 2}, {**POSE, "format": "1"}, [POSE], None, 1, "pose"):
        assert '"format": 1' in refusal(tmp_path, wrong)
    for kind in ("gaze", None, 3, ["pose"], {"pose": 1}):
        assert f'"kind" is {kind!r}, not one of pose, detector' in refusal(tmp_path, {**POSE, "kind": kind})
    assert "unknown field" in refusal(tmp_path, {**DETECTOR, "bins": 62})


TEXTS, NUMBERS = ("", 1, None, ["a"]), (0, 10**30, -1, float("nan"), float("inf"), "1", None, True)
WRONG: list[tuple[dict[str, Any], str, tuple[Any, ...]]] = [
    (POSE, "name", TEXTS),
    (POSE, "convention", TEXTS),
    (POSE, "detector", TEXTS),
    (POSE, "license", TEXTS),
    (POSE, "input_size", (*NUMBERS, 112.0, 1025)),
    (POSE, "bins", (*NUMBERS, 62.5)),
    (POSE, "crop_margin", NUMBERS),
    (POSE, "bin_width", NUMBERS),
    (POSE, "std_scale", (1, [], [1, 1], [1, 1, 0], [1, 1, "1"], [1, 1, 1, 1], None)),
    (POSE, "training", ("by hand", [], None)),
    (DETECTOR, "score_threshold", (*NUMBERS, 1, 1.5)),
    (DETECTOR, "max_iou", (*NUMBERS, 1)),
    (DETECTOR, "max_side", (*NUMBERS, 1280.0)),
    (DETECTOR, "min_side", (*NUMBERS, 640.0)),
    (DETECTOR, "coarse_side", (*NUMBERS, 256.0)),
    (DETECTOR, "smallest_box", (*NUMBERS, 18.0)),
    (DETECTOR, "face_scale", NUMBERS),
    (DETECTOR, "face_shift", (-1, 1, float("nan"), "0", None, True)),
]


@pytest.mark.parametrize(("whole", "name", "values"), WRONG, ids=[name for _, name, _ in WRONG])
def test_a_value_of_the_wrong_kind_is_named(
    tmp_path: Path, whole: dict[str, Any], name: str, values: tuple[Any, ...]
) -> None:
    for value in values:
        assert f'"{name}" is ' in refusal(tmp_path, {**whole, name: value})


def test_a_long_value_is_cut_in_the_message(tmp_path: Path) -> None:
    for wrong in ({"name": ["a" * 10**6]}, {"kind": "a" * 10**6}, {"files": "a" * 10**6}, {"a" * 10**6: 1}):
        assert len(refusal(tmp_path, {**POSE, **wrong})) < 300 + 4 * len(str(tmp_path))


@pytest.mark.parametrize(
    ("files", "cause"),
    [
        ({}, "must map cpu"),
        ([], "must map cpu"),
        ("model.onnx", "must map cpu"),
        ({"cuda": {"name": "a.onnx", "sha256": SHA}}, "must map cpu"),
        ({"cpu": {"name": "a.onnx", "sha256": SHA}, "tpu": {}}, "must map cpu"),
        ({"cpu": "a.onnx"}, '"files" of cpu must hold name and sha256'),
        ({"cpu": {"name": "a.onnx"}}, '"files" of cpu must hold name and sha256'),
        ({"cpu": {"name": "a.onnx", "sha256": SHA, "size": 3}}, '"files" of cpu must hold name and sha256'),
        *(
            ({"cpu": {"name": name, "sha256": SHA}}, "is no plain file name")
            for name in (
                "../a.onnx",
                "/etc/passwd",
                "a/b.onnx",
                "..",
                ".",
                "",
                "a\\b",
                "C:a",
                "a.onnx\n",
                ".a",
                None,
                3,
            )
        ),
        *(
            ({"cpu": {"name": "a.onnx", "sha256": digest}}, "sha256 of a.onnx is not 64 hexadecimal digits")
            for digest in ("", SHA[1:], SHA + "0", SHA.upper(), "g" * 64, SHA + "\n", None)
        ),
    ],
)
def test_files_stay_in_the_folder_and_have_a_hash(tmp_path: Path, files: Any, cause: str) -> None:
    assert cause in refusal(tmp_path, {**POSE, "files": files})


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe\x00", b"model", b"[" * 100_000, to_json(pose_config())[:-9]])
def test_what_is_no_json_is_refused(tmp_path: Path, text: bytes) -> None:
    assert "is no JSON" in refusal(tmp_path, text)


def test_a_folder_without_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"has no config\.json.*headpose train export"):
        read_config(tmp_path)
    with pytest.raises(ModelNotFoundError, match=r"gone has no config\.json"):
        open_folder(tmp_path / "gone")
    (tmp_path / "config.json").mkdir()
    with pytest.raises(ModelNotFoundError, match=r"config\.json cannot be read: Is a directory"):
        read_config(tmp_path)


def test_weights_are_read_only_if_their_bytes_are_the_right_ones(tmp_path: Path) -> None:
    folder = open_folder(write_model(tmp_path / "model", detector_config(b"network"), b"network"))
    assert folder.read_weights("cpu") == b"network"

    (folder.path / "model.onnx").write_bytes(b"Network")
    with pytest.raises(ModelIntegrityError, match=r"model\.onnx has SHA-256 .* damaged or was exchanged"):
        folder.read_weights("cpu")

    (folder.path / "model.onnx").unlink()
    with pytest.raises(
        ModelNotFoundError, match=r"model\.onnx, which config\.json names, cannot be read: No such file"
    ):
        folder.read_weights("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a hypothesis test."""
    return tmp_path_factory.mktemp("config")


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)
damaged = st.builds(
    lambda whole, name, value: {**whole, name: value},
    st.sampled_from([POSE, DETECTOR]),
    st.sampled_from(sorted({*POSE, *DETECTOR, "new"})),
    any_json,
)


@given(content=any_json | damaged)
def test_any_json_is_a_config_or_the_right_error(folder: Path, content: object) -> None:
    try:
        config = read_config(write(folder, content))
    except ModelError:
        return  # any other exception fails the test
    assert read_config(write(folder, to_json(config))) == config
