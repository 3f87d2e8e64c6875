"""An ONNX file with 8-bit weights and activations."""

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
BETWEEN = ("Relu", "MaxPool", "Add")  # what 8 bits pass through from product to product


def quantised(
    path: Path, nodes: Sequence[str], source: str, waves: Sequence[torch.Tensor]
) -> onnx.ModelProto:
    """The model in `path` with 8-bit weights and activations in `nodes`, by name.

    Weights are symmetric, with a scale per channel, and from -64 to 64: without VNNI instructions,
    x86 processors sum each two products, of an unsigned and a signed byte, in 16 bits, and cut off
    what exceeds them. 2 * 255 * 64 does not. Activations are unsigned: of signed ones ONNX Runtime
    computes some layers in float32. Their ranges are the least and greatest values on `waves`,
    batches (n, samples) for the input called `source`.
    """
    import onnx
    from onnxruntime import quantization as q

    class Reader(q.CalibrationDataReader):
        """One batch after the other."""

        def __init__(self) -> None:
            self.waves = iter(waves)

        def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
            batch = next(self.waves, None)
            return None if batch is None else {source: batch.numpy()}

    with tempfile.TemporaryDirectory() as folder, quiet():
        made = Path(folder) / "int8.onnx"
        q.quantize_static(
            str(path), str(made), Reader(), per_channel=True, nodes_to_quantize=[*nodes],
            weight_type=q.QuantType.QInt8, activation_type=q.QuantType.QUInt8, reduce_range=True,
        )  # fmt: skip
        return onnx.load(str(made))


def nodes(graph: onnx.GraphProto, module: str) -> list[str]:
    """Names of the nodes, made by the part `module`, that 8 bits serve; none where there are none.

    These are the products with weights but the last, and the rectifiers, maxima and sums of such
    (residuals) that follow them, so that values stay in 8 bits from product to product. The last
    product makes the score: it costs nothing, and 8 bits there would be 8 bits of score. The
    frontend stays in float32 too: the powers of a spectrum span more than 8 bits hold.
    """
    weights = {tensor.name for tensor in graph.initializer}
    own = [n for n in graph.node if any(f"/{module}:" in m.value for m in n.metadata_props)]
    products = [n for n in own if n.op_type in PRODUCTS and weights.intersection(n.input)][:-1]
    chosen = {node.name for node in products}
    held = {output for node in products for output in node.output}  # values in 8 bits
    for node in own:  # in the order of computation
        if node.op_type in BETWEEN and held.issuperset(node.input):
            chosen.add(node.name)
            held.update(node.output)
    return [node.name for node in own if node.name in chosen]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the advice that the libraries log while they convert."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)
