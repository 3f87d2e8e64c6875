"""Cost of each stage on one thread with 4 s utterances: `make perf`."""

from __future__ import annotations

import pytest
import torch

from attacks.contract.launder import launder
from attacks.contract.suites import load
from benchmark import frontends
from benchmark.core.parallel import one_thread
from detectors.contract.base import LogMel, TensorDetector, registry
from tests.support import builders

WAVE = builders.voice(1, 4.0)
NEEDS_BANK = ("babble", "cafe", "street", "volvo")
CONDITIONS = [
    condition
    for condition in load("laundering").conditions[1:]
    if not any(kind in str(condition) for kind in NEEDS_BANK)
]
NETWORKS = [
    n
    for n in registry.names()
    if issubclass(registry.get(n), TensorDetector) and not registry.get(n).pretrained
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_attack(benchmark, condition) -> None:
    launder(condition, WAVE, 16000, "warm-up", 0)
    result = benchmark(launder, condition, WAVE, 16000, "u", 0)
    assert result.wave.size == WAVE.size


def test_log_mel_batch_of_16(benchmark) -> None:
    with one_thread():
        batch = benchmark(frontends.batch, LogMel(), [WAVE] * 16, torch.device("cpu"))
    assert batch.shape[0] == 16


@pytest.mark.parametrize("name", NETWORKS)
def test_forward_batch_of_16(benchmark, name: str) -> None:
    item = registry.get(name)()
    network = item.build().eval()
    batch = frontends.batch(item.input, [WAVE] * 16, torch.device("cpu"))
    with one_thread(), torch.inference_mode():
        scores = benchmark(network, batch)
    assert scores.shape == (16,)
