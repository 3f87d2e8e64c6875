"""The grids of a track as reports print them: rows by columns for each detector, and means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from attacks.contract import suites
from benchmark.laundering.verification import State
from benchmark.leaderboard.grids import MEAN
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.trial_sets import of_track
from benchmark.report.rows import Row, records


@dataclass(frozen=True)
class GridLine:
    """One row: label, name and group ('' for clean and mean), and what it waits for, else ''."""

    label: str
    name: str
    group: str
    waits_for: str

    @property
    def title(self) -> str:
        """The row in words, e.g. `C01 Opus, wide band`."""
        more = ", ".join(filter(None, dict.fromkeys((self.name, self.group))))
        return f"{self.label} {more}".rstrip()


@dataclass(frozen=True)
class GridView:
    """One grid on one track.

    row, column : what rows and columns are, e.g. codec and quality
    columns     : labels of the columns, the mean last
    cells       : the table's row for detector, row label and column label; clean has a mean only
    """

    suite: str
    row: str
    column: str
    columns: tuple[str, ...]
    lines: tuple[GridLine, ...]
    detectors: tuple[str, ...]
    cells: Mapping[tuple[str, str, str], Row]

    def of_detector(self, detector: str, line: GridLine) -> list[Row | None]:
        """Return one entry per column; None where the row has no such place."""
        return [self.cells.get((detector, line.label, column)) for column in self.columns]

    def means(self, line: GridLine) -> list[Row | None]:
        """Return the mean of the row for each detector."""
        return [self.cells.get((name, line.label, MEAN)) for name in self.detectors]


def views(tables: Tables, track: str | None, detectors: Sequence[str]) -> list[GridView]:
    """Return the grids of one track, with the detectors in the given order."""
    if tables.grid.empty:
        return []
    mine = of_track(tables.grid, track)
    return [_view(str(suite), part, detectors) for suite, part in mine.groupby("suite", sort=False)]


def _view(suite: str, part: pd.DataFrame, detectors: Sequence[str]) -> GridView:
    grid = suites.grids()[suite]
    rows = records(part)
    waits = {row.label: row.waits_for for row in grid.rows}
    lines = {
        row["row"]: GridLine(
            row["row"], row["name"] or "", row["group"] or "", waits.get(row["row"], "")
        )
        for row in rows
    }
    return GridView(
        suite,
        grid.row,
        grid.column,
        (*grid.columns, MEAN),
        tuple(lines.values()),
        tuple(detectors),
        {(row["detector"], row["row"], row["column"]): row for row in rows},
    )


def unverified(cell: Row) -> State | None:
    """Return the state of a place whose condition is not verified; None if it is, or for a mean."""
    verdict = cell["verdict"]
    return None if verdict in (None, State.VERIFIED) else State(verdict)
