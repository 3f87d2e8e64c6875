"""The weight of conditions, and how far ranks depend on which conditions there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.contract.base import RESIDUAL
from benchmark.leaderboard import leaderboard_tables, rank_ranges, weights
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.weights import Place
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run

DIGEST = "0123456789abcdef"
DRAWS = 60
suites = st.lists(
    st.builds(Place, st.sampled_from("abcd"), st.sampled_from("xyz")), min_size=1, max_size=30
)


def by_model(places: list[Place]) -> np.ndarray:
    """Return the weights by generalised least squares of the model, without any nesting rule.

    In each family the mean of attack means is the best linear unbiased one; families are joined by
    the inverse variance of their means.
    """
    found = np.zeros(len(places))
    precision = {}
    for family in dict.fromkeys(place.family for place in places):
        mine = [at for at, place in enumerate(places) if place.family == family]
        names = [places[at].attack for at in mine]
        covariance = np.eye(len(mine)) + np.array([[a == b for b in names] for a in names])
        solved = np.linalg.solve(covariance, np.ones(len(mine)))
        precision[family] = 1 / (1 + 1 / solved.sum())
        found[mine] = solved / solved.sum() * precision[family]
    return found / sum(precision.values())


@given(suites)
def test_weights_are_those_of_the_random_effects_model(places: list[Place]) -> None:
    assert weights.shares(places) == pytest.approx(by_model(places))


@given(suites)
def test_no_condition_weighs_like_a_family_of_many(places: list[Place]) -> None:
    found = weights.shares(places)
    assert found.sum() == pytest.approx(1.0) and (found > 0).all()
    total, size = {}, {}
    for place, share in zip(places, found, strict=True):
        total[place.family] = total.get(place.family, 0.0) + share
        size.setdefault(place.family, []).append(place.attack)
    alone = [name for name, attacks in size.items() if len(attacks) == 1]
    many = [name for name, attacks in size.items() if len(attacks) > 1]
    assert all(total[one] < total[more] for one in alone for more in many)
    assert max(total.values()) < 3 * min(total.values()) + 1e-12  # no family is drowned either


def test_a_single_condition_counts_less_than_fifteen_of_a_family() -> None:
    noises = [Place(f"noise(kind={kind}, snr=*)", "noise") for kind in "abcde" for _ in range(3)]
    found = weights.shares([*noises, Place("lowpass(cutoff=*)", "filtering")])
    assert found[-1] == pytest.approx((1 / 3) / (1 / 3 + 1 / (1 + 1 / 3.75)))
    assert found[:-1] == pytest.approx(np.full(15, (1 - found[-1]) / 15))


def test_an_order_changes_no_weight() -> None:
    places = [Place(attack, family) for attack, family in ["ax", "ax", "bx", "cy", "cy", "dz"]]
    order = [4, 0, 5, 2, 1, 3]
    whole = weights.shares(places)
    assert weights.shares([places[at] for at in order]) == pytest.approx(whole[order])


def test_drawn_weights_have_the_mean_of_the_shares_and_an_unbiased_variance() -> None:
    places = [Place(f"a{n}", f"f{n}") for n in range(5)]  # five families of one condition each
    drawn = weights.resampled(places, 20000, DIGEST)
    assert drawn.sum(axis=1) == pytest.approx(1.0)
    assert drawn.mean(axis=0) == pytest.approx(weights.shares(places), abs=0.01)
    rng = np.random.default_rng(3)
    values = rng.normal(size=5)
    assert np.var(drawn @ values) == pytest.approx(values.var(ddof=1) / 5, rel=0.05)


def test_drawn_weights_move_every_level_that_has_a_choice() -> None:
    nested = [Place("a", "x"), Place("a", "x"), Place("b", "x"), Place("c", "y")]
    drawn = weights.resampled(nested, 500, DIGEST)
    assert {tuple(row) for row in (drawn[:, :3] > 0).tolist()} > {(True, False, False)}
    assert set(np.unique(drawn[:, 3])) == {0.0, 1.0}  # of two families one is drawn
    alone = weights.resampled([Place("a", "x")], 5, DIGEST)
    assert (alone == 1).all()
    assert (weights.resampled(nested, 500, DIGEST) == drawn).all()


@pytest.fixture(scope="module")
def small() -> RunResults:
    names = ("reverb(rt60=0.3)", "reverb(rt60=0.9)", "mp3(kbps=16)")
    return synthetic_run.only(synthetic_run.run(), *names)


@pytest.fixture(scope="module")
def tables(small: RunResults) -> Tables:
    return leaderboard_tables.tables(small, DRAWS)


def test_the_mean_is_that_of_the_weights_in_the_table(tables: Tables) -> None:
    for _, row in tables.leaderboard.iterrows():
        cells = tables.conditions.query("track == @row.track and detector == @row.detector")
        assert cells["weight"].sum() == pytest.approx(1.0)
        assert cells.set_index("condition").loc["clean", "weight"] == 0
        for metric in ("eer", "auc", "cllr"):
            mean = (cells[metric] * cells["weight"]).sum()
            assert row[f"laundered_{metric}"] == pytest.approx(mean)


def test_controls_and_refuted_conditions_have_no_weight(small: RunResults) -> None:
    broken = leaderboard_tables.tables(synthetic_run.broken(small), DRAWS)
    cells = broken.conditions
    counted = cells["verified"].eq(True)
    assert (cells.loc[counted, "weight"] > 0).all() and counted.any()
    assert (cells.loc[~counted, "weight"] == 0).all()
    sums = cells.groupby(["track", "detector"])["weight"].sum()
    assert sums.to_numpy() == pytest.approx(1.0)


def test_rank_ranges_hold_the_rank(tables: Tables) -> None:
    board = tables.leaderboard
    for kind in ("drawn", "without"):
        low, high = f"rank_low_{kind}", f"rank_high_{kind}"
        assert (board[low] <= board["rank"]).all() and (board["rank"] <= board[high]).all()


class _Cell:
    def __init__(self, attack: str, eer: float) -> None:
        self.place, self.eer = Place(attack, attack), eer

    def replicates(self, name: str) -> np.ndarray:
        assert name == "eer"
        return np.full(40, self.eer)


class _Detector:
    def __init__(self, *eers: float) -> None:
        self.counted = [_Cell(name, eer) for name, eer in zip("abcdefgh", eers, strict=False)]


def test_one_condition_that_decides_a_rank_is_found() -> None:
    """The first leads by `d` alone: without it the second is better."""
    one, two = _Detector(0.2, 0.2, 0.2, 0.0), _Detector(0.15, 0.15, 0.15, 0.4)
    third = _Detector(0.5, 0.5, 0.5, 0.5)
    assert rank_ranges.without_one([one, two, third]) == [(1, 2), (1, 2), (3, 3)]  # type: ignore[list-item]
    alike = _Detector(0.2, 0.2, 0.2, 0.2)
    assert rank_ranges.without_one([alike, alike]) == [(1, 1), (1, 1)]  # type: ignore[list-item]
    assert rank_ranges.without_one([]) == []


def test_a_lead_on_every_condition_survives_other_launderings_and_a_mixed_one_does_not() -> None:
    ahead, behind = _Detector(*[0.1] * 8), _Detector(*[0.2] * 8)
    means = rank_ranges.drawn_means([ahead, behind], DIGEST)  # type: ignore[list-item]
    assert (means[0] < means[1]).all()
    mixed = _Detector(0.0, 0.3, 0.0, 0.3, 0.0, 0.3, 0.0, 0.1)  # the mean is lower
    means = rank_ranges.drawn_means([mixed, _Detector(*[0.13] * 8)], DIGEST)  # type: ignore[list-item]
    assert 0.02 < np.mean(means[0] > means[1]) < 0.98


def test_one_family_and_controls_alone_are_said(small: RunResults) -> None:
    first = next(info for info in small.conditions if info.condition != "clean")
    plan = tuple(
        info if info.condition == "clean" else replace(info, family=first.family)
        for info in small.conditions
    )
    found = leaderboard_tables.tables(synthetic_run.replace(small, conditions=plan), DRAWS)
    words = found.leaderboard["warnings"]
    assert words.str.contains(f"one attack family ({first.family})", regex=False).all()
    tame = small.source.effect_rows.assign(quantity=RESIDUAL, measured=-90.0, passed=None)
    found = leaderboard_tables.tables(
        synthetic_run.replace(small, effects=tame.assign(effect=False)), DRAWS
    )
    assert found.leaderboard["rank"].isna().all()
    words = found.leaderboard["warnings"]
    assert words.str.contains("unranked: every condition is a control").all()
