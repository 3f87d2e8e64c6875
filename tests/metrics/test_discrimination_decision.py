"""Metrics against the ASVspoof 5 package, scikit-learn and values computed by hand."""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from benchmark.core.errors import InputError
from benchmark.leaderboard import breakdown, ladders
from benchmark.metrics import bootstrap, curves, decision, discrimination
from benchmark.metrics.calibration import calibrate
from benchmark.report import writer
from tests.support.places import GOLDEN


def labelled(bonafide: list[float], spoof: list[float]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat([True, False], [len(bonafide), len(spoof)])
    return np.array([*bonafide, *spoof], dtype=np.float64), labels


def drawn(seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(300) < 0.3
    scores = rng.normal(size=300) + labels
    return (np.round(scores, 0) if ties else scores), labels


@pytest.mark.parametrize(
    "module",
    [discrimination, decision, curves, bootstrap, ladders, writer],
    ids=lambda m: m.__name__,
)
def test_worked_examples_in_docstrings(module: object) -> None:
    tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert tried.attempted > 0 and tried.failed == 0


@pytest.mark.parametrize("name", [f"set{number}" for number in range(6)])
def test_golden_figures(name: str) -> None:
    golden = json.loads((GOLDEN / "metrics_golden.json").read_text())["sets"][name]
    arrays = np.load(GOLDEN / "metrics_golden.npz")
    scores, labels = labelled(list(arrays[f"{name}_bonafide"]), list(arrays[f"{name}_spoof"]))
    half_step = 0.5 / min(golden["n_bonafide"], golden["n_spoof"])
    rate, threshold = discrimination.eer(scores, labels)
    assert rate == pytest.approx(golden["eer"], abs=half_step + 1e-12)
    counts = decision.confusion(scores, labels, threshold)
    assert abs((1 - counts.recall) - (1 - counts.bonafide.recall)) <= 2 * half_step
    assert decision.min_dcf(scores, labels) == pytest.approx(golden["min_dcf"], abs=1e-12)
    assert decision.act_dcf(scores, labels) == pytest.approx(golden["act_dcf"], abs=1e-12)
    assert decision.cllr(scores, labels) == pytest.approx(golden["cllr_bits"], abs=1e-12)
    threshold = decision.ASVSPOOF5.threshold
    assert threshold == pytest.approx(golden["act_dcf_threshold"], abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_scikit_learn_agrees(seed: int, ties: bool) -> None:
    scores, labels = drawn(seed, ties)
    assert discrimination.auc(scores, labels) == pytest.approx(sk.roc_auc_score(labels, scores))
    expected = sk.average_precision_score(~labels, -scores)
    assert discrimination.average_precision(scores, labels) == pytest.approx(expected)
    fpr, tpr, _ = sk.roc_curve(~labels, -scores, drop_intermediate=False)
    for limit in (0.01, 0.05, 0.2):
        expected = tpr[fpr <= limit].max()
        assert discrimination.tpr_at_fpr(scores, labels, limit) == pytest.approx(expected)
    curve = discrimination.roc(scores, labels)
    assert np.allclose(np.sort(curve.frr), np.sort(fpr))
    assert np.allclose(np.sort(1 - curve.far), np.sort(tpr))


@pytest.mark.parametrize("threshold", [-0.4, 0.5, 1.0])
@pytest.mark.parametrize("ties", [False, True])
def test_decisions_agree_with_scikit_learn(threshold: float, ties: bool) -> None:
    scores, labels = drawn(4, ties)
    counts = decision.confusion(scores, labels, threshold)
    truth, called = ~labels, scores < threshold
    matrix = sk.confusion_matrix(truth, called)
    assert matrix.tolist() == [[counts.tn, counts.fp], [counts.fn, counts.tp]]
    expected = sk.classification_report(
        truth, called, target_names=["bonafide", "spoof"], output_dict=True
    )
    for name, side in counts.report().items():
        for ours, theirs in (("precision",) * 2, ("recall",) * 2, ("f1", "f1-score")):
            assert side[ours] == pytest.approx(expected[name][theirs])
        assert side["support"] == expected[name]["support"]
    assert counts.f1 == pytest.approx(sk.f1_score(truth, called))
    assert counts.macro_f1 == pytest.approx(sk.f1_score(truth, called, average="macro"))
    assert counts.accuracy == pytest.approx(sk.accuracy_score(truth, called))
    expected = sk.balanced_accuracy_score(truth, called)
    assert counts.balanced_accuracy == pytest.approx(expected)


def test_cllr_is_the_log_loss_of_scikit_learn_at_even_odds() -> None:
    llr, labels = drawn(5, False)
    weights = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())
    posterior = 1 / (1 + np.exp(-llr))
    expected = sk.log_loss(labels, posterior, sample_weight=weights) / np.log(2)
    assert decision.cllr(llr, labels) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("bonafide", "spoof", "expected"),
    [
        ([1, 1], [1, 1, 1], 0.5),  # all scores tied
        ([3, 4], [1, 2], 0.0),
        ([1, 2], [3, 4], 1.0),  # reversed
        # Rejecting below 2: FRR 0, FAR 1/2; rejecting the tie at 2 too: FRR 1/2, FAR 0.
        ([2, 3], [1, 2], 0.25),
        # Below 2: FRR 0, FAR 2/3; the tie changes FRR to 1/2 and FAR to 0: they are equal at 2/7.
        ([2, 3], [1, 2, 2], 2 / 7),
    ],
)
def test_eer_worked_by_hand(bonafide: list[float], spoof: list[float], expected: float) -> None:
    assert discrimination.eer(*labelled(bonafide, spoof))[0] == pytest.approx(expected)


def test_ranking_worked_by_hand() -> None:
    # Ascending: spoof 1, a tie of both classes at 2, bona fide 3. One of two spoofs is rejected
    # before any bona fide trial; the tie rejects the second one and one of two bona fide trials.
    scores, labels = labelled([2, 3], [1, 2])
    assert discrimination.auc(scores, labels) == pytest.approx(3.5 / 4)
    assert discrimination.average_precision(scores, labels) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert discrimination.tpr_at_fpr(scores, labels, 0.05) == 0.5
    assert discrimination.tpr_at_fpr(scores, labels, 0.5) == 1.0
    reversed_ = labelled([1, 2], [3, 4])
    assert discrimination.tpr_at_fpr(*reversed_, 0.05) == 0.0


def test_costs_worked_by_hand() -> None:
    # Rejecting below 2 misses nothing and accepts 1 of 2: 0.5 * 0.5 / 0.5 = 0.5. Rejecting all
    # costs 0.95 / 0.5, accepting all 1. Rejecting the spoof at 2.5 also rejects a bona fide trial.
    scores, labels = labelled([2, 3], [1, 2.5])
    assert decision.min_dcf(scores, labels) == pytest.approx(0.5)
    assert decision.act_dcf(scores, labels) == pytest.approx(1.0)  # all are above -0.64
    assert decision.cllr(*labelled([np.log(3)], [-np.log(3)])) == pytest.approx(np.log2(4 / 3))
    # Even odds and equal costs: the threshold is 0 and the cost is the sum of both rates.
    even = decision.Costs(p_spoof=0.5, miss=1, false_accept=1)
    assert (even.weights, even.threshold) == ((1.0, 1.0), 0.0)
    assert decision.act_dcf(*labelled([1, -1], [-1, -2]), even) == pytest.approx(0.5)
    # A miss costs a hundred times more: accept all but the spoof below every bona fide trial.
    dear = decision.Costs(p_spoof=0.5, miss=100, false_accept=1)
    assert decision.min_dcf(scores, labels, dear) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0.0, 1, 1), "between 0 and 1"),
        ((1.0, 1, 1), "between 0 and 1"),
        ((0.5, 0, 1), "a miss must be above 0"),
        ((0.5, 1, -2), "a false acceptance must be above 0"),
    ],
)
def test_invalid_costs_are_refused(values: tuple[float, float, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        decision.Costs(*values)
    with pytest.raises(InputError, match=words):
        decision.parse_costs(",".join(map(str, values)))
    with pytest.raises(InputError, match="three numbers, not '1,2'"):
        decision.parse_costs("1,2")


def test_threshold_between_scores_serves_unseen_trials() -> None:
    rate, threshold = discrimination.eer(*labelled([4.0, 5.0], [1.0, 2.0]))
    assert (rate, threshold) == (0.0, 3.0)
    neighbours = np.nextafter(1.0, 2.0)
    rate, threshold = discrimination.eer(*labelled([neighbours], [1.0]))
    assert decision.confusion(*labelled([neighbours], [1.0]), threshold).accuracy == 1.0


def test_precision_is_undefined_where_nothing_is_rejected() -> None:
    counts = decision.confusion(*labelled([1], [2]), -5.0)
    assert np.isnan(counts.precision)
    assert counts.f1 == 0.0


def test_a_part_of_a_ranking_equals_the_ranking_of_the_part() -> None:
    scores, labels = drawn(6, True)
    ranking = discrimination.rank(scores, labels)
    keep = np.random.default_rng(0).random(scores.size) < 0.5
    part = discrimination.roc_of(ranking.part(keep[ranking.order]))
    assert discrimination.eer_of(part) == discrimination.eer(scores[keep], labels[keep])
    with pytest.raises(InputError, match="no bona fide"):
        ranking.part(~ranking.bonafide)


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        ([1.0, np.nan], [True, False], "not finite"),
        ([1.0, np.inf], [True, False], "not finite"),
        ([1.0, 2.0], [True, True], "no spoof"),
        ([1.0, 2.0], [False, False], "no bona fide"),
        ([1.0, 2.0, 3.0], [True, False], "expected scores"),
        ([1.0, 2.0], [1, 0], "boolean"),
    ],
)
def test_refused(scores: list[float], labels: list[bool], words: str) -> None:
    every: list[Callable[..., object]] = [
        discrimination.eer,
        discrimination.auc,
        discrimination.average_precision,
    ]
    for metric in (*every, decision.min_dcf, decision.act_dcf, decision.cllr):
        with pytest.raises(InputError, match=words):
            metric(scores, np.array(labels))


