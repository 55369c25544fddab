"""``headpose models``: the table tells where the files are, and they are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from headpose_sdk.cli.main import main
from headpose_sdk.weights import list_models


def test_one_row_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "kind", "MB", "licence", "folder"]
    assert [row.split()[:2] for row in rows] == [[model.name, model.kind] for model in list_models()]
    for row, model in zip(rows, list_models(), strict=True):
        path = Path(row[header.index("folder") :])
        assert (path / "config.json").is_file()
        megabytes = float(row.split()[2])
        assert megabytes == pytest.approx(sum(f.stat().st_size for f in path.glob("*.onnx")) / 1e6, abs=0.051)
        assert row[header.index("licence") :].startswith(model.license)


def test_the_default_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    names = {row.split()[0] for row in capsys.readouterr().out.splitlines()}
    assert {"ehpnet-resnet18", "ehpnet-face"} <= names
