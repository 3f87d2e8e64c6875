"""Cells, and all cells of one detector on one track, with their weighted means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from attacks.contract.condition import CLEAN
from benchmark.laundering.verification import State
from benchmark.leaderboard import weights
from benchmark.leaderboard.adversary_cell import CellAdversary
from benchmark.leaderboard.rows.cell_rows import BreakdownRow, ConditionRow
from benchmark.leaderboard.rows.columns import Estimate, Interval
from benchmark.metrics import bootstrap
from benchmark.metrics.bootstrap_metrics import Replicates
from benchmark.metrics.discrimination import Floats


@dataclass(frozen=True)
class Cell:
    """One row of the conditions table, with its resamples if the cell is complete.

    `parts` holds its rows of the breakdown table, `adversary` what the adversary's means need.
    """

    row: ConditionRow
    draws: Replicates | None
    parts: tuple[BreakdownRow, ...] = ()
    adversary: CellAdversary | None = None

    @property
    def counts(self) -> bool:
        """Whether the cell enters means: it is complete, and verified if it is laundered."""
        return self.draws is not None and self.row.head.verified is not False

    @property
    def on_curve(self) -> bool:
        """Whether the cell is a point of a severity curve: it counts, or is a complete control.

        That a mild level changes nearly nothing is measured, so its EER belongs to the curve.
        """
        control = self.row.head.verdict == State.CONTROL
        return self.counts or (control and self.draws is not None)

    @property
    def condition(self) -> str:
        """The spelling of the condition."""
        return self.row.head.condition

    @property
    def family(self) -> str:
        """The attack family of the condition."""
        return self.row.head.family

    @property
    def place(self) -> weights.Place:
        """Where the condition stands among attacks and families."""
        return weights.Place(self.row.level_of or "", self.family)

    @property
    def eer(self) -> float:
        """The equal error rate."""
        return self.row.eer.value

    def metric(self, name: str) -> Estimate:
        """Return a metric of the row by name."""
        found: Estimate = getattr(self.row, name)
        return found

    def replicates(self, name: str) -> Floats:
        """Return a metric in every resample (B,); empty if the cell is incomplete."""
        return np.empty(0) if self.draws is None else np.asarray(getattr(self.draws, name))


@dataclass(frozen=True)
class DetectorCells:
    """The cells of one detector on one track, in plan order, including clean."""

    cells: tuple[Cell, ...]

    @property
    def detector(self) -> str:
        """The name of the detector."""
        return self.cells[0].row.head.detector

    @cached_property
    def clean(self) -> Cell:
        """The cell without laundering."""
        return next(cell for cell in self.cells if cell.condition == CLEAN)

    @property
    def laundered(self) -> list[Cell]:
        """All cells except clean."""
        return [cell for cell in self.cells if cell is not self.clean]

    @property
    def verified(self) -> list[Cell]:
        """The laundered cells whose condition is verified."""
        return [cell for cell in self.laundered if cell.row.head.verified]

    @property
    def missing(self) -> int:
        """The number of incomplete cells among clean and the verified; if any, there is no mean."""
        return sum(cell.draws is None for cell in [self.clean, *self.verified])

    @cached_property
    def counted(self) -> list[Cell]:
        """The cells that enter the means, in plan order; empty if the detector is unranked."""
        return [] if self.missing else self.verified

    @cached_property
    def families(self) -> dict[str, list[Cell]]:
        """The cells that enter the means, by family; empty if the detector is unranked."""
        found: dict[str, list[Cell]] = {}
        for cell in self.counted:
            found.setdefault(cell.family, []).append(cell)
        return found

    def mean(self, metric: str) -> float:
        """Compute the weighted mean of a metric; NaN if a value is NaN or there is none."""
        return self.mean_of(lambda cell: np.asarray(cell.metric(metric).value))

    def mean_draws(self, metric: str) -> Floats:
        """Compute `mean` in every resample (B,); empty if the detector is unranked."""
        return self.mean_draws_of(lambda cell: cell.replicates(metric))

    def mean_of(self, value: Callable[[Cell], Floats]) -> float:
        """Compute the weighted mean of what `value` gives of a cell, as `mean` does."""
        return float(weighted(self.counted, value))

    def mean_draws_of(self, value: Callable[[Cell], Floats]) -> Floats:
        """Compute `mean_of` in every resample (B,); empty if the detector is unranked."""
        return weighted(self.counted, value) if self.counted else np.empty(0)


def weighted(cells: Sequence[Cell], value: Callable[[Cell], Floats]) -> Floats:
    """Return the weighted mean over cells of what `value` gives of each; NaN without cells.

    The weights are `weights.shares`.
    """
    if not cells:
        return np.asarray(np.nan)
    shares = weights.shares([cell.place for cell in cells])
    return np.asarray(shares @ np.stack([value(cell) for cell in cells]))


def interval(value: float, draws: Floats) -> Interval:
    """Return a value with the bounds that its resamples (B,) give; none if there are none."""
    return Interval(value, *bootstrap.interval(draws))


def distinguishable(difference: Interval) -> bool | None:
    """Return whether the bounds of a difference leave out 0; None without bounds."""
    if np.isnan(difference.low):
        return None
    return bool(difference.low > 0 or difference.high < 0)
