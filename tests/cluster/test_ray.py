"""A real Ray cluster of two workers on this machine: the same records as without, also when one of them is killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archives import executable, write_archive

from headpose_sdk import HeadPoseEstimator
from headpose_sdk.images import find_images
from headpose_sdk.integrations.ray import HeadPosePredictor
from headpose_sdk.results import Image
from headpose_sdk.tables import to_table

PAGE = (Path(__file__).parents[2] / "docs" / "batch.md").read_text(encoding="utf-8")
CLUSTER = """
import os
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=256 * 1024**2)
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, photo: Image) -> Path:
    """archive/ with 60 pictures and one file that is none; the folder above it is for the tests."""
    return write_archive(tmp_path_factory.mktemp("ray") / "archive", photo, 60)


def batch(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [executable(), "batch", *words]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=180, check=False)


@pytest.fixture(scope="module")
def local(archive: Path) -> Path:
    """What the local engine writes."""
    done = batch(archive.parent, "archive", "local.parquet", "--part-images", "4")
    assert done.returncode == 1, done.stderr
    return archive.parent / "local.parquet"


def workers_below(process: int) -> list[int]:
    """The processes of that session that hold a predictor, by the name that Ray gives them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes()
                below = _descends(int(entry.name), process)
            except (OSError, ValueError, IndexError):
                continue
            if words.startswith(b"ray::HeadPosePredictor") and below:
                found.append(int(entry.name))
    return found


def _descends(process: int, ancestor: int) -> bool:
    while process > 1:
        if process == ancestor:
            return True
        process = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return False


def start(folder: Path, target: str) -> subprocess.Popen[str]:
    """A run on a cluster of two workers, which has done a part."""
    words = ["batch", "archive", target, "--part-images", "4", "--engine", "ray", "--workers", "2"]
    run = subprocess.Popen(
        [executable(), *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not any((folder / f"{target}.parts").glob("part-*.parquet")):
        assert run.poll() is None, run.communicate()
    return run


def test_a_killed_worker_loses_nothing(archive: Path, local: Path) -> None:
    run = start(archive.parent, "worker.parquet")
    [victim, *_] = workers_below(run.pid)
    os.kill(victim, signal.SIGKILL)
    output, errors = run.communicate(timeout=180)
    assert run.returncode == 1, errors
    assert output.startswith("wrote worker.parquet: 61 images")
    assert errors.endswith("headpose: 1 of 61 files could not be read; their rows say why under error\n")
    assert (archive.parent / "worker.parquet").read_bytes() == local.read_bytes()


def test_a_killed_driver_loses_nothing_and_the_local_engine_may_go_on(archive: Path, local: Path) -> None:
    run = start(archive.parent, "driver.parquet")
    run.kill()
    run.communicate()
    assert not (archive.parent / "driver.parquet").exists()
    done = batch(archive.parent, "archive", "driver.parquet", "--part-images", "4")
    assert done.returncode == 1, done.stderr
    assert (archive.parent / "driver.parquet").read_bytes() == local.read_bytes()


def test_the_stage_of_a_pipeline_gives_the_same_rows(archive: Path, local: Path) -> None:
    [example] = re.findall(r"<!-- example: pipeline -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    code = CLUSTER + example.replace('"photos"', '"archive"').replace('"poses"', '"pipeline"')
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=archive.parent, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    table = pq.read_table(archive.parent / "pipeline").to_pylist()
    rows = sorted(
        ({**row, "file": os.path.relpath(archive.parent / row["file"], archive.parent)} for row in table),
        key=lambda row: (Path(row["file"]), row["face"] or 0),
    )
    expected = pq.read_table(local).to_pylist()
    assert [row["error"] is None for row in rows] == [row["error"] is None for row in expected]
    for row in (*rows, *expected):
        row.pop("error")  # it begins with the file's name
    assert rows == expected


def test_without_bytes_the_files_are_read_by_their_paths(archive: Path, estimator: HeadPoseEstimator) -> None:
    paths = [str(path) for path in find_images(archive)[:5]] + [str(archive / "missing.jpg")]
    table = HeadPosePredictor(device="cpu")({"path": paths})
    assert table == to_table(estimator.predict_files(paths))
    assert "no such file" in table["error"].to_pylist()[-1]


def test_an_address_that_answers_nobody_is_told_in_one_line(archive: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    done = batch(archive.parent, "archive", "nobody.parquet", "--engine", "ray", "--address", address)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"headpose: cannot use the Ray cluster at {address}: ")
    assert not list(archive.parent.glob("nobody*"))


@pytest.mark.slow
def test_somebody_else_at_the_address_is_told_in_one_line_too(archive: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        done = batch(archive.parent, "archive", "other.parquet", "--engine", "ray", "--address", address)
    [line] = done.stderr.splitlines()
    assert "what answers there was no Ray within 30 seconds" in line


def test_a_worker_without_the_model_is_told(archive: Path, tmp_path: Path) -> None:
    model = shutil.copytree(
        Path(sys.modules["headpose_sdk"].__path__[0]) / "models" / "ehpnet-resnet18", tmp_path / "mine"
    )
    (model / "model.int8.onnx").write_bytes(b"not the weights")
    words = ["--engine", "ray", "--workers", "1", "--model", str(model)]
    done = batch(archive.parent, "archive", "broken.parquet", *words)
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("headpose: ")]
    assert line.startswith(f"headpose: a Ray worker failed: {model}")
    assert not list(archive.parent.glob("broken*"))


@pytest.mark.slow
def test_the_benchmark_runs_and_finds_all_files_the_same(tmp_path: Path) -> None:
    line = [sys.executable, Path(__file__).parents[2] / "benchmarks" / "batch.py", "--quick"]
    done = subprocess.run(
        [*line, "--json", tmp_path / "out.json"], capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["settings"]["files_the_same_to_the_byte"] == 5
    assert content["ratios"].keys() == {"ray, 2 workers / local, 1 thread"}


def test_a_table_of_arrow_is_read_from_its_bytes() -> None:
    """Its columns cannot be asked for with ``in``: the files would be looked for where the worker is."""
    data = (Path(__file__).parents[2] / "examples" / "astronaut.jpg").read_bytes()
    batch = pa.table({"path": ["nowhere.jpg"], "bytes": [data]})
    [row] = HeadPosePredictor(device="cpu")(batch).to_pylist()  # type: ignore[arg-type]
    assert (row["file"], row["face"], row["error"]) == ("nowhere.jpg", 0, None)
