"""The package as a whole: what it exports, what importing it loads, and that its documentation holds."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import tomllib
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pytest
from fresh_python import run_python

import headpose_sdk

ROOT = Path(__file__).parent.parent
NEEDS_AN_EXTRA = ("headpose_sdk.synthesis", "headpose_sdk.training")


def public_modules() -> list[str]:
    """Every module of the package that a plain install can import."""
    found = pkgutil.walk_packages(headpose_sdk.__path__, "headpose_sdk.", onerror=lambda name: None)
    return [module.name for module in found if not module.name.startswith(NEEDS_AN_EXTRA)]


def test_the_inventory_is_what_it_was() -> None:
    """Whoever adds or removes a public name says so here, and in the changelog."""
    assert headpose_sdk.__all__ == [
        "BoundingBox",
        "DatasetError",
        "FaceDetection",
        "FaceDetector",
        "Frame",
        "HeadPose",
        "HeadPoseError",
        "HeadPoseEstimator",
        "HeadPoseTracker",
        "Image",
        "ImageResult",
        "InvalidBoxError",
        "InvalidImageError",
        "ModelDownloadError",
        "ModelError",
        "ModelInfo",
        "ModelIntegrityError",
        "ModelNotFoundError",
        "OnnxFaceDetector",
        "OutputError",
        "PoseBatch",
        "ProviderError",
        "RenderError",
        "TrackedPose",
        "TrainingError",
        "UnknownModelError",
        "VideoError",
        "VideoReader",
        "__version__",
        "download_model",
        "draw_poses",
        "list_models",
        "open_video",
        "read_image",
        "write_image",
    ]


def test_the_door_exports_what_it_imports_and_nothing_else() -> None:
    assert sorted(headpose_sdk.__all__) == headpose_sdk.__all__
    rooms = {module.name for module in pkgutil.iter_modules(headpose_sdk.__path__)}
    visible = {name for name in vars(headpose_sdk) if not name.startswith("_")} - rooms
    assert visible == set(headpose_sdk.__all__) - {"__version__"}


def test_every_error_is_exported() -> None:
    errors = importlib.import_module("headpose_sdk.errors")
    names = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert names <= set(headpose_sdk.__all__)
    for name in names - {"HeadPoseError"}:
        assert issubclass(getattr(headpose_sdk, name), headpose_sdk.HeadPoseError)
        assert name in str(errors.__doc__)  # the tree drawn there is complete


def test_importing_the_package_loads_no_heavy_library(tmp_path: Path) -> None:
    heavy = ("torch", "timm", "onnx", "huggingface_hub", "onnxruntime", "scipy", "matplotlib", "pandas")
    code = f"import headpose_sdk, sys; print([name for name in {heavy} if name in sys.modules])"
    assert run_python(code, folder=tmp_path, quiet=True) == "[]"


def test_predicting_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    code = """
import sys
import headpose_sdk
estimator = headpose_sdk.HeadPoseEstimator(device="cpu", threads=1)
estimator.predict(headpose_sdk.read_image(sys.argv[1]))
print([name for name in ("torch", "timm", "onnx", "huggingface_hub", "scipy", "matplotlib") if name in sys.modules])
"""
    photo = ROOT / "examples" / "astronaut.jpg"
    assert run_python(code, photo, folder=tmp_path, quiet=True) == "[]"


def test_the_example_in_the_package_docstring_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = doctest.testmod(headpose_sdk)
    assert result.attempted >= 4
    assert result.failed == 0


@pytest.mark.parametrize("name", public_modules())
def test_every_module_and_everything_public_in_it_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, name
    for public in getattr(module, "__all__", []):
        value = getattr(module, public)
        if inspect.isfunction(value) or inspect.isclass(value):
            # A dataclass without a docstring gets its signature for one.
            assert not str(inspect.getdoc(value)).startswith((f"{public}(", "None")), f"{name}.{public}"
        if inspect.isclass(value) and value.__module__ == name:
            for method_name, method in vars(value).items():
                if not method_name.startswith("_") and (inspect.isfunction(method) or isinstance(method, property)):
                    assert inspect.getdoc(method), f"{name}.{public}.{method_name}"


@pytest.mark.parametrize("name", public_modules())
def test_all_lists_names_that_exist(name: str) -> None:
    module = importlib.import_module(name)
    missing = [public for public in getattr(module, "__all__", []) if not hasattr(module, public)]
    assert missing == []


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert headpose_sdk.__version__ == version("headpose-sdk") == project["version"]


def test_types_and_the_sample_photo_are_in_the_package() -> None:
    package = files("headpose_sdk")
    assert package.joinpath("py.typed").is_file()
    bundled = package.joinpath("assets/astronaut.jpg").read_bytes()
    assert bundled == (ROOT / "examples" / "astronaut.jpg").read_bytes()
    assert len(bundled) < 100_000
