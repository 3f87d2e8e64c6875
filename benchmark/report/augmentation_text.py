"""An augmentation study as CSV, as Markdown and for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core import atomic_files, terminal
from benchmark.data.protocol import SHORT_DIGEST
from benchmark.leaderboard import schema
from benchmark.metrics.bootstrap import LEVEL
from benchmark.report import markdown
from benchmark.report.jinja import DASH, bounded_percent, percent, signed_percent
from benchmark.report.rows import Row, bounded, records
from benchmark.report.writer import csv_text
from benchmark.scores.run_results import RunResults

STEM = "study"
HEAD = (
    "detector", "family", "trained clean", "with all", "never met", "gain with all",
    "gain never met", "carried over", "",
)  # fmt: skip
NUMBERS = range(2, 8)


def text(table: pd.DataFrame, note: str) -> str:
    """Return the table for a terminal, EER in per cent, and the note below it."""
    rows = terminal.columns([HEAD, *map(_cells, records(table))], right=NUMBERS)
    return "\n".join([*rows, "", terminal.paragraph(note)])


def document(table: pd.DataFrame, note: str) -> str:
    """Return the same content as Markdown."""
    cells = [[markdown.escape(cell) for cell in _cells(row)] for row in records(table)]
    blocks = ["# Augmentation study", markdown.table(HEAD, cells, NUMBERS), markdown.escape(note)]
    return "\n\n".join(blocks) + "\n"


def write(table: pd.DataFrame, note: str, folder: Path) -> list[Path]:
    """Write `study.csv` (shares) and `study.md` (per cent) to `folder`; return both."""
    texts = {
        f"{STEM}.csv": csv_text(schema.versioned(table)),
        f"{STEM}.md": document(table, note),
    }
    return [atomic_files.write(folder / name, content) for name, content in texts.items()]


def note(results: RunResults, table: pd.DataFrame, settings: Mapping[str, Any]) -> str:
    """Say what the numbers are, over which trials and trainings, and what their bounds hold."""
    protocol = results.protocol
    version = "" if protocol.version == "-" else f" {protocol.version}"
    seeds = settings["seeds"]
    recipe = ", ".join(f"{name} {value}" for name, value in settings["recipe"].items())
    trained = f"; {recipe}" if recipe else ""
    subset = f"; at most {settings['subset']} training utterances" if settings["subset"] else ""
    bounds = (
        f" In brackets, {100 * LEVEL:g} % intervals of the paired bootstrap over speakers, for just"
        " these trainings."
        if bounded(table)
        else " No intervals were made."
    )
    spread = (
        " After ±, the standard deviation between trainings."
        if len(seeds) > 1
        else " One training of each kind: their spread is not known."
    )
    return (
        f"EER in % on {protocol.name}{version}, {len(protocol.table)} trials (digest"
        f" {protocol.digest()[:SHORT_DIGEST]}), mean over the conditions of a family and over"
        f" trainings with the seeds {', '.join(map(str, seeds))}{trained}{subset};"
        f" {settings['variants']} laundered variants of each recording, clean share"
        f" {settings['clean_share']:g}. Never met: trained with every family but this one. A gain"
        " is the EER after training on clean audio minus this one; carried over is the share of"
        f" the gain that remains if the family was never met.{spread}{bounds}"
    )


def _cells(row: Row) -> list[str]:
    return [
        str(row["detector"]),
        str(row["family"]),
        *(_spread(row, name) for name in ("eer_clean", "eer_all", "eer_without")),
        *(bounded_percent(row, name, signed_percent) for name in ("gain_all", "gain_without")),
        DASH if row["carried"] is None else f"{100 * row['carried']:.0f} %",
        str(row["remark"] or ""),
    ]


def _spread(row: Row, name: str) -> str:
    spread = row[f"{name}_spread"]
    return percent(row[name]) + ("" if spread is None else f" ± {percent(spread)}")
