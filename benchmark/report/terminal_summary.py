"""The end of a run in the terminal: one table with the results, and what to know about them."""

from __future__ import annotations

from benchmark.core import terminal
from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report import demo_data
from benchmark.report.condition_labels import short_names
from benchmark.report.inputs_text import inputs_text
from benchmark.report.jinja import percent
from benchmark.report.rows import Row, bounded, records
from benchmark.scores.scopes import BOTH

WIDTH = 80  # columns of the table where no terminal says how many it has
UNLIMITED = 10_000  # columns
RIGHT = (2, 3, 4)  # columns with numbers


def summary(tables: Tables) -> str:
    """Return the headline leaderboard as text, best first: EERs and losses in per cent.

    The table fits the terminal, or `WIDTH` columns; where they are too few, the clean EERs lose
    their intervals. Below it stand the states of the conditions, the caveats of detectors, failures
    and faulty inputs, and the mark of demo data.
    """
    rows = records(tables.leaderboard)
    first = rows[0]
    limit = terminal.width() or WIDTH
    every = _table(tables, rows)
    text = [*terminal.columns(every, right=RIGHT, limit=UNLIMITED)]
    if max(map(len, text)) > limit:
        fewer = [(*row[:2], row[2].partition(" [")[0], *row[3:]) for row in every]
        text = [*terminal.columns(fewer, right=RIGHT, limit=limit)]
    text.insert(1, "-" * max(len(line) for row in text for line in row.splitlines()))
    title = "EER in %" + (f", track {first['track']}" if first["track"] else "")
    title += "" if first["scope"] == BOTH else f", scope {first['scope']} (bona fide stay clean)"
    title += f": {first['n_bonafide']} bona fide, {first['n_spoof']} spoof trials"
    return "\n".join([title, "", *text, *_notes(tables, rows)])


def _table(tables: Tables, rows: list[Row]) -> list[tuple[str, ...]]:
    level = f" [{100 * tables.choices['level']:g} %]" if bounded(tables.leaderboard) else ""
    short = short_names(tables.plan)
    head = ("rank", "detector", f"clean{level}", f"laundered{level}", "loss", "worst condition")
    return [head, *(_cells(row, short) for row in rows)]


def _cells(row: Row, short: dict[str, str]) -> tuple[str, ...]:
    worst = row["worst_condition"] or "-"
    loss = row["eer_delta"]
    return (
        _rank(row),
        str(row["detector"]),
        _interval(row, "clean_eer"),
        _interval(row, "laundered_eer"),
        percent(loss) if loss is None or loss < 0 else f"+{percent(loss)}",
        short.get(worst, worst).replace("\N{NO-BREAK SPACE}", " "),
    )


def _notes(tables: Tables, rows: list[Row]) -> list[str]:
    """Return the lines below the table."""
    lines = [f"conditions: {rows[0]['verdicts']}"] if rows[0]["verdicts"] else []
    warned: dict[str, list[str]] = {}
    for row in rows:
        for warning in (row["warnings"] or "").split("; "):
            warned.setdefault(warning, []).append(row["detector"])
    lines += [f"{', '.join(names)}: {text}" for text, names in warned.items() if text]
    if failures := len(tables.failures):
        lines.append(f"{failures} failures, listed in failures.csv")
    if len(tables.inputs):
        lines.append(inputs_text(tables.inputs))
    if demo_data.is_demo(tables.data):
        lines.append(demo_data.MARK)
    return [terminal.paragraph(f"  {line}") for line in lines]


def _rank(row: Row) -> str:
    """Return the ranks that are not ruled out; the rank alone without intervals."""
    if row["rank"] is None:
        return "-"
    low, high = row["rank_low"], row["rank_high"]
    return f"{row['rank']}" if low == high else f"{low}-{high}"


def _interval(row: Row, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    value = percent(row[name])
    return value if low is None else f"{value} [{percent(low)}, {percent(high)}]"
