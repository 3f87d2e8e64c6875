"""The bootstrap: pairing, degenerate clusters, agreement with a plain loop, coverage, ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark import metrics, statistics
from benchmark.errors import InputError

DIGEST = "00ff" * 16


def drawn(
    rng: np.random.Generator, clusters: int, size: int = 8, gap: float = 1.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels, clusters; half bona fide, every cluster with its own offset."""
    cluster = np.repeat(np.arange(clusters), size)
    bonafide = np.tile(np.arange(size) % 2 == 0, clusters)
    own = rng.normal(size=clusters) * 0.7
    return rng.normal(size=cluster.size) + own[cluster] + gap * bonafide, bonafide, cluster


@pytest.mark.parametrize("digits", [0, 9])
def test_replicates_are_the_metrics_of_repeated_trials(digits: int) -> None:
    scores, bonafide, cluster = drawn(np.random.default_rng(0), 12)
    scores = np.round(scores, digits)
    draws = statistics.resample(cluster, bonafide, DIGEST, 25)
    found = statistics.replicate(scores, bonafide, draws, 0.4)
    for number, counts in enumerate(draws.counts):
        chosen = np.repeat(np.arange(scores.size), counts[cluster])
        again = scores[chosen], bonafide[chosen]
        assert found.eer[number] == pytest.approx(metrics.eer(*again)[0])
        assert found.auc[number] == pytest.approx(metrics.auc(*again))
        assert found.f1[number] == pytest.approx(metrics.confusion(*again, 0.4).f1)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, bonafide, cluster = drawn(np.random.default_rng(1), 20)
    draws = statistics.resample(cluster, bonafide, DIGEST, 30)
    whole = statistics.replicate(scores, bonafide, draws).eer
    monkeypatch.setattr(statistics, "_CHUNK", 7 * scores.size)
    assert np.array_equal(whole, statistics.replicate(scores, bonafide, draws).eer)


def test_draws_depend_on_the_trial_digest_alone() -> None:
    _, bonafide, cluster = drawn(np.random.default_rng(2), 20)
    one = statistics.resample(cluster, bonafide, DIGEST, 10).counts
    assert np.array_equal(one, statistics.resample(cluster, bonafide, DIGEST, 10).counts)
    other = statistics.resample(cluster, bonafide, "11" + DIGEST, 10).counts
    assert not np.array_equal(one, other)
    assert (one.sum(axis=1) == 20).all()


def test_draws_that_lose_a_class_are_drawn_again() -> None:
    cluster = np.arange(6)
    bonafide = np.array([True, False, False, False, False, False])
    draws = statistics.resample(cluster, bonafide, DIGEST, 200)
    assert (draws.counts[:, 0] > 0).all()
    assert (draws.counts[:, 0] < 6).all()


def test_one_cluster_gives_no_interval() -> None:
    bonafide = np.array([True, False, True, False])
    draws = statistics.resample(np.zeros(4, dtype=np.intp), bonafide, DIGEST)
    assert draws.size == 0
    replicates = statistics.replicate(np.arange(4.0), bonafide, draws)
    assert np.isnan(statistics.interval(replicates.eer)).all()
    assert statistics.rank_bounds([replicates.eer, replicates.eer]) == [(1, 2), (1, 2)]


def test_one_class_is_refused() -> None:
    with pytest.raises(InputError, match="one class"):
        statistics.resample(np.arange(4), np.ones(4, dtype=bool), DIGEST)


@pytest.mark.parametrize(
    ("speaker", "source", "expected"),
    [
        (["a", "b", "a"], ["x", "x", "x"], [0, 1, 0]),
        (["-", "-", "-"], ["x", "y", "x"], [0, 1, 0]),  # nobody is known: by source
        (["-", "a", "-"], ["x", "x", "x"], [0, 1, 2]),  # an unknown speaker stands alone
        (["-", "-", "-"], ["-", "-", "-"], [0, 1, 2]),
    ],
)
def test_clusters(speaker: list[str], source: list[str], expected: list[int]) -> None:
    table = pd.DataFrame({"speaker": speaker, "source": source})
    assert statistics.clusters(table).tolist() == expected


def test_paired_differences_are_tighter_than_unpaired() -> None:
    rng = np.random.default_rng(3)
    scores, bonafide, cluster = drawn(rng, 40)
    draws = statistics.resample(cluster, bonafide, DIGEST, 400)
    one = statistics.replicate(scores, bonafide, draws).eer
    two = statistics.replicate(scores + 0.1 * rng.normal(size=scores.size), bonafide, draws).eer
    assert np.std(one - two) < 0.5 * np.hypot(np.std(one), np.std(two))


def test_rank_bounds() -> None:
    noise = np.random.default_rng(4).normal(size=(3, 500)) * 0.01
    means = np.array([[0.1], [0.101], [0.4]]) + noise
    assert statistics.rank_bounds(list(means)) == [(1, 2), (1, 2), (3, 3)]


def test_intervals_cover_the_truth() -> None:
    """Nominal 95 %; the truth is the AUC of 200,000 trials of the same model, 60 clusters."""
    rng = np.random.default_rng(5)
    big, labels, _ = drawn(rng, 25_000)
    truth = metrics.auc(big, labels)
    rounds, hits = 250, 0
    for _ in range(rounds):
        scores, bonafide, cluster = drawn(rng, 60)
        draws = statistics.resample(cluster, bonafide, f"{rng.integers(1 << 60):016x}", 200)
        low, high = statistics.interval(statistics.replicate(scores, bonafide, draws).auc)
        hits += low <= truth <= high
    # 95 % +- three standard errors of 250 rounds, and a little for the 200 draws.
    assert 0.90 <= hits / rounds <= 0.985
