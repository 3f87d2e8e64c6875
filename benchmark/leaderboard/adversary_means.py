"""The adversary's view of one detector: weighted means, and one threshold for all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmark.leaderboard.adversary_cell import ERROR, RATES, CellAdversary, loss, loss_draws
from benchmark.leaderboard.detector_cells import Cell, DetectorCells, interval
from benchmark.leaderboard.rows.columns import Interval
from benchmark.leaderboard.rows.detector_rows import AdversaryMeans
from benchmark.metrics import pooled
from benchmark.metrics.discrimination import Floats
from benchmark.metrics.error_parts import ErrorParts

PARTS = ("loss", "loss_clean", "loss_shift", "loss_discrimination")


def means(cells: DetectorCells) -> AdversaryMeans:
    """Return the adversary's means of a detector; all but clean ones are NaN if it is unranked."""
    clean = cells.clean
    found: dict[str, Interval] = {}
    for name in RATES:
        found[f"clean_{name}"] = _success(clean, name)
        found[f"laundered_{name}"] = _mean(
            cells, partial(_success_value, name), partial(_draws_of, name)
        )
    if clean.adversary is not None:
        drawn = 1 - clean.adversary.of(ERROR)
        found["clean_balanced_accuracy"] = interval(1 - clean.adversary.error, drawn)
    found["laundered_balanced_accuracy"] = _mean(
        cells,
        lambda cell: np.asarray(1 - _known(cell).error),
        lambda cell: 1 - _known(cell).of(ERROR),
    )
    for part in PARTS if cells.families else ():
        found[part] = _mean(
            cells,
            partial(_part, loss, part, _known(clean)),
            partial(_part, loss_draws, part, _known(clean)),
        )
    eer, error = _pooled(cells)
    return AdversaryMeans(
        **found,
        pooled_eer=eer,
        pooled_eer_error=error,
        success_blank=clean.row.adversary.success_blank,
    )


def _mean(
    cells: DetectorCells, value: Callable[[Cell], Floats], draws: Callable[[Cell], Floats]
) -> Interval:
    return interval(cells.mean_of(value), cells.mean_draws_of(draws))


def _success_value(name: str, cell: Cell) -> Floats:
    return np.asarray(_success(cell, name).value)


def _draws_of(name: str, cell: Cell) -> Floats:
    return _known(cell).of(name)


def _part(
    how: Callable[[CellAdversary, CellAdversary], ErrorParts],
    part: str,
    clean: CellAdversary,
    cell: Cell,
) -> Floats:
    found: Floats = getattr(how(_known(cell), clean), part)
    return found


def _success(cell: Cell, name: str) -> Interval:
    found: Interval = getattr(cell.row.adversary, name).interval
    return found


def _known(cell: Cell) -> CellAdversary:
    """Return the numbers of a cell that enters means, and so is complete."""
    assert cell.adversary is not None, f"{cell.condition} lacks trials and enters no mean"
    return cell.adversary


def _pooled(cells: DetectorCells) -> tuple[float, float]:
    """Return the EER with one threshold for clean and all that enters the means, and its error."""
    counted = [_known(cell) for part in cells.families.values() for cell in part]
    if not counted:
        return np.nan, np.nan
    bonafide = [_known(cells.clean).bonafide, *(cell.bonafide for cell in counted)]
    return pooled.pooled_eer(bonafide, [cell.spoof for cell in counted])
