"""Smaller and faster files from the float ONNX file: int8 for CPUs, half precision for CUDA."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

__all__ = ["halve", "quantise"]


def quantise(
    source: Path,
    target: Path,
    name: str,
    batches: Iterator[NDArray[Any]],
    *,
    also: Sequence[str] = (),
    outputs_of_last: int | None = None,
) -> None:
    """Static int8 in QDQ form, calibrated on ``batches`` of the input ``name``: activations uint8, weights int8.

    The weights have a scale a channel. The first convolution, which reads pixels, stays float with its activation, and
    so do convolutions with ``outputs_of_last`` channels, whose numbers are the answer. Beside convolutions the kinds of
    nodes in ``also`` are quantised.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, NDArray[Any]] | None:
            batch = next(batches, None)
            return None if batch is None else {name: batch}

    prepared = source.with_name("prepared.onnx")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    graph = onnx.load(prepared).graph
    channels = {tensor.name: tensor.dims[0] for tensor in graph.initializer if tensor.dims}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    first = [convolutions[0].name]
    first += [node.name for node in graph.node if node.op_type == "Relu" and node.input[0] == convolutions[0].output[0]]
    last = [node.name for node in convolutions if channels[node.input[1]] == outputs_of_last]
    quantize_static(
        str(prepared),
        str(target),
        Reader(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["Conv", *also],
        nodes_to_exclude=[*first, *last],
    )
    prepared.unlink()


def halve(source: Path, target: Path) -> None:
    """Half precision: the layers with the work; pixels, softmax and expectation stay in float."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.load(source)
    kinds = [node.op_type for node in model.graph.node]
    first, last = kinds.index("Conv"), kinds.index("GlobalAveragePool")
    in_float = [node.name for node in [*model.graph.node[:first], *model.graph.node[last:]]]
    halved = convert_float_to_float16(model, keep_io_types=True, node_block_list=in_float)
    _drop_repeated(halved.graph)
    onnx.save(halved, target)


def _drop_repeated(graph: Any) -> None:
    """Casts of one tensor for several nodes: some versions of the conversion write them once for each."""
    made: set[str] = set()
    named: set[str] = set()
    kept = []
    for node in graph.node:
        if made.issuperset(node.output):
            continue
        made.update(node.output)
        while node.name in named:
            node.name += "_"
        named.add(node.name)
        kept.append(node)
    nodes = [type(node).FromString(node.SerializeToString()) for node in kept]  # the graph's own go with its list
    del graph.node[:]
    graph.node.extend(nodes)
