"""One ONNX Runtime session: which device it is to use, and proof that it does."""

from __future__ import annotations

import ctypes
import math
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.config import ModelFolder
from headpose_sdk.errors import ModelIntegrityError, ProviderError, first_line

__all__ = [
    "Device",
    "OneWarning",
    "OnnxModel",
    "Provider",
    "available_threads",
    "built_in_providers",
    "has_nvidia_driver",
]

Device: TypeAlias = Literal["auto", "cpu", "cuda"]
Provider: TypeAlias = str | tuple[str, Mapping[str, Any]]

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# HEURISTIC picks a convolution at once; the default EXHAUSTIVE times every one again for each new batch size.
_CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC"}
_INSTALL_CUDA = (
    'install the GPU runtime with `pip install "headpose-sdk[cuda]"` (a V100 needs "headpose-sdk[cuda12]") '
    "and a current NVIDIA driver, or use device='cpu'"
)

_PACKAGE = str(Path(__file__).parent) + os.sep
_gathered: ContextVar[list[str] | None] = ContextVar("headpose_sdk_gathered_warnings", default=None)


class OnnxModel:
    """A loaded network; :meth:`run` may be called from several threads at once.

    ``device`` "auto" takes the GPU where a driver is present and the session really runs on it, else the CPU;
    "cuda" that would end on the CPU is an error. ``providers`` overrides ``device`` with ONNX Runtime's own list.
    ``threads`` is the number of CPU threads, by default the number of CPUs this process may use.

    Raises:
        ValueError: if ``device`` or ``threads`` cannot be, ``providers`` is empty, or is given beside ``device``.
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
            raise ValueError(f"device={device!r} is not known; use 'auto', 'cpu' or 'cuda'")
        if providers is not None and device != "auto":
            raise ValueError("give device= or providers=, not both; providers= decides the device by itself")
        if threads is not None and threads < 1:
            raise ValueError(f"threads={threads} is not possible; give at least 1, or None for all this process has")
        self._folder = folder
        self._threads = threads or available_threads()
        self._session = self._start(device, providers)
        self._input: str = self._session.get_inputs()[0].name
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        if _CUDA in self.providers and "cuda" not in folder.config.files:
            _tell(f"model {folder.config.name} has no file made for CUDA; the one for the CPU runs there, slower")

    def run(self, batch: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """The network's outputs for a uint8 batch (N, H, W, 3): finite numbers.

        Raises:
            ProviderError: if ONNX Runtime gives up, for want of memory say.
            ModelIntegrityError: if the network takes another shape or dtype, or NaN or infinity comes out.
        """
        try:
            outputs: list[NDArray[Any]] = self._session.run(None, {self._input: np.ascontiguousarray(batch)})
        except Exception as error:
            expected = self._session.get_inputs()[0]
            if not _fits(batch, expected):
                raise ModelIntegrityError(
                    f"the network in {self._folder.path} takes {expected.type} of shape {expected.shape}, and its "
                    f"config.json promises that it takes {batch.dtype} of shape {batch.shape}; export the model again"
                ) from error
            raise ProviderError(
                f"ONNX Runtime failed on a batch of shape {batch.shape} on {self.providers[0]}: {first_line(error)}; "
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
        # In this order: a driver is not woken for an ONNX Runtime that could not use it.
        if _CUDA not in _onnxruntime().get_available_providers() or not has_nvidia_driver():
            return self._session_with([_CPU])
        try:
            return self._exactly([(_CUDA, _CUDA_OPTIONS), _CPU])
        except ProviderError as error:
            session = self._session_with([_CPU])
            _tell(f"running on the CPU although there is an NVIDIA GPU: {error}")
            return session

    def _exactly(self, providers: Sequence[Provider]) -> Any:
        """A session that really uses the first of ``providers``."""
        names = [provider if isinstance(provider, str) else provider[0] for provider in providers]
        if not names:
            raise ValueError(
                "providers=[] names nothing to run on; leave it out, or give e.g. ['CPUExecutionProvider']"
            )
        built_in = _onnxruntime().get_available_providers()
        missing = [name for name in names if name not in built_in]
        if missing:
            advice = _INSTALL_CUDA if _CUDA in missing else f"this one has {', '.join(built_in)}"
            raise ProviderError(f"the installed ONNX Runtime was built without {', '.join(missing)}; {advice}")
        if _CUDA in names and not has_nvidia_driver():  # ONNX Runtime would say so in red, and at length
            raise ProviderError(f"no NVIDIA driver with a GPU answers on this machine; {_INSTALL_CUDA}")
        session = self._session_with(providers)
        if session.get_providers()[0] != names[0]:
            raise ProviderError(
                f"ONNX Runtime has {names[0]} but could not start it and fell back to "
                f"{session.get_providers()[0]}; {_advice(names[0])}"
            )
        return session

    def _session_with(self, providers: Sequence[Provider]) -> Any:
        first = providers[0] if isinstance(providers[0], str) else providers[0][0]
        on_cuda = any(_CUDA in provider for provider in providers)
        weights = self._folder.read_weights("cuda" if on_cuda and "cuda" in self._folder.config.files else "cpu")
        try:
            return self._open(weights, providers)
        except Exception as error:  # ONNX Runtime's errors share no base class of their own
            broken = error if list(providers) == [_CPU] else self._failure_on_cpu(weights)
            if broken is None:
                raise ProviderError(
                    f"ONNX Runtime could not start {first}: {first_line(error)}; {_advice(first)}"
                ) from error
            raise ModelIntegrityError(
                f"ONNX Runtime cannot load the network in {self._folder.path}: {first_line(broken)}; "
                "upgrade onnxruntime, or export the model again"
            ) from broken

    def _failure_on_cpu(self, weights: bytes) -> Exception | None:
        """Why the network loads nowhere, not even on the CPU; None if it does: then the provider is to blame."""
        try:
            self._open(weights, [_CPU])
        except Exception as error:
            return error
        return None

    def _open(self, weights: bytes, providers: Sequence[Provider]) -> Any:
        ort = _onnxruntime()
        if any(_CUDA in provider for provider in providers) and hasattr(ort, "preload_dlls"):
            with redirect_stdout(sys.stderr):  # it prints what it misses, and stdout may be somebody's data
                ort.preload_dlls()  # finds the CUDA libraries that pip installed
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        # Threads that wait for the next run in a loop would take the cores from the other network: detector and pose
        # network in turn took twice as long.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.log_severity_level = 4  # what fails is raised, not printed
        # ONNX Runtime would print to stdout and fall back by itself. Versions that know no enable_fallback= (1.21)
        # ignore it and ask this attribute.
        never = property(lambda session: False, lambda session, value: None)
        session_class = type("InferenceSession", (ort.InferenceSession,), {"_enable_fallback": never})
        return session_class(weights, options, providers=list(providers), enable_fallback=0)


class OneWarning:
    """A block in which networks are loaded: what they warn of is told at its end, together, if all went well."""

    def __enter__(self) -> None:
        self._messages: list[str] = []
        self._token = _gathered.set(self._messages)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _gathered.reset(self._token)
        if kind is None and self._messages:
            _tell("; ".join(dict.fromkeys(self._messages)))


def _tell(message: str) -> None:
    """Warn at the line outside of this package that led here, however deep inside it we are."""
    gathered = _gathered.get()
    if gathered is not None:
        gathered.append(message)
        return
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def _fits(batch: NDArray[Any], expected: Any) -> bool:
    """Whether the network's input, ``expected``, is declared to take ``batch``; names stand for any length."""
    sides = zip(expected.shape, batch.shape, strict=False)
    same = all(not isinstance(wanted, int) or wanted == given for wanted, given in sides)
    return same and len(expected.shape) == batch.ndim and expected.type == f"tensor({batch.dtype})"


def _advice(provider: str) -> str:
    return _INSTALL_CUDA if provider == _CUDA else "see ONNX Runtime's documentation of that provider"


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


def built_in_providers() -> tuple[str, ...]:
    """What the installed ONNX Runtime was built with, which is not what works here.

    Raises:
        ProviderError: if there is none that can be imported.
    """
    return tuple(_onnxruntime().get_available_providers())


def has_nvidia_driver() -> bool:
    """Whether a driver with at least one GPU answers; asking ONNX Runtime without one prints red errors."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def _onnxruntime() -> Any:
    """The module, imported when the first network is loaded: programs that never do should not wait for it."""
    # Its official builds gather usage data to send to Microsoft, and say so on stderr where HOME cannot be written.
    # Only this, set before the import, stops it; who wants it sets the variable to 0.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise ProviderError(
            f"ONNX Runtime cannot be imported ({error}); install it with `pip install onnxruntime` "
            "(or onnxruntime-gpu, never both in one environment)"
        ) from error
    return onnxruntime
