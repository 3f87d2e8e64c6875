"""`launder` and the metrics in memory: the same numbers as a run, and one error for bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, roc_auc_score

import launderbench as lb
from attacks.contract.condition import parse
from attacks.contract.launder import launder
from tests.support.attack_support import clip

CONDITION = "noise(kind=white, snr=5) | mp3(kbps=32)"


def test_the_samples_are_those_of_a_run() -> None:
    wave, effects = lb.launder(clip(), 16000, CONDITION, seed=3, utterance_id="u")
    exact = launder(parse(CONDITION), clip(), 16000, "u", 3)
    np.testing.assert_array_equal(wave, exact.wave)
    assert effects.steps == exact.steps and effects.passed is True
    table = effects.table
    assert set(table["attack"].str.partition("(")[0]) == {"noise", "mp3"}
    assert table["step"].tolist() == sorted(table["step"])
    clean, nothing = lb.launder(clip(), 16000, "clean")
    assert (clean == clip()).all() and nothing.table.empty and "measured" in nothing.table


def test_double_precision_samples_are_rounded_to_single() -> None:
    wave = clip().astype(np.float64)
    np.testing.assert_array_equal(
        lb.launder(wave, 16000, "lowpass")[0], lb.launder(clip(), 16000, "lowpass")[0]
    )


@pytest.mark.parametrize(
    ("wave", "rate", "condition", "cause"),
    [
        (clip(), 44100, "mp3", r"at 44100 Hz: resample it to 16000 Hz"),
        (clip(), "mp3", "mp3", "sample_rate: want the number 16000"),
        ((clip() * 32767).astype(np.int16), 16000, "mp3", "type int16"),
        (np.stack([clip(), clip()]), 16000, "mp3", r"shape \(2, \d+\): pass one channel"),
        (torch.from_numpy(clip()), 16000, "mp3", "is a tensor"),
        (np.zeros(0, np.float32), 16000, "mp3", "is empty"),
        (np.full(99, np.nan, np.float32), 16000, "mp3", "NaN"),
        ([[0.1], [0.2, 0.3]], 16000, "mp3", "no array of samples"),
        (clip(), 16000, "mp4", "unknown attack 'mp4'"),
        (clip(), 16000, "mp3(kbps=32", "mp3"),
        (clip(), 16000, 3, "want a spelling"),
    ],
)
def test_bad_waves_and_conditions(wave: Any, rate: Any, condition: Any, cause: str) -> None:
    with pytest.raises(lb.InputError, match=cause):
        lb.launder(wave, rate, condition)


def test_metrics_agree_with_independent_code() -> None:
    rng = np.random.default_rng(0)
    bonafide = rng.random(400) < 0.3
    scores = rng.normal(size=400) + bonafide
    words = np.where(bonafide, "bonafide", "spoof")
    found = lb.metrics(scores, words)
    assert found == lb.metrics(scores, bonafide) and found.eer == lb.eer(scores, words)
    assert found.auc == pytest.approx(roc_auc_score(bonafide, scores))
    assert found.oracle and not lb.metrics(scores, words, threshold=0.2).oracle
    fixed = lb.metrics(scores, words, threshold=0.2)
    assert fixed.f1 == pytest.approx(f1_score(~bonafide, scores < 0.2))
    assert (fixed.tp, fixed.fn) == (
        int((scores[~bonafide] < 0.2).sum()), int((scores[~bonafide] >= 0.2).sum()),
    )  # fmt: skip
    assert fixed.tp + fixed.fn == fixed.n_spoof and fixed.fp + fixed.tn == fixed.n_bonafide
    assert lb.metrics(bonafide.astype(float), words).eer == 0.0


@pytest.mark.parametrize(
    ("scores", "labels", "cause"),
    [
        ([0.1, 0.2], ["spoof", "spoof"], "hold no bonafide trial"),
        ([0.1, 0.2], ["spoof", "genuine"], "label 'genuine': want the words"),
        ([0.1, 0.2], [0, 1], "label '0': want the words bonafide and spoof, or booleans"),
        ([0.1, np.nan], ["spoof", "bonafide"], "score 1 is nan"),
        ([0.1], ["spoof", "bonafide"], "there are 1 scores and 2 labels"),
        (["a", "b"], ["spoof", "bonafide"], "scores: want numbers"),
        ([True, False], ["spoof", "bonafide"], "scores: want numbers, not values of type bool"),
        ([], [], "want one value per trial"),
        (None, ["spoof"], "scores: want one value per trial"),
        ([[0.1], [0.2]], [["spoof"], ["bonafide"]], "want one value per trial"),
    ],
)
def test_bad_trials(scores: Any, labels: Any, cause: str) -> None:
    with pytest.raises(lb.InputError, match=cause):
        lb.metrics(scores, labels)


def test_a_bad_threshold() -> None:
    for threshold in (np.nan, "x", True):
        with pytest.raises(lb.InputError, match="threshold: want a number"):
            lb.metrics([0.1, 0.2], [True, False], threshold)  # type: ignore[arg-type]


def test_every_public_name_is_there() -> None:
    for name in lb.__all__:
        assert getattr(lb, name) is not None, name


def test_the_result_is_no_view_of_the_input() -> None:
    wave = clip().copy()
    clean, _ = lb.launder(wave, 16000, "clean")
    clean *= 0
    assert wave.any()


def test_the_catalogues_name_what_is_registered() -> None:
    attacks = lb.list_attacks()
    assert len(attacks) > 50 and attacks["attack"].is_unique
    noise = attacks.set_index("attack").loc["noise"]
    assert noise["parameter"] == "snr" and noise["unit"] == "dB" and noise["ladder"][0] > 0
    assert "mel-cnn" in set(lb.list_detectors()["detector"])
    assert "telephony" in set(lb.list_suites()["suite"])
