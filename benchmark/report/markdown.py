"""The leaderboards and the conditions as Markdown tables (GitHub Flavored Markdown)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from benchmark.laundering.verification import State
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.trial_sets import of_track
from benchmark.metrics.bootstrap import LEVEL
from benchmark.report import brackets
from benchmark.report.grid_view import GridView, unverified, views
from benchmark.report.jinja import DASH, percent
from benchmark.report.rows import Row, bounded, records
from benchmark.report.training_text import trained_here
from benchmark.scores.run_results import RunResults
from benchmark.scores.scopes import SCOPES

_CODE = re.compile(r"(\s*`[^`]*`\s*)")


def document(results: RunResults, tables: Tables, version: str) -> str:
    """Return every track's leaderboard, warnings and EER by condition; EER in per cent."""
    protocol = results.protocol
    title = protocol.name if protocol.version == "-" else f"{protocol.name} {protocol.version}"
    boards = [tables.leaderboard, *(part for _, part in tables.tracks.groupby("track", sort=False))]
    blocks = [
        f"# LaunderBench: {escape(title)}",
        "EER in %. The mean is weighted by condition, attack and family (column `weight` of"
        " `conditions_full.csv`). The lowest is in bold.",
        f"Scope `{results.scope}`: {SCOPES[results.scope]}.",
    ]
    if known := trained_here(results):
        blocks.append(escape(known))
    for board in boards:
        blocks += _board(board, tables.conditions, version, protocol.digest())
        blocks += _grids(tables, board)
    return "\n\n".join(blocks) + "\n"


