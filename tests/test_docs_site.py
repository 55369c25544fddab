"""The pages of the site: every Python block runs, every command is one, every figure is that of the file it names."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import headpose_sdk
from headpose_sdk import BoundingBox, HeadPose, HeadPoseEstimator, ImageResult
from headpose_sdk.cli.main import build_parser
from headpose_sdk.config import open_folder
from headpose_sdk.publishing import prepare
from headpose_sdk.results import Image
from headpose_sdk.weights import DEFAULT_MODEL, copy_model, find_model

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
# These have tests of their own.
ELSEWHERE = {
    "quickstart",
    "convention",
    "evaluation",
    "training",
    "synthesis",
    "experiments",
    "benchmarks",
    "video",
    "batch",
    "serving",
}
PAGES = [page for page in sorted(DOCS.glob("*.md")) if page.stem not in ELSEWHERE]
NEEDS_A_MODEL_OF_YOURS = ("org/repo", "runs/")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def cases(language: str) -> list[object]:
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page, language))
    ]


COMMANDS = [
    line.split("#")[0].strip()
    for page in PAGES
    for block in blocks(page, "sh")
    for line in block.splitlines()
    if line.startswith("headpose ")
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the sample photo where a new user has it, and one of their own."""
    (tmp_path / "examples").mkdir()
    for copy in ("examples/astronaut.jpg", "photo.jpg"):
        shutil.copy(ROOT / "examples" / "astronaut.jpg", tmp_path / copy)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("code", cases("python"))
