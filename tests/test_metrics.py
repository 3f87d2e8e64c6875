"""Metrics against the ASVspoof 5 package's figures, scikit-learn, hand-worked ties, properties."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from benchmark import metrics
from benchmark.calibration import calibrate
from benchmark.errors import InputError

REFERENCE = Path(__file__).resolve().parents[1].parent / "shared" / "reference"


def labelled(bonafide: list[float], spoof: list[float]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat([True, False], [len(bonafide), len(spoof)])
    return np.array([*bonafide, *spoof], dtype=np.float64), labels


def drawn(seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(300) < 0.3
    scores = rng.normal(size=300) + labels
    return (np.round(scores, 0) if ties else scores), labels


@pytest.mark.parametrize("name", [f"set{number}" for number in range(6)])
def test_golden_figures(name: str) -> None:
    if not (REFERENCE / "metrics_golden.json").exists():
        pytest.skip("the reference figures are not beside this checkout")
    golden = json.loads((REFERENCE / "metrics_golden.json").read_text())["sets"][name]
    arrays = np.load(REFERENCE / "metrics_golden.npz")
    scores, labels = labelled(list(arrays[f"{name}_bonafide"]), list(arrays[f"{name}_spoof"]))
    half_step = 0.5 / min(golden["n_bonafide"], golden["n_spoof"])
    rate, threshold = metrics.eer(scores, labels)
    assert rate == pytest.approx(golden["eer"], abs=half_step + 1e-12)
    counts = metrics.confusion(scores, labels, threshold)
    assert abs((1 - counts.recall) - (1 - counts.specificity)) <= 2 * half_step
    assert metrics.min_dcf(scores, labels) == pytest.approx(golden["min_dcf"], abs=1e-12)
    assert metrics.act_dcf(scores, labels) == pytest.approx(golden["act_dcf"], abs=1e-12)
    assert metrics.cllr(scores, labels) == pytest.approx(golden["cllr_bits"], abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_scikit_learn_agrees(seed: int, ties: bool) -> None:
    scores, labels = drawn(seed, ties)
    assert metrics.auc(scores, labels) == pytest.approx(sk.roc_auc_score(labels, scores))
    expected = sk.average_precision_score(~labels, -scores)
    assert metrics.average_precision(scores, labels) == pytest.approx(expected)
    counts = metrics.confusion(scores, labels, 0.5)
    truth, called = ~labels, scores < 0.5
    assert counts.f1 == pytest.approx(sk.f1_score(truth, called))
    assert counts.macro_f1 == pytest.approx(sk.f1_score(truth, called, average="macro"))
    assert counts.precision == pytest.approx(sk.precision_score(truth, called))
    assert counts.recall == pytest.approx(sk.recall_score(truth, called))
    assert counts.accuracy == pytest.approx(sk.accuracy_score(truth, called))
    expected = sk.balanced_accuracy_score(truth, called)
    assert counts.balanced_accuracy == pytest.approx(expected)


@pytest.mark.parametrize(
    ("bonafide", "spoof", "expected"),
    [
        ([1, 1], [1, 1, 1], 0.5),  # nothing but ties
        ([3, 4], [1, 2], 0.0),
        ([1, 2], [3, 4], 1.0),  # reversed
        # Rejecting below 2: no miss, 1/2 accepted; rejecting the tie at 2 too: 1/2 and 0.
        ([2, 3], [1, 2], 0.25),
        # Below 2: FRR 0, FAR 2/3; the tie takes FRR to 1/2 and FAR to 0: they meet at 2/7.
        ([2, 3], [1, 2, 2], 2 / 7),
    ],
)
def test_eer_worked_by_hand(bonafide: list[float], spoof: list[float], expected: float) -> None:
    assert metrics.eer(*labelled(bonafide, spoof))[0] == pytest.approx(expected)


def test_costs_worked_by_hand() -> None:
    # Rejecting below 2 misses nothing and accepts 1 of 2: 0.5 * 0.5 / 0.5 = 0.5; rejecting all
    # costs 0.95 / 0.5, accepting all 1; rejecting the spoof at 2 needs bona fide 1 rejected too.
    scores, labels = labelled([2, 3], [1, 2.5])
    assert metrics.min_dcf(scores, labels) == pytest.approx(0.5)
    assert metrics.act_dcf(scores, labels) == pytest.approx(1.0)  # all lie above -0.64
    assert metrics.cllr(*labelled([np.log(3)], [-np.log(3)])) == pytest.approx(np.log2(4 / 3))


def test_threshold_between_scores_serves_unseen_trials() -> None:
    rate, threshold = metrics.eer(*labelled([4.0, 5.0], [1.0, 2.0]))
    assert (rate, threshold) == (0.0, 3.0)
    neighbours = np.nextafter(1.0, 2.0)
    rate, threshold = metrics.eer(*labelled([neighbours], [1.0]))
    assert metrics.confusion(*labelled([neighbours], [1.0]), threshold).accuracy == 1.0


def test_precision_is_undefined_where_nothing_is_rejected() -> None:
    counts = metrics.confusion(*labelled([1], [2]), -5.0)
    assert np.isnan(counts.precision)
    assert counts.f1 == 0.0


def test_tied_share() -> None:
    assert metrics.tied_share([1, 1, 2, 3]) == 0.5


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        ([1.0, np.nan], [True, False], "not finite"),
        ([1.0, np.inf], [True, False], "not finite"),
        ([1.0, 2.0], [True, True], "no spoof"),
        ([1.0, 2.0], [False, False], "no bona fide"),
        ([1.0, 2.0, 3.0], [True, False], "want scores"),
        ([1.0, 2.0], [1, 0], "boolean"),
    ],
)
def test_refused(scores: list[float], labels: list[bool], words: str) -> None:
    for metric in (metrics.eer, metrics.auc, metrics.average_precision, metrics.cllr):
        with pytest.raises(InputError, match=words):
            metric(scores, np.array(labels))


@pytest.mark.parametrize("ties", [False, True])
def test_weights_count_trials(ties: bool) -> None:
    scores, labels = drawn(3, ties)
    weights = np.random.default_rng(0).integers(0, 3, (4, scores.size)).astype(float)
    curves = metrics.roc(scores, labels, weights)
    for row, weight in enumerate(weights.astype(int)):
        repeated = np.repeat(scores, weight), np.repeat(labels, weight)
        assert metrics.eer_of(curves)[row] == pytest.approx(metrics.eer(*repeated)[0])
        assert metrics.auc_of(curves)[row] == pytest.approx(metrics.auc(*repeated))
    with pytest.raises(InputError, match="without trials"):
        metrics.roc(scores, labels, labels.astype(float))


def test_calibration_recovers_shifted_ratios() -> None:
    rng = np.random.default_rng(0)
    scores, labels = labelled(list(rng.normal(1, 1, 20000)), list(rng.normal(-1, 1, 5000)))
    fitted = calibrate(scores / 4 + 7, labels)  # the true LLR of unit normals 2 apart is 2 x
    assert fitted.slope == pytest.approx(8.0, rel=0.05)
    assert fitted.offset == pytest.approx(-56.0, rel=0.05)
    better = metrics.cllr(fitted(scores / 4 + 7), labels)
    assert better < metrics.cllr(scores / 4 + 7, labels)
    assert metrics.act_dcf(fitted(scores / 4 + 7), labels) >= metrics.min_dcf(scores, labels)


def test_calibration_never_flips_and_stays_finite() -> None:
    scores, labels = labelled([0, 1, 2], [3, 4, 5])
    assert calibrate(scores, labels).slope == 0.0
    assert metrics.cllr(calibrate(scores, labels)(scores), labels) == pytest.approx(1.0)
    apart = calibrate(-scores, labels)
    assert np.isfinite(apart.slope)
    assert apart.slope > 0
    assert calibrate(np.ones(6), labels).slope == 0.0


SCORES = st.lists(st.integers(-6, 6), min_size=2, max_size=30)


@given(bonafide=SCORES, spoof=SCORES)
@settings(max_examples=150, deadline=None)
def test_properties(bonafide: list[int], spoof: list[int]) -> None:
    scores, labels = labelled(list(map(float, bonafide)), list(map(float, spoof)))
    rate, area = metrics.eer(scores, labels)[0], metrics.auc(scores, labels)
    cost = metrics.min_dcf(scores, labels)
    assert 0 <= rate <= 1
    assert 0 <= cost <= 1
    # A rising transform moves no rank.
    warped = np.exp(scores / 3) - 5
    assert metrics.eer(warped, labels)[0] == pytest.approx(rate)
    assert metrics.auc(warped, labels) == pytest.approx(area)
    assert metrics.min_dcf(warped, labels) == pytest.approx(cost)
    # Swapping the labels mirrors; swapping labels and sign changes nothing.
    assert metrics.eer(scores, ~labels)[0] == pytest.approx(1 - rate)
    assert metrics.auc(scores, ~labels) == pytest.approx(1 - area)
    assert metrics.eer(-scores, ~labels)[0] == pytest.approx(rate)
    # AUC is the share of pairs in the right order.
    gaps = np.subtract.outer(scores[labels], scores[~labels])
    assert area == pytest.approx(np.mean(gaps > 0) + np.mean(gaps == 0) / 2)
    # The order of trials is nothing.
    order = np.random.default_rng(0).permutation(scores.size)
    assert metrics.eer(scores[order], labels[order])[0] == rate
