"""What training and draw of the attacks contribute: metrics over all realisations of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import ndtri, stdtrit

from benchmark.leaderboard.detector_cells import DetectorCells, interval
from benchmark.leaderboard.ranks import CLEAN, LAUNDERED
from benchmark.leaderboard.rows.detector_rows import SeedRow
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics import bootstrap, bootstrap_scale, familywise, reweighting
from benchmark.metrics.bootstrap_metrics import METRICS
from benchmark.metrics.discrimination import Floats
from benchmark.scores.realisations import Seeds

RANKED = "eer"
RANKS = ("rank", "rank_low", "rank_high")
Realised = list[tuple[Seeds, DetectorCells]]


def rows(
    trials: TrialSet, first: Seeds, by_detector: list[DetectorCells], others: Sequence[Realised]
) -> list[SeedRow]:
    """Return one row per detector, metric and `over` (clean or laundered); none without others.

    others : of every detector in order, its cells in the other realisations

    A value is the mean over realisations. Its bounds cross speakers, trainings and draws of the
    attacks: each resample draws all three (`reweighting.unbiased`), and is widened for what a few
    seeds cannot tell (`_widening`); they end where the metric's range does. Draws of the attacks
    are the same for all detectors, which hear the same audio; trainings are each detector's own.
    Draws are seeded by the trial digest. `spread_*` is the standard deviation between the means of
    single seeds. Where there is a single seed, it is blank, and the bounds do not hold its chance.
    Where fewer than five seeds differ more than speakers do, bounds hold less than they say
    (`docs/statistics.md`). Ranks are those of the laundered EER.

    A realisation in which the detector lacks a trial, or other conditions count than in the run, is
    left out with its training, or, if it is of the first training, with its draw: `left_out`.
    """
    if not any(others):
        return []
    found, means = [], []
    for cells, mine in zip(by_detector, others, strict=True):
        if not cells.counted:
            continue
        whole, lost = _crossed(first, cells, mine)
        found += [
            _row(trials, whole, lost, over, metric)
            for over in (CLEAN, LAUNDERED)
            for metric in METRICS
        ]
        means.append(_draws(whole, LAUNDERED, RANKED, trials.digest))
    return _ranked(found, means, trials.draws.units)


def _crossed(first: Seeds, cells: DetectorCells, mine: Realised) -> tuple[Realised, list[str]]:
    """Return the realisations in which every training meets every draw, and the names of others."""
    names = [cell.condition for cell in cells.counted]
    alike = {first: cells} | {
        seeds: other for seeds, other in mine if [c.condition for c in other.counted] == names
    }
    attacks = [seeds.attack for seeds in alike if seeds.train == first.train]
    whole = [
        (seeds, found)
        for seeds, found in alike.items()
        if seeds.attack in attacks and all(Seeds(a, seeds.train) in alike for a in attacks)
    ]
    kept = {seeds for seeds, _ in whole}
    return whole, [seeds.name for seeds, _ in mine if seeds not in kept]


def _ranked(found: list[SeedRow], means: list[Floats], units: int) -> list[SeedRow]:
    """Add the rank of each detector, and the ranks that the draws leave open, to its EER row."""
    mine = [row for row in found if (row.over, row.metric) == (LAUNDERED, RANKED)]
    adjusted = familywise.p_values([row.mean.value for row in mine], means, units)
    bounds = familywise.rank_bounds(adjusted)
    ranks = {}
    for row, (low, high), draws in zip(mine, bounds, means, strict=True):
        rank = 1 + sum(other.mean.value < row.mean.value for other in mine)
        known = (low, high) if draws.size else (None, None)
        ranks[row.detector] = (rank, *known)
    return [
        replace(row, **dict(zip(RANKS, ranks[row.detector], strict=True))) if row in mine else row
        for row in found
    ]


def _row(trials: TrialSet, whole: Realised, lost: list[str], over: str, metric: str) -> SeedRow:
    seeds = [item for item, _ in whole]
    points = np.array([_value(cells, over, metric) for _, cells in whole])
    draws = _draws(whole, over, metric, trials.digest)
    return SeedRow(
        track=trials.name,
        detector=whole[0][1].detector,
        over=over,
        metric=metric,
        n_trainings=len({item.train for item in seeds}),
        n_attack_draws=len({item.attack for item in seeds}),
        first=float(points[0]),
        mean=interval(float(points.mean()), np.clip(draws, 0.0, bootstrap_scale.top(metric))),
        spread_training=_spread([item.train for item in seeds], points),
        spread_attack=_spread([item.attack for item in seeds], points),
        left_out=", ".join(lost) or None,
    )


def _value(cells: DetectorCells, over: str, metric: str) -> float:
    return cells.mean(metric) if over == LAUNDERED else cells.clean.metric(metric).value


def _draws(whole: Realised, over: str, metric: str, digest: str) -> Floats:
    """Return the mean over realisations with speakers and seeds resampled, (B,)."""
    drawn = [
        c.mean_draws(metric) if over == LAUNDERED else c.clean.replicates(metric) for _, c in whole
    ]
    if not drawn[0].size:
        return np.empty(0)
    replicates = np.stack(drawn, axis=1)
    own = int.from_bytes(whole[0][1].detector.encode()[-8:], "big")
    kinds = (
        ([seeds.attack for seeds, _ in whole], [int(digest[:16], 16), 2]),
        ([seeds.train for seeds, _ in whole], [int(digest[:16], 16), 3, own]),
    )
    weight = np.ones_like(replicates)
    for numbers, entropy in kinds:
        distinct = sorted(set(numbers))
        base = np.full(len(distinct), 1 / len(distinct))
        one = reweighting.unbiased(np.random.default_rng(entropy), base, len(replicates))
        weight *= one[:, [distinct.index(number) for number in numbers]]  # their product sums to 1
    drawn = np.sum(weight * replicates, axis=1)
    points = np.array([_value(cells, over, metric) for _, cells in whole])
    few = [_variance([getattr(s, kind) for s, _ in whole], points) for kind in ("attack", "train")]
    centre = drawn.mean()
    return np.asarray(
        centre + _widening(float(np.var(replicates.mean(axis=1))), few) * (drawn - centre)
    )


def _variance(numbers: list[int], points: Floats) -> tuple[float, int]:
    """Return the variance of the mean over seeds of a kind, and its degrees of freedom."""
    count = len(set(numbers))
    return (_spread(numbers, points) ** 2 / count if count > 1 else 0.0), count - 1


def _widening(speakers: float, few: list[tuple[float, int]]) -> float:
    """Return by how much draws must spread more, because few seeds hardly know their variance.

    The factor is that of Student's t over the normal distribution, with the degrees of freedom of a
    sum of variances (Satterthwaite 1946). Draws of speakers are wide enough already.
    """
    known = [(variance, count) for variance, count in few if variance > 0]
    total = speakers + sum(variance for variance, _ in known)
    if not known or not total > 0:
        return 1.0
    freedom = total**2 / sum(variance**2 / count for variance, count in known)
    tail = (1 + bootstrap.LEVEL) / 2
    return float(stdtrit(freedom, tail) / ndtri(tail))


def _spread(numbers: list[int], points: Floats) -> float:
    """Return the standard deviation between the means of each seed; NaN for a single one."""
    means = [points[np.array(numbers) == number].mean() for number in sorted(set(numbers))]
    return float(np.std(means, ddof=1)) if len(means) > 1 else np.nan