def test_calibration_recovers_shifted_ratios() -> None:
    rng = np.random.default_rng(0)
    scores, labels = labelled(list(rng.normal(1, 1, 20000)), list(rng.normal(-1, 1, 5000)))
    fitted = calibrate(scores / 4 + 7, labels)  # unit normals at -1 and 1: the true LLR is 2 x
    assert fitted.slope == pytest.approx(8.0, rel=0.05)
    assert fitted.offset == pytest.approx(-56.0, rel=0.05)
    better = decision.cllr(fitted(scores / 4 + 7), labels)
    assert better < decision.cllr(scores / 4 + 7, labels)
    least = decision.min_dcf(scores, labels)
    assert decision.act_dcf(fitted(scores / 4 + 7), labels) >= least
    promised = curves.reliability(fitted(scores / 4 + 7), labels)
    assert np.abs(promised.predicted - promised.observed).max() < 0.05
    worse = curves.reliability(scores / 4 + 7, labels)
    assert np.abs(worse.predicted - worse.observed).max() > 0.3


def test_calibration_never_flips_and_stays_finite() -> None:
    scores, labels = labelled([0, 1, 2], [3, 4, 5])
    assert calibrate(scores, labels).slope == 0.0
    assert decision.cllr(calibrate(scores, labels)(scores), labels) == pytest.approx(1.0)
    apart = calibrate(-scores, labels)
    assert np.isfinite(apart.slope)
    assert apart.slope > 0
    assert calibrate(np.ones(6), labels).slope == 0.0


