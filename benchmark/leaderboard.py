"""From a run's scores to its tables: conditions, leaderboard, tracks, verification.

Rates are shares in [0, 1], never per cent. An empty value means: not defined, or not comparable.
Numbers are compared only over equal trial sets, so a cell that lacks any trial shows its numbers
and its coverage but enters no mean, difference, interval or rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from attacks.condition import CLEAN
from benchmark import cells, metrics, statistics, verification
from benchmark.calibration import Calibration, calibrate
from benchmark.cells import Trials
from benchmark.metrics import Bools, Floats
from benchmark.protocol import trial_digest
from benchmark.results import FAILURE_COLUMNS, ConditionInfo, RunResults
from benchmark.standings import Cell, standings
from benchmark.verification import Verdict

DECISIONS = ("macro_f1", "precision", "recall", "accuracy", "balanced_accuracy")


@dataclass(frozen=True)
class Tables:
    """Everything that a report shows.

    leaderboard : one row per detector on the headline track, best first, unranked last
    tracks      : the same for every other track
    conditions  : one row per track, detector and condition, in plan order
    checks      : one row per condition and check (see `verification.checks`)
    failures    : the run's failures, sorted
    """

    leaderboard: pd.DataFrame
    tracks: pd.DataFrame
    conditions: pd.DataFrame
    checks: pd.DataFrame
    failures: pd.DataFrame


@dataclass(frozen=True)
class Operating:
    """What clean dev froze before any laundering: NaN or None where it could not."""

    threshold: float = np.nan
    calibration: Calibration | None = None


def tables(results: RunResults, resamples: int = statistics.RESAMPLES) -> Tables:
    """Compute every table of a run; `InputError` names bad scores and where they are."""
    cells.check(results)
    checks = verification.checks(results)
    verdicts = verification.verdicts(results, checks)
    cube = cells.score_cube(results, "test")
    dev_cube = cells.score_cube(results, "dev")
    ranked: list[pd.DataFrame] = []
    rows: list[dict[str, Any]] = []
    tracks = results.protocol.tracks() or [cells.WHOLE]
    lines = len(tracks) * len(results.detectors)
    with tqdm(total=lines, desc="metrics", unit="line", disable=None, leave=False) as bar:
        for track in tracks:
            trials = cells.trials(results.protocol, track, resamples)
            grid: list[list[Cell]] = []
            for number, detector in enumerate(results.detectors):
                operating = _operating(results, dev_cube[number], track)
                line = _line(results, trials, verdicts, detector, cube[number], operating)
                rows += [cell.row for cell in line]
                grid.append(line)
                bar.update()
            ranked.append(standings(trials, grid, results.protocol.audio_digest))
    failures = results.failures.reindex(columns=list(FAILURE_COLUMNS)).astype(str)
    return Tables(
        leaderboard=ranked[0],
        tracks=pd.concat(ranked[1:], ignore_index=True) if ranked[1:] else ranked[0].iloc[:0],
        conditions=pd.DataFrame(rows),
        checks=checks,
        failures=failures.sort_values(list(FAILURE_COLUMNS), ignore_index=True),
    )


def _operating(results: RunResults, dev_scores: Floats, track: str) -> Operating:
    """The EER threshold and the calibration of one detector on clean dev of the same track.

    `dev_scores` is (conditions, dev utterances). Nothing is frozen on a dev set that lacks a
    class or a trial: two detectors would then rest on different trials.
    """
    rows = cells.track_rows(results.dev, track)
    bonafide = (results.dev.table["label"] == "bonafide").to_numpy(dtype=np.bool_)[rows]
    clean = [info.condition for info in results.conditions].index(CLEAN)
    scores = dev_scores[clean, rows]
    if np.isnan(scores).any() or bonafide.all() or not bonafide.any():
        return Operating()
    return Operating(metrics.eer(scores, bonafide)[1], calibrate(scores, bonafide))


def _line(
    results: RunResults,
    trials: Trials,
    verdicts: dict[str, Verdict],
    detector: str,
    scores: Floats,
    operating: Operating,
) -> list[Cell]:
    """The cells of one detector on one track; `scores` is (conditions, test utterances)."""
    line = []
    for number, info in enumerate(results.conditions):
        verdict = verdicts[info.condition]
        cell = _cell(results, trials, info, verdict, detector, scores[number], operating)
        line.append(cell)
    clean = next(cell for cell in line if cell.row["condition"] == CLEAN)
    for cell in line:
        delta, low, high = np.nan, np.nan, np.nan
        if cell.draws and clean.draws:
            delta = cell.row["eer"] - clean.row["eer"]
            low, high = statistics.interval(cell.draws.eer - clean.draws.eer)
        cell.row.update(eer_delta=delta, eer_delta_low=low, eer_delta_high=high)
    return [Cell({name: cell.row[name] for name in _order(cell.row)}, cell.draws) for cell in line]


def _order(row: dict[str, Any]) -> list[str]:
    """Column order: the difference to clean stands beside the EER."""
    delta = ["eer_delta", "eer_delta_low", "eer_delta_high"]
    names = [name for name in row if name not in delta]
    place = names.index("eer_high") + 1
    return names[:place] + delta + names[place:]


def _cell(
    results: RunResults,
    trials: Trials,
    info: ConditionInfo,
    verdict: Verdict,
    detector: str,
    utterance_scores: Floats,
    operating: Operating,
) -> Cell:
    """Everything about one cell but its difference to clean."""
    scores = utterance_scores[trials.rows]
    there = ~np.isnan(scores)
    complete = bool(there.all())
    scored, bonafide = scores[there], trials.bonafide[there]
    draws = None
    if complete:
        draws = statistics.replicate(scored, bonafide, trials.draws, operating.threshold)
    digest = trials.digest
    if not complete:
        digest = trial_digest(results.protocol.table.iloc[trials.rows[there]])
    row: dict[str, Any] = {
        "track": trials.track,
        "detector": detector,
        "condition": info.condition,
        "family": info.family,
        "severity": np.nan if info.severity is None else float(info.severity),
        "unit": info.unit,
        "coverage": float(there.sum()) / (there.size + cells.lost(results, trials.track)),
        "complete": complete,
        "verified": verdict.verified,
        **_numbers(scored, bonafide, draws, operating),
        "n_bonafide": int(bonafide.sum()),
        "n_spoof": int((~bonafide).sum()),
        "n_clusters": len(np.unique(trials.draws.cluster[there])),
        "few_clusters": trials.draws.clusters < statistics.FEW_CLUSTERS,
        "n_pass": verdict.passed,
        "n_fail": verdict.failed,
        "n_not_measurable": verdict.not_measurable,
        "effect": verdict.quantity,
        "effect_unit": verdict.unit,
        "effect_claimed": verdict.claimed,
        "effect_measured": verdict.measured,
        "trial_digest": digest,
    }
    return Cell(row, draws)


def _numbers(
    scores: Floats,
    bonafide: Bools,
    draws: statistics.Replicates | None,
    operating: Operating,
) -> dict[str, float]:
    """The metrics of one cell; NaN where not defined. Intervals only where `draws` is given."""
    both = bool(bonafide.any() and not bonafide.all())
    decided = both and np.isfinite(operating.threshold)
    counts = metrics.confusion(scores, bonafide, operating.threshold) if decided else None
    llr = operating.calibration(scores) if both and operating.calibration else None
    point = {
        "eer": metrics.eer(scores, bonafide)[0] if both else np.nan,
        "auc": metrics.auc(scores, bonafide) if both else np.nan,
        "f1": float(counts.f1) if counts else np.nan,
    }
    numbers: dict[str, float] = {}
    for name, value in point.items():
        bounds = statistics.interval(getattr(draws, name)) if draws else (np.nan, np.nan)
        numbers |= {name: value, f"{name}_low": bounds[0], f"{name}_high": bounds[1]}
    numbers |= {name: float(getattr(counts, name)) if counts else np.nan for name in DECISIONS}
    return numbers | {
        "prevalence": float((~bonafide).mean()) if bonafide.size else np.nan,
        "threshold": operating.threshold,
        "average_precision": metrics.average_precision(scores, bonafide) if both else np.nan,
        "min_dcf": metrics.min_dcf(scores, bonafide) if both else np.nan,
        "act_dcf": np.nan if llr is None else metrics.act_dcf(llr, bonafide),
        "cllr": np.nan if llr is None else metrics.cllr(llr, bonafide),
        "tied_share": metrics.tied_share(scores) if scores.size else np.nan,
    }
