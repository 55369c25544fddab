"""What the package must not do by its own code, and that what CI installs is pinned and its licences are known."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SOURCES = {path.relative_to(ROOT / "src" / "headpose_sdk").as_posix(): path for path in (ROOT / "src").rglob("*.py")}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def imported(tree: ast.AST) -> set[str]:
    """The first names of all modules that are imported anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the name of what is called, such as torch.load."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def importers(*modules: str) -> set[str]:
    return {name for name, tree in TREES.items() if imported(tree) & set(modules)}


def test_nothing_can_be_run_by_what_is_read() -> None:
    """No pickle nor anything else that turns data into code; training names pickle for the error that torch raises."""
    assert importers("pickle", "marshal", "shelve", "dill", "joblib", "yaml", "runpy", "code") == {
        "training/initial.py"
    }
    assert "pickle.UnpicklingError" in SOURCES["training/initial.py"].read_text(encoding="utf-8")
    forbidden = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.load", "pickle.loads"}
    assert [(name, called) for name, tree in TREES.items() for called, _ in calls(tree) if called in forbidden] == []
    assert all("allow_pickle" not in path.read_text(encoding="utf-8") for path in SOURCES.values())


def test_torch_reads_weights_only_and_writes_safetensors() -> None:
    found = [(name, called, call) for name, tree in TREES.items() for called, call in calls(tree)]
    loads = [(name, call) for name, called, call in found if called == "torch.load"]
    assert {name for name, _ in loads} == {"training/initial.py"}
    for _, call in loads:
        assert "weights_only=True" in ast.unparse(call)
    assert [name for name, called, _ in found if called == "torch.save"] == []


def test_programs_are_started_and_the_network_is_asked_in_a_few_places_only() -> None:
    assert importers("subprocess") == {"video/sound.py", "training/provenance.py", "integrations/ray.py"}
    assert importers("socket", "http", "requests", "httpx", "ftplib", "smtplib", "ssl") <= {
        "hub.py",
        "integrations/ray.py",
    }
    assert {name for name, path in SOURCES.items() if "urlopen" in path.read_text(encoding="utf-8")} <= {"hub.py"}
    for _, call in ((name, call) for name, tree in TREES.items() for name, call in calls(tree)):
        assert "shell=True" not in ast.unparse(call)


def test_no_clock_that_may_be_set_times_anything() -> None:
    wrong = {"time.time", "datetime.now", "datetime.datetime.now", "datetime.utcnow"}
    assert [(name, called) for name, tree in TREES.items() for called, _ in calls(tree) if called in wrong] == []


# What is installed


@pytest.fixture(scope="module")
def renew() -> ModuleType:
    """requirements/renew.py as a module."""
    spec = spec_from_file_location("renew", ROOT / "requirements" / "renew.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pinned(renew: ModuleType) -> dict[str, str]:
    lines = renew.CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


@pytest.fixture(scope="module")
def licences(renew: ModuleType) -> dict[str, str]:
    rows = [
        line.strip("| ").split(" | ") for line in renew.PAGE.read_text(encoding="utf-8").splitlines() if "|" in line
    ]
    return {name: licence for name, licence in (row for row in rows if len(row) == 2) if name != "package"}


def test_every_dependency_is_pinned_to_a_version_that_it_may_have(renew: ModuleType, pinned: dict[str, str]) -> None:
    asked = list(PROJECT["dependencies"])
    for extra in renew.extras():
        asked += PROJECT["optional-dependencies"][extra]
    for requirement in map(Requirement, [*asked, "hatchling"]):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name}: make constraints"
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}: make constraints"


def test_the_licence_of_everything_pinned_is_listed(pinned: dict[str, str], licences: dict[str, str]) -> None:
    assert licences.keys() == pinned.keys()
    assert all(licences.values())


def test_licences_are_what_the_installed_packages_say(
    renew: ModuleType, pinned: dict[str, str], licences: dict[str, str]
) -> None:
    compared = 0
    for name, version in pinned.items():
        try:
            found = metadata(name)
        except PackageNotFoundError:
            continue
        if found["Version"] == version:
            assert licences[name] == renew.licence(found.json), name
            compared += 1
    assert compared > 0 or metadata("numpy")["Version"] != pinned["numpy"]


def test_ci_installs_what_is_pinned() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "export PIP_CONSTRAINT=$checkout/requirements/constraints.txt" in script
