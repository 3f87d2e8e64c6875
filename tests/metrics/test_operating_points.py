"""Thresholds frozen on dev: against brute force over every resample, and cases made by hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from benchmark.core.errors import InputError
from benchmark.metrics import bootstrap, discrimination
from benchmark.metrics import operating_points as points
from benchmark.metrics.discrimination import Bools, Floats

DIGEST = "0123456789abcdef"
Trials = tuple[Floats, Bools, np.ndarray]


def trials(seed: int, size: int = 120, grid: float = 0.0, clusters: int = 9) -> Trials:
    """Scores, classes and clusters; with a `grid` many scores are tied."""
    rng = np.random.default_rng(seed)
    bonafide = rng.random(size) < 0.4
    cluster = np.append(np.arange(clusters), rng.integers(clusters, size=size - clusters))
    scores = rng.normal(size=size) + 1.2 * bonafide + 0.3 * cluster
    return (np.round(scores / grid) * grid if grid else scores), bonafide, cluster.astype(np.intp)


def brute(scores: Floats, rate: float) -> float:
    """The largest threshold with at most `rate` rejected, by trying every one."""
    distinct = sorted(set(scores.tolist()))
    cuts = [distinct[0], *((a + b) / 2 for a, b in pairwise(distinct))]
    return max(cut for cut in cuts if np.mean(scores < cut) <= rate + 1e-12)


def expanded(draws: bootstrap.Resamples, row: int) -> np.ndarray:
    """The trials of one resample, repeated as it draws them."""
    return np.repeat(np.arange(draws.unit.size), draws.counts[row][draws.unit])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("grid", [0.0, 0.5])
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_the_threshold_is_the_largest_that_keeps_the_rate(
    seed: int, grid: float, rate: float
) -> None:
    scores, bonafide, _ = trials(seed, grid=grid)
    assert points.at_rejection(scores[bonafide], rate) == pytest.approx(
        brute(scores[bonafide], rate), abs=1e-12
    )


def test_five_per_cent_of_twenty_is_one() -> None:
    scores = np.arange(20.0)
    assert points.at_rejection(scores, 0.05) == 0.5
    assert points.at_rejection(scores[:19], 0.05) == 0.0  # one of 19 would be more than 5 %
    assert points.at_rejection(scores[::-1], 0.05) == 0.5


@pytest.mark.parametrize("bad", [[], [np.nan, 1.0], [np.inf], [[1.0]]])
def test_scores_without_a_threshold_are_refused(bad: list[float]) -> None:
    with pytest.raises(InputError, match="finite bona fide scores"):
        points.at_rejection(bad, 0.05)


@pytest.mark.parametrize("rate", [-0.1, 1.0, np.nan])
def test_a_rate_outside_its_range_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="false rejection rate"):
        points.at_rejection([1.0, 2.0], rate)


@pytest.mark.parametrize("grid", [0.0, 0.5, 50.0])
@pytest.mark.parametrize("rate", [0.05, 0.25])
def test_every_resample_has_the_threshold_of_its_own_trials(grid: float, rate: float) -> None:
    scores, bonafide, cluster = trials(3, grid=grid)
    draws = bootstrap.resample(cluster, bonafide, DIGEST, 60)
    mine = bootstrap.Resamples(cluster[bonafide], draws.unit[bonafide], draws.counts)
    found = points.drawn_at_rejection(scores[bonafide], mine, rate)
    for row in range(draws.size):
        chosen = expanded(draws, row)
        wanted = points.at_rejection(scores[chosen][bonafide[chosen]], rate)
        assert found[row] == pytest.approx(wanted, abs=1e-12)
    assert grid == 50.0 or len(set(found.tolist())) > 1


@pytest.mark.parametrize("grid", [0.0, 0.5, 50.0])
def test_every_resample_has_the_eer_threshold_of_its_own_trials(grid: float) -> None:
    scores, bonafide, cluster = trials(4, grid=grid)
    draws = bootstrap.resample(cluster, bonafide, DIGEST, 60)
    found = points.drawn_eer_threshold(scores, bonafide, draws)
    for row in range(draws.size):
        chosen = expanded(draws, row)
        assert found[row] == discrimination.eer(scores[chosen], bonafide[chosen])[1]


@pytest.mark.parametrize("each", [False, True])
def test_errors_of_every_resample_are_those_of_its_own_trials(each: bool) -> None:
    scores, bonafide, cluster = trials(5, grid=0.25)
    draws = bootstrap.resample(cluster, bonafide, DIGEST, 50)
    at = np.linspace(-1.0, 2.5, draws.size) if each else np.full(draws.size, 0.75)
    ranking = discrimination.rank(scores, bonafide)
    frr, far = points.drawn_errors(ranking, draws, at if each else 0.75)
    for row in range(draws.size):
        chosen = expanded(draws, row)
        mine, labels = scores[chosen], bonafide[chosen]
        assert frr[row] == pytest.approx(np.mean(mine[labels] < at[row]), abs=1e-12)
        assert far[row] == pytest.approx(np.mean(mine[~labels] >= at[row]), abs=1e-12)


MUTATIONS: dict[str, Callable[[Floats, Bools], Floats]] = {
    "the spoofs of dev": lambda scores, bonafide: scores[~bonafide],
    "all of dev": lambda scores, bonafide: scores,
    "the sign reversed": lambda scores, bonafide: -scores[bonafide],
}


@pytest.mark.parametrize("broken", MUTATIONS)
def test_the_brute_force_sees_what_is_wrong(broken: str) -> None:
    scores, bonafide, _ = trials(7)
    wrong = points.at_rejection(MUTATIONS[broken](scores, bonafide), 0.05)
    assert wrong != pytest.approx(brute(scores[bonafide], 0.05), abs=1e-3)


def test_many_draws_are_worked_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, bonafide, cluster = trials(8)
    draws = bootstrap.resample(cluster, bonafide, DIGEST, 40)
    ranking = discrimination.rank(scores, bonafide)
    whole = points.drawn_eer_threshold(scores, bonafide, draws)
    errors = points.drawn_errors(ranking, draws, whole)
    monkeypatch.setattr(points, "_AT_ONCE", 7 * scores.size)
    assert np.array_equal(points.drawn_eer_threshold(scores, bonafide, draws), whole)
    assert np.array_equal(points.drawn_errors(ranking, draws, whole), errors)
