"""Digest and sketch of decoded audio: what each must and must not tell apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.audio.reader import Wave
from benchmark.data.audio_identity import identify, sketch_of


def speech(count: int = 20, size: int = 16001) -> list[tuple[str, Wave]]:
    rng = np.random.default_rng(0)
    waves = [(0.05 * rng.standard_normal(size)).astype(np.float32) for _ in range(count)]
    return [(f"u{number:02d}", wave) for number, wave in enumerate(waves)]


@pytest.mark.parametrize("level_db", [-30.0, -60.0, -90.0])
def test_the_level_of_a_difference_is_estimated(level_db: float) -> None:
    whole, rng = speech(), np.random.default_rng(1)
    scale = 0.05 * 10 ** (level_db / 20)
    other = [
        (uid, w + (scale * rng.standard_normal(w.size)).astype(np.float32)) for uid, w in whole
    ]
    first, second = identify(whole), identify(other)
    assert first[0] != second[0]
    assert first[1].difference_db(second[1]) == pytest.approx(level_db, abs=6)  # 4 standard errors


def test_equal_samples_are_equal() -> None:
    first, second = identify(speech()), identify(speech())
    assert first == second and first[1].difference_db(second[1]) == -math.inf


def test_one_other_utterance_is_seen() -> None:
    whole = speech()
    for change in (
        lambda w: -w,
        lambda w: w[::-1].copy(),
        lambda w: 0 * w,
        lambda w: np.roll(w, 1),
    ):
        other = [(uid, change(w) if uid == "u07" else w) for uid, w in whole]
        assert identify(whole)[1].difference_db(identify(other)[1]) > -20


def test_waves_in_each_others_place_are_seen() -> None:
    (a, x), (b, y), *rest = speech()
    swapped = [(a, y), (b, x), *rest]
    assert identify(speech())[1].difference_db(identify(swapped)[1]) > -20


def test_a_sketch_survives_json_and_damage_gives_none() -> None:
    sketch = identify(speech(2))[1]
    assert sketch_of(sketch.facts()) == sketch
    for damaged in (None, {}, {"sums": [1.0], "energy": 1.0}, {"sums": "abc", "energy": 1}):
        assert sketch_of(damaged) is None
