"""Networks in 8 bits: products that overflow on no processor, and no float between them.

Both are read from the file and from what ONNX Runtime makes of it: any processor sees a fault.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.exchange import onnx_export, onnx_quantisation
from detectors.contract.base import Waveform

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

SPEC = Waveform(4096)
PRODUCTS = {"Conv": 4, "MatMul": 1, "Gemm": 1}  # of `Mixed`, but for its head


class Mixed(nn.Module):
    """Waves (B, 4096) to scores (B,): convolutions with a residual, then dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.block = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)
        )
        self.last = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.steps = nn.Linear(8, 8, bias=False)
        self.dense, self.head = nn.Linear(8, 8), nn.Linear(8, 1)

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        maps = self.first(waves.view(-1, 1, 64, 64)).relu()
        maps = (maps + self.block(maps)).relu()
        steps = self.last(maps).relu().flatten(2).transpose(1, 2)  # (B, 256, 8)
        return self.head(self.dense(self.steps(steps).amax(dim=1)).relu()).squeeze(1)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`Mixed` in 8 bits."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("mixed")
    whole = onnx_export.FrontendAndNetwork(SPEC, Mixed()).eval()
    waves = torch.randn(8, 4096)
    with torch.inference_mode():
        model = onnx_export._convert(whole, waves[:2], SPEC, "mixed")
    plain, small = folder / "plain.onnx", folder / "small.onnx"
    onnx.save(model, plain)
    inner = onnx_quantisation.nodes(model.graph, onnx_export.NETWORK)
    onnx.save(onnx_quantisation.quantised(plain, inner, onnx_export.INPUT, waves.split(1)), small)
    return small


def weights(path: Path) -> list[tuple[str, np.ndarray]]:
    """The 8-bit weights of a file, with the kind of product that takes them."""
    graph = onnx.load(path).graph
    held = {tensor.name: tensor for tensor in graph.initializer}
    made = {output: node for node in graph.node for output in node.output}
    return [
        (node.op_type, onnx.numpy_helper.to_array(held[made[node.input[1]].input[0]]))
        for node in graph.node
        if node.op_type in PRODUCTS
        and (source := made.get(node.input[1])) is not None
        and source.op_type == "DequantizeLinear"
    ]


def test_two_products_fit_16_bits(file: Path) -> None:
    """An x86 processor without VNNI adds each two products of bytes in 16 bits, and saturates."""
    found = weights(file)
    assert Counter(kind for kind, _ in found) == PRODUCTS
    for _, values in found:
        assert values.dtype == np.int8
        greatest = np.abs(values.astype(int)).max()
        assert 2 * 255 * greatest <= np.iinfo(np.int16).max
        assert greatest == 64  # the most that fits: no accuracy is given away


def test_values_stay_in_8_bits_from_product_to_product(file: Path, tmp_path: Path) -> None:
    options = runtime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node)
    assert kinds["QLinearConv"] == PRODUCTS["Conv"]
    assert not kinds["Conv"] and not kinds["Relu"] and not kinds["Add"]
