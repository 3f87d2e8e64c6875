"""Cells, and the line of cells that one detector has on one track: what enters its means."""

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
    """One row of the conditions table, and its resamples where the cell is complete.

    `parts` are its rows of the breakdown table.
    """

    row: dict[str, Any]
    draws: Replicates | None
    parts: tuple[dict[str, Any], ...] = ()

    @property
    def counts(self) -> bool:
        """May this cell enter a mean? It must be complete, and verified where it is laundered."""
        return self.draws is not None and self.row["verified"] is not False


@dataclass(frozen=True)
class DetectorCells:
    """The cells of one detector on one track, in plan order, clean among them."""

    cells: tuple[Cell, ...]

    @property
    def detector(self) -> str:
        """The detector's name."""
        return str(self.cells[0].row["detector"])

    @cached_property
    def clean(self) -> Cell:
        """The cell without laundering."""
        return next(cell for cell in self.cells if cell.row["condition"] == CLEAN)

    @property
    def laundered(self) -> list[Cell]:
        """Every other cell."""
        return [cell for cell in self.cells if cell is not self.clean]

    @property
    def verified(self) -> list[Cell]:
        """The laundered cells whose condition did what it claims."""
        return [cell for cell in self.laundered if cell.row["verified"]]

    @property
    def missing(self) -> int:
        """How many of clean and the verified cells lack trials: with any, there is no mean."""
        return sum(cell.draws is None for cell in [self.clean, *self.verified])

    @cached_property
    def families(self) -> dict[str, list[Cell]]:
        """The cells that enter the means, by family; empty where the detector is unranked."""
        found: dict[str, list[Cell]] = {}
        for cell in [] if self.missing else self.verified:
            found.setdefault(cell.row["family"], []).append(cell)
        return found

    def mean(self, metric: str) -> float:
        """Mean over families of the family's mean; NaN where a part is NaN or there is none."""
        return float(self._mean(lambda cell: np.asarray(cell.row[metric])))

    def mean_draws(self, metric: str) -> Floats:
        """`mean` in every resample (B,); empty where there is none."""
        if not self.families:
            return np.empty(0)
        return self._mean(lambda cell: np.asarray(getattr(cell.draws, metric)))

    def _mean(self, value: Callable[[Cell], Floats]) -> Floats:
        """Families weigh the same, however many conditions each has."""
        means = [np.mean([value(c) for c in part], axis=0) for part in self.families.values()]
        return np.asarray(np.mean(means, axis=0)) if means else np.asarray(np.nan)
