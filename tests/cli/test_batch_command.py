"""``headpose batch`` where an extra is missing: the line that installs it, and nothing done."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from headpose_sdk.cli.main import main


@pytest.mark.parametrize(("package", "extra"), [("pyarrow", "batch"), ("ray", "ray")])
def test_a_missing_extra_is_told_with_the_line_that_installs_it(
    package: str, extra: str, photo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if package == "ray" and find_spec("pyarrow") is None:
        pytest.skip("pyarrow is asked for first")
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["batch", "photo.jpg", "out.parquet", "--engine", "ray"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert f'pip install "headpose-sdk[{extra}]"' in line
    assert [path.name for path in Path().iterdir()] == ["photo.jpg"]
