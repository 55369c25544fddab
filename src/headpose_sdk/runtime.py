"""One ONNX Runtime session: which device it is to use, and proof that it does."""

from __future__ import annotations

import ctypes
import math
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.config import ModelFolder
from headpose_sdk.errors import ModelIntegrityError, ProviderError

__all__ = ["Device", "OnnxModel", "Provider", "available_threads", "has_nvidia_driver"]

Device: TypeAlias = Literal["auto", "cpu", "cuda"]
Provider: TypeAlias = str | tuple[str, Mapping[str, Any]]

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# HEURISTIC picks a convolution at once; the default EXHAUSTIVE times every one again for each new batch size.
_CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC"}
_INSTALL_CUDA = (
    'install the GPU runtime with `pip install "headpose-sdk[cuda]"` (a V100 needs "headpose-sdk[cuda12]") '
    "and a current NVIDIA driver, or use device='cpu'"
)


class OnnxModel:
    """A loaded network; :meth:`run` may be called from several threads at once.

    ``device`` "auto" takes the GPU where a driver is present and the session really runs on it, else the CPU;
    "cuda" that would end on the CPU is an error. ``providers`` overrides ``device`` with ONNX Runtime's own list.
    ``threads`` is the number of CPU threads, by default the number of CPUs this process may use.

    Raises:
        ProviderError: if what was asked for does not work here.
        ModelIntegrityError: if ONNX Runtime cannot read the network.
    """

    def __init__(
        self,
        folder: ModelFolder,
        *,
        device: Device = "auto",
        threads: int | None = None,
        providers: Sequence[Provider] | None = None,
    ) -> None:
        if device not in ("auto", "cpu", "cuda"):
            raise ProviderError(f"device={device!r} is not known; use 'auto', 'cpu' or 'cuda'")
        if providers is not None and device != "auto":
            raise ProviderError("give device= or providers=, not both; providers= decides the device by itself")
        if threads is not None and threads < 1:
            raise ProviderError(f"threads={threads} is not possible; give at least 1, or None for all this process has")
        self._folder = folder
        self._threads = threads or available_threads()
        self._session = self._start(device, providers)
        self._input: str = self._session.get_inputs()[0].name
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())

    def run(self, batch: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """The network's outputs for a uint8 batch (N, H, W, 3): finite numbers.

        Raises:
            ProviderError: if ONNX Runtime gives up, for want of memory say.
            ModelIntegrityError: if NaN or infinity comes out.
        """
        try:
            outputs: list[NDArray[Any]] = self._session.run(None, {self._input: np.ascontiguousarray(batch)})
        except Exception as error:
            raise ProviderError(
                f"ONNX Runtime failed on a batch of shape {batch.shape} on {self.providers[0]}: {_first_line(error)}; "
                "try a smaller batch or device='cpu'"
            ) from error
        if not all(np.isfinite(output).all() for output in outputs):
            raise ModelIntegrityError(
                f"the network in {self._folder.path} answered NaN or infinity on {self.providers[0]}; "
                "try device='cpu', or export the model again"
            )
        return outputs

    def _start(self, device: Device, providers: Sequence[Provider] | None) -> Any:
        if providers is not None:
            return self._exactly(providers)
        if device == "cpu":
            return self._session_with([_CPU])
        if device == "cuda":
            return self._exactly([(_CUDA, _CUDA_OPTIONS), _CPU])
        if has_nvidia_driver() and _CUDA in _onnxruntime().get_available_providers():
            try:
                return self._exactly([(_CUDA, _CUDA_OPTIONS), _CPU])
            except ProviderError as error:
                warnings.warn(f"running on the CPU although there is an NVIDIA GPU: {error}", stacklevel=4)
        return self._session_with([_CPU])

    def _exactly(self, providers: Sequence[Provider]) -> Any:
        """A session that really uses the first of ``providers``."""
        names = [provider if isinstance(provider, str) else provider[0] for provider in providers]
        if not names:
            raise ProviderError(
                "providers=[] names nothing to run on; leave it out, or give e.g. ['CPUExecutionProvider']"
            )
        built_in = _onnxruntime().get_available_providers()
        missing = [name for name in names if name not in built_in]
        if missing:
            advice = _INSTALL_CUDA if _CUDA in missing else f"this one has {', '.join(built_in)}"
            raise ProviderError(f"the installed ONNX Runtime was built without {', '.join(missing)}; {advice}")
        session = self._session_with(providers)
        if session.get_providers()[0] != names[0]:
            advice = _INSTALL_CUDA if names[0] == _CUDA else "see ONNX Runtime's documentation of that provider"
            raise ProviderError(
                f"ONNX Runtime has {names[0]} but could not start it and fell back to "
                f"{session.get_providers()[0]}; {advice}"
            )
        return session

    def _session_with(self, providers: Sequence[Provider]) -> Any:
        ort = _onnxruntime()
        on_cuda = any(_CUDA in provider for provider in providers)
        if on_cuda and hasattr(ort, "preload_dlls"):
            ort.preload_dlls()  # finds the CUDA libraries that pip installed
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 4  # what fails is raised, not printed
        weights = self._folder.read_weights(self._file_for(on_cuda))
        try:
            return ort.InferenceSession(weights, options, providers=list(providers))
        except Exception as error:  # ONNX Runtime's errors share no base class of their own
            reason = _first_line(error)
            if on_cuda:
                raise ProviderError(f"ONNX Runtime could not start on CUDA: {reason}; {_INSTALL_CUDA}") from error
            raise ModelIntegrityError(
                f"ONNX Runtime cannot load the network in {self._folder.path}: {reason}; "
                "upgrade onnxruntime, or export the model again"
            ) from error

    def _file_for(self, on_cuda: bool) -> str:
        if not on_cuda:
            return "cpu"
        if "cuda" not in self._folder.config.files:
            warnings.warn(
                f"model {self._folder.config.name} has no file made for CUDA; the one for the CPU runs there, slower",
                stacklevel=6,
            )
            return "cpu"
        return "cuda"


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


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _onnxruntime() -> Any:
    """The module, imported when the first network is loaded: programs that never do should not wait for it."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ProviderError(
            f"ONNX Runtime cannot be imported ({error}); install it with `pip install onnxruntime` "
            "(or onnxruntime-gpu, never both in one environment)"
        ) from error
    return onnxruntime
