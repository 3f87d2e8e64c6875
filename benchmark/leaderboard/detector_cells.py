"""Cells, and all cells of one detector on one track, with their means over families."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from attacks.contract.condition import CLEAN
from benchmark.metrics.bootstrap_metrics import Replicates
from benchmark.metrics.discrimination import Floats


@dataclass(frozen=True)
class Cell:
    """One row of the conditions table, with its resamples if the cell is complete.

    `parts` holds its rows of the breakdown table.
    """

    row: dict[str, Any]
    draws: Replicates | None
    parts: tuple[dict[str, Any], ...] = ()

    @property
    def counts(self) -> bool:
        """Whether the cell enters means: it is complete, and verified if it is laundered."""
        return self.draws is not None and self.row["verified"] is not False


@dataclass(frozen=True)
class DetectorCells:
    """The cells of one detector on one track, in plan order, including clean."""

    cells: tuple[Cell, ...]

    @property
    def detector(self) -> str:
        """The name of the detector."""
        return str(self.cells[0].row["detector"])

    @cached_property
    def clean(self) -> Cell:
        """The cell without laundering."""
        return next(cell for cell in self.cells if cell.row["condition"] == CLEAN)

    @property
    def laundered(self) -> list[Cell]:
        """All cells except clean."""
        return [cell for cell in self.cells if cell is not self.clean]

    @property
    def verified(self) -> list[Cell]:
        """The laundered cells whose condition is verified."""
        return [cell for cell in self.laundered if cell.row["verified"]]

    @property
    def missing(self) -> int:
        """The number of incomplete cells among clean and the verified; if any, there is no mean."""
        return sum(cell.draws is None for cell in [self.clean, *self.verified])

    @cached_property
    def families(self) -> dict[str, list[Cell]]:
        """The cells that enter the means, by family; empty if the detector is unranked."""
        found: dict[str, list[Cell]] = {}
        for cell in [] if self.missing else self.verified:
            found.setdefault(cell.row["family"], []).append(cell)
        return found

    def mean(self, metric: str) -> float:
        """Compute the mean over families of the family means; NaN if a value is NaN or absent."""
        return float(self._mean(lambda cell: np.asarray(cell.row[metric])))

    def mean_draws(self, metric: str) -> Floats:
        """Compute `mean` in every resample (B,); empty if the detector is unranked."""
        if not self.families:
            return np.empty(0)
        return self._mean(lambda cell: np.asarray(getattr(cell.draws, metric)))

    def _mean(self, value: Callable[[Cell], Floats]) -> Floats:
        """Average `value` over families; each family has equal weight, whatever its size."""
        means = [np.mean([value(c) for c in part], axis=0) for part in self.families.values()]
        return np.asarray(np.mean(means, axis=0)) if means else np.asarray(np.nan)
