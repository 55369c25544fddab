"""What this machine lets this process use: CPUs, and a GPU that answers."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from pathlib import Path

__all__ = ["available_threads", "has_nvidia_driver"]


def available_threads() -> int:
    """How many CPUs this process may use: by its affinity and by the cgroup's quota, not by what the host has."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity call
        count = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            count = min(count, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        pass  # no cgroup v2: nothing limits us further
    return max(1, count)


def has_nvidia_driver() -> bool:
    """Whether a driver with at least one GPU answers; asking ONNX Runtime without one prints red errors."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
