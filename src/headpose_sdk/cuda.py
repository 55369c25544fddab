"""CUDA graphs: a network's whole work recorded once per batch size and replayed on buffers that stay where they are.

A replay costs the processor one call where a plain run costs one for every layer. It needs fixed shapes and
addresses, so batches are filled up to the next of ``BUCKETS``. Written against :class:`GraphSession`, what this needs
of ONNX Runtime: tests record its calls on machines without a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.errors import ProviderError, first_line

__all__ = ["BUCKETS", "CudaGraphs", "DeviceArray", "GraphSession", "OnnxSession"]

BUCKETS = (1, 8, 32, 128)
"""Batch sizes that get a graph of their own."""


class DeviceArray(Protocol):
    """An array in the GPU's memory whose address does not change; ``onnxruntime.OrtValue`` is one."""

    def update_inplace(self, data: NDArray[Any]) -> None:
        """Copy ``data``, contiguous and of the same shape and dtype, to the GPU."""
        ...

    def numpy(self) -> NDArray[Any]:
        """A copy on the host."""
        ...


class GraphSession(Protocol):
    """What :class:`CudaGraphs` needs of an ONNX Runtime session."""

    def allocate(self, shape: Sequence[int], dtype: type[np.generic]) -> DeviceArray:
        """An array on the GPU."""
        ...

    def bind(self, batch: DeviceArray, outputs: Sequence[DeviceArray]) -> Any:
        """A binding of the network's input and outputs to these arrays."""
        ...

    def run(self, binding: Any, graph: int) -> None:
        """Run on a binding: the first time that ``graph`` is named records it, later ones replay it."""
        ...


class OnnxSession:
    """ONNX Runtime's ``session`` as :class:`GraphSession`, on the first GPU; tests have it on another ``device``."""

    def __init__(self, onnxruntime: Any, session: Any, device: str = "cuda") -> None:
        self._ort, self._session, self._device = onnxruntime, session, device

    def allocate(self, shape: Sequence[int], dtype: type[np.generic]) -> DeviceArray:
        """An ``OrtValue`` on the device."""
        array: DeviceArray = self._ort.OrtValue.ortvalue_from_shape_and_type(list(shape), dtype, self._device, 0)
        return array

    def bind(self, batch: DeviceArray, outputs: Sequence[DeviceArray]) -> Any:
        """An ``IOBinding`` of the one input and of all outputs in their order."""
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(self._session.get_inputs()[0].name, batch)
        for node, output in zip(self._session.get_outputs(), outputs, strict=True):
            binding.bind_ortvalue_output(node.name, output)
        return binding

    def run(self, binding: Any, graph: int) -> None:
        """``graph`` is what ONNX Runtime calls gpu_graph_id."""
        options = self._ort.RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(graph))
        self._session.run_with_iobinding(binding, options)


@dataclass(frozen=True, slots=True)
class _Bucket:
    size: int
    batch: DeviceArray
    outputs: tuple[DeviceArray, ...]
    binding: Any


class CudaGraphs:
    """Runs batches (N, *crop) uint8 through ``session``; thread-safe, one batch at a time.

    Every graph is recorded at construction: no later run is slower than the others. ``outputs`` is how many numbers
    each output has for one crop. Buckets that the GPU's memory does not hold are left out.

    Raises:
        ProviderError: if not even the smallest bucket works.
    """

    def __init__(self, session: GraphSession, *, crop: tuple[int, int, int], outputs: Sequence[int]) -> None:
        self._session = session
        self._lock = Lock()
        self._buckets: list[_Bucket] = []
        for size in BUCKETS:
            try:
                self._buckets.append(self._record(size, crop, outputs))
            except Exception as error:  # ONNX Runtime's errors share no base class of their own
                if not self._buckets:
                    raise ProviderError(
                        f"CUDA cannot run the network as a graph, not even one crop: {first_line(error)}; free the "
                        "GPU's memory, or run without graphs: providers=['CUDAExecutionProvider', "
                        "'CPUExecutionProvider']"
                    ) from error
                break

    @property
    def largest_batch(self) -> int:
        """More crops than this are run in parts."""
        return self._buckets[-1].size

    def run(self, batch: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """The outputs for N crops, N >= 1."""
        parts = [self._run_part(batch[at : at + self.largest_batch]) for at in range(0, len(batch), self.largest_batch)]
        return [np.concatenate(output) for output in zip(*parts, strict=True)]

    def _run_part(self, part: NDArray[np.uint8]) -> list[NDArray[Any]]:
        bucket = next(bucket for bucket in self._buckets if len(part) <= bucket.size)
        if len(part) < bucket.size:
            padding = np.zeros((bucket.size - len(part), *part.shape[1:]), np.uint8)
            part_of_bucket = np.concatenate([part, padding])
        else:
            part_of_bucket = np.ascontiguousarray(part)
        with self._lock:
            bucket.batch.update_inplace(part_of_bucket)
            self._session.run(bucket.binding, bucket.size)
            return [output.numpy()[: len(part)] for output in bucket.outputs]

    def _record(self, size: int, crop: tuple[int, int, int], outputs: Sequence[int]) -> _Bucket:
        batch = self._session.allocate((size, *crop), np.uint8)
        batch.update_inplace(np.zeros((size, *crop), np.uint8))
        results = tuple(self._session.allocate((size, length), np.float32) for length in outputs)
        binding = self._session.bind(batch, results)
        self._session.run(binding, size)
        return _Bucket(size, batch, results, binding)
