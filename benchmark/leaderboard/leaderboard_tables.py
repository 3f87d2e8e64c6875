"""The tables of a run, computed from its scores: conditions, leaderboard, robustness and others.

Rates are shares in [0, 1], never per cent. An empty value is undefined or not comparable. Numbers
are compared only over equal trial sets. A cell that lacks any trial therefore shows its numbers
and its coverage, but enters no mean, difference, interval or rank.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from attacks.contract.condition import CLEAN
from benchmark.core.parallel import cores
from benchmark.data.protocol import trial_digest
from benchmark.laundering import verification
from benchmark.laundering.verification import Verdict
from benchmark.leaderboard import breakdown, cell_metrics, trial_sets
from benchmark.leaderboard.breakdown import Slice
from benchmark.leaderboard.cell_metrics import OperatingPoint
from benchmark.leaderboard.detector_cells import Cell, DetectorCells
from benchmark.leaderboard.ranks import COMPARISON_COLUMNS, comparisons, standings
from benchmark.leaderboard.robustness import (
    SEVERITY_COLUMNS,
    baseline_line,
    ladders,
    robustness,
    severity,
)
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics import bootstrap, discrimination
from benchmark.metrics.bootstrap_metrics import replicate
from benchmark.metrics.decision import ASVSPOOF5, Costs
from benchmark.metrics.discrimination import Floats
from benchmark.scores import score_matrix
from benchmark.scores.run_results import FAILURE_COLUMNS, ConditionInfo, RunResults

KEYS = ("track", "detector", "condition", "family", "severity", "unit")
STATE = ("coverage", "complete", "verified")
HEADERS = {  # columns of the tables that may have no row
    "severity": SEVERITY_COLUMNS,
    "differences": COMPARISON_COLUMNS,
    "breakdown": (*KEYS, *STATE, *breakdown.SLICE_COLUMNS),
}


@dataclass(frozen=True)
class Tables:
    """All tables that a report shows.

    leaderboard : one row per detector on the headline track, best first, unranked last
    tracks      : the same for every other track
    conditions  : one row per track, detector and condition, in plan order
    robustness  : one row per track, detector and family (see `robustness.robustness`)
    severity    : one row per track, detector and severity ladder (see `robustness.severity`)
    differences : one row per track, pair of detectors and metric (see `ranks.comparisons`)
    breakdown   : one row per cell and slice of its trials (see `breakdown`)
    checks      : one row per condition and check (see `verification.checks`)
    failures    : the run's failures, sorted
    choices     : the settings of these tables: resamples, level, costs, baseline
    """

    leaderboard: pd.DataFrame
    tracks: pd.DataFrame
    conditions: pd.DataFrame
    robustness: pd.DataFrame
    severity: pd.DataFrame
    differences: pd.DataFrame
    breakdown: pd.DataFrame
    checks: pd.DataFrame
    failures: pd.DataFrame
    choices: dict[str, Any]


@dataclass(frozen=True)
class _Track:
    """Data shared by all cells of one track.

    frozen : by detector
    lost   : number of trials that could not be read
    """

    trials: TrialSet
    groups: list[Slice]
    table: pd.DataFrame
    lost: int
    frozen: dict[str, OperatingPoint]
    costs: Costs


def tables(
    results: RunResults,
    resamples: int = bootstrap.RESAMPLES,
    costs: Costs = ASVSPOOF5,
    baseline: str = "",
) -> Tables:
    """Compute all tables of a run; `InputError` names the first bad score.

    resamples : bootstrap resamples; with 0 there are no intervals
    baseline  : the detector relative to which degradation is measured; by default the shortcut
                classifier
    """
    score_matrix.check(results)
    names = [info.condition for info in results.conditions]
    measured = results.effects, names, results.protocol.table["utterance_id"]
    checks = verification.checks(*measured)
    verdicts = verification.verdicts(*measured, checks)
    cube, dev_cube = (score_matrix.score_cube(results, split) for split in ("test", "dev"))
    steps = ladders(results.conditions)
    boards: list[pd.DataFrame] = []
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("conditions", "robustness", "severity", "differences", "breakdown")
    }
    tracks = results.protocol.tracks() or [trial_sets.WHOLE]
    total = len(tracks) * len(results.detectors) * len(results.conditions)
    chosen = ""
    with tqdm(total=total, desc="metrics", unit="cell", disable=None, leave=False) as bar:
        for name in tracks:
            track = _track(results, name, resamples, dev_cube, costs)
            by_detector = _detector_cells(results, track, verdicts, cube, bar)
            base = baseline_line(by_detector, baseline)
            chosen = chosen or (base.detector if base else "")
            every = [cell for cells in by_detector for cell in cells.cells]
            rows["conditions"] += [cell.row for cell in every]
            rows["breakdown"] += [row for cell in every for row in cell.parts]
            rows["robustness"] += robustness(name, by_detector, steps, base)
            rows["severity"] += severity(name, by_detector, steps)
            rows["differences"] += comparisons(name, by_detector)
            digest = results.protocol.audio_digest
            boards.append(standings(track.trials, by_detector, digest, results.imported))
    failures = results.failures.reindex(columns=list(FAILURE_COLUMNS)).astype(str)
    return Tables(
        leaderboard=boards[0],
        tracks=pd.concat(boards[1:], ignore_index=True) if boards[1:] else boards[0].iloc[:0],
        **{
            name: pd.DataFrame(part, columns=None if part else HEADERS.get(name))
            for name, part in rows.items()
        },
        checks=checks,
        failures=failures.sort_values(list(FAILURE_COLUMNS), ignore_index=True),
        choices={
            "resamples": resamples,
            "level": bootstrap.LEVEL,
            "costs": vars(costs),
            "baseline": chosen,
        },
    )


def _track(
    results: RunResults, name: str, resamples: int, dev_cube: Floats, costs: Costs
) -> _Track:
    trials = trial_sets.trial_set(results.protocol, name, resamples)
    table = results.protocol.table.iloc[trials.rows]
    rows = trial_sets.track_rows(results.dev, name)
    bonafide = (results.dev.table["label"] == "bonafide").to_numpy(dtype=np.bool_)[rows]
    clean = [info.condition for info in results.conditions].index(CLEAN)
    frozen = {
        detector: cell_metrics.operating(
            dev_cube[number, clean, rows], bonafide, results.thresholds.get(detector)
        )
        for number, detector in enumerate(results.detectors)
    }
    lost = trial_sets.lost(results, name)
    return _Track(trials, breakdown.slices(table), table, lost, frozen, costs)


def _detector_cells(
    results: RunResults, track: _Track, verdicts: dict[str, Verdict], cube: Floats, bar: tqdm
) -> list[DetectorCells]:
    """Compute the cells of all detectors on one track, on every core."""

    def compute(place: tuple[int, int]) -> Cell:
        detector, info = results.detectors[place[0]], results.conditions[place[1]]
        cell = _cell(track, detector, info, verdicts[info.condition], cube[place])
        bar.update()
        return cell

    number = len(results.conditions)
    places = [(d, c) for d in range(len(results.detectors)) for c in range(number)]
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores()) as pool:
        cells = list(pool.map(compute, places))
    return [
        _with_differences(DetectorCells(tuple(cells[start : start + number])))
        for start in range(0, len(cells), number)
    ]


def _with_differences(cells: DetectorCells) -> DetectorCells:
    """Add the differences to clean to every cell."""
    clean = cells.clean
    finished = []
    for cell in cells.cells:
        row = cell.row | cell_metrics.differences(cell.row, cell.draws, clean.row, clean.draws)
        row = cell_metrics.in_order(row, [*KEYS, *STATE])
        finished.append(Cell(row, cell.draws, cell.parts))
    return DetectorCells(tuple(finished))


def _cell(
    track: _Track, detector: str, info: ConditionInfo, verdict: Verdict, utterance_scores: Floats
) -> Cell:
    """Compute one cell without its differences to clean; `utterance_scores` is (test set,)."""
    trials = track.trials
    scores = utterance_scores[trials.rows]
    scored = ~np.isnan(scores)
    complete = bool(scored.all())
    bonafide = trials.bonafide[scored]
    frozen = track.frozen[detector]
    keys = {
        "track": trials.track,
        "detector": detector,
        "condition": info.condition,
        "family": info.family,
        "severity": np.nan if info.severity is None else float(info.severity),
        "unit": info.unit,
    }
    state = {
        "coverage": float(scored.sum()) / (scored.size + track.lost),
        "complete": complete,
        "verified": verdict.verified,
    }
    both = bool(bonafide.any() and not bonafide.all())
    ranking = discrimination.rank(scores[scored], bonafide) if both else None
    draws = None
    if complete and ranking is not None:
        draws = replicate(ranking, trials.draws, frozen.threshold, frozen.calibration, track.costs)
    row = {
        **keys,
        **state,
        **cell_metrics.numbers(ranking, frozen, track.costs),
        **cell_metrics.bounds(draws),
        "prevalence": float((~bonafide).mean()) if bonafide.size else np.nan,
        "n_bonafide": int(bonafide.sum()),
        "n_spoof": int((~bonafide).sum()),
        "n_clusters": len(np.unique(trials.draws.cluster[scored])),
        "few_clusters": trials.draws.clusters < bootstrap.FEW_CLUSTERS,
        "n_pass": verdict.passed,
        "n_fail": verdict.failed,
        "n_not_measurable": verdict.not_measurable,
        "effect": verdict.quantity,
        "effect_unit": verdict.unit,
        "effect_claimed": verdict.claimed,
        "effect_measured": verdict.measured,
        "trial_digest": trials.digest if complete else trial_digest(track.table[scored]),
    }
    if ranking is None:
        return Cell(row, draws)
    return Cell(row, draws, breakdown.rows(ranking, scored, track.groups, {**keys, **state}))
