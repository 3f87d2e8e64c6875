"""Filters and kernels of frontends are copied to a device once."""

from __future__ import annotations

import pytest
import torch

from benchmark import frontends
from benchmark.frontends.specs import Cqt, Image, Input, Lfcc, LogMel, Mfcc
from benchmark.frontends.spectrogram import constant
from tests.support import builders


@pytest.mark.parametrize("spec", [LogMel(), Lfcc(), Mfcc(), Cqt(), Image()])
def test_a_second_batch_copies_nothing(spec: Input) -> None:
    waves = torch.from_numpy(builders.voice(0, 4.0)[None, :64000])
    constant.cache_clear()
    first = frontends.features(spec, waves)
    made = constant.cache_info().misses
    assert made > 0
    second = frontends.features(spec, waves)
    assert constant.cache_info().misses == made
    assert torch.equal(first, second)