def _bounds(board: pd.DataFrame) -> str:
    if not bounded(board):
        return "No intervals were made."
    return (
        f"In brackets, {100 * LEVEL:g} % intervals of a paired bootstrap over clusters. Behind the"
        " rank, the range that is not ruled out; a line joins detectors that are not told apart,"
        f" those with a corner or a tick. Both have one error rate of {100 * (1 - LEVEL):g} % over"
        " all pairs."
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Return a table of escaped cells; the columns with indices in `right` are right-aligned."""
    aligned = set(right)
    rule = ["---:" if place in aligned else "---" for place in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def escape(text: str) -> str:
    r"""Escape Markdown and HTML, so that `text` is shown literally.

    >>> escape("a|b <script> *x* _y_")
    'a\\|b &lt;script&gt; \\*x\\* \\_y\\_'
    """
    flat = " ".join(text.split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#!$])", r"\\\1", flat)


def prose(text: str, bar: str = "|") -> str:
    """Return text in which only what stands outside of backticks is escaped.

    bar : what stands for `|` in code; `\\|` in cells of tables
    """
    parts = _CODE.split(text)
    return "".join(
        part.replace("|", bar) if place % 2 else escape(part) for place, part in enumerate(parts)
    )


def _board(board: pd.DataFrame, conditions: pd.DataFrame, version: str, digest: str) -> list[str]:
    rows = records(board)
    first = rows[0]
    track = f"Track {escape(first['track'])}: " if first["track"] else ""
    own = f", the track's `{first['trial_digest']}`" if first["track"] else ""
    ranked = [row for row in rows if row["rank"] is not None]
    best = {
        column: min((percent(row[column]) for row in ranked if row[column] is not None),
                    key=float, default="")
        for column in ("clean_eer", "laundered_eer", "worst_eer")
    }  # fmt: skip
    drawn = brackets.brackets(rows)
    lines = [
        (
            _rank(row),
            *([f"`{brackets.text(pieces)}`"] if drawn.number else []),
            escape(row["detector"]),
            *(_number(row, name, row["rank"] is not None and percent(row[name]) == best[name])
              for name in best),
            escape(row["worst_condition"] or "") or DASH,
            row["verified"],
        )
        for row, pieces in zip(rows, drawn.pieces, strict=True)
    ]  # fmt: skip
    ties = ["ties"] if drawn.number else []
    head = ("rank", *ties, "detector", "clean", "mean", "worst", "under", "verified")
    notes = [f"- {escape(r['detector'])}: {escape(r['warnings'])}" for r in rows if r["warnings"]]
    return [
        f"## {track}{first['n_bonafide']} bona fide, {first['n_spoof']} spoof trials",
        f"LaunderBench {escape(version)}; the run's trial digest `{digest}`{own}.",
        _bounds(board),
        table(head, lines, (len(ties) + place for place in (2, 3, 4, 6))),
        *(["\n".join(notes)] if notes else []),
        _matrix(of_track(conditions, first["track"]), [r["detector"] for r in rows]),
    ]


def _grids(tables: Tables, board: pd.DataFrame) -> list[str]:
    """Return the grids of a track: the means of every detector, then one table for each."""
    names = [str(name) for name in board["detector"]]
    blocks = []
    for view in views(tables, board["track"].iloc[0], names):
        by = f"{escape(view.row)} by {escape(view.column)}"
        blocks.append(f"### Suite {escape(view.suite)}: {by}")
        blocks.append(_grid(view, names, [view.means(line) for line in view.lines]))
        for name in names:
            blocks.append(f"{escape(name)}, {by}:")
            lines = [view.of_detector(name, line) for line in view.lines]
            blocks.append(_grid(view, view.columns, lines))
    return blocks


def _grid(view: GridView, head: Sequence[str], cells: Sequence[list[Row | None]]) -> str:
    rows = []
    for line, own in zip(view.lines, cells, strict=True):
        shown = ["" if cell is None else percent(cell["eer"]) + _grid_state(cell) for cell in own]
        waits = [f"waits for {escape(line.waits_for)}"] + [""] * (len(own) - 1)
        rows.append((escape(line.title), *(waits if line.waits_for else shown)))
    head = (escape(view.row), *map(escape, head))
    return table(head, rows, range(1, len(head)))


def _grid_state(cell: Row) -> str:
    lacks = "" if cell["complete"] or cell["eer"] is None else " (lacks trials)"
    state = unverified(cell)
    return lacks + (f" ({state.text})" if state else "")


def _matrix(cells: pd.DataFrame, detectors: list[Any]) -> str:
    lines: dict[str, dict[str, Any]] = {}
    verdicts = dict(zip(cells["condition"], cells["verdict"], strict=True))
    for cell in cells.to_dict("records"):
        mark = "" if cell["complete"] else " (lacks trials)"
        shown = percent(cell["eer"]) + mark
        lines.setdefault(str(cell["condition"]), {})[cell["detector"]] = shown
    caveats = {cell["condition"]: cell["caveat"] for cell in records(cells)}
    rows = [
        (
            escape(name) + _remark(caveats[name]) + _state(verdicts[name]),
            *(row[d] for d in detectors),
        )
        for name, row in lines.items()
    ]
    head = ("condition", *(escape(name) for name in detectors))
    return table(head, rows, range(1, len(head)))


def _remark(caveat: str | None) -> str:
    """Return what to know of a condition as a remark, or ''."""
    return f" ({escape(caveat)})" if caveat else ""


def _state(verdict: Any) -> str:
    """Return a remark on a laundering condition that is not verified, or ''."""
    known = verdict in [*State] and State(verdict) is not State.VERIFIED
    return f" ({State(verdict).text})" if known else ""


def _number(row: Any, column: str, bold: bool) -> str:
    shown = f"**{percent(row[column])}**" if bold else percent(row[column])
    low, high = row.get(f"{column}_low"), row.get(f"{column}_high")
    return shown if low is None or high is None else f"{shown} [{percent(low)}, {percent(high)}]"


def _rank(row: Any) -> str:
    if row["rank"] is None:
        return DASH
    low, high = row["rank_low"], row["rank_high"]
    return str(row["rank"]) if low == high else f"{row['rank']} ({low}{DASH}{high})"
