"""What the NVIDIA driver says of itself and of its GPUs, and whether CUDA's libraries are there for ONNX Runtime."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["Gpu", "Nvidia", "find_nvidia"]

_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR, in cuda.h
# What pip installs for onnxruntime-gpu[cuda,cudnn], of CUDA 13 and of CUDA 12, and what a system's own files are named.
_CUDA_PACKAGES = ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12")
_CUDNN_PACKAGES = ("nvidia-cudnn-cu13", "nvidia-cudnn-cu12")
_CUDA_FILES, _CUDNN_FILES = ("libcudart.so.13", "libcudart.so.12"), ("libcudnn.so.9",)


@dataclass(frozen=True, slots=True)
class Gpu:
    """Its name and its compute capability, such as (7, 0) for a V100."""

    name: str
    compute_capability: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Nvidia:
    """``hardware``: a GPU's device file is there. ``driver_cuda``: the CUDA that the driver speaks, None without one.

    ``cuda`` and ``cudnn`` name the package or the file in which ONNX Runtime finds the library, None if there is none.
    """

    hardware: bool
    driver_cuda: tuple[int, int] | None
    gpus: tuple[Gpu, ...]
    cuda: str | None
    cudnn: str | None


def find_nvidia() -> Nvidia:
    """What is there now; a machine without any of it is nothing unusual."""
    driver = _driver()
    return Nvidia(
        hardware=Path("/dev/nvidia0").exists() or Path("/proc/driver/nvidia/version").exists() or driver is not None,
        driver_cuda=None if driver is None else _driver_cuda(driver),
        gpus=() if driver is None else _gpus(driver),
        cuda=_library(_CUDA_PACKAGES, _CUDA_FILES),
        cudnn=_library(_CUDNN_PACKAGES, _CUDNN_FILES),
    )


def _driver() -> ctypes.CDLL | None:
    """The driver's library, if it is there and says that it works."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    return driver if driver.cuInit(0) == 0 else None


def _driver_cuda(driver: ctypes.CDLL) -> tuple[int, int] | None:
    number = ctypes.c_int(0)
    if driver.cuDriverGetVersion(ctypes.byref(number)) != 0:
        return None
    return number.value // 1000, number.value % 1000 // 10  # 13020 is 13.2


def _gpus(driver: ctypes.CDLL) -> tuple[Gpu, ...]:
    count = ctypes.c_int(0)
    driver.cuDeviceGetCount(ctypes.byref(count))
    return tuple(_gpu(driver, index) for index in range(count.value))


def _gpu(driver: ctypes.CDLL, index: int) -> Gpu:
    device, name = ctypes.c_int(0), ctypes.create_string_buffer(256)
    driver.cuDeviceGet(ctypes.byref(device), index)
    driver.cuDeviceGetName(name, len(name), device)

    def attribute(number: int) -> int:
        value = ctypes.c_int(0)
        driver.cuDeviceGetAttribute(ctypes.byref(value), number, device)
        return value.value

    return Gpu(name.value.decode(errors="replace"), (attribute(_MAJOR), attribute(_MINOR)))


def _library(packages: tuple[str, ...], files: tuple[str, ...]) -> str | None:
    for package in packages:
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    for file in files:
        try:
            ctypes.CDLL(file)
        except OSError:
            continue
        return file
    return None
