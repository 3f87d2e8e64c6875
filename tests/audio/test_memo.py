"""Memoised features equal computed ones, and only read-only samples are memoised."""

from __future__ import annotations

import gc

import numpy as np

from benchmark.audio import memo
from benchmark.audio.memo import remembered
from benchmark.audio.speech_level import active_level


def test_only_read_only_samples_are_remembered() -> None:
    calls: list[int] = []

    def compute() -> int:
        calls.append(1)
        return len(calls)

    wave = np.arange(8, dtype=np.float32)
    view = wave.view()
    view.flags.writeable = False  # its owner is still writable
    assert [remembered(view, ("x",), compute) for _ in range(2)] == [1, 2]
    wave.flags.writeable = False
    assert [remembered(wave.view(), ("x",), compute) for _ in range(3)] == [3, 3, 3]
    assert remembered(wave, ("y",), compute) == 4
    assert remembered(wave[1:], ("x",), compute) == 5
    assert remembered(wave[::-1], ("x",), compute) == 6


def test_memoised_features_are_dropped_with_the_array() -> None:
    before = len(memo._memo)
    wave = np.ones(4)
    wave.flags.writeable = False
    assert remembered(wave, ("x",), lambda: 7) == 7
    assert len(memo._memo) == before + 1
    del wave
    gc.collect()
    assert len(memo._memo) == before


def test_levels_are_the_same_bits_either_way() -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, 20000).astype(np.float32)
    plain = active_level(wave, 16000)
    wave.flags.writeable = False
    assert active_level(wave, 16000) == active_level(wave, 16000) == plain
