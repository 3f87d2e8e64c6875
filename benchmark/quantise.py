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


def quantised(
    path: Path, products: Sequence[str], source: str, batch: torch.Tensor
) -> onnx.ModelProto:
    """The model in `path` with 8-bit weights and activations in `products`, names of nodes.

    The activations' ranges come from the waves of `batch` (n, samples), for the
    input called `source`. The frontend stays in float32: the
    powers of a spectrum span more than 8 bits hold.
    """
    import onnx
    from onnxruntime import quantization as q

    class Reader(q.CalibrationDataReader):
        """One wave after the other."""

        def __init__(self) -> None:
            self.waves = iter(batch.split(1))

        def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
            wave = next(self.waves, None)
            return None if wave is None else {source: wave.numpy()}

    with tempfile.TemporaryDirectory() as folder, quiet():
        made = Path(folder) / "int8.onnx"
        q.quantize_static(
            str(path), str(made), Reader(), per_channel=True, nodes_to_quantize=[*products],
            weight_type=q.QuantType.QInt8, activation_type=q.QuantType.QInt8,
        )  # fmt: skip
        return onnx.load(str(made))


def products(graph: onnx.GraphProto, module: str) -> list[str]:
    """Names of the convolutions and products with weights that the part `module` made."""
    weights = {tensor.name for tensor in graph.initializer}
    return [
        node.name
        for node in graph.node
        if node.op_type in ("Conv", "Gemm", "MatMul")
        and weights.intersection(node.input)
        and any(f"/{module}:" in entry.value for entry in node.metadata_props)
    ]


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
