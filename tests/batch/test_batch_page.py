"""docs/batch.md does what it says: commands and example run, the columns are the schema's, the plan is arithmetic."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from headpose_sdk.batch.archive import PART_IMAGES
from headpose_sdk.tables import COLUMNS, schema

from .conftest import Headpose

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
THROUGHPUT, LATENCY = (
    json.loads((ROOT / "benchmarks" / "results" / f"{name}-amd-epyc-2-cores.json").read_text())
    for name in ("throughput", "latency")
)


def test_the_commands_and_the_example_run(
    archive: Path, headpose: Headpose, capsys: pytest.CaptureFixture[str]
) -> None:
    (archive / "1" / "page.jpg").unlink()
    archive.rename("photos")
    shutil.copy(Path("photos") / "1" / "001.jpg", "more.jpg")
    commands = [line.split("#")[0] for line in PAGE.splitlines() if line.startswith("headpose ")]
    assert len(commands) == 3
    for command in commands:
        if "--engine ray" not in command:  # tests/cluster
            done = headpose(*shlex.split(command)[1:])
            assert (done.returncode, done.stderr) == (0, ""), command
    [code] = re.findall(r"(?<!pipeline -->\n)```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "batch.md", "exec"), {})
    assert re.match(r"\d+ faces; mean yaw -?[\d.]+\nb'{.*\"weights\"", capsys.readouterr().out)


@pytest.mark.skipif(find_spec("pandas") is None, reason="pip install pandas")
def test_pandas_reads_whole_numbers_as_whole(archive: Path, headpose: Headpose) -> None:
    import pandas as pd

    headpose("batch", archive / "1", "out.parquet")
    table = pd.read_parquet("out.parquet", dtype_backend="pyarrow")
    assert str(table.dtypes["face"]) == "int32[pyarrow]"


def test_the_columns_are_those_of_the_schema() -> None:
    rows = re.findall(r"^\| (`.*?) \| (text|int32|float64) \|", PAGE, re.MULTILINE)
    stated = [(name, kind) for names, kind in rows for name in re.findall(r"`(\w+)`", names)]
    kinds = {"string": "text", "double": "float64"}
    assert stated == [(name, kinds.get(str(schema().field(name).type), "int32")) for name in COLUMNS]


def test_the_plan_is_arithmetic_on_the_measured_figure() -> None:
    assert THROUGHPUT["machine"]["threads"] == 2
    rate = THROUGHPUT["figures"]["files of 1280x960, stream"]["median"]
    assert f"{rate:.1f} photos" in PAGE
    assert f"so {rate / 2:.1f} a core" in PAGE
    rows = re.findall(r"^\| ([\d,]+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)
    assert [row[0] for row in rows] == ["1,000,000", "10,000,000", "100,000,000"]
    for photos, core_hours, *days in rows:
        hours = int(photos.replace(",", "")) / (rate / 2) / 3600
        assert int(core_hours) == round(hours)
        assert [float(day) for day in days] == [round(hours / cores / 24, 2) for cores in (16, 64, 256)]


def test_the_stages_take_what_the_file_says() -> None:
    for name, said in re.findall(r"`(decode [^`]*|network [^`]*)` (?:takes )?([\d.]+)", PAGE):
        assert float(said) == round(LATENCY["figures"][name]["median"], 1)
    [detector] = re.findall(r"the detector ([\d.]+) ms", PAGE)
    assert float(detector) == round(LATENCY["figures"]["detect (detector.detect)"]["median"], 1)


def test_the_parts_have_the_size_that_is_stated() -> None:
    assert f"`--part-images` ({PART_IMAGES})" in PAGE


def test_every_option_of_the_command_is_on_the_page(headpose: Headpose) -> None:
    options = set(re.findall(r"--[a-z-]+", headpose("batch", "--help").stdout)) - {"--help", "--model"}
    assert {option for option in options if option not in PAGE} == set()


def test_what_the_page_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
