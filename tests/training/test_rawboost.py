"""RawBoost against its definition: each check is written anew here, and each finds a broken one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.data import loading
from benchmark.training import augmentation, rawboost, train_detector
from benchmark.training.training_config import TrainingConfig
from benchmark.training.training_examples import TrainingExamples
from detectors.contract.recipe_files import NOISES, RawBoostSection
from tests.support.builders import RATE, voice

Samples = np.ndarray
Kind = Callable[[Samples, np.random.Generator], Samples]
SEEDS = range(12)


def tone(hertz: float, amplitude: float) -> Samples:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)


def level(samples: Samples, hertz: float) -> float:
    """The amplitude of a multiple of 440 Hz, away from the ends, over whole periods."""
    inside = samples[RATE // 4 : 3 * RATE // 4]
    turns = np.exp(-2j * np.pi * hertz * np.arange(inside.size) / RATE)
    return float(2 * np.abs(np.mean(inside * turns)))


def is_convolutive(kind: Kind) -> bool:
    """Harmonics grow with their power of the amplitude; the fundamental only, linearly."""
    peak, ratios = 0.04, []
    for seed in SEEDS:
        loud, soft = (kind(tone(440, a), np.random.default_rng(seed)) for a in (peak, peak / 2))
        ratios.append([level(loud, 440 * n) / level(soft, 440 * n) for n in (1, 2, 3)])
        # sin^2 has half of its amplitude at twice the frequency; its gain is -20 to -5 dB, of a
        # filter that nowhere exceeds 0 dB
        if level(loud, 880) > 1.01 * peak**2 / 2 * 10 ** (-5 / 20):
            return False
        if not 1e-4 < level(loud, 440) / peak < 1.01:
            return False
    # the median, because a notch may lie on a harmonic and leave only those of higher powers
    return np.allclose(np.median(ratios, axis=0), [2, 4, 8], rtol=0.02)


def is_impulsive(kind: Kind) -> bool:
    """At most a tenth of the samples change, by at most twice themselves and half on average."""
    wave = 0.2 * voice(1).astype(np.float64)
    shares, factors = [], []
    for seed in SEEDS:
        change = kind(wave, np.random.default_rng(seed)) - wave
        places = np.flatnonzero(change)
        shares.append(places.size / np.count_nonzero(wave))
        factors += np.abs(change[places] / wave[places]).tolist()
    mean = float(np.mean(factors))
    return max(shares) <= 0.101 and 0.02 < np.mean(shares) < 0.08 and max(factors) <= 2 + 1e-9 and (
        abs(mean - 2 / 4) < 0.02  # E|u| E|v| = 1/4
    )  # fmt: skip


def is_stationary(kind: Kind) -> bool:
    """Added noise lies 10 to 40 dB below the wave, and is alike where the wave is silent."""
    wave = 0.2 * voice(2).astype(np.float64)
    wave[wave.size // 2 :] = 0
    found = []
    for seed in SEEDS:
        noise = kind(wave, np.random.default_rng(seed)) - wave
        first, second = np.array_split(noise, 2)
        if not second.any():
            return False
        found.append(20 * np.log10(np.linalg.norm(wave) / np.linalg.norm(noise)))
        alike = np.linalg.norm(first) / np.linalg.norm(second)
        if not 0.8 < alike < 1.25 or abs(np.corrcoef(wave, noise)[0, 1]) > 0.05:
            return False
    return min(found) >= 10 - 1e-6 and max(found) <= 40 + 1e-6 and np.ptp(found) > 15


CHECKS = {
    "convolutive": is_convolutive,
    "impulsive": is_impulsive,
    "stationary": is_stationary,
}


@pytest.mark.parametrize("name", NOISES)
def test_each_noise_is_what_the_paper_says(name: str) -> None:
    assert CHECKS[name](rawboost.KINDS[name])


@pytest.mark.parametrize(
    ("name", "attribute", "value"),
    [
        ("convolutive", "POWERS", 1),  # linear alone
        ("convolutive", "POWERS", 2),  # no third power
        ("convolutive", "HIGHER_DB", (5.0, 6.0)),  # harmonics too loud
        ("impulsive", "MOST_IMPULSES", 0.5),
        ("impulsive", "MOST_IMPULSES", 0.01),
        ("impulsive", "IMPULSE_GAIN", 1.0),
        ("impulsive", "IMPULSE_GAIN", 4.0),
        ("stationary", "SNR_DB", (0.0, 5.0)),
        ("stationary", "SNR_DB", (20.0, 20.5)),  # no spread
    ],
)
def test_a_broken_noise_is_found(
    name: str, attribute: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rawboost, attribute, value)
    assert not CHECKS[name](rawboost.KINDS[name])


def test_one_noise_does_not_pass_for_another() -> None:
    for name, check in CHECKS.items():
        others = [kind for other, kind in rawboost.KINDS.items() if other != name]
        assert not any(check(kind) for kind in others), name


def test_filters_have_notches_and_no_gain() -> None:
    frequencies = np.linspace(0, RATE / 2, 801)
    deepest = []
    for seed in SEEDS:
        taps = rawboost.notches(np.random.default_rng(seed))
        assert taps.size % 2 == 1 and np.allclose(taps, taps[::-1])  # no delay to one side
        turns = np.exp(-2j * np.pi * np.outer(frequencies, np.arange(taps.size)) / RATE)
        gains = 20 * np.log10(np.maximum(np.abs(turns @ taps), 1e-6))
        assert -0.5 < gains.max() < 0.1
        deepest.append(gains.min())
    assert np.median(deepest) < -10


def test_silence_and_short_waves_stay_finite() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 7, 16000):
        for wave in (np.zeros(size, np.float32), voice(3)[:size]):
            done = rawboost.boosted(wave, NOISES, rng)
            assert done.dtype == np.float32 and done.shape == wave.shape
            assert np.isfinite(done).all()


def test_parallel_noises_are_of_the_same_wave_and_series_are_not() -> None:
    wave = 0.1 * voice(4)
    first, second = "convolutive", "impulsive"
    rng = np.random.default_rng(5)
    apart = [rawboost.KINDS[name](wave.astype(np.float64), rng) for name in (first, second)]
    total = apart[0] + apart[1]
    wanted = total / max(1.0, np.abs(total).max())
    found = rawboost.boosted(wave, [f"{first}+{second}"], np.random.default_rng(5))
    assert np.allclose(found, wanted, atol=1e-6)
    series = rawboost.boosted(wave, [first, second], np.random.default_rng(5))
    assert not np.allclose(found, series, atol=1e-3)
    loud = rawboost.boosted(voice(4), [f"{first}+{second}"], np.random.default_rng(5))
    assert np.abs(loud).max() <= 1


def examples(*recordings: str) -> TrainingExamples:
    waves = [voice(number, 0.5) for number in range(len(recordings))]
    names = list(dict.fromkeys(recordings))
    pairs = torch.tensor([names.index(name) for name in recordings])
    return TrainingExamples(waves, np.arange(len(waves)) % 2 == 0, pairs, names)


def boosted(given: TrainingExamples, seed: int = 0) -> list[list[np.ndarray]]:
    section = RawBoostSection(("impulsive", "stationary"), 0.25, 2)
    return [*augmentation.variants(given, TrainingConfig(seed, rawboost=section), "x", 0)]


def test_draws_follow_from_seed_recording_and_variant_alone() -> None:
    first = boosted(examples("a", "b", "c"))
    assert len(first) == 2 and all(len(variant) == 3 for variant in first)
    again = boosted(examples("a", "b", "c"))
    alone = boosted(examples("a"))
    other = boosted(examples("a", "b", "c"), seed=1)
    for one, two in zip(first, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert np.array_equal(first[1][0], alone[1][0])
    assert not np.array_equal(first[0][0], first[1][0])
    assert not np.array_equal(first[0][0], other[0][0])


def test_copies_of_a_recording_get_the_same_draws() -> None:
    given = examples("a", "a", "b")
    same = TrainingExamples([given.waves[0]] * 3, given.bonafide, given.pairs, given.recordings)
    (variant, _) = boosted(same)
    assert np.array_equal(variant[0], variant[1])
    assert not np.array_equal(variant[0], variant[2])


def test_a_training_by_rawboost_differs_and_judges_on_clean_dev(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = train_detector.augmentation.variants

    def spied(part: TrainingExamples, *rest: object) -> object:
        made = list(real(part, *rest))  # type: ignore[arg-type]
        seen.append((len(part.waves), len(made)))
        return made

    monkeypatch.setattr(train_detector.augmentation, "variants", spied)
    protocol = loading.open_data(toy)
    section = RawBoostSection(NOISES, 0.25, 2)

    def file(number: int) -> Path:
        return tmp_path / f"{number}.safetensors"

    made = [
        train_detector.train("raw-cnn", protocol, torch.device("cpu"), file(n), config)
        for n, config in enumerate(
            [
                TrainingConfig(0, {"epochs": 1}),
                TrainingConfig(0, {"epochs": 1}, rawboost=section),
            ]
        )
    ]
    assert [checkpoint.name for checkpoint in made] == ["raw-cnn", "raw-cnn+rawboost"]
    assert seen == [(24, 0), (12, 0), (24, 2), (12, 0)]
    assert made[1].facts["rawboost"]["noises"] == [*NOISES]
    plain, by_rawboost = (checkpoint.arrays()["head.1.weight"] for checkpoint in made)
    assert not np.array_equal(plain, by_rawboost)
