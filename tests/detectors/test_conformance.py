"""Conformance checks of detectors: all built-in ones pass, and every rule finds its violation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from detectors.contract.base import TensorDetector, WaveDetector, Waveform, registry
from detectors.contract.conformance import check


def built_in() -> list[str]:
    known = {name: registry.get(name) for name in registry.names()}
    return [
        name
        for name, cls in known.items()
        if cls.__module__.startswith("detectors.") and not cls.pretrained
    ]


@pytest.mark.parametrize("name", built_in())
def test_built_in_detectors_conform(name: str) -> None:
    cls = registry.get(name)
    if issubclass(cls, WaveDetector) and (cause := cls().unavailable()):
        pytest.skip(f"{name}: {cause}")
    assert not [str(finding) for finding in check(cls)]


class Valid(nn.Module):
    """A network without faults: one score per wave."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.square().mean(dim=1)


class Column(Valid):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).unsqueeze(1)


class Total(Valid):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).sum()


class OverTheBatch(Valid):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).softmax(dim=0)


class Shifted(Valid):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).roll(1)


class Sorted(Valid):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).sort().values


class Counting(Valid):
    calls = 0

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(batch) + 1e-6 * self.calls


class Undefined(Valid):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        level = super().forward(batch)
        return level / level  # 0 / 0 for silence


class InPlace(Valid):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch.mul_(2))


def tensor(
    network: Callable[[], nn.Module], augment: Callable[..., torch.Tensor] | None = None
) -> type[TensorDetector]:
    class Example(TensorDetector):
        name = "example"
        summary = "made for a test"
        input = Waveform(8000)

        def build(self) -> nn.Module:
            return network()

        def augment(
            self, batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
        ) -> torch.Tensor:
            return augment(batch, generator) if augment else batch

    return Example


@pytest.mark.parametrize(
    ("network", "rule"),
    [
        (Column, "shape"),
        (Total, "shape"),
        (OverTheBatch, "batch"),
        (Shifted, "batch"),
        (Sorted, "batch"),
        (Counting, "memory"),
        (Undefined, "finite"),
        (InPlace, "input"),
    ],
)
def test_faulty_networks_are_found(network: type[nn.Module], rule: str) -> None:
    assert rule in [finding.rule for finding in check(tensor(network))]


def test_a_valid_network_has_no_findings() -> None:
    assert check(tensor(Valid)) == []


@pytest.mark.parametrize(
    "augment",
    [
        lambda batch, generator: batch.mul_(2),
        lambda batch, generator: batch * torch.rand(()),
        lambda batch, generator: batch[1:],
    ],
)
def test_faulty_augmentations_are_found(augment: Callable[..., torch.Tensor]) -> None:
    assert [finding.rule for finding in check(tensor(Valid, augment))] == ["augment"]


def test_a_missing_summary_or_version_is_found() -> None:
    cls = tensor(Valid)
    cls.summary, cls.version = "", 0
    assert [finding.rule for finding in check(cls)] == ["version", "summary"]


def wave(score: Callable[[list[np.ndarray]], np.ndarray]) -> type[WaveDetector]:
    class Example(WaveDetector):
        name = "example"
        summary = "made for a test"

        def fit(self, waves, bonafide, seed):  # type: ignore[no-untyped-def]
            return {"nothing": np.zeros(1, np.float32)}

        def score(self, waves, state):  # type: ignore[no-untyped-def]
            return score(waves)

    return Example


def levels(waves: list[np.ndarray]) -> np.ndarray:
    return np.array([np.square(wave).mean() for wave in waves], np.float32)


@pytest.mark.parametrize(
    ("score", "rules"),
    [
        (levels, []),
        (lambda waves: levels(waves)[:, None], ["shape"]),
        (lambda waves: levels(waves)[:1], ["shape"]),
        (lambda waves: levels(waves)[::-1], ["batch"]),
        (lambda waves: levels(waves) - levels(waves).mean(), ["batch"]),
        (lambda waves: levels(waves) * np.nan, ["finite"]),
    ],
)
def test_faulty_wave_detectors_are_found(
    score: Callable[[list[np.ndarray]], np.ndarray], rules: list[str]
) -> None:
    assert [finding.rule for finding in check(wave(score))] == rules


def test_training_with_global_random_state_is_found() -> None:
    class GlobalRandom(WaveDetector):
        name = "global-random"
        summary = "made for a test"

        def fit(self, waves, bonafide, seed):  # type: ignore[no-untyped-def]
            return {"weight": np.random.rand(1).astype(np.float32)}  # noqa: NPY002 - deliberate

        def score(self, waves, state):  # type: ignore[no-untyped-def]
            return levels(waves) * state["weight"]

    assert [finding.rule for finding in check(GlobalRandom)] == ["determinism"]
