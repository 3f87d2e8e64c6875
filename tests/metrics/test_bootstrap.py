"""The bootstrap: pairing, degenerate clusters, groups of clusters, coverage, ranks, letters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.core.errors import InputError
from benchmark.metrics import bootstrap, decision, discrimination
from benchmark.metrics.bootstrap_metrics import replicate
from tests.support import coverage_model as coverage

DIGEST = "00ff" * 16


drawn = coverage.drawn


def test_draws_depend_on_the_trial_digest_alone() -> None:
    _, bonafide, cluster = drawn(np.random.default_rng(2), 20)
    one = bootstrap.resample(cluster, bonafide, DIGEST, 10).counts
    assert np.array_equal(one, bootstrap.resample(cluster, bonafide, DIGEST, 10).counts)
    other = bootstrap.resample(cluster, bonafide, "11" + DIGEST, 10).counts
    assert not np.array_equal(one, other)
    assert (one.sum(axis=1) == bootstrap.drawn_number(20)).all()


def test_draws_that_lose_a_class_are_drawn_again() -> None:
    cluster = np.arange(6)
    bonafide = np.array([True, False, False, False, False, False])
    draws = bootstrap.resample(cluster, bonafide, DIGEST, 200)
    assert (draws.counts[:, 0] > 0).all()
    assert (draws.counts[:, 0] < 6).all()


def test_one_cluster_gives_no_interval() -> None:
    bonafide = np.array([True, False, True, False])
    draws = bootstrap.resample(np.zeros(4, dtype=np.intp), bonafide, DIGEST)
    assert (draws.size, draws.clusters) == (0, 1)
    found = replicate(discrimination.rank(np.arange(4.0), bonafide), draws)
    assert np.isnan(bootstrap.interval(found.eer)).all()


def test_many_clusters_are_dealt_into_groups_of_equal_number() -> None:
    number = 3 * bootstrap.MANY_CLUSTERS + 1
    cluster = np.repeat(np.arange(number), 2)
    bonafide = np.tile([True, False], number)
    draws = bootstrap.resample(cluster, bonafide, DIGEST, 5)
    assert (draws.clusters, draws.units) == (number, bootstrap.MANY_CLUSTERS)
    assert (draws.unit[::2] == draws.unit[1::2]).all()  # a cluster is drawn whole
    sizes = np.bincount(draws.unit[::2])
    assert (sizes.min(), sizes.max()) == (3, 4)
    again = bootstrap.resample(cluster, bonafide, DIGEST, 5)
    assert np.array_equal(draws.unit, again.unit)


def test_groups_give_the_spread_of_single_clusters() -> None:
    """Groups give the standard error of an ordinary bootstrap over 5,000 independent trials."""
    rng = np.random.default_rng(6)
    n = 5000
    scores, bonafide = rng.normal(size=n), rng.random(n) < 0.5
    draws = bootstrap.resample(np.arange(n), bonafide, DIGEST, 1000)
    found = replicate(discrimination.rank(scores, bonafide), draws, 0.0)
    rejected = (scores[~bonafide] < 0).mean()
    f1 = np.std(found.f1)
    exact = [
        decision.confusion(scores[rows], bonafide[rows], 0.0).f1
        for rows in rng.integers(n, size=(1000, n))
    ]
    assert 0.45 < rejected < 0.55
    assert f1 == pytest.approx(np.std(exact), rel=0.12)  # four standard errors of each estimate


def test_one_class_is_refused() -> None:
    with pytest.raises(InputError, match="one class"):
        bootstrap.resample(np.arange(4), np.ones(4, dtype=bool), DIGEST)


@pytest.mark.parametrize(
    ("speaker", "source", "expected"),
    [
        (["a", "b", "a"], ["x", "x", "x"], [0, 1, 0]),
        (["-", "-", "-"], ["x", "y", "x"], [0, 1, 0]),  # no speaker is known: by source
        (["-", "a", "-"], ["x", "x", "x"], [0, 1, 2]),  # an unknown speaker is its own cluster
        (["-", "-", "-"], ["-", "-", "-"], [0, 1, 2]),
    ],
)
def test_clusters(speaker: list[str], source: list[str], expected: list[int]) -> None:
    table = pd.DataFrame({"speaker": speaker, "source": source})
    assert bootstrap.clusters(table).tolist() == expected


def test_paired_differences_are_tighter_than_unpaired() -> None:
    rng = np.random.default_rng(3)
    scores, bonafide, cluster = drawn(rng, 40)
    draws = bootstrap.resample(cluster, bonafide, DIGEST, 400)
    other = scores + 0.1 * rng.normal(size=scores.size)
    one, two = (replicate(discrimination.rank(s, bonafide), draws).eer for s in (scores, other))
    assert np.std(one - two) < 0.5 * np.hypot(np.std(one), np.std(two))


@pytest.mark.parametrize("pair", ["moderate", "almost one"])
def test_intervals_cover_the_truth(pair: str) -> None:
    """Check nominal 95 % intervals at 60 clusters against a million trials of the same model.

    `tests/soak/test_coverage.py` measures coverage precisely, at several numbers of clusters.
    """
    rounds, rng = 150, np.random.default_rng(5)
    hits = coverage.hits(rng, coverage.PAIRS[pair], clusters=60, rounds=rounds, resamples=200)
    assert len(hits) == 13
    for name, count in hits.items():
        # 95 % minus four standard errors of 150 rounds, and a margin for the 200 draws. An
        # interval that never misses the truth is too wide.
        assert 0.87 <= count / rounds < 1, name
