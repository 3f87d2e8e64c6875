"""The leaderboard of one track: weighted means, ranks, ties, and warnings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import combinations
from types import MappingProxyType

import numpy as np

from benchmark.laundering.verification import State, counts_text
from benchmark.leaderboard import adversary_means, rank_ranges
from benchmark.leaderboard.cell_metrics import TRAINING
from benchmark.leaderboard.detector_cells import DetectorCells, distinguishable, interval
from benchmark.leaderboard.rows.columns import TIES
from benchmark.leaderboard.rows.comparison_rows import DifferenceRow
from benchmark.leaderboard.rows.detector_rows import LeaderboardRow
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics import bootstrap, bootstrap_scale, familywise
from benchmark.metrics.bootstrap_metrics import METRICS
from benchmark.metrics.discrimination import Floats

SHORTCUT = "shortcut"  # the detector that uses level and silence only
TRAINED_ON = "its authors trained it on the corpus of these trials:"  # a warning of a detector
NOT_BEATING = "does not beat the shortcut classifier on clean"  # a warning of a detector
REVERSED = 0.60  # clean EER above which the sign of the scores is in doubt
TIED = 0.5  # share of tied clean scores that gives a warning
CLEAN, LAUNDERED = "clean", "laundered"  # values of the column `over`


def standings(
    trials: TrialSet,
    by_detector: list[DetectorCells],
    audio_digest: str,
    imported: Collection[str] = (),
    trained_on: Mapping[str, str] = MappingProxyType({}),
) -> list[LeaderboardRow]:
    """Return one row per detector, ranked by the weighted mean EER over launderings (`weights`).

    The best comes first, the unranked last.

    Unverified conditions enter no mean. A detector with an incomplete cell among clean and the
    verified conditions has no mean and no rank. Ties and rank bounds control the familywise error
    over all pairs of ranked detectors of the track (`metrics.familywise`). Without resamples there
    are neither ties nor rank bounds.
    """
    rows = [_row(trials, cells, audio_digest) for cells in by_detector]
    means_of = [row.laundered_eer.value for row in rows]
    by_rank = sorted(_ranked(by_detector), key=lambda place: (means_of[place], place))
    ranked = [by_detector[place] for place in by_rank]
    adjusted = _adjusted(trials, ranked, LAUNDERED, "eer")
    limits, tied = familywise.rank_bounds(adjusted), familywise.tied(adjusted)
    drawn = _ranks_drawn(trials, ranked)
    without = rank_ranges.without_one(ranked)
    for at, place in enumerate(by_rank):
        better = sum(means_of[other] < means_of[place] for other in by_rank)
        rows[place] = replace(
            rows[place],
            rank=1 + better,
            rank_low_without=without[at][0],
            rank_high_without=without[at][1],
        )
        if trials.draws.size:
            names = [ranked[other].detector for other in np.flatnonzero(tied[at])]
            others = TIES.join(name for name in names if name != rows[place].detector)
            rows[place] = replace(
                rows[place],
                rank_low=limits[at][0],
                rank_high=limits[at][1],
                rank_low_drawn=drawn[at][0],
                rank_high_drawn=drawn[at][1],
                tied_with=others or None,
            )
    shortcut = next((cells for cells in by_detector if cells.detector == SHORTCUT), None)
    found = []
    for row, cells in zip(rows, by_detector, strict=True):
        warnings = _warnings(row, trials, cells, shortcut)
        if cells.detector in imported:
            warnings.insert(0, "imported scores: made elsewhere")
        if corpus := trained_on.get(cells.detector):
            warnings.insert(0, f"{TRAINED_ON} {corpus}")
        found.append(replace(row, warnings="; ".join(warnings) or None))
    return sorted(found, key=lambda row: (row.rank is None, row.rank or 0, row.detector))


def comparisons(trials: TrialSet, by_detector: list[DetectorCells]) -> list[DifferenceRow]:
    """Return one row per pair of ranked detectors, metric, and `over` (clean or family mean).

    The bounds are from the paired resamples, each pair by itself. `p_familywise` is adjusted over
    all pairs of the track for one metric and `over`.
    """
    ranked = [by_detector[place] for place in _ranked(by_detector)]
    adjusted = {
        (over, metric): _adjusted(trials, ranked, over, metric)
        for over in (CLEAN, LAUNDERED)
        for metric in METRICS
    }
    found = []
    for i, j in combinations(range(len(ranked)), 2):
        one, two = ranked[i], ranked[j]
        for (over, metric), p in adjusted.items():
            (a, draws_a), (b, draws_b) = (_values(cells, over, metric) for cells in (one, two))
            less = interval(a - b, draws_a - draws_b)
            names = (one.detector, two.detector, over, metric)
            either = min(p[i, j], p[j, i])
            found.append(DifferenceRow(trials.name, *names, less, distinguishable(less), either))
    return found


def _adjusted(trials: TrialSet, ranked: list[DetectorCells], over: str, metric: str) -> Floats:
    """Return the p values (n, n) of all ordered pairs of detectors, adjusted over all of them."""
    both = [_values(cells, over, metric) for cells in ranked]
    values, draws = [value for value, _ in both], [held for _, held in both]
    return familywise.p_values(values, draws, trials.draws.units)


def _ranks_drawn(trials: TrialSet, ranked: list[DetectorCells]) -> list[tuple[int, int]]:
    """Return the ranks that are not ruled out if launderings are drawn anew with the speakers."""
    values = [cells.mean("eer") for cells in ranked]
    draws = rank_ranges.drawn_means(ranked, trials.digest)
    return familywise.rank_bounds(familywise.p_values(values, draws, trials.draws.units))


def _values(cells: DetectorCells, over: str, metric: str) -> tuple[float, Floats]:
    if over == LAUNDERED:
        return cells.mean(metric), cells.mean_draws(metric)
    return cells.clean.metric(metric).value, cells.clean.replicates(metric)


def _ranked(by_detector: list[DetectorCells]) -> list[int]:
    return [place for place, cells in enumerate(by_detector) if cells.families]


def _row(trials: TrialSet, cells: DetectorCells, audio_digest: str) -> LeaderboardRow:
    """Return the row of one detector without its rank and warnings."""
    clean = cells.clean
    usable = cells.counted
    draws = cells.mean_draws("eer")
    lost = np.empty(0)
    if usable and clean.draws is not None:
        lost = draws - clean.draws.eer
    mean = cells.mean("eer")
    worst = max(usable, key=lambda cell: cell.eer, default=None)
    return LeaderboardRow(
        track=trials.name,
        rank=None,
        rank_low=None,
        rank_high=None,
        rank_low_drawn=None,
        rank_high_drawn=None,
        rank_low_without=None,
        rank_high_without=None,
        tied_with=None,
        detector=cells.detector,
        clean_eer=clean.row.eer.interval,
        laundered_eer=interval(mean, draws),
        eer_delta=interval(mean - clean.eer, lost),
        worst_eer=worst.eer if worst else np.nan,
        worst_condition=worst.condition if worst else None,
        clean_auc=clean.row.auc.value,
        laundered_auc=cells.mean("auc"),
        clean_f1=clean.row.f1.value,
        laundered_f1=cells.mean("f1"),
        clean_min_dcf=clean.row.min_dcf.value,
        laundered_min_dcf=cells.mean("min_dcf"),
        clean_act_dcf=clean.row.act_dcf.value,
        laundered_act_dcf=cells.mean("act_dcf"),
        clean_cllr=clean.row.cllr.value,
        laundered_cllr=cells.mean("cllr"),
        adversary=adversary_means.means(cells),
        prevalence=float((~trials.bonafide).mean()),
        coverage=float(np.mean([cell.row.head.coverage for cell in cells.cells])),
        complete=all(cell.row.head.complete for cell in cells.cells),
        missing_cells=cells.missing,
        verified=f"{len(cells.verified)}/{len(cells.laundered)}",
        verdicts=counts_text(cell.row.head.verdict for cell in cells.laundered),
        n_bonafide=int(trials.bonafide.sum()),
        n_spoof=int((~trials.bonafide).sum()),
        n_clusters=trials.draws.clusters,
        warnings=None,
        trial_digest=trials.digest,
        audio_digest=None if audio_digest in ("", "-") else audio_digest,
    )


def _unranked(cells: DetectorCells) -> str:
    """Say why a detector without missing cells has no rank."""
    states = {cell.row.head.verdict for cell in cells.laundered}
    if states == {State.CONTROL}:
        return "unranked: every condition is a control, nearly nothing changed on these data"
    return "unranked: no verified laundering condition"


def _warnings(
    row: LeaderboardRow, trials: TrialSet, cells: DetectorCells, shortcut: DetectorCells | None
) -> list[str]:
    """Return the warnings about a row."""
    found = []
    if row.missing_cells:
        count = "1 cell lacks" if row.missing_cells == 1 else f"{row.missing_cells} cells lack"
        found.append(f"unranked: {count} trials")
    elif row.rank is None:
        found.append(_unranked(cells))
    elif len(cells.families) == 1:
        (family,) = cells.families
        found.append(f"one attack family ({family}): the mean says nothing of other launderings")
    number = trials.draws.clusters
    if number < 2:
        found.append("one cluster: no intervals")
    elif trials.draws.size and number < bootstrap.FEW_CLUSTERS:
        found.append(f"few clusters ({number}): intervals are too narrow")
    for over, eer in ((CLEAN, row.clean_eer), (LAUNDERED, row.laundered_eer)):
        if np.isfinite(eer.low) and bootstrap_scale.few_errors(eer.value, trials.bonafide):
            found.append(f"few errors ({over}): its intervals may be too narrow")
    mine, measures = cells.clean, cells.clean.row.measures
    if mine.eer > REVERSED:
        found.append("clean EER above 60 %: polarity is likely reversed (higher = more bona fide)")
    if measures.threshold_from == TRAINING:
        found.append(
            "no whole set of clean dev trials: the threshold is of its training data's dev split,"
            " actDCF and Cllr are blank"
        )
    elif not measures.threshold_from:
        found.append("no whole set of clean dev trials: F1, actDCF and Cllr are blank")
    if measures.tied_share >= TIED:
        found.append(f"{measures.tied_share:.0%} of the clean scores are tied")
    if shortcut is not None and cells is not shortcut and mine.draws and shortcut.clean.draws:
        low, _ = bootstrap.interval(shortcut.clean.draws.eer - mine.draws.eer)
        if trials.draws.size and not low > 0:
            found.append(NOT_BEATING)
    return found
