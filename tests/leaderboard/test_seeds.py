"""The mean over trainings and draws of the attacks, its bounds, and the spread between seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from tqdm import tqdm

from benchmark.leaderboard import cells, seeds, trial_sets
from benchmark.leaderboard.detector_cells import DetectorCells
from benchmark.leaderboard.rows.detector_rows import SeedRow
from benchmark.scores import realisations
from benchmark.scores.realisations import Seeds
from tests.support import synthetic_run

FIRST = Seeds(0, 0)
DRAWS = 400
RESULTS = synthetic_run.only(synthetic_run.run(), "mp3(kbps=16)", "reverb(rt60=0.9)")
TRIALS = trial_sets.trial_set(RESULTS.protocol, "neural", DRAWS)


@pytest.fixture(scope="module")
def one() -> DetectorCells:
    track = cells.track_data(RESULTS, TRIALS)
    with tqdm(disable=True) as bar:
        return cells.compute(RESULTS, [track], bar, detectors=["melcnn"]).tracks[0][0]


def shifted(base: DetectorCells, by: float) -> DetectorCells:
    """Return cells whose EERs, and their draws, are higher by a constant."""
    found = []
    for cell in base.cells:
        assert cell.draws is not None
        eer = replace(cell.row.eer, value=cell.row.eer.value + by)
        draws = replace(cell.draws, eer=cell.draws.eer + by)
        found.append(replace(cell, row=replace(cell.row, eer=eer), draws=draws))
    return DetectorCells(tuple(found))


def row(found: list[SeedRow], over: str = "laundered", metric: str = "eer") -> SeedRow:
    (mine,) = [item for item in found if (item.over, item.metric) == (over, metric)]
    return mine


def test_the_seeds_of_further_realisations_begin_with_those_of_the_first_training() -> None:
    found = realisations.planned(Seeds(5, 2), attack_seeds=2, train_seeds=3)
    assert found == [Seeds(6, 2), Seeds(5, 3), Seeds(6, 3), Seeds(5, 4), Seeds(6, 4)]
    assert realisations.planned(FIRST, 1, 1) == []


def test_no_rows_without_a_further_realisation(one: DetectorCells) -> None:
    assert seeds.rows(TRIALS, FIRST, [one], [[]]) == []


def test_the_spread_of_each_kind_of_seed_is_told_apart(one: DetectorCells) -> None:
    """Trainings differ by 0.06, draws of the attacks by 0.02."""
    others = [(Seeds(a, t), shifted(one, 0.02 * a + 0.06 * t)) for t in (0, 1, 2) for a in (0, 1)]
    found = row(seeds.rows(TRIALS, FIRST, [one], [others[1:]]))
    assert (found.n_trainings, found.n_attack_draws) == (3, 2)
    assert found.mean.value == pytest.approx(one.mean("eer") + 0.01 + 0.06)
    assert found.first == pytest.approx(one.mean("eer"))
    assert found.spread_training == pytest.approx(0.06)
    assert found.spread_attack == pytest.approx(0.02 / np.sqrt(2))
    assert found.left_out is None


def test_a_single_seed_leaves_its_spread_blank(one: DetectorCells) -> None:
    found = row(seeds.rows(TRIALS, FIRST, [one], [[(Seeds(1, 0), shifted(one, 0.02))]]))
    assert np.isnan(found.spread_training) and found.spread_attack > 0
    assert found.n_trainings == 1


def test_bounds_cross_speakers_and_seeds(one: DetectorCells) -> None:
    """The variance over resamples is that over speakers plus the unbiased one over trainings."""
    steps = np.array([0.0, 0.03, 0.09])
    others = [(Seeds(0, t), shifted(one, steps[t])) for t in (1, 2)]
    found = row(seeds.rows(TRIALS, FIRST, [one], [others]))
    own = one.mean_draws("eer")
    wide = found.mean.high - found.mean.low
    alone = np.subtract(*np.quantile(own, [0.975, 0.025]))
    assert wide > 1.2 * alone
    drawn = seeds._draws([(FIRST, one), *others], "laundered", "eer", TRIALS.digest)
    trainings = steps.var(ddof=1) / 3
    crossed = np.var(own) + trainings
    freedom = crossed**2 / (trainings**2 / 2)  # Satterthwaite
    factor = stats.t(freedom).ppf(0.975) / stats.norm.ppf(0.975)
    assert factor > 1.05
    assert np.std(drawn) == pytest.approx(np.sqrt(crossed) * factor, rel=0.08)


@pytest.mark.parametrize("by", [-0.3, 0.5])
def test_bounds_end_where_the_range_of_the_metric_does(one: DetectorCells, by: float) -> None:
    found = row(seeds.rows(TRIALS, FIRST, [one], [[(Seeds(0, 1), shifted(one, by))]]))
    assert (found.mean.low, found.mean.high) == (0.0, 1.0)


def test_three_equal_trainings_are_covered_as_often_as_stated(one: DetectorCells) -> None:
    """Trainings that differ by chance alone: the interval holds the mean of all that could be."""
    rng = np.random.default_rng(4)
    truth, hits = one.mean("eer"), 0
    for _ in range(120):
        by = rng.normal(scale=0.2, size=3)
        whole = [(Seeds(0, t), shifted(one, by[t])) for t in range(3)]
        low, high = np.quantile(
            seeds._draws(whole, "laundered", "eer", TRIALS.digest), [0.025, 0.975]
        )
        hits += low <= truth <= high
    assert hits >= 0.85 * 120  # normal quantiles of three trainings reach 0.6 to 0.75


def test_a_realisation_of_other_conditions_is_left_out_and_named(one: DetectorCells) -> None:
    lost = DetectorCells(tuple(replace(cell, draws=None) for cell in one.cells))
    others = [(Seeds(0, 1), lost), (Seeds(0, 2), shifted(one, 0.1))]
    found = row(seeds.rows(TRIALS, FIRST, [one], [others]))
    assert found.left_out == "attack0-train1" and found.n_trainings == 2
    assert found.mean.value == pytest.approx(one.mean("eer") + 0.05)


def test_an_incomplete_crossing_is_not_averaged(one: DetectorCells) -> None:
    """Training 1 lacks the second draw: a mean with it would mix the two kinds of seed."""
    others = [(Seeds(1, 0), shifted(one, 0.02)), (Seeds(0, 1), shifted(one, 0.1))]
    found = row(seeds.rows(TRIALS, FIRST, [one], [others]))
    assert found.left_out == "attack0-train1"
    assert found.mean.value == pytest.approx(one.mean("eer") + 0.01)


def test_ranks_are_those_of_the_mean_over_realisations(one: DetectorCells) -> None:
    """The first run favours one detector, the other trainings the other."""
    rival = DetectorCells(
        tuple(
            replace(cell, row=replace(cell.row, head=replace(cell.row.head, detector="rival")))
            for cell in shifted(one, 0.01).cells
        )
    )
    mine = [(Seeds(0, t), shifted(one, 0.2)) for t in (1, 2)]
    theirs = [(Seeds(0, t), shifted(rival, 0.0)) for t in (1, 2)]
    found = seeds.rows(TRIALS, FIRST, [one, rival], [mine, theirs])
    ranks = {item.detector: item.rank for item in found if item.rank is not None}
    assert ranks == {one.detector: 2, "rival": 1}
    low, high = next((i.rank_low, i.rank_high) for i in found if i.rank == 1)
    assert (low, high) == (1, 2)  # three trainings do not decide it
