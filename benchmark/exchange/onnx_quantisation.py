"""Quantisation of an ONNX file to 8-bit weights and activations."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

if TYPE_CHECKING:
    import onnx

PRODUCTS = ("Conv", "Gemm", "MatMul")
BETWEEN = ("Relu", "MaxPool", "Add")  # stay in 8 bits between products


def quantised(
    path: Path, nodes: Sequence[str], source: str, waves: Sequence[torch.Tensor]
) -> onnx.ModelProto:
    """Return the model in `path` with 8-bit weights and activations in the named `nodes`.

    Weights are symmetric, with one scale per channel, and lie in -64..64: without VNNI
    instructions, x86 processors add pairs of products of an unsigned and a signed byte in 16 bits,
    which saturate. 2 * 255 * 64 fits. Activations are unsigned, because ONNX Runtime computes some
    layers with signed ones in float32. Their ranges are the minima and maxima on `waves`, batches
    (n, samples) for the input named `source`.
    """
    import onnx
    from onnxruntime import quantization as q

    class Reader(q.CalibrationDataReader):
        """Reader that returns one batch after the other."""

        def __init__(self) -> None:
            self.waves = iter(waves)

        def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
            batch = next(self.waves, None)
            return None if batch is None else {source: batch.numpy()}

    with tempfile.TemporaryDirectory() as folder, quiet():
        out = Path(folder) / "int8.onnx"
        q.quantize_static(
            str(path), str(out), Reader(), per_channel=True, nodes_to_quantize=[*nodes],
            weight_type=q.QuantType.QInt8, activation_type=q.QuantType.QUInt8, reduce_range=True,
        )  # fmt: skip
        return onnx.load(str(out))


def nodes(graph: onnx.GraphProto, module: str) -> list[str]:
    """Return the names of the nodes of the submodule `module` to quantise; may be empty.

    These are all products with weights except the last, and the rectifiers, maxima and sums
    (residuals) that follow them, so that values stay in 8 bits between products. The last product
    computes the score: it is cheap, and 8 bits there would limit the score to 8 bits. The frontend
    stays in float32 too, because the powers of a spectrum exceed the range of 8 bits.
    """
    weights = {tensor.name for tensor in graph.initializer}
    own = [n for n in graph.node if any(f"/{module}:" in m.value for m in n.metadata_props)]
    products = [n for n in own if n.op_type in PRODUCTS and weights.intersection(n.input)][:-1]
    chosen = {node.name for node in products}
    held = {output for node in products for output in node.output}  # names of 8-bit values
    for node in own:  # in the order of computation
        if node.op_type in BETWEEN and held.issuperset(node.input):
            chosen.add(node.name)
            held.update(node.output)
    return [node.name for node in own if node.name in chosen]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress the messages that the libraries log during conversion."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)
