"""The conformance checks on detectors: ours pass, and each rule finds who breaks it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from detectors.contract.base import TensorDetector, WaveDetector, Waveform, registry
from detectors.contract.conformance import check


def ours() -> list[str]:
    here = {name: registry.get(name) for name in registry.names()}
    return [
        name
        for name, cls in here.items()
        if cls.__module__.startswith("detectors.") and not cls.pretrained
    ]


@pytest.mark.parametrize("name", ours())
def test_our_detectors_conform(name: str) -> None:
    cls = registry.get(name)
    if issubclass(cls, WaveDetector) and (cause := cls().unavailable()):
        pytest.skip(f"{name}: {cause}")
    assert not [str(finding) for finding in check(cls)]


class Sound(nn.Module):
    """One honest score per wave."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.square().mean(dim=1)


class Column(Sound):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).unsqueeze(1)


class Total(Sound):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).sum()


class OverTheBatch(Sound):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).softmax(dim=0)


class Shifted(Sound):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).roll(1)


class Sorted(Sound):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).sort().values


class Counting(Sound):
    calls = 0

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(batch) + 1e-6 * self.calls


class Undefined(Sound):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        level = super().forward(batch)
        return level / level  # of silence: 0 / 0


class Scribbling(Sound):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch.mul_(2))


def tensor(
    network: Callable[[], nn.Module], augment: Callable[..., torch.Tensor] | None = None
) -> type[TensorDetector]:
    class Made(TensorDetector):
        name = "made"
        summary = "made for a test"
        input = Waveform(8000)

        def build(self) -> nn.Module:
            return network()

        def augment(
            self, batch: torch.Tensor, pairs: torch.Tensor, generator: torch.Generator
        ) -> torch.Tensor:
            return augment(batch, generator) if augment else batch

    return Made


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
        (Scribbling, "input"),
    ],
)
def test_a_broken_network_is_found(network: type[nn.Module], rule: str) -> None:
    assert rule in [finding.rule for finding in check(tensor(network))]


def test_a_sound_network_is_not() -> None:
    assert check(tensor(Sound)) == []


@pytest.mark.parametrize(
    "augment",
    [
        lambda batch, generator: batch.mul_(2),
        lambda batch, generator: batch * torch.rand(()),
        lambda batch, generator: batch[1:],
    ],
)
def test_a_broken_augmentation_is_found(augment: Callable[..., torch.Tensor]) -> None:
    assert [finding.rule for finding in check(tensor(Sound, augment))] == ["augment"]


def test_a_detector_without_words_or_version_is_found() -> None:
    made = tensor(Sound)
    made.summary, made.version = "", 0
    assert [finding.rule for finding in check(made)] == ["version", "summary"]


def wave(score: Callable[[list[np.ndarray]], np.ndarray]) -> type[WaveDetector]:
    class Made(WaveDetector):
        name = "made"
        summary = "made for a test"

        def fit(self, waves, bonafide, seed):  # type: ignore[no-untyped-def]
            return {"nothing": np.zeros(1, np.float32)}

        def score(self, waves, state):  # type: ignore[no-untyped-def]
            return score(waves)

    return Made


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
def test_a_broken_wave_detector_is_found(
    score: Callable[[list[np.ndarray]], np.ndarray], rules: list[str]
) -> None:
    assert [finding.rule for finding in check(wave(score))] == rules


def test_a_training_that_rests_on_global_chance_is_found() -> None:
    class Chancy(WaveDetector):
        name = "chancy"
        summary = "made for a test"

        def fit(self, waves, bonafide, seed):  # type: ignore[no-untyped-def]
            return {"weight": np.random.rand(1).astype(np.float32)}  # noqa: NPY002 - the fault

        def score(self, waves, state):  # type: ignore[no-untyped-def]
            return levels(waves) * state["weight"]

    assert [finding.rule for finding in check(Chancy)] == ["determinism"]
