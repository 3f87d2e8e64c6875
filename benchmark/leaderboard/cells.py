"""The computation of cells: condition by condition, every track and detector on every core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from attacks.contract.condition import CLEAN
from benchmark.core.parallel import cores
from benchmark.core.progress import Bar
from benchmark.data.protocol import trial_digest
from benchmark.laundering import verification
from benchmark.laundering.verification import Verdict
from benchmark.leaderboard import (
    adversary_cell,
    breakdown,
    cell_metrics,
    ladders,
    trial_sets,
    weights,
)
from benchmark.leaderboard.adversary_cell import Frozen
from benchmark.leaderboard.breakdown import Slice
from benchmark.leaderboard.cell_metrics import OperatingPoint
from benchmark.leaderboard.detector_cells import Cell, DetectorCells
from benchmark.leaderboard.rows.cell_rows import CellHead, ConditionRow
from benchmark.leaderboard.trial_sets import TrialSet
from benchmark.metrics import bootstrap, bootstrap_scale, discrimination
from benchmark.metrics.bootstrap_metrics import replicate
from benchmark.metrics.decision import ASVSPOOF5, Costs
from benchmark.metrics.discrimination import Floats
from benchmark.metrics.tails import Tails
from benchmark.scores import scope
from benchmark.scores.run_results import ConditionInfo, RunResults

TAIL = 0.002  # share of a detector's scores beyond each end of its axis


@dataclass(frozen=True)
class TrackData:
    """Data shared by all cells of one track.

    groups : the slices of the breakdown; without any, there is no breakdown
    table  : the track's part of the protocol
    lost   : number of trials that could not be read
    frozen : by detector, the EER point and calibration
    limits : by detector, the thresholds at which the adversary is measured
    """

    trials: TrialSet
    groups: list[Slice]
    table: pd.DataFrame
    lost: int
    frozen: dict[str, OperatingPoint]
    limits: dict[str, Frozen]
    costs: Costs


@dataclass(frozen=True)
class RunCells:
    """The cells of a run, and what else is computed from its scores and effects.

    tracks : for each track the cells of each detector, in the order in which these were given
    checks : one row per condition and check (see `verification.checks`)
    axes   : of each detector, the quantiles `TAIL` and 1 - `TAIL` of its scores under all
             conditions
    """

    tracks: list[list[DetectorCells]]
    checks: pd.DataFrame
    axes: dict[str, tuple[float, float]]


def track_data(
    results: RunResults, trials: TrialSet, costs: Costs = ASVSPOOF5, sliced: bool = False
) -> TrackData:
    """Return what the cells of a track share; `sliced` asks for the breakdown."""
    table = results.protocol.table.iloc[trials.rows]
    rows = trial_sets.track_rows(results.dev, trials.track)
    bonafide = (results.dev.table["label"] == "bonafide").to_numpy(dtype=np.bool_)[rows]
    dev = results.source.scores("dev", CLEAN)
    frozen = {
        detector: cell_metrics.operating(
            dev[number, rows], bonafide, results.thresholds.get(detector)
        )
        for number, detector in enumerate(results.detectors)
    }
    draws = adversary_cell.dev_draws(results.dev.table.iloc[rows], bonafide, trials.draws.size)
    limits = {
        detector: adversary_cell.freeze(dev[number, rows], bonafide, draws, frozen[detector])
        for number, detector in enumerate(results.detectors)
    }
    groups = breakdown.slices(table) if sliced else []
    lost = trial_sets.lost(results, trials.track)
    return TrackData(trials, groups, table, lost, frozen, limits, costs)


def compute(
    results: RunResults,
    tracks: Sequence[TrackData],
    bar: Bar,
    detectors: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    seen: Callable[[str, Floats, pd.DataFrame], None] | None = None,
) -> RunCells:
    """Compute the cells of all or some detectors and conditions, in the order in which these come.

    The effects of a condition are dropped before the next one is read, its scores before the next
    but one.
    `conditions` includes clean. `seen` gets each condition with its scores and effects, as they are
    stored: of everyone, whatever the scope of the cells.
    """
    known = {info.condition: info for info in results.conditions}
    wanted = [*known] if conditions is None else [*conditions]
    names = results.detectors if detectors is None else tuple(detectors)
    places = [results.detectors.index(name) for name in names]
    trials = frozenset(results.protocol.table["utterance_id"])
    tails = [Tails(TAIL, len(wanted) * len(trials)) for _ in names]
    cells: list[list[list[Cell]]] = [[[] for _ in names] for _ in tracks]
    checks: list[pd.DataFrame] = []

    def begin(info: ConditionInfo, pool: ThreadPoolExecutor) -> list[Future[Cell]]:
        stored, effects = results.source.cells(info.condition)
        scores = scope.scores(results, stored)
        verdict, table = verification.judge(effects, info.condition, trials, trusted=not info.doubt)
        checks.append(table)
        if seen is not None:
            seen(info.condition, stored, effects)
        for tail, number in zip(tails, places, strict=True):
            tail.add(scores[number])

        def one(track: TrackData, number: int) -> Cell:
            detector = results.detectors[number]
            cell = _cell(track, detector, info, verdict, scores[number])
            bar.update()
            return cell

        return [pool.submit(one, track, number) for track in tracks for number in places]

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores()) as pool:
        begun: list[Future[Cell]] = []
        for name in wanted:
            # the next condition is read while the cells of this one are computed
            begun, before = begin(known[name], pool), begun
            _take(before, cells)
        _take(begun, cells)
    return RunCells(
        [[_finished(DetectorCells(tuple(mine))) for mine in track] for track in cells],
        _joined(checks),
        {name: tail.limits() for name, tail in zip(names, tails, strict=True)},
    )


def _take(begun: list[Future[Cell]], cells: list[list[list[Cell]]]) -> None:
    """Append the cells of one condition to those of each track and detector."""
    done = iter(begun)
    for mine in (mine for track in cells for mine in track) if begun else ():
        mine.append(next(done).result())


def _joined(checks: list[pd.DataFrame]) -> pd.DataFrame:
    """Join the checks of all conditions; empty tables would change the types of columns."""
    held = [table for table in checks if len(table)]
    return pd.concat(held, ignore_index=True) if held else verification.no_checks()


def _finished(cells: DetectorCells) -> DetectorCells:
    """Add the differences to clean, and the weight in means, to every cell."""
    clean, verified = cells.clean, cells.verified
    shares = weights.shares([cell.place for cell in verified])
    weight = {cell.condition: float(share) for cell, share in zip(verified, shares, strict=True)}
    finished = []
    for cell in cells.cells:
        row = cell_metrics.with_differences(cell.row, cell.draws, clean.row, clean.draws)
        base = clean.row.adversary, clean.adversary
        adversary = adversary_cell.with_clean(row.adversary, cell.adversary, *base)
        weight_of = weight.get(cell.condition, 0.0)
        finished.append(replace(cell, row=replace(row, adversary=adversary, weight=weight_of)))
    return DetectorCells(tuple(finished))


def _cell(
    track: TrackData, detector: str, info: ConditionInfo, verdict: Verdict, utterance_scores: Floats
) -> Cell:
    """Compute one cell without its differences to clean; `utterance_scores` is (test set,)."""
    trials = track.trials
    scores = utterance_scores[trials.rows]
    scored = ~np.isnan(scores)
    complete = bool(scored.all())
    bonafide = trials.bonafide[scored]
    frozen = track.frozen[detector]
    head = CellHead(
        track=trials.name,
        detector=detector,
        condition=info.condition,
        family=info.family,
        severity=np.nan if info.severity is None else float(info.severity),
        unit=info.unit or None,
        coverage=float(scored.sum()) / (scored.size + track.lost),
        complete=complete,
        verified=verdict.verified,
        verdict=verdict.state,
        caveat=info.caveat or None,
    )
    both = bool(bonafide.any() and not bonafide.all())
    ranking = discrimination.rank(scores[scored], bonafide) if both else None
    point, measures = cell_metrics.numbers(ranking, frozen, track.costs)
    raw, draws = None, None
    if complete and ranking is not None:
        raw = replicate(ranking, trials.draws, frozen.threshold, frozen.calibration, track.costs)
        smaller = min(int(bonafide.sum()), int((~bonafide).sum()))
        draws = bootstrap_scale.scaled(point, raw, smaller)
    limits = track.limits[detector]
    adversary, numbers = adversary_cell.measure(ranking, limits, trials.draws, raw)
    row = ConditionRow(
        head=head,
        level_of=None if info.condition == CLEAN else ladders.attack_of(info),
        weight=0.0,
        **cell_metrics.estimates(point, draws),
        measures=measures,
        adversary=adversary,
        prevalence=float((~bonafide).mean()) if bonafide.size else np.nan,
        n_bonafide=int(bonafide.sum()),
        n_spoof=int((~bonafide).sum()),
        n_clusters=len(np.unique(trials.draws.cluster[scored])),
        few_clusters=trials.draws.clusters < bootstrap.FEW_CLUSTERS,
        few_errors=bootstrap_scale.few_errors(point["eer"], bonafide),
        n_pass=verdict.tally.passed,
        n_fail=verdict.tally.failed,
        n_not_measurable=verdict.tally.not_measurable,
        effect=verdict.quantity or None,
        effect_unit=verdict.unit or None,
        effect_claimed=verdict.claimed,
        effect_measured=verdict.measured,
        trial_digest=trials.digest if complete else trial_digest(track.table[scored]),
    )
    if ranking is None:
        return Cell(row, draws)
    return Cell(row, draws, breakdown.rows(ranking, scored, track.groups, head), numbers)
