"""The adversary's view of one cell: how many laundered spoofs pass thresholds that were frozen.

Every threshold is frozen on clean dev, before any laundering. `docs/metrics.md` has the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from benchmark.data.protocol import trial_digest
from benchmark.leaderboard.cell_metrics import DEV, OperatingPoint
from benchmark.leaderboard.rows.cell_rows import Adversary
from benchmark.leaderboard.rows.columns import Estimate, Interval
from benchmark.metrics import bootstrap, discrimination, error_parts, operating_points, pooled
from benchmark.metrics.bootstrap import Resamples
from benchmark.metrics.bootstrap_metrics import Replicates
from benchmark.metrics.discrimination import Bools, Floats, Ranking
from benchmark.metrics.error_parts import ErrorParts
from benchmark.metrics.pooled import Sketch

EER, ERROR, LEAST = "eer", "error", "least"  # names of thresholds and of resampled metrics
NOTHING = np.empty(0)


@dataclass(frozen=True)
class Rate:
    """A false rejection rate of clean dev bona fide at which a threshold is frozen.

    least : bona fide dev trials that it needs; fewer say too little of so small a share
    """

    share: float
    least: int

    @property
    def text(self) -> str:
        """The share in per cent."""
        return f"{100 * self.share:g} %"


RATES = {"success5": Rate(0.05, 20), "success1": Rate(0.01, 300)}


@dataclass(frozen=True)
class Frozen:
    """The thresholds of one detector that are frozen on clean dev, and their resamples.

    thresholds : by name, `EER` and those of `RATES`; one that is absent could not be frozen
    draws      : (B,) by name, fitted to resampled dev speakers; absent if dev cannot be resampled
    blank      : why a rate has no threshold, '' if all have one
    """

    thresholds: Mapping[str, float] = field(default_factory=dict)
    draws: Mapping[str, Floats] = field(default_factory=dict)
    blank: str = ""


@dataclass(frozen=True)
class CellAdversary:
    """What the means and differences of one complete cell need.

    error, least    : balanced error at the frozen EER threshold, and the least over all thresholds
    draws           : (B,) by name: those of `RATES`, `ERROR` and `LEAST`; absent without resamples
    bonafide, spoof : sketches of the scores, for the pooled EER
    """

    error: float
    least: float
    draws: Mapping[str, Floats]
    bonafide: Sketch
    spoof: Sketch

    def of(self, name: str) -> Floats:
        """Return a metric in every resample (B,); empty if there are none."""
        return self.draws.get(name, NOTHING)


def dev_draws(table: pd.DataFrame, bonafide: Bools, size: int) -> Resamples | None:
    """Return `size` resamples of the dev trials of a track; None if a class is absent."""
    if bonafide.all() or not bonafide.any():
        return None
    return bootstrap.resample(bootstrap.clusters(table), bonafide, trial_digest(table), size)


def freeze(
    scores: Floats, bonafide: Bools, draws: Resamples | None, point: OperatingPoint
) -> Frozen:
    """Freeze the thresholds of one detector.

    scores, bonafide : (n,), of clean dev; NaN = not scored
    draws            : of dev, as `dev_draws` gives them
    point            : the EER point, of clean dev or of the training data; the latter has no draws

    A threshold at a rate needs the scores of all bona fide trials, and no spoofs.
    """
    thresholds = {EER: point.threshold} if np.isfinite(point.threshold) else {}
    drawn: dict[str, Floats] = {}
    if draws is not None and draws.size and point.source == DEV:
        drawn[EER] = operating_points.drawn_eer_threshold(scores, bonafide, draws)
    mine, blank = scores[bonafide], {}
    for name, rate in RATES.items():
        blank[rate.text] = why = _blank(scores, mine, rate)
        if why:
            continue
        thresholds[name] = operating_points.at_rejection(mine, rate.share)
        if draws is not None and draws.size:
            own = Resamples(draws.cluster[bonafide], draws.unit[bonafide], draws.counts)
            drawn[name] = operating_points.drawn_at_rejection(mine, own, rate.share)
    causes: dict[str, list[str]] = {}
    for text, why in blank.items():
        causes.setdefault(why, []).append(text)
    said = [f"{' and '.join(texts)}: {why}" for why, texts in causes.items() if why]
    return Frozen(thresholds, drawn, ", ".join(said))


def _blank(scores: Floats, bonafide: Floats, rate: Rate) -> str:
    """Return why no threshold can be frozen at this rate; '' if one can."""
    if not scores.size:
        return "no clean dev trials"
    if not bonafide.size:
        return "no bona fide trial in dev"
    if lost := int(np.isnan(bonafide).sum()):
        return f"{lost} of {bonafide.size} bona fide dev trials are not scored"
    if bonafide.size < rate.least:
        return f"{bonafide.size} bona fide dev trials, and it takes {rate.least}"
    return ""


def measure(
    ranking: Ranking | None, frozen: Frozen, draws: Resamples, replicates: Replicates | None
) -> tuple[Adversary, CellAdversary | None]:
    """Measure one cell; the differences to clean come later, with `with_clean`.

    ranking    : None if a class is absent
    draws      : of the test trials
    replicates : the other metrics of the cell; None if it lacks trials, and so enters no mean
    """
    blank = frozen.blank or None
    if ranking is None:
        return Adversary(success_blank=blank), None
    values, labels = ranking.values, ranking.bonafide
    drawn: dict[str, Floats] = {}
    if replicates is not None and draws.size:
        for name, at in frozen.draws.items():
            frr, far = operating_points.drawn_errors(ranking, draws, at)
            drawn[ERROR if name == EER else name] = (frr + far) / 2 if name == EER else far
        if EER in frozen.draws:
            drawn[LEAST] = replicates.least_error
    found = dict.fromkeys(RATES, np.nan)
    rejected = dict(found)
    for name in RATES.keys() & frozen.thresholds.keys():
        accepted = values >= frozen.thresholds[name]
        found[name] = float(np.mean(accepted[~labels]))
        rejected[name] = float(np.mean(~accepted[labels]))
    row = Adversary(
        success5=_estimate(found["success5"], drawn.get("success5", NOTHING)),
        success1=_estimate(found["success1"], drawn.get("success1", NOTHING)),
        rejected5=rejected["success5"],
        rejected1=rejected["success1"],
        success_blank=blank,
    )
    if replicates is None:
        return row, None
    error = np.nan
    if EER in frozen.thresholds:
        accepted = values >= frozen.thresholds[EER]
        error = float((np.mean(~accepted[labels]) + np.mean(accepted[~labels])) / 2)
    least = error_parts.least_error_of(discrimination.roc_of(ranking))
    sketches = pooled.sketch(values[labels]), pooled.sketch(values[~labels])
    return row, CellAdversary(error, least, drawn, *sketches)


def with_clean(
    row: Adversary, mine: CellAdversary | None, clean: Adversary, base: CellAdversary | None
) -> Adversary:
    """Return the row with its differences to clean and the parts of its loss, with paired bounds.

    There are none unless both cells are complete.
    """
    if mine is None or base is None:
        return row
    found: dict[str, Any] = {}
    for name in RATES:
        own, other = getattr(row, name), getattr(clean, name)
        low, high = bootstrap.interval(mine.of(name) - base.of(name))
        delta = own.value - other.value
        found[name] = replace(own, delta=delta, delta_low=low, delta_high=high)
    points, draws = loss(mine, base), loss_draws(mine, base)
    for name, value in vars(points).items():
        found[name] = Interval(float(value), *bootstrap.interval(getattr(draws, name)))
    return replace(row, **found)


def loss(mine: CellAdversary, clean: CellAdversary) -> ErrorParts:
    """Return the loss of a cell and its parts; NaN without a frozen threshold."""
    return error_parts.parts(mine.error, mine.least, clean.error, clean.least)


def loss_draws(mine: CellAdversary, clean: CellAdversary) -> ErrorParts:
    """Return the loss of a cell and its parts in every resample (B,); empty without any."""
    return error_parts.parts(mine.of(ERROR), mine.of(LEAST), clean.of(ERROR), clean.of(LEAST))


def _estimate(value: float, draws: Floats) -> Estimate:
    return Estimate(value, *bootstrap.interval(draws))
