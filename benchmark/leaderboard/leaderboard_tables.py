"""The tables of a run, computed from its scores: conditions, leaderboard, robustness and others.

Rates are shares in [0, 1], never per cent. A missing value is undefined or not comparable; the
track is missing for a data set without tracks. The columns are those of `rows`. Numbers
are compared only over equal trial sets. A cell that lacks any trial therefore shows its numbers
and its coverage, but enters no mean, difference, interval or rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.progress import each, progress_bar
from benchmark.leaderboard import cells, grids, quality_table, realised_cells, seeds, trial_sets
from benchmark.leaderboard.ladders import ladders
from benchmark.leaderboard.ranks import comparisons, standings
from benchmark.leaderboard.robustness import baseline_line, robustness, severity
from benchmark.leaderboard.rows.cell_rows import (
    BreakdownRow,
    ConditionRow,
    ConditionSummary,
    GridCellRow,
)
from benchmark.leaderboard.rows.columns import COMPLETE, INCOMPLETE
from benchmark.leaderboard.rows.comparison_rows import DifferenceRow
from benchmark.leaderboard.rows.detector_rows import (
    LeaderboardRow,
    RobustnessRow,
    SeedRow,
    SeverityRow,
)
from benchmark.leaderboard.rows.evidence_rows import (
    BudgetRow,
    EffectRow,
    FailureRow,
    InputRow,
    QualityRow,
)
from benchmark.leaderboard.schema import frame, typed
from benchmark.metrics import bootstrap
from benchmark.metrics.decision import ASVSPOOF5, Costs
from benchmark.scores import realisations, scope, score_matrix
from benchmark.scores.realisations import Realisation
from benchmark.scores.run_digest import RunDigest
from benchmark.scores.run_results import FAILURE_COLUMNS, ConditionInfo, RunResults

EVERY = "-"  # stands in a failure for every condition, or every detector
ROWS = {  # the tables that are made track by track
    "conditions": ConditionRow,
    "robustness": RobustnessRow,
    "severity": SeverityRow,
    "differences": DifferenceRow,
    "breakdown": BreakdownRow,
    "seeds": SeedRow,
    "grid": GridCellRow,
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
    seeds       : one row per detector and metric over all realisations (see `seeds`)
    grid        : one row per place in the grid of a suite (see `grids`); empty without one
    checks      : one row per condition and check (see `verification.checks`)
    failures    : the run's failures, sorted
    inputs      : the inputs with faults, sorted
    axes        : the ends of each detector's score axis (see `cells.RunCells`)
    choices     : the settings of these tables: resamples, level, costs, baseline, strict, scope
    digest      : the run digest (see `run_digest`); '' if the run has none
    realisations: the run digest of each further realisation, by its name
    quality     : one row per condition (see `quality_table`); empty if not measured
    quality_budget: one row per detector (see `quality_table.budgets`); empty likewise
    data        : the name of the data set
    plan        : the conditions of the run, clean first
    """

    leaderboard: pd.DataFrame
    tracks: pd.DataFrame
    conditions: pd.DataFrame
    robustness: pd.DataFrame
    severity: pd.DataFrame
    differences: pd.DataFrame
    breakdown: pd.DataFrame
    seeds: pd.DataFrame
    grid: pd.DataFrame
    checks: pd.DataFrame
    failures: pd.DataFrame
    inputs: pd.DataFrame
    axes: dict[str, tuple[float, float]]
    choices: dict[str, Any]
    digest: str = ""
    realisations: dict[str, str] = field(default_factory=dict)
    quality: pd.DataFrame = field(default_factory=lambda: frame(QualityRow, []))
    quality_budget: pd.DataFrame = field(default_factory=lambda: frame(BudgetRow, []))
    data: str = ""
    plan: tuple[ConditionInfo, ...] = ()


