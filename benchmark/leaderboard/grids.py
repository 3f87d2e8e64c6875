"""The grids of suites, such as codec by quality on ASVspoof 5: one figure per place, and means.

A run shows the grid of every built-in suite of which it holds at least one whole row, whatever
suite it was made with. A mean is over all conditions of its row, column or grid. It is blank if one
of them is not in the run, lacks trials, is refuted or was not measured. A control is part of it:
that a codec at its best quality changes nearly nothing is a figure of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from attacks.contract import suites
from attacks.contract.condition import CLEAN
from attacks.contract.suite_grids import Grid, GridRow
from benchmark.leaderboard.detector_cells import Cell, DetectorCells, interval
from benchmark.leaderboard.rows.cell_rows import GridCellRow

MEAN = "mean"  # label of the row over all rows, and of the column over all columns
NOT_IN_RUN = "not in this run"
IN_NO_MEAN = "a condition is not in this run, lacks trials, is refuted or was not measured"


def held(conditions: Sequence[str]) -> dict[str, Grid]:
    """Return the grids, by suite, of which these conditions make up at least one whole row."""
    known = set(conditions)
    return {
        name: grid
        for name, grid in suites.grids().items()
        if any(row.conditions and known.issuperset(row.conditions) for row in grid.rows)
    }


def rows(
    track: str | None, by_detector: Sequence[DetectorCells], grids: Mapping[str, Grid]
) -> list[GridCellRow]:
    """Return the rows of the table for every detector and grid, in the order of the suite's file.

    For each grid: clean, every row with its mean, then the means over the rows.
    """
    found = []
    for cells in by_detector:
        by_condition = {cell.condition: cell for cell in cells.cells}
        for suite, grid in grids.items():
            found += _GridOfDetector(track, cells.detector, suite, grid, by_condition).rows()
    return found


@dataclass(frozen=True)
class _GridOfDetector:
    """One grid with the cells of one detector."""

    track: str | None
    detector: str
    suite: str
    grid: Grid
    cells: Mapping[str, Cell]

    def rows(self) -> list[GridCellRow]:
        found = [self._place(CLEAN, None, MEAN, CLEAN)]
        for row in self.grid.rows:
            if row.waits_for:
                found += [self._waiting(row, column) for column in (*self.grid.columns, MEAN)]
                continue
            for column, condition in zip(self.grid.columns, row.conditions, strict=True):
                found.append(self._place(row.label, row, column, condition))
            found.append(self._mean(row.label, row, MEAN, row.conditions))
        whole = [row.conditions for row in self.grid.rows if row.conditions]
        for column, conditions in zip(self.grid.columns, zip(*whole, strict=True), strict=True):
            found.append(self._mean(MEAN, None, column, conditions))
        found.append(self._mean(MEAN, None, MEAN, [name for part in whole for name in part]))
        return found

    def _place(self, label: str, row: GridRow | None, column: str, condition: str) -> GridCellRow:
        cell = self.cells.get(condition)
        if cell is None:
            return self._row(label, row, column, condition, [], remark=NOT_IN_RUN)
        return self._row(label, row, column, condition, [cell])

    def _mean(
        self, label: str, row: GridRow | None, column: str, conditions: Sequence[str]
    ) -> GridCellRow:
        cells = [self.cells[name] for name in conditions if name in self.cells]
        if len(cells) < len(conditions) or not all(cell.on_curve for cell in cells):
            return self._row(label, row, column, None, [], remark=IN_NO_MEAN)
        return self._row(label, row, column, None, cells)

    def _waiting(self, row: GridRow, column: str) -> GridCellRow:
        return self._row(row.label, row, column, None, [], remark=f"waits for {row.waits_for}")

    def _row(
        self,
        label: str,
        row: GridRow | None,
        column: str,
        condition: str | None,
        cells: Sequence[Cell],
        remark: str | None = None,
    ) -> GridCellRow:
        complete = bool(cells) and all(cell.draws is not None for cell in cells)
        draws = np.mean([cell.replicates("eer") for cell in cells], axis=0) if complete else []
        auc, eer, cost = (
            float(np.mean([cell.metric(name).value for cell in cells])) if cells else np.nan
            for name in ("auc", "eer", "min_dcf")
        )
        return GridCellRow(
            track=self.track,
            detector=self.detector,
            suite=self.suite,
            row=label,
            name=row.name if row else None,
            group=row.group if row else None,
            column=column,
            condition=condition,
            n_conditions=len(cells),
            eer=interval(eer, np.asarray(draws)),
            auc=auc,
            min_dcf=cost,
            complete=complete,
            verdict=cells[0].row.head.verdict if condition and cells else None,
            remark=remark,
        )