SCORES = st.lists(st.integers(-6, 6), min_size=2, max_size=30)


@given(bonafide=SCORES, spoof=SCORES)
@settings(max_examples=150, deadline=None)
def test_properties(bonafide: list[int], spoof: list[int]) -> None:
    scores, labels = labelled(list(map(float, bonafide)), list(map(float, spoof)))
    rate, area = discrimination.eer(scores, labels)[0], discrimination.auc(scores, labels)
    cost, caught = decision.min_dcf(scores, labels), discrimination.tpr_at_fpr(scores, labels, 0.05)
    found = discrimination.average_precision(scores, labels)
    assert 0 <= rate <= 1
    assert 0 <= cost <= 1
    assert 0 < found <= 1
    assert caught <= discrimination.tpr_at_fpr(scores, labels, 0.5)
    assert decision.act_dcf(scores, labels) >= cost - 1e-12
    # An increasing transform changes no rank.
    warped = np.exp(scores / 3) - 5
    assert discrimination.eer(warped, labels)[0] == pytest.approx(rate)
    assert discrimination.auc(warped, labels) == pytest.approx(area)
    assert decision.min_dcf(warped, labels) == pytest.approx(cost)
    assert discrimination.average_precision(warped, labels) == pytest.approx(found)
    assert discrimination.tpr_at_fpr(warped, labels, 0.05) == caught
    # Swapping the labels mirrors the metrics; swapping labels and sign changes nothing.
    assert discrimination.eer(scores, ~labels)[0] == pytest.approx(1 - rate)
    assert discrimination.auc(scores, ~labels) == pytest.approx(1 - area)
    assert discrimination.eer(-scores, ~labels)[0] == pytest.approx(rate)
    assert decision.cllr(-scores, ~labels) == pytest.approx(decision.cllr(scores, labels))
    # AUC is the share of pairs in the right order.
    gaps = np.subtract.outer(scores[labels], scores[~labels])
    assert area == pytest.approx(np.mean(gaps > 0) + np.mean(gaps == 0) / 2)
    # The order of trials does not matter; a threshold splits them into the four outcomes.
    order = np.random.default_rng(0).permutation(scores.size)
    assert discrimination.eer(scores[order], labels[order])[0] == rate
    counts = decision.confusion(scores, labels, discrimination.eer(scores, labels)[1])
    assert counts.tp + counts.fp + counts.tn + counts.fn == scores.size


