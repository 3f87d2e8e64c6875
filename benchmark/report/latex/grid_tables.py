r"""The grids of suites as LaTeX tables for `\input`: means by detector, then one table for each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report.grid_view import GridLine, GridView, unverified, views
from benchmark.report.latex import layout
from benchmark.report.latex.escape import breakable, escape
from benchmark.report.latex.latex_tables import (
    LACKS,
    MARKS,
    MISSING,
    state_marks,
    table_label,
    trials_of,
    version_source,
)
from benchmark.report.latex.layout import TablePart, TableRow
from benchmark.report.rows import Row, records
from benchmark.scores.run_results import RunResults

NAME = 120.0  # pt, width of the first column
NUMBER = 26.0  # pt, least width of the others
MEANS = "A mean is over all conditions of its row or column, controls too."


def document(results: RunResults, tables: Tables, version: str, run: str) -> str:
    """Return the tables of every grid on the headline track; '' if the run holds no grid.

    EER is in per cent with one decimal. `run` is the run's name, for the labels.
    """
    board = records(tables.leaderboard)
    names = [row["detector"] for row in board]
    found = [
        part
        for view in views(tables, board[0]["track"], names)
        for part in (
            _means(view, results, board[0], version, run),
            *(_detector(view, name, results, board[0], version, run) for name in names),
        )
    ]
    head = layout.PREAMBLE.format(what="The grids of conditions,", version=version)
    return "\n".join([head, *found]) if found else ""


def _means(view: GridView, results: RunResults, first: Row, version: str, run: str) -> str:
    wide = [max(NUMBER, layout.head_width(name)) for name in view.detectors]
    parts = []
    for share in layout.shares(wide, NAME):
        heads = [layout.head(breakable(view.detectors[n]), wide[n]) for n in share]
        lines = [(line, [view.means(line)[n] for n in share]) for line in view.lines]
        parts.append(_part(view, heads, lines))
    caption = (
        f"EER in \\% by {escape(view.row)}, mean over {escape(view.column)}: suite"
        f" \\texttt{{{escape(view.suite)}}}{trials_of(results, first)}. {MEANS}"
        f"{version_source(results, first, version)}"
    )
    return layout.environment(parts, caption, table_label(f"grid-{view.suite}", run, first))


def _detector(
    view: GridView, name: str, results: RunResults, first: Row, version: str, run: str
) -> str:
    lines = [(line, view.of_detector(name, line)) for line in view.lines]
    part = _part(view, [escape(column) for column in view.columns], lines)
    caption = (
        f"EER in \\% of {escape(name)} by {escape(view.row)} and {escape(view.column)}: suite"
        f" \\texttt{{{escape(view.suite)}}}{trials_of(results, first)}. {MEANS} {state_marks()};"
        f" $\\ast$: lacks trials.{version_source(results, first, version)}"
    )
    return layout.environment([part], caption, table_label(f"grid-{view.suite}-{name}", run, first))


def _part(
    view: GridView, heads: Sequence[str], lines: Sequence[tuple[GridLine, list[Row | None]]]
) -> TablePart:
    own = [_line(line, cells, len(heads)) for line, cells in lines]
    columns = f"p{{{NAME:g}pt}}" + "r" * len(heads)
    blocks = (tuple(own[:1]), tuple(own[1:-1]), tuple(own[-1:]))
    return TablePart(columns, (escape(view.row.capitalize()), *heads), blocks)


def _line(line: GridLine, cells: Sequence[Row | None], width: int) -> TableRow:
    title = layout.left(escape(line.title))
    if line.waits_for:
        waits = f"\\multicolumn{{{width}}}{{c}}{{waits for {escape(line.waits_for)}}}"
        return TableRow((title, waits), layout.lines(line.title, NAME))
    return TableRow((title, *map(_cell, cells)), layout.lines(line.title, NAME))


def _cell(cell: Row | None) -> str:
    if cell is None:
        return ""
    rate = cell["eer"]
    if rate is None or not math.isfinite(rate):
        return MISSING
    state = unverified(cell)
    mark = f"$^{{{MARKS[state][0]}}}$" if state else ""
    return f"{100 * rate:.1f}{mark}{'' if cell['complete'] else LACKS}"
