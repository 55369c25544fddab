"""Every problem that the doctor knows, on findings made up for it; and that the real ones are gathered."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fresh_python import run_python

import headpose_sdk
from headpose_sdk.cli.doctor import report
from headpose_sdk.doctor.findings import Findings, Prediction, gather
from headpose_sdk.doctor.nvidia import Gpu, Nvidia
from headpose_sdk.doctor.problems import OLDEST, diagnose, fitting_extra

ROOT = Path(__file__).parent.parent
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
V100, H100 = Gpu("Tesla V100-SXM2-16GB", (7, 0)), Gpu("NVIDIA H100", (9, 0))
NO_GPU = Nvidia(hardware=False, driver_cuda=None, gpus=(), cuda=None, cudnn=None)
WITH_GPU = Nvidia(
    hardware=True, driver_cuda=(13, 0), gpus=(H100,), cuda="nvidia-cuda-runtime 13.0.96", cudnn="nvidia-cudnn-cu13 9.1"
)
ON_CPU = Prediction(providers=(CPU,), angles=((-0.2, -8.4, 3.8),), milliseconds=10.4)
ON_GPU = replace(ON_CPU, providers=(CUDA, CPU))
HEALTHY = Findings(
    python="3.11.7",
    system="Linux",
    version="0.1.0",
    packages={
        "numpy": {"numpy": "2.4.6"},
        "cv2": {"opencv-python-headless": "5.0.0.93"},
        "onnxruntime": {"onnxruntime-gpu": "1.31.0"},
        "huggingface_hub": {"huggingface-hub": "2.4.0"},
    },
    built_in=(CUDA, CPU),
    runtime_error=None,
    nvidia=NO_GPU,
    threads=2,
    damaged=(),
    cache="/home/me/.cache/huggingface/hub",
    cache_writable=True,
    prediction=ON_CPU,
)


def with_package(module: str, **versions: str) -> Findings:
    installed = {name.replace("_", "-"): version for name, version in versions.items()}
    return replace(HEALTHY, packages={**HEALTHY.packages, module: installed})


ILL = {
    "two runtimes": (
        with_package("onnxruntime", onnxruntime="1.32.0", onnxruntime_gpu="1.31.0"),
        "onnxruntime and onnxruntime-gpu are installed at once",
        "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu",
    ),
    "two OpenCVs": (
        with_package("cv2", opencv_python="4.12.0", opencv_python_headless="5.0.0"),
        "opencv-python and opencv-python-headless are installed at once",
        "pip uninstall -y opencv-python opencv-python-headless && pip install opencv-python-headless",
    ),
    "an old numpy": (
        with_package("numpy", numpy="1.24.4"),
        "numpy 1.24.4 is too old, 1.26 is the oldest that works",
        'pip install --upgrade "numpy>=1.26"',
    ),
    "an old OpenCV under its other name": (
        with_package("cv2", opencv_contrib_python="4.9.0.80"),
        "opencv-contrib-python 4.9.0.80 is too old, 4.10.0.84 is the oldest",
        'pip install --upgrade "opencv-contrib-python>=4.10.0.84"',
    ),
    "no runtime": (
        replace(HEALTHY, built_in=None, runtime_error="no module", prediction=Prediction(error="no module")),
        "ONNX Runtime cannot be imported: no module",
        "pip install --force-reinstall onnxruntime-gpu",
    ),
    "no huggingface_hub": (
        with_package("huggingface_hub"),
        "huggingface-hub is not installed",
        "pip install huggingface-hub",
    ),
    "a GPU that a container does not see": (
        replace(HEALTHY, nvidia=replace(NO_GPU, hardware=True)),
        "there is an NVIDIA GPU, but its driver does not answer",
        "install NVIDIA's driver and see that `nvidia-smi` lists the GPU; start a container with `--gpus all`",
    ),
    "a runtime without CUDA": (
        replace(with_package("onnxruntime", onnxruntime="1.32.0"), built_in=(CPU,), nvidia=WITH_GPU),
        "NVIDIA H100 (compute capability 9.0) is not used: the installed ONNX Runtime was built without CUDA",
        'pip uninstall -y onnxruntime && pip install "headpose-sdk[cuda]"',
    ),
    "a V100 with CUDA 13": (
        replace(HEALTHY, nvidia=replace(WITH_GPU, gpus=(V100,), driver_cuda=(12, 4))),
        "onnxruntime-gpu 1.31.0 is made for CUDA 13, which needs a compute capability of 7.5 and a driver for it; "
        "this one is for CUDA 12.4",
        'pip install "headpose-sdk[cuda12]"',
    ),
    "no CUDA": (
        replace(HEALTHY, nvidia=replace(WITH_GPU, cuda=None)),
        "is not used: CUDA cannot be found",
        'pip install "headpose-sdk[cuda]"',
    ),
    "no cuDNN for a V100": (
        replace(
            with_package("onnxruntime", onnxruntime_gpu="1.26.0"), nvidia=replace(WITH_GPU, gpus=(V100,), cudnn=None)
        ),
        "is not used: cuDNN cannot be found",
        'pip install "headpose-sdk[cuda12]"',
    ),
    "a GPU that fails": (
        replace(HEALTHY, nvidia=WITH_GPU, prediction=replace(ON_CPU, warnings=("out of memory",))),
        "is not used although CUDA and cuDNN are there: out of memory",
        'pip install "headpose-sdk[cuda]"',
    ),
    "a damaged model": (
        replace(HEALTHY, damaged=("model.int8.onnx has SHA-256 ab...",), prediction=Prediction(error="has SHA-256")),
        "a bundled model is damaged: model.int8.onnx has SHA-256 ab...",
        "pip install --force-reinstall --no-deps headpose-sdk",
    ),
    "a cache that cannot be written": (
        replace(HEALTHY, cache_writable=False),
        "models of the Hub cannot be kept: /home/me/.cache/huggingface/hub cannot be written",
        "export HF_HOME=DIR, a folder that you may write, or mend the permissions",
    ),
    "a prediction that fails": (
        replace(HEALTHY, prediction=Prediction(error="ONNX Runtime failed on a batch")),
        "the sample photo cannot be predicted: ONNX Runtime failed on a batch",
        "pip install --force-reinstall --no-deps headpose-sdk",
    ),
    "no face": (
        replace(HEALTHY, prediction=replace(ON_CPU, angles=())),
        "shows one face that looks into the camera, and this machine finds no face",
        "pip install --upgrade onnxruntime-gpu, and report it with the output of `headpose doctor --json`",
    ),
    "wrong angles": (
        replace(HEALTHY, prediction=replace(ON_CPU, angles=((80.0, 3.0, 1.0),))),
        "and this machine finds (80.0, 3.0, 1.0)",
        "pip install --upgrade onnxruntime-gpu, and report it with the output of `headpose doctor --json`",
    ),
}


@pytest.mark.parametrize("findings", [HEALTHY, replace(HEALTHY, nvidia=WITH_GPU, prediction=ON_GPU)])
def test_on_a_healthy_machine_all_is_well(findings: Findings) -> None:
    assert diagnose(findings) == []
    assert list(report(findings, []))[-1] == "All is well."


@pytest.mark.parametrize(("findings", "what", "mend"), ILL.values(), ids=ILL)
def test_a_problem_is_told_once_with_what_mends_it(findings: Findings, what: str, mend: str) -> None:
    [problem] = diagnose(findings)
    assert what in problem.what
    assert problem.mend == mend
    lines = list(report(findings, [problem]))
    assert f"PROBLEM  {problem.what}" in lines
    assert f"  mend:  {mend}" in lines


def test_the_extra_fits_gpu_and_driver() -> None:
    assert fitting_extra(NO_GPU) is None
    assert fitting_extra(WITH_GPU) == "cuda"
    assert fitting_extra(replace(WITH_GPU, gpus=(H100, V100))) == "cuda12"
    assert fitting_extra(replace(WITH_GPU, driver_cuda=(12, 8))) == "cuda12"
    assert fitting_extra(replace(WITH_GPU, driver_cuda=None)) == "cuda12"


def test_the_oldest_versions_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    modules = {"opencv-python-headless": "cv2", "huggingface-hub": "huggingface_hub", "onnxruntime-gpu": "onnxruntime"}
    for line in project["dependencies"]:
        name, oldest = re.match(r"([\w-]+)>=([\d.]+)", line).groups()  # type: ignore[union-attr]
        assert OLDEST[modules.get(name, name)] == tuple(map(int, oldest.split("."))), name


def test_what_is_here_is_found() -> None:
    findings = gather()
    assert findings.packages["numpy"]["numpy"] == np.__version__
    assert len(findings.packages["onnxruntime"]) >= 1
    assert CPU in (findings.built_in or ())
    assert findings.damaged == ()
    [angles] = findings.prediction.angles
    assert max(map(abs, angles)) < 25
    assert findings.prediction.milliseconds is not None
    assert 0 < findings.prediction.milliseconds < 60_000


DOCTOR = """
import sys
from headpose_sdk.cli.main import main
code = main(["doctor", *sys.argv[1:]])
print("exit code", code)
"""


def test_the_command_tells_a_damaged_package_and_fails(tmp_path: Path) -> None:
    package = Path(headpose_sdk.__file__).parent
    shutil.copytree(package, tmp_path / "headpose_sdk", ignore=shutil.ignore_patterns("__pycache__"))
    weights = tmp_path / "headpose_sdk" / "models" / "ehpnet-face" / "model.fp32.onnx"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    *text, last = run_python(DOCTOR, "--json", folder=tmp_path, PYTHONPATH=str(tmp_path)).splitlines()
    assert last == "exit code 1"
    problems = json.loads("\n".join(text))["problems"]
    assert ["a bundled model is damaged" in problem["what"] for problem in problems] == [True]


def test_a_cache_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = run_python(DOCTOR, folder=tmp_path, HF_HOME=str(tmp_path / "file" / "hf"))
    assert "PROBLEM  models of the Hub cannot be kept" in answer
    assert answer.endswith("exit code 1")
