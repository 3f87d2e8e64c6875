"""The shortcut classifier: feature values, training and scores."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.classical.shortcut import (
    FEATURES,
    MEAN_BANDS,
    Shortcut,
    features,
    fit_features,
    mel_edges,
    score_features,
)
from detectors.contract.base import registry

Wave = np.ndarray


def noise(seed: int, size: int = 16000) -> Wave:
    return (0.05 * np.random.default_rng(seed).standard_normal(size)).astype(np.float32)


def named(wave: Wave) -> dict[str, float]:
    return dict(zip(FEATURES, features(wave).tolist(), strict=True))


def test_it_is_registered() -> None:
    assert registry.get("shortcut") is Shortcut


def test_feature_values_match_their_names() -> None:
    wave = noise(0)
    plain = named(wave)
    assert len(plain) == 50
    assert plain["rms_db"] == pytest.approx(-26.0, abs=0.2)
    assert plain["zero_share"] == plain["clipped_share"] == plain["silence_share"] == 0.0
    assert plain["band_5000_7000_db"] == pytest.approx(10 * np.log10(0.25), abs=0.5)
    half = wave.copy()
    half[8000:] = 0.0
    muted = named(half)
    assert muted["zero_share"] == pytest.approx(0.5, abs=0.01)
    assert muted["silence_share"] == pytest.approx(0.5, abs=0.03)
    assert muted["noise_floor_db"] < plain["noise_floor_db"] - 40
    assert named(wave + np.float32(0.05))["dc_db"] == pytest.approx(-3.0, abs=0.3)
    assert named(np.clip(wave * 30, -1, 1))["clipped_share"] > 0.3
    assert named(2 * wave)["rms_db"] == pytest.approx(plain["rms_db"] + 6.02, abs=0.01)


def test_the_mean_spectrum_and_the_percentiles_are_heard() -> None:
    time = np.arange(16000) / 16000
    tone = (0.1 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    edges = mel_edges(MEAN_BANDS, 8000.0)
    band = int(np.searchsorted(edges, 1000.0)) - 1
    heard = named(tone)
    shares = [heard[f"mean_{place}_db"] for place in range(MEAN_BANDS)]
    assert int(np.argmax(shares)) == band and shares[band] == pytest.approx(0.0, abs=0.5)
    bursts = noise(0)
    bursts[4000:] *= np.float32(0.01)
    levels = named(bursts)
    assert levels["frames_p50_db"] == pytest.approx(-37.0, abs=2.0)
    assert named(noise(0))["frames_p50_db"] == pytest.approx(0.0, abs=1.0)


def test_classifiers_of_fourteen_features_still_score() -> None:
    waves = [noise(i) * np.float32(1 + (i % 2)) for i in range(40)]
    x = np.stack([features(wave) for wave in waves])
    labels = np.arange(40) % 2 == 0
    old = fit_features(x[:, :14], labels)
    assert old["weight"].size == 28
    assert np.array_equal(Shortcut().score(waves, old), score_features(x[:, :14], old))


@pytest.mark.parametrize("wave", [np.zeros(16000), np.zeros(1), np.ones(1), np.full(500, 1e-9)])
def test_features_are_finite_for_extreme_waves(wave: Wave) -> None:
    found = features(wave.astype(np.float32))
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_it_learns_a_leak_deterministically() -> None:
    def low_passed(seed: int) -> Wave:
        return np.convolve(noise(seed), np.ones(4) / 2, mode="same").astype(np.float32)

    plain = [noise(i) for i in range(30)]
    leaky = [low_passed(100 + i) for i in range(30)]
    labels = np.arange(60) < 30
    state = Shortcut().fit([*plain, *leaky], labels, seed=0)
    assert all(value.dtype == np.float32 for value in state.values())
    scores = Shortcut().score([noise(900), low_passed(901)], state)
    assert scores.dtype == np.float32
    assert scores[0] > 0 > scores[1]
    again = Shortcut().fit([*plain, *leaky], labels, seed=7)
    assert all(np.array_equal(state[key], again[key]) for key in state)


def test_scores_do_not_depend_on_the_batch() -> None:
    waves = [noise(i, 8000 + 100 * i) * np.float32(1 + i) for i in range(8)]
    state = Shortcut().fit(waves, np.arange(8) < 4, seed=0)
    together = Shortcut().score(waves, state)
    alone = np.concatenate([Shortcut().score([wave], state) for wave in waves])
    assert np.array_equal(together, alone)
    assert Shortcut().score([], state).shape == (0,)
