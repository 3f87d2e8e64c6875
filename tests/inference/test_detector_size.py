"""The number of parameters of a detector."""

from __future__ import annotations

import pytest
from torch import nn

from benchmark.inference import detector_size
from detectors.contract.base import TensorDetector, registry


@pytest.mark.parametrize("name", ["mel-cnn", "raw-cnn"])
def test_a_network_without_values_has_the_parameters_of_the_real_one(name: str) -> None:
    item = registry.get(name)()
    assert isinstance(item, TensorDetector)
    assert detector_size.of_name(name) == sum(p.numel() for p in item.build().parameters()) > 1000


@pytest.mark.parametrize("name", ["lfcc-gmm", "shortcut", "nobody-knows-me", "command(x=y)"])
def test_what_has_no_network_has_no_size(name: str) -> None:
    assert detector_size.of_name(name) is None


def test_a_network_that_cannot_be_built_has_no_size(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(TensorDetector):
        def build(self) -> nn.Module:
            raise OSError("its file is gone")

    monkeypatch.setattr(registry, "class_of", lambda name: Broken)
    assert detector_size.of_name("broken") is None


def test_nothing_is_opened_for_a_network_that_is_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Filed(TensorDetector):
        pretrained = True

        def build(self) -> nn.Module:
            pytest.fail("its file was opened")

    monkeypatch.setattr(registry, "class_of", lambda name: Filed)
    assert detector_size.of_name("filed") is None