def test_a_python_block_runs(code: str, folder: Path) -> None:
    exec(compile(code, "docs", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_a_command_runs(command: str, folder: Path) -> None:
    words = shlex.split(command)[1:]
    if any(mark in command for mark in NEEDS_A_MODEL_OF_YOURS):
        assert callable(build_parser().parse_args(words).run)
        return
    executable = str(Path(sys.executable).with_name("headpose"))
    done = subprocess.run([executable, *words], cwd=folder, capture_output=True, text=True, check=False)
    expected = (0, 1) if "doctor" in words else (0,)  # what is wrong with this machine is no fault of the page
    assert done.returncode in expected, done.stderr + done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_links_to_exists(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (DOCS / target).exists(), target


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        assert page.relative_to(DOCS).as_posix() in navigation


def test_the_reference_holds_all_that_the_package_exports() -> None:
    page = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    for name in headpose_sdk.__all__:
        is_error = isinstance(getattr(headpose_sdk, name), type) and name.endswith("Error")
        if not is_error and name not in ("Image", "__version__"):
            assert f"::: headpose_sdk.{name}\n" in page


# Figures


def rows(start: str) -> list[list[str]]:
    """The cells of each line of the table in accuracy.md that begins with ``start``, with the file spelled out."""
    text = (DOCS / "accuracy.md").read_text(encoding="utf-8")
    table = text.split(start, 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    found = [[cell.strip(" `") for cell in line.strip("| ").split(" | ")] for line in table]
    for before, row in pairwise(found):
        row[-1] = before[-1] if row[-1] == "the same" else row[-1]
    return found


def result(name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((ROOT / "benchmarks" / "results" / name).read_text(encoding="utf-8"))
    return loaded


def test_the_errors_in_degrees_are_those_of_the_files() -> None:
    for what, *stated, interval, geodesic, file in rows("| measured on | yaw | pitch | roll | MAE |"):
        metrics = result(file)["metrics"]
        measured = [metrics[name] for name in ("yaw", "pitch", "roll", "mae", "geodesic")]  # type: ignore[index]
        assert [float(cell) for cell in (*stated, geodesic)] == pytest.approx(measured, abs=0.00501)
        bounds = [float(bound) for bound in interval.split(" to ")]
        assert bounds == pytest.approx(metrics["mae_interval"], abs=0.00501)  # type: ignore[index]
        assert result(file)["boxes"] == ("annotation" if what.endswith("given boxes") else "detector")
        assert result(file)["missed"] == []


def test_the_coverage_is_that_of_the_files() -> None:
    for what, *stated, file in rows("| measured on | yaw | pitch | roll | file |"):
        metrics = result(file)["metrics"]
        sigma = "coverage_2_sigma" if what.endswith("two") else "coverage_1_sigma"
        assert [float(cell) for cell in stated] == pytest.approx(metrics[sigma], abs=0.00501)  # type: ignore[index]


def test_the_recall_is_that_of_the_file() -> None:
    for what, recall, file in rows("| measured on | recall at precision 0.90 |"):
        [row] = [row for row in result(file)["size_classes"] if f"from {row['min_size']:.0f} px" in what]  # type: ignore[attr-defined]
        assert float(recall) == pytest.approx(row["recall"], abs=0.00501)


def test_the_real_face_of_the_convention_page_has_the_angles_it_says(
    estimator: HeadPoseEstimator, photo: Image
) -> None:
    text = (DOCS / "convention.md").read_text(encoding="utf-8")
    [pose] = estimator.predict(photo)
    for name in ("yaw", "pitch", "roll"):
        [stated] = re.findall(rf"\({name} ([+-][\d.]+)\)", text)
        assert float(stated) == pytest.approx(getattr(pose, name), abs=0.5)


def test_the_metrics_of_the_models_page_are_taken(tmp_path: Path) -> None:
    [text] = blocks(DOCS / "models.md", "json")
    model = copy_model(find_model(DEFAULT_MODEL).path, tmp_path / "mine")
    (model / "metrics.json").write_text(text)
    assert "my test heads, given boxes" in prepare(open_folder(model), "org/repo").files["README.md"].decode()


# The schema of the records. Whoever changes it says so in the changelog, and keeps what CONTRIBUTING.md promises.

SCHEMA = json.loads((DOCS / "image-result.schema.json").read_text(encoding="utf-8"))


def valid(record: object) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(json.loads(json.dumps(record)))


def test_the_schema_is_what_it_was() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert list(SCHEMA["properties"]) == ["file", "width", "height", "faces", "error"]
    face = SCHEMA["$defs"]["face"]
    angles = ["yaw", "pitch", "roll", "yaw_std", "pitch_std", "roll_std"]
    assert face["required"] == list(face["properties"]) == [*angles, "box", "score"]


def test_records_are_as_the_schema_says(estimator: HeadPoseEstimator) -> None:
    paths = [ROOT / "examples" / "astronaut.jpg", ROOT / "missing.jpg"]
    good, bad = (result.to_dict() for result in estimator.predict_files(paths))
    assert valid(good)
    assert valid(bad)
    assert list(good) == ["file", "width", "height", "faces"]
    assert list(good["faces"][0]) == SCHEMA["$defs"]["face"]["required"]
    pose = HeadPose(1, 2, 3, 4, 5, 6, BoundingBox(-3, 0, 9, 9), None)
    assert valid(ImageResult("a.jpg", 8, 8, (pose,)).to_dict())
    assert valid(ImageResult("a.jpg", 8, 8, ()).to_dict())


def test_the_schema_refuses_what_is_no_record() -> None:
    good = ImageResult("a.jpg", 8, 8, (HeadPose(1, 2, 3, 4, 5, 6, BoundingBox(0, 0, 9, 9), 0.9),)).to_dict()
    [face] = good["faces"]
    assert not valid({**good, "error": "both"})
    assert not valid({name: value for name, value in good.items() if name != "faces"})
    for name in face:
        assert not valid({**good, "faces": [{key: value for key, value in face.items() if key != name}]})
    for wrong in ({"yaw": "left"}, {"yaw_std": -1}, {"box": [1, 2, 3]}, {"score": 2}):
        assert not valid({**good, "faces": [{**face, **wrong}]})
