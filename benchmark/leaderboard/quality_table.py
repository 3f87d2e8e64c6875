"""The table of quality: means over the declared fakes, and what was lost against clean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.leaderboard.rows.cell_rows import ConditionRow
from benchmark.leaderboard.rows.columns import Interval
from benchmark.leaderboard.rows.evidence_rows import BudgetRow, QualityRow
from benchmark.leaderboard.trial_sets import WHOLE
from benchmark.metrics.bootstrap import clusters, drawn_number, interval
from benchmark.metrics.discrimination import Floats, Places
from benchmark.quality.quality_store import Quality
from benchmark.scores.run_results import ConditionInfo

QUANTITIES = ("estoi", "cosine", "sig", "bak", "ovrl")
BUDGET_OVRL = 0.3  # largest loss of overall quality (DNSMOS OVRL) within the budget


def rows(
    quality: Quality | None, conditions: tuple[ConditionInfo, ...], resamples: int
) -> list[QualityRow]:
    """Return one row per condition in plan order; none if quality was not measured.

    A loss is clean minus laundered over the utterances that have both: above 0 is worse.
    Bounds come from whole speakers drawn with replacement, or from utterances of unknown speakers.
    """
    if quality is None:
        return []
    counts = _counts(quality, resamples)
    clean = _values(quality, CLEAN)
    return [_row(quality, info, clean, counts) for info in conditions]


def budgets(
    quality: pd.DataFrame, cells: Sequence[ConditionRow], track: str, detectors: Sequence[str]
) -> list[BudgetRow]:
    """Return each detector's worst verified, complete condition within the budget, by EER.

    cells : of all tracks; those of the headline `track` count. None are returned without quality.
    """
    if quality.empty:
        return []
    states = quality["within_budget"].astype(object).where(quality["within_budget"].notna(), None)
    within = dict(zip(quality["condition"], states, strict=True))
    found = []
    for name in detectors:
        mine = [
            cell for cell in cells
            if cell.head.detector == name and (cell.head.track or WHOLE) == track
            and cell.head.verified and cell.head.complete
        ]  # fmt: skip
        cheap = [cell for cell in mine if within[cell.head.condition]]
        worst = max(cheap, key=lambda cell: cell.eer.value, default=None)
        found.append(
            BudgetRow(
                name,
                float("nan") if worst is None else worst.eer.value,
                None if worst is None else worst.head.condition,
                len(cheap),
                sum(within[cell.head.condition] is None for cell in mine),
            )
        )
    return found


def _row(
    quality: Quality, info: ConditionInfo, clean: dict[str, Floats], counts: Floats
) -> QualityRow:
    mine = _values(quality, info.condition)
    speakers = np.unique(_units(quality)).size
    both = np.isfinite(mine["ovrl"]) & np.isfinite(clean["ovrl"])
    means = {name: _mean(mine[name], counts) for name in QUANTITIES}
    losses = {name: _mean(clean[name] - mine[name], counts) for name in QUANTITIES}
    return QualityRow(
        condition=info.condition,
        family=info.family,
        n_utterances=len(quality.sample.utterances),
        n_speakers=int(speakers),
        n_estoi=int(np.isfinite(mine["estoi"]).sum()),
        n_ovrl=int(both.sum()),
        n_cosine=int(np.isfinite(mine["cosine"]).sum()),
        estoi=means["estoi"],
        cosine=means["cosine"],
        sig=means["sig"],
        bak=means["bak"],
        ovrl=means["ovrl"],
        estoi_loss=losses["estoi"],
        sig_loss=losses["sig"],
        bak_loss=losses["bak"],
        ovrl_loss=losses["ovrl"],
        cosine_threshold=_number(quality.sample.voices.value),
        within_budget=_within(quality, mine, clean, losses, means),
        remark=_remark(quality, info.condition),
    )


def _within(
    quality: Quality,
    mine: dict[str, Floats],
    clean: dict[str, Floats],
    losses: dict[str, Interval],
    means: dict[str, Interval],
) -> bool | None:
    """Return whether a condition costs no more than the budget; None if that is not known.

    It is known only where every utterance that was measured clean was measured laundered too: what
    fails under an attack would otherwise make it look cheap.
    """
    threshold = quality.sample.voices.value
    for name in ("ovrl", "cosine"):
        known = np.isfinite(clean[name])
        if not known.any() or not np.isfinite(mine[name][known]).all():
            return None
    if losses["ovrl"].value > BUDGET_OVRL:
        return False
    return None if threshold is None else bool(means["cosine"].value >= threshold)


def _remark(quality: Quality, condition: str) -> str | None:
    """Return why values are missing, with the number of utterances."""
    causes: dict[str, int] = {}
    for name in quality.sample.utterances:
        row = quality.rows[name].get(condition)
        found = {"all": "not measured"} if row is None else row["causes"]
        for measure, cause in found.items():
            said = f"{measure}: {cause}"
            causes[said] = causes.get(said, 0) + 1
    texts = [f"{said} ({count})" for said, count in causes.items()]
    texts += [f"{name}: {cause}" for name, cause in quality.sample.absent.items()]
    if quality.sample.voices.cause:
        texts.append(f"no threshold of voices: {quality.sample.voices.cause}")
    return "; ".join(texts) or None


def _values(quality: Quality, condition: str) -> dict[str, Floats]:
    """Return the values (utterances,) of each quantity; NaN where there is none."""
    found = [quality.rows[name].get(condition) for name in quality.sample.utterances]
    return {
        name: np.array([_number((row or {}).get("values", {}).get(name)) for row in found])
        for name in QUANTITIES
    }


def _mean(values: Floats, counts: Floats) -> Interval:
    """Return the mean of what is known with its bounds; `counts` (B, n), draws of utterances."""
    known = np.isfinite(values)
    if not known.any():
        return Interval()
    drawn = counts[:, known]
    sizes = drawn.sum(axis=1)
    usable = sizes > 0
    replicates = drawn[usable] @ values[known] / sizes[usable]
    return Interval(float(values[known].mean()), *interval(replicates))


def _units(quality: Quality) -> Places:
    return clusters(pd.DataFrame({"speaker": quality.sample.speakers, "source": "-"}))


def _counts(quality: Quality, resamples: int) -> Floats:
    """Return how often each draw has each utterance, (B, n); B = 0 with one cluster."""
    unit = _units(quality)
    number = np.unique(unit).size
    if number < 2:
        return np.zeros((0, len(unit)))
    rng = np.random.default_rng(quality.sample.seed)
    drawn = drawn_number(number)
    return np.array(
        [
            np.bincount(rng.integers(number, size=drawn), minlength=number)[unit]
            for _ in range(resamples)
        ],
        dtype=float,
    ).reshape(resamples, len(unit))


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