@pytest.mark.parametrize("ties", [False, True])
def test_curves_are_thinned_without_moving(ties: bool) -> None:
    rng = np.random.default_rng(7)
    labels = rng.random(20_000) < 0.2
    scores = rng.normal(size=labels.size) + 1.5 * labels
    curve = discrimination.roc(np.round(scores, 2) if ties else scores, labels)
    for points, whole in (
        (curves.roc_points(curve, 200), (curve.frr, 1 - curve.far)),
        (curves.precision_recall_points(curve, 200), discrimination.precision_recall(curve)),
        (curves.det_points(curve, 200), None),
    ):
        assert points.x.size <= 200
        if whole is not None:
            length = np.abs(np.diff(whole[0])).sum() + np.abs(np.diff(whole[1])).sum()
            nearest = [
                np.abs(points.x - x) + np.abs(points.y - y) for x, y in zip(*whole, strict=True)
            ]
            assert max(d.min() for d in nearest) <= length / 199
            assert (points.x[0], points.y[0]) == (whole[0][0], whole[1][0])
            assert (points.x[-1], points.y[-1]) == (whole[0][-1], whole[1][-1])
    det = curves.det_points(curve)
    middle = np.argmin(np.abs(det.x - det.y))  # the EER is on the diagonal of a DET plot
    assert (det.x[middle] + det.y[middle]) / 2 == pytest.approx(
        curves.ndtri(discrimination.eer_of(curve)[0]), abs=0.03
    )
    assert curves.roc_points(discrimination.roc([1.0, 2.0], [False, True])).x.tolist() == [0, 0, 1]


def test_slices_need_both_classes_and_a_column_of_seconds() -> None:
    import pandas as pd

    n = 60
    table = pd.DataFrame(
        {
            "label": np.where(np.arange(n) % 2, "spoof", "bonafide"),
            "spoof_system": np.where(np.arange(n) % 2, np.where(np.arange(n) < 30, "A", "B"), "-"),
            "source": ["radio" if i < 40 else "studio" for i in range(n)],
            "duration": np.linspace(0.5, 9, n),
        }
    )
    found = {(group.by, group.value): int(group.keep.sum()) for group in breakdown.slices(table)}
    assert found[("spoof_system", "A")] == 30 + 15
    assert found[("source", "radio")] == 40
    assert found[("source", "studio")] == 20
    seconds = table["duration"]
    assert found[("duration", "4 to 8 s")] == ((seconds >= 4) & (seconds < 8)).sum()
    assert ("duration", "8 s and more") not in found  # too few trials of a class
    columns = {
        "codec": ["mp3" if i % 4 < 2 else "none" for i in range(n)],  # in both classes
        "vocoder": ["wave" if i % 2 else "bonafide" for i in range(n)],  # in spoofs only
        "note": [f"n{i}" for i in range(n)],  # identifies single trials
        "city": "here",  # a single value
        "speaker": ["s1" if i < 30 else "s2" for i in range(n)],
        "file_sha256": "0",
        "made:a/b": ["x" if i < 30 else "y" for i in range(n)],
    }
    wide = breakdown.slices(table.assign(**columns))
    added = {(group.by, group.value): int(group.keep.sum()) for group in wide} | found
    assert {k: v for k, v in added.items() if k not in found} == {
        ("codec", "mp3"): 30,
        ("codec", "none"): 30,
        ("vocoder", "wave"): 60,
    }
    quality = ["-" if i % 4 > 1 else "1" if i // 4 % 4 else "2" for i in range(n)]
    coded = breakdown.slices(table.assign(codec=columns["codec"], codec_quality=quality))
    together = {g.value: int(g.keep.sum()) for g in coded if g.by == "codec, codec_quality"}
    assert together == {"mp3 1": 22}  # quality 2 has too few of each class
    with pytest.raises(InputError, match="duration must hold seconds"):
        breakdown.slices(table.assign(duration="long"))
