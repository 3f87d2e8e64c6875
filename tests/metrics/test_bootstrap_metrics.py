"""Replicates equal the metrics of the repeated trials for any bins, ties and clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.metrics import bootstrap, bootstrap_bias, bootstrap_metrics, decision, discrimination
from benchmark.metrics.bootstrap_metrics import METRICS, replicate
from benchmark.metrics.calibration import Calibration
from benchmark.metrics.decision import Costs

DIGEST = "00ff" * 16
CALIBRATION = Calibration(1.1, -0.3)
THRESHOLD = 0.4


def by_hand(
    scores: np.ndarray, bonafide: np.ndarray, draws: bootstrap.Resamples, costs: Costs
) -> dict[str, list[float]]:
    """Compute every metric of every resample from its trials, written out with repetitions."""
    found: dict[str, list[float]] = {name: [] for name in METRICS}
    for counts in draws.counts:
        rows = np.repeat(np.arange(scores.size), counts[draws.unit])
        values, labels = scores[rows], bonafide[rows]
        llr = CALIBRATION(values)
        found["eer"].append(discrimination.eer(values, labels)[0])
        found["auc"].append(discrimination.auc(values, labels))
        found["f1"].append(float(decision.confusion(values, labels, THRESHOLD).f1))
        found["min_dcf"].append(decision.min_dcf(values, labels, costs))
        found["act_dcf"].append(decision.act_dcf(llr, labels, costs))
        found["cllr"].append(decision.cllr(llr, labels))
    return found


def agree(
    scores: np.ndarray, bonafide: np.ndarray, cluster: np.ndarray, size: int, costs: Costs
) -> None:
    """Compare all metrics with `by_hand`, without the bias correction of EER and minDCF.

    minDCF is taken at the bin edges: equal if each tie group has its own bin, else never below.
    """
    draws = bootstrap.resample(cluster, bonafide, DIGEST, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap_bias, "smooth", lambda eers, frr, far: eers)
        patch.setattr(bootstrap_bias, "unbiased", lambda cost: cost.min(axis=1))
        found = replicate(
            discrimination.rank(scores, bonafide), draws, THRESHOLD, CALIBRATION, costs
        )
    for name, values in by_hand(scores, bonafide, draws, costs).items():
        close = 1e-8 if name == "cllr" else 1e-10  # its sums are rounded to 2**-30 bits per cluster
        got = getattr(found, name)
        if name == "min_dcf" and scores.size > bootstrap_metrics.BINS:
            assert (got > np.array(values) - close).all()
        else:
            assert got == pytest.approx(values, abs=close), name


@pytest.mark.parametrize("bins", [1024, 64, 7, 1])
@pytest.mark.parametrize(("trials", "clusters"), [(400, 12), (3000, 40), (4000, 2000)])
@pytest.mark.parametrize("digits", [0, 1, 9])
def test_replicates_are_the_metrics_of_repeated_trials(
    bins: int, trials: int, clusters: int, digits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap_metrics, "BINS", bins)
    rng = np.random.default_rng(clusters)
    cluster = np.unique(rng.integers(clusters, size=trials), return_inverse=True)[1]
    bonafide = rng.random(trials) < 0.3
    scores = rng.normal(size=trials) + bonafide + 0.5 * rng.normal(size=clusters)[cluster]
    agree(np.round(scores, digits), bonafide, cluster, 12, decision.ASVSPOOF5)


@pytest.mark.parametrize("case", ["constant", "apart", "reversed", "one tie", "rare"])
def test_degenerate_scores(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap_metrics, "BINS", 8)
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(20), 10)
    bonafide = rng.random(200) < (0.02 if case == "rare" else 0.5)
    scores = {
        "constant": np.zeros(200),
        "apart": bonafide + 0.1 * rng.random(200),
        "reversed": ~bonafide + 0.1 * rng.random(200),
        "one tie": np.where(rng.random(200) < 0.6, 0.0, rng.normal(size=200)),
        "rare": rng.normal(size=200),
    }[case]
    agree(scores, bonafide, cluster, 30, Costs(0.5, 1, 1))


@given(
    scores=st.lists(st.integers(-4, 4), min_size=12, max_size=60),
    bins=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_any_ties_any_bins(scores: list[int], bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bonafide = rng.permutation(np.arange(len(scores)) % 2 == 0)
    cluster = np.unique(rng.integers(5, size=len(scores)), return_inverse=True)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap_metrics, "BINS", bins)
        costs = Costs(float(rng.uniform(0.1, 0.9)), 1.0, float(rng.uniform(0.5, 10)))
        agree(np.array(scores, dtype=float), bonafide, cluster, 5, costs)


@pytest.mark.parametrize("digits", [0, 9])
def test_the_corrections_use_the_rates_at_every_threshold(digits: int) -> None:
    rng = np.random.default_rng(8)
    cluster, bonafide = np.repeat(np.arange(30), 20), rng.random(600) < 0.3
    scores = rng.normal(size=600) + bonafide + 0.5 * rng.normal(size=30)[cluster]
    scores = np.round(scores, digits)
    draws = bootstrap.resample(cluster, bonafide, DIGEST, 40)
    found = replicate(discrimination.rank(scores, bonafide), draws)

    weights = draws.counts[:, cluster].astype(float)
    below = np.append(np.unique(scores), np.inf) > scores[:, None]
    frr = weights[:, bonafide] @ below[bonafide] / weights[:, bonafide].sum(axis=1)[:, None]
    far = weights[:, ~bonafide] @ ~below[~bonafide] / weights[:, ~bonafide].sum(axis=1)[:, None]
    after = np.count_nonzero(frr < far, axis=1)
    crossed = np.concatenate([after - 1, after])
    rates = [frr[:, crossed].mean(axis=1), far[:, crossed].mean(axis=1)]
    raw = np.array(by_hand(scores, bonafide, draws, decision.ASVSPOOF5)["eer"])
    design = np.stack([np.ones(40), *rates], axis=1)
    fitted = design @ np.linalg.lstsq(design, raw)[0]
    assert found.eer == pytest.approx(fitted, abs=1e-10)
    assert found.eer.mean() == pytest.approx(raw.mean(), abs=1e-12)

    cost = 1.9 * frr + far
    smallest = cost.min(axis=1)
    at = cost.argmin(axis=1)
    others = np.array([cost[row, at[row - 1]] for row in range(40)])
    expected = (smallest + others) / 2 + others.mean() - smallest.mean()
    assert found.min_dcf == pytest.approx(np.minimum(expected, 1), abs=1e-10)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    bonafide, cluster = rng.random(2000) < 0.3, rng.integers(30, size=2000)
    ranking = discrimination.rank(rng.normal(size=2000), bonafide)
    draws = bootstrap.resample(cluster, bonafide, DIGEST, 50)
    monkeypatch.setattr(bootstrap_metrics, "BINS", 64)
    whole = replicate(ranking, draws, THRESHOLD, CALIBRATION)
    monkeypatch.setattr(bootstrap_metrics, "_PAIRS", 500)
    parts = replicate(ranking, draws, THRESHOLD, CALIBRATION)
    for name in METRICS:
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name


def test_metrics_without_threshold_or_calibration_are_nan() -> None:
    bonafide = np.tile([True, False], 20)
    draws = bootstrap.resample(np.arange(40), bonafide, DIGEST, 5)
    found = replicate(discrimination.rank(np.arange(40.0), bonafide), draws)
    assert np.isfinite([found.eer, found.auc, found.min_dcf]).all()
    assert np.isnan([found.f1, found.act_dcf, found.cllr]).all()
