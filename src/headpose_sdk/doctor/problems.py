"""What is wrong with a machine, judged from :class:`Findings` alone; every problem comes with what mends it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from headpose_sdk.doctor.findings import Findings
from headpose_sdk.doctor.nvidia import Nvidia

__all__ = ["OLDEST", "Problem", "diagnose", "fitting_extra"]

OLDEST = {"numpy": (1, 26), "cv2": (4, 10, 0, 84), "onnxruntime": (1, 21), "huggingface_hub": (0, 25)}
"""The oldest versions, by module, that this package works with; as pyproject.toml has them."""

_CUDA = "CUDAExecutionProvider"
_FIRST_OF_CUDA_13 = (1, 27)  # onnxruntime-gpu; those before it are made for CUDA 12
_OLDEST_OF_CUDA_13 = (7, 5)  # compute capability; CUDA 13 has left Volta and older behind
_SAMPLE_POSE, _TOLERANCE = (0.0, 0.0, 0.0), 25.0  # degrees; the sample looks almost into the camera
_REINSTALL = "pip install --force-reinstall --no-deps headpose-sdk"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and the command, or else the sentence, that mends it."""

    what: str
    mend: str


def diagnose(findings: Findings) -> list[Problem]:
    """All problems, those first that are likely to be the cause of others; none on a machine where all is well."""
    return [problem for judge in _JUDGES for problem in judge(findings)]


def fitting_extra(nvidia: Nvidia) -> str | None:
    """``cuda`` or ``cuda12``, the extra whose CUDA runs on every GPU and with the driver here; None without a GPU."""
    if not nvidia.gpus:
        return None
    too_old = any(gpu.compute_capability < _OLDEST_OF_CUDA_13 for gpu in nvidia.gpus)
    return "cuda12" if too_old or (nvidia.driver_cuda or (0, 0)) < (13, 0) else "cuda"


def _two_runtimes(findings: Findings) -> Iterator[Problem]:
    runtimes = findings.packages["onnxruntime"]
    if len(runtimes) > 1:
        keep = "onnxruntime-gpu" if "onnxruntime-gpu" in runtimes else "onnxruntime"
        yield Problem(
            f"{' and '.join(runtimes)} are installed at once: they write over each other's files",
            f"pip uninstall -y {' '.join(runtimes)} && pip install {keep}",
        )


def _two_opencvs(findings: Findings) -> Iterator[Problem]:
    packages = findings.packages["cv2"]
    if len(set(packages.values())) > 1:
        yield Problem(
            f"{' and '.join(packages)} are installed at once, in other versions: they write over each other's files",
            f"pip uninstall -y {' '.join(packages)} && pip install opencv-python-headless",
        )


def _old_packages(findings: Findings) -> Iterator[Problem]:
    for module, oldest in OLDEST.items():
        for name, version in findings.packages[module].items():
            if _numbers(version) < oldest:
                yield Problem(
                    f"{name} {version} is too old, {_dotted(oldest)} is the oldest that works",
                    f'pip install --upgrade "{name}>={_dotted(oldest)}"',
                )


def _no_runtime(findings: Findings) -> Iterator[Problem]:
    if findings.built_in is None:
        yield Problem(
            f"ONNX Runtime cannot be imported: {findings.runtime_error}",
            "pip install --force-reinstall onnxruntime-gpu",
        )


def _no_hub(findings: Findings) -> Iterator[Problem]:
    if not findings.packages["huggingface_hub"]:
        yield Problem(
            "huggingface-hub is not installed: models of the Hub cannot be had", "pip install huggingface-hub"
        )


def _gpu_without_driver(findings: Findings) -> Iterator[Problem]:
    nvidia = findings.nvidia
    if nvidia.hardware and not nvidia.gpus:
        yield Problem(
            "there is an NVIDIA GPU, but its driver does not answer this process",
            "install NVIDIA's driver and see that `nvidia-smi` lists the GPU; start a container with `--gpus all`",
        )


def _gpu_not_used(findings: Findings) -> Iterator[Problem]:
    """A GPU that would work, and a session on the CPU: the first reason that explains it."""
    nvidia, extra = findings.nvidia, fitting_extra(findings.nvidia)
    if extra is None or findings.built_in is None or _CUDA in findings.prediction.providers:
        return
    install = f'pip install "headpose-sdk[{extra}]"'
    runtime = findings.packages["onnxruntime"].get("onnxruntime-gpu", "")
    names = ", ".join(f"{gpu.name} (compute capability {_dotted(gpu.compute_capability)})" for gpu in nvidia.gpus)
    if _CUDA not in findings.built_in:
        yield Problem(
            f"{names} is not used: the installed ONNX Runtime was built without CUDA",
            f"pip uninstall -y {' '.join(findings.packages['onnxruntime'])} && {install}",
        )
    elif extra == "cuda12" and _numbers(runtime) >= _FIRST_OF_CUDA_13:
        yield Problem(
            f"{names} is not used: onnxruntime-gpu {runtime} is made for CUDA 13, which needs a compute capability of "
            f"{_dotted(_OLDEST_OF_CUDA_13)} and a driver for it; this one is for CUDA "
            f"{_dotted(nvidia.driver_cuda or (0, 0))}",
            install,
        )
    elif missing := [name for name, found in (("CUDA", nvidia.cuda), ("cuDNN", nvidia.cudnn)) if found is None]:
        yield Problem(f"{names} is not used: {' and '.join(missing)} cannot be found", install)
    else:
        said = "; ".join(findings.prediction.warnings) or "ONNX Runtime gives no reason"
        yield Problem(f"{names} is not used although CUDA and cuDNN are there: {said}", install)


def _damaged_models(findings: Findings) -> Iterator[Problem]:
    for complaint in findings.damaged:
        yield Problem(f"a bundled model is damaged: {complaint}", _REINSTALL)


def _cache_not_writable(findings: Findings) -> Iterator[Problem]:
    if not findings.cache_writable:
        yield Problem(
            f"models of the Hub cannot be kept: {findings.cache} cannot be written",
            "export HF_HOME=DIR, a folder that you may write, or mend the permissions",
        )


def _prediction_wrong(findings: Findings) -> Iterator[Problem]:
    prediction = findings.prediction
    if prediction.error is not None:
        if findings.built_in is not None and not findings.damaged:  # or that is the reason, and told already
            yield Problem(f"the sample photo cannot be predicted: {prediction.error}", _REINSTALL)
    elif len(prediction.angles) != 1 or any(
        abs(angle - wanted) > _TOLERANCE for angle, wanted in zip(prediction.angles[0], _SAMPLE_POSE, strict=True)
    ):
        found = ", ".join(map(str, prediction.angles)) or "no face"
        yield Problem(
            f"the sample photo shows one face that looks into the camera, and this machine finds {found}",
            "pip install --upgrade onnxruntime-gpu, and report it with the output of `headpose doctor --json`",
        )


_JUDGES: tuple[Callable[[Findings], Iterator[Problem]], ...] = (
    _two_runtimes,
    _two_opencvs,
    _old_packages,
    _no_runtime,
    _no_hub,
    _gpu_without_driver,
    _gpu_not_used,
    _damaged_models,
    _cache_not_writable,
    _prediction_wrong,
)


def _numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: "1.27.0.dev3" is (1, 27, 0)."""
    found = re.match(r"\d+(\.\d+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