def tables(
    results: RunResults,
    resamples: int = bootstrap.RESAMPLES,
    costs: Costs = ASVSPOOF5,
    baseline: str = "",
    realised: Sequence[Realisation] = (),
) -> Tables:
    """Compute all tables of a run; `InputError` names the first bad score.

    resamples : bootstrap resamples; with 0 there are no intervals
    baseline  : the detector relative to which degradation is measured; by default the shortcut
                classifier
    realised  : further realisations of the run, with the same trials and conditions
    """
    for item in (results, *(other.results for other in realised)):
        score_matrix.check(item)
    steps = ladders(results.conditions)
    held = grids.held([info.condition for info in results.conditions])
    boards: list[list[LeaderboardRow]] = []
    rows: dict[str, list[Any]] = {name: [] for name in ROWS}
    names = results.protocol.tracks() or [trial_sets.WHOLE]
    sets = [trial_sets.trial_set(results.protocol, name, resamples) for name in names]
    tracks = [cells.track_data(results, trials, costs, sliced=True) for trials in sets]
    digest_of_run = RunDigest(results)
    total = len(tracks) * len(results.detectors) * len(results.conditions)
    with progress_bar(total=total, desc="computing metrics", unit="cell") as bar:
        computed = cells.compute(results, tracks, bar, seen=digest_of_run.add)
    further = realised_cells.compute(results.detectors, realised, sets, costs)
    first = realisations.seeds_of(results)
    chosen = ""
    parts = zip(sets, computed.tracks, further.tracks, strict=True)
    for trials, by_detector, mine in each(parts, "ranking", "track", len(sets)):
        base = baseline_line(by_detector, baseline)
        chosen = chosen or (base.detector if base else "")
        every = [cell for mine in by_detector for cell in mine.cells]
        rows["conditions"] += [cell.row for cell in every]
        rows["breakdown"] += [row for cell in every for row in cell.parts]
        rows["robustness"] += robustness(trials.name, by_detector, steps, base)
        rows["severity"] += severity(trials.name, by_detector, steps)
        rows["grid"] += grids.rows(trials.name, by_detector, held)
        rows["differences"] += comparisons(trials, by_detector)
        rows["seeds"] += seeds.rows(trials, first, by_detector, mine)
        digest = results.protocol.audio_digest
        boards.append(standings(trials, by_detector, digest, results.imported, results.trained_on))
    others = [row for board in boards[1:] for row in board]
    measured = frame(QualityRow, quality_table.rows(results.quality, results.conditions, resamples))
    return Tables(
        leaderboard=_marked(frame(LeaderboardRow, boards[0]), results),
        tracks=_marked(frame(LeaderboardRow, others), results),
        **{name: _marked(frame(ROWS[name], part), results) for name, part in rows.items()},
        checks=computed.checks,
        failures=_failures(results),
        inputs=typed(InputRow, results.inputs.sort_values(["split", "utterance_id"])),
        axes=computed.axes,
        choices={
            "resamples": resamples,
            "level": bootstrap.LEVEL,
            "costs": vars(costs),
            "baseline": chosen,
            "strict": list(results.strict),
            "scope": results.scope,
        },
        digest=digest_of_run.hex(),
        realisations=further.digests,
        quality=measured,
        quality_budget=frame(
            BudgetRow,
            quality_table.budgets(measured, rows["conditions"], names[0], results.detectors),
        ),
        data=results.protocol.name,
        plan=results.conditions,
    )


def _marked(table: pd.DataFrame, results: RunResults) -> pd.DataFrame:
    """Return a table with the scope of its scores, and what its detectors were trained on."""
    table = scope.marked(table, results)
    if "trained_on" not in table:
        return table
    known = table["detector"].map(results.trained_on)
    return table.assign(trained_on=known.astype(table["trained_on"].dtype))


def condition_summary(conditions: pd.DataFrame) -> pd.DataFrame:
    """Return the table of conditions, reduced to what most readers need."""
    state = np.where(conditions["complete"].astype(bool), COMPLETE, INCOMPLETE)
    return typed(ConditionSummary, conditions.assign(state=state))


def effects(found: Tables) -> pd.DataFrame:
    """Return the checks of every condition, with its verdict."""
    verdicts = found.conditions.drop_duplicates("condition").set_index("condition")
    names = found.checks["condition"]
    verified = names.map(verdicts["verified"]).astype("boolean")
    verdict = names.map(verdicts["verdict"])
    return typed(EffectRow, found.checks.assign(verified=verified, verdict=verdict))


def _failures(results: RunResults) -> pd.DataFrame:
    """Return the failures, sorted; what concerns every condition or detector names none."""
    columns = list(FAILURE_COLUMNS)
    table = results.failures.reindex(columns=columns).astype(str).sort_values(columns)
    concerned = ["condition", "detector"]
    table[concerned] = table[concerned].replace(EVERY, "")
    return typed(FailureRow, table)
