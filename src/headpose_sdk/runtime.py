"""One ONNX Runtime session: which device it is to use, and proof that it does."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.config import ModelFolder, PoseModelConfig
from headpose_sdk.cuda import CudaGraphs, OnnxSession
from headpose_sdk.errors import HeadPoseError, ModelIntegrityError, ProviderError, first_line
from headpose_sdk.forks import abandon, tell_children
from headpose_sdk.hardware import available_threads, has_nvidia_driver

__all__ = ["Device", "OneWarning", "OnnxModel", "Provider", "built_in_providers"]

Device: TypeAlias = Literal["auto", "cpu", "cuda"]
Provider: TypeAlias = str | tuple[str, Mapping[str, Any]]

_CPU, _CUDA, _TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
# HEURISTIC picks a convolution at once; the default EXHAUSTIVE times every one again for each new batch size.
_CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC"}
_INSTALL_CUDA = (
    'install the GPU runtime with `pip install "headpose-sdk[cuda]"` (a V100 needs "headpose-sdk[cuda12]") '
    "and a current NVIDIA driver, or use device='cpu'"
)

_ELSEWHERE = b"\x0a\x08location\x12"  # in ONNX, what begins the name of a file with more weights

_PACKAGE = str(Path(__file__).parent) + os.sep
_gathered: ContextVar[list[str] | None] = ContextVar("headpose_sdk_gathered_warnings", default=None)


class OnnxModel:
    """A loaded network; :meth:`run` may be called from several threads at once, and in forked processes.

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
        self._asked_for = device, providers
        self._lock = Lock()
        session, graphs = self._start(device, providers)
        self._started: tuple[Any, CudaGraphs | None] | None = (session, graphs)
        self.input: str = session.get_inputs()[0].name
        self.outputs: tuple[str, ...] = tuple(output.name for output in session.get_outputs())
        self.providers: tuple[str, ...] = tuple(session.get_providers())
        tell_children(self)
        if _on_gpu(self.providers) and "cuda" not in folder.config.files:
            _tell(f"model {folder.config.name} has no file made for CUDA; the one for the CPU runs there, slower")

    def run(self, batch: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """The network's outputs for a uint8 batch (N, H, W, 3): finite numbers.

        Raises:
            ProviderError: if ONNX Runtime gives up, for want of memory say; in a process forked from one that uses
                a GPU.
            ModelIntegrityError: if the network takes another shape or dtype, or NaN or infinity comes out.
        """
        outputs: list[NDArray[Any]]
        session, graphs = self._ready()
        try:
            if graphs is not None and len(batch):
                outputs = graphs.run(batch)
            else:
                outputs = session.run(None, {self.input: np.ascontiguousarray(batch)})
        except Exception as error:
            expected = session.get_inputs()[0]
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

    def after_fork(self) -> None:
        """In a forked process: leave the session to the parent, and start another one when it is needed."""
        self._lock = Lock()  # another thread of the parent may hold the old one for ever
        if self._started is not None:
            abandon(self._started)
        self._started = None

    def _ready(self) -> tuple[Any, CudaGraphs | None]:
        with self._lock:
            if self._started is None:
                if _on_gpu(self.providers):
                    raise ProviderError(
                        "CUDA does not work in a process forked from one that used it; start processes by 'spawn': "
                        "multiprocessing.get_context('spawn')"
                    )
                self._started = self._start(*self._asked_for)
            return self._started

    def _start(self, device: Device, providers: Sequence[Provider] | None) -> tuple[Any, CudaGraphs | None]:
        """The session, and what runs it by CUDA graphs where it is to be run so."""
        if providers is not None:
            return self._exactly(providers), None
        if device == "cuda":
            return self._on_cuda()
        # In this order: a driver is not woken for an ONNX Runtime that could not use it.
        usable = device == "auto" and _CUDA in _onnxruntime().get_available_providers() and has_nvidia_driver()
        if usable:
            try:
                return self._on_cuda()
            except ProviderError as error:
                why = str(error)
        session = self._session_with([_CPU])
        if usable:
            _tell(f"running on the CPU although there is an NVIDIA GPU: {why}")
        return session, None

    def _on_cuda(self) -> tuple[Any, CudaGraphs | None]:
        config = self._folder.config
        # A graph takes one picture size, and a network that was made for CUDA.
        if not isinstance(config, PoseModelConfig) or "cuda" not in config.files:
            return self._exactly([(_CUDA, _CUDA_OPTIONS), _CPU]), None
        session = self._exactly([(_CUDA, {**_CUDA_OPTIONS, "enable_cuda_graph": "1"}), _CPU])
        outputs = [output.shape[-1] for output in session.get_outputs()]
        crop = (config.input_size, config.input_size, 3)
        return session, CudaGraphs(OnnxSession(_onnxruntime(), session), crop=crop, outputs=outputs)

    def _exactly(self, providers: Sequence[Provider]) -> Any:
        """A session that really uses the first of ``providers``."""
        names = _names(providers)
        if not names:
            raise ValueError(
                "providers=[] names nothing to run on; leave it out, or give e.g. ['CPUExecutionProvider']"
            )
        built_in = _onnxruntime().get_available_providers()
        missing = [name for name in names if name not in built_in]
        if missing:
            advice = _INSTALL_CUDA if _on_gpu(missing) else f"this one has {', '.join(built_in)}"
            raise ProviderError(f"the installed ONNX Runtime was built without {', '.join(missing)}; {advice}")
        if _on_gpu(names) and not has_nvidia_driver():  # ONNX Runtime would say so in red, and at length
            raise ProviderError(f"no NVIDIA driver with a GPU answers on this machine; {_INSTALL_CUDA}")
        session = self._session_with([_with_engine_cache(provider) for provider in providers])
        if session.get_providers()[0] != names[0]:
            raise ProviderError(
                f"ONNX Runtime has {names[0]} but could not start it and fell back to "
                f"{session.get_providers()[0]}; {_advice(names[0])}"
            )
        return session

    def _session_with(self, providers: Sequence[Provider]) -> Any:
        first, *_ = names = _names(providers)
        weights = self._folder.read_weights("cuda" if _on_gpu(names) and "cuda" in self._folder.config.files else "cpu")
        if _ELSEWHERE in weights:
            raise ModelIntegrityError(
                f"the network in {self._folder.path} keeps weights in a file of their own, which nothing verifies; "
                "export it as one file"
            )
        try:
            return self._open(weights, providers)
        except HeadPoseError:
            raise
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
        if _on_gpu(_names(providers)) and hasattr(ort, "preload_dlls"):
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
        # It would move quantisation before the first pooling, whose kernel for uint8 takes a third of the whole time;
        # the answers are the same to the bit.
        slow = ["QDQPropagationTransformer"]
        return session_class(weights, options, providers=list(providers), disabled_optimizers=slow, enable_fallback=0)


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


def _names(providers: Sequence[Provider]) -> list[str]:
    return [provider if isinstance(provider, str) else provider[0] for provider in providers]


def _on_gpu(names: Sequence[str]) -> bool:
    return _CUDA in names or _TENSORRT in names


def _with_engine_cache(provider: Provider) -> Provider:
    """TensorRT asked for by its bare name gets half precision, and a folder for engines: building one takes minutes."""
    if provider != _TENSORRT:
        return provider
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headpose-sdk" / "tensorrt"
    cache.mkdir(parents=True, exist_ok=True)
    return _TENSORRT, {
        "trt_fp16_enable": "1",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(cache),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(cache),
    }


def _fits(batch: NDArray[Any], expected: Any) -> bool:
    """Whether the network's input, ``expected``, is declared to take ``batch``; names stand for any length."""
    sides = zip(expected.shape, batch.shape, strict=False)
    same = all(not isinstance(wanted, int) or wanted == given for wanted, given in sides)
    return same and len(expected.shape) == batch.ndim and expected.type == f"tensor({batch.dtype})"


def _advice(provider: str) -> str:
    return _INSTALL_CUDA if provider == _CUDA else "see ONNX Runtime's documentation of that provider"


def built_in_providers() -> tuple[str, ...]:
    """What the installed ONNX Runtime was built with, which is not what works here.

    Raises:
        ProviderError: if there is none that can be imported.
    """
    return tuple(_onnxruntime().get_available_providers())


def _onnxruntime() -> Any:
    """The module, imported when the first network is loaded: programs that never do should not wait for it."""
    # Its official builds gather usage data to send to Microsoft, and say so on stderr where HOME cannot be written.
    # Only this, set before the import, stops it; who wants it sets the variable to 0.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime

        onnxruntime.get_available_providers  # noqa: B018
    # OSError from a library that is missing, RuntimeError from one that does not fit; and where one of two
    # distributions was taken out, a folder without anything in it can still be imported.
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise ProviderError(
            f"ONNX Runtime cannot be imported ({first_line(error)}); `pip uninstall onnxruntime onnxruntime-gpu`, then "
            "install one of them, never both in one environment"
        ) from error
    return onnxruntime
