"""What a machine looks like to this package: gathered by :func:`gather`, which tries everything and judges nothing."""

from __future__ import annotations

import os
import platform
import time
import warnings
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from importlib.resources import as_file, files
from pathlib import Path

from headpose_sdk.doctor.nvidia import Nvidia, find_nvidia
from headpose_sdk.errors import HeadPoseError
from headpose_sdk.estimator import HeadPoseEstimator
from headpose_sdk.hardware import available_threads
from headpose_sdk.images import read_image
from headpose_sdk.results import Image
from headpose_sdk.runtime import built_in_providers
from headpose_sdk.weights import download_model, list_models

__all__ = ["Findings", "Prediction", "gather"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What became of the bundled sample: the providers of the session, the faces, and the time of one ``predict``."""

    providers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    angles: tuple[tuple[float, float, float], ...] = ()
    milliseconds: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """``packages``: installed distributions and their versions, by the module that they bring; for numpy, cv2,
    onnxruntime and huggingface_hub. More than one for a module means that they have written over each other's files.

    ``built_in``: providers that ONNX Runtime was built with; None, and ``runtime_error``, if it cannot be imported.
    ``damaged``: what is wrong with bundled models. ``cache``: where models of the Hub go, ``cache_writable``: whether
    they can.
    """

    python: str
    system: str
    version: str
    packages: dict[str, dict[str, str]]
    built_in: tuple[str, ...] | None
    runtime_error: str | None
    nvidia: Nvidia
    threads: int
    damaged: tuple[str, ...]
    cache: str
    cache_writable: bool
    prediction: Prediction


def gather() -> Findings:
    """Everything that :class:`Findings` tells; takes a second or two, for networks are loaded and run."""
    built_in, runtime_error = _runtime()
    cache = _cache()
    return Findings(
        python=platform.python_version(),
        system=platform.platform(),
        version=version("headpose-sdk"),
        packages=_packages(),
        built_in=built_in,
        runtime_error=runtime_error,
        nvidia=find_nvidia(),
        threads=available_threads(),
        damaged=_damaged(),
        cache=str(cache),
        cache_writable=_writable(cache),
        prediction=_predict(),
    )


def _predict() -> Prediction:
    """The second of two predictions of the sample: the first one also warms up."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator = HeadPoseEstimator()
            sample = _sample()
            estimator.predict(sample)
            start = time.perf_counter()
            poses = estimator.predict(sample)
            milliseconds = (time.perf_counter() - start) * 1e3
        except HeadPoseError as error:
            return Prediction(error=str(error))
    return Prediction(
        providers=estimator.providers,
        warnings=tuple(str(warning.message) for warning in caught),
        angles=tuple((round(pose.yaw, 1), round(pose.pitch, 1), round(pose.roll, 1)) for pose in poses),
        milliseconds=round(milliseconds, 1),
    )


def _sample() -> Image:
    with as_file(files("headpose_sdk").joinpath("assets/astronaut.jpg")) as path:
        return read_image(path)


def _packages() -> dict[str, dict[str, str]]:
    installed = packages_distributions()
    modules = ("numpy", "cv2", "onnxruntime", "huggingface_hub")
    return {module: {name: version(name) for name in sorted(set(installed.get(module, ())))} for module in modules}


def _runtime() -> tuple[tuple[str, ...] | None, str | None]:
    try:
        return built_in_providers(), None
    except HeadPoseError as error:
        return None, str(error)


def _damaged() -> tuple[str, ...]:
    try:
        models = list_models()
    except HeadPoseError as error:
        return (str(error),)
    complaints = []
    for model in models:
        if model.bundled:
            try:
                download_model(model.name)
            except HeadPoseError as error:
                complaints.append(str(error))
    return tuple(complaints)


def _cache() -> Path:
    """Where huggingface_hub puts models, by its own rules; it need not be installed."""
    home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    cache = os.environ.get("HF_HUB_CACHE", Path(os.environ.get("HF_HOME", home)) / "hub")
    return Path(os.path.expanduser(cache))  # noqa: PTH111 - Path.expanduser raises for a user without a home


def _writable(folder: Path) -> bool:
    """Whether it, or the nearest folder above it that exists, may be written."""
    existing = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    return existing.is_dir() and os.access(existing, os.W_OK)
