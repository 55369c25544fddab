"""``headpose models`` and ``headpose download``: the table tells where the files are, and they are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from headpose_sdk.cli.main import main
from headpose_sdk.config import read_config
from headpose_sdk.weights import DEFAULT_MODEL, list_models


def test_one_row_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "kind", "MB", "licence", "accuracy", "bundled", "where"]
    assert [row.split()[:2] for row in rows] == [[model.name, model.kind] for model in list_models()]
    for row, model in zip(rows, list_models(), strict=True):
        path = Path(row[header.index("where") :])
        assert (path / "config.json").is_file()
        megabytes = float(row.split()[2])
        assert megabytes == pytest.approx(sum(f.stat().st_size for f in path.glob("*.onnx")) / 1e6, abs=0.051)
        assert row[header.index("licence") :].startswith(model.license)
        assert row[header.index("accuracy") :].startswith(str(model.accuracy))
        assert row[header.index("bundled") :].split()[0] == "yes"


def test_the_default_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    names = {row.split()[0] for row in capsys.readouterr().out.splitlines()}
    assert {"ehpnet-resnet18", "ehpnet-face"} <= names


def test_download_prints_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", DEFAULT_MODEL]) == 0
    assert read_config(Path(capsys.readouterr().out.strip())).name == DEFAULT_MODEL


def test_download_to_a_folder_copies_it_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "copy"
    assert main(["download", DEFAULT_MODEL, "--to", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    assert read_config(target).name == DEFAULT_MODEL
    assert main(["download", DEFAULT_MODEL, "--to", str(target)]) == 1
    assert "it is not an empty folder; name a new one" in capsys.readouterr().err


def test_download_of_an_unknown_name_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "resnet"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("headpose: no model is called 'resnet'; choose one of ")
    assert error.count("\n") == 1
