"""Comparisons as terminal text, Markdown and CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.core import atomic_files, terminal
from benchmark.leaderboard import schema
from benchmark.leaderboard.compare_runs import MEAN, RunComparison
from benchmark.leaderboard.published_figures import PublishedComparison
from benchmark.leaderboard.published_tables import JOINED
from benchmark.report import markdown
from benchmark.report.jinja import DASH, bounded_percent, percent, signed_percent
from benchmark.report.rows import bounded, records
from benchmark.report.writer import csv_text

STEM = "comparison"
RUNS = ("detector", "condition", "first", "second", "second less first", "")
TABLES = ("detector", "condition", "ours", "published", "ours less published", "differs by", "")
AGREEMENT = ("over", "whose", "figures", "Kendall's tau", "slope", "ours is")
NUMBERS = {2, 3, 4}


def text(found: RunComparison | PublishedComparison) -> str:
    """Return the text for a terminal: EER in per cent, and everything without a counterpart."""
    blocks = [*found.notes]
    for title, head, rows in _tables(found):
        blocks.append(f"{title}\n\n{_aligned([head, *rows])}")
    if isinstance(found, PublishedComparison):
        blocks += [f"[{number}] {line}" for number, line in enumerate(found.differences, start=1)]
    blocks += [f"{title}: {', '.join(names)}" for title, names in found.only.items() if names]
    return "\n\n".join(blocks)


def document(found: RunComparison | PublishedComparison) -> str:
    """Return the same content as Markdown."""
    escape = markdown.escape
    blocks = ["# Comparison", *(escape(note) for note in found.notes)]
    for title, head, rows in _tables(found):
        cells = [[escape(cell) for cell in row] for row in rows]
        blocks += [f"## {escape(title)}", markdown.table(head, cells, NUMBERS)]
    if isinstance(found, PublishedComparison):
        numbered = enumerate(found.differences, start=1)
        blocks.append("\n".join(f"{number}. {escape(line)}" for number, line in numbered))
    blocks += [
        f"{title}: {escape(', '.join(names))}" for title, names in found.only.items() if names
    ]
    return "\n\n".join(blocks) + "\n"


def write(found: RunComparison | PublishedComparison, folder: Path) -> list[Path]:
    """Write `comparison.csv` (shares, every metric) and `comparison.md` to `folder`.

    With published figures, `agreement.csv` too.
    """
    texts = {f"{STEM}.csv": csv_text(schema.versioned(found.table)), f"{STEM}.md": document(found)}
    if isinstance(found, PublishedComparison):
        texts["agreement.csv"] = csv_text(schema.versioned(found.agreement))
    return [atomic_files.write(folder / name, content) for name, content in texts.items()]


def _tables(
    found: RunComparison | PublishedComparison,
) -> Iterator[tuple[str, Sequence[str], list[list[str]]]]:
    """Yield title, head and rows of every table."""
    if isinstance(found, PublishedComparison):
        rows = [_published_row(row) for row in records(found.table)]
        ours = ", ours with 95 % bounds" if bounded(found.table) else ""
        yield f"EER in %{ours}", TABLES, rows
        if agreed := [_agreement_row(row) for row in records(found.agreement)]:
            yield "Agreement of ours with the published", AGREEMENT, agreed
        return
    eers = found.table[found.table["metric"] == "eer"]
    for track, part in eers.groupby("track", sort=False, dropna=False):
        name = f", track {track}" if isinstance(track, str) else ""
        legend = "; * where the 95 % bounds of the paired difference leave out 0"
        title = f"EER in %{name}{legend if bounded(part) else ''}"
        yield title, RUNS, [_run_row(row) for row in records(part)]


def _run_row(row: Mapping[str, Any]) -> list[str]:
    condition = f"({MEAN})" if row["condition"] == MEAN else str(row["condition"])
    difference = bounded_percent(row, "difference", signed_percent) + (
        " *" if row["distinguishable"] else ""
    )
    values = (percent(row["a"]), percent(row["b"]), difference)
    return [str(row["detector"]), condition, *values, str(row["remark"] or "")]


def _agreement_row(row: Mapping[str, Any]) -> list[str]:
    whose = row["published_as"] or f"{row['detector']}, {row['system']}"
    tau, slope = (DASH if row[name] is None else f"{row[name]:.2f}" for name in ("tau", "slope"))
    return [row["over"], whose, str(row["n"]), tau, slope, row["column"].replace("_", " ")]


def _published_row(row: Mapping[str, Any]) -> list[str]:
    system = f"{row['system']}, {row['attack']} {row['level']}: {100 * row['published']:.2f}"
    marks = str(row["differences"] or "")
    difference = signed_percent(row["difference"])
    values = (bounded_percent(row, "eer"), system, difference, marks, str(row["remark"] or ""))
    pooled = str(row["condition"]).count(JOINED)
    condition = f"{pooled + 1} conditions, one threshold" if pooled else str(row["condition"])
    return [str(row["detector"]), condition, *values]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(terminal.columns(rows, right=NUMBERS))
