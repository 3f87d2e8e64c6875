"""The reference of all result columns, `results/COLUMNS.md`, made from the classes of the rows.

`python -m benchmark.report.column_reference results/COLUMNS.md` writes it; a test holds that it is
up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmark.core import atomic_files
from benchmark.leaderboard import schema
from benchmark.leaderboard.read_tables import RENAMED, REPLACED
from benchmark.leaderboard.rows.comparison_rows import (
    AgreementRow,
    AugmentationRow,
    PublishedRow,
    RunDifferenceRow,
)
from benchmark.leaderboard.rows.tables import TABLES
from benchmark.leaderboard.schema import SCHEMA, VERSION, Field
from benchmark.report import markdown

KINDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}
HEAD = ("column", "type", "unit", "better", "meaning")
CHANGES = ("schema", "tables", "what", "before", "now")
INTRODUCTION = f"""\
# Columns of the result tables

This page is made from the code: `python -m benchmark.report.column_reference results/COLUMNS.md`.
[README.md](README.md) says how to read the numbers.

An empty cell (`null` in JSON) is a missing value: not defined, or not comparable. Of a column of
type `number` any value may be missing, of other types only where it says *may be missing*. Rates
are shares from 0 to 1. The positive class is spoof: a true positive is a spoof that is rejected.
Bounds are 95 % intervals. Text that a spreadsheet would run as a formula has an apostrophe before
it in CSV.

## The schema and what it promises

This is schema {VERSION}. It stands in `run.json` and `leaderboard.json` as `{SCHEMA}`, and as the
last column, `{SCHEMA}`, in every row of every CSV file: there it needs no option of a CSV reader,
unlike a comment line, and it stays with rows that are copied elsewhere.

- Within a schema, columns may be added, before `{SCHEMA}`; read them by name, not by place.
- The schema is raised when a column is renamed or removed, or when its meaning, unit or type
  changes.
- `benchmark.leaderboard.read_tables.read(folder)` gives the tables as data frames with the types
  below. It also reads every earlier schema, under today's names, and refuses a later one. Tables
  without a version are of schema {schema.UNVERSIONED}.
- The numbers are not part of the schema: attacks and detectors have versions of their own."""

CHANGED = """\
What changed since schema 1: a decision's counts have the usual names, the mean over families is
called laundered, as on the page, and a missing value is never `-`. `conditions.csv` became
`conditions_full.csv`, beside a `conditions.csv` of few columns; `format` of `leaderboard.json`
became `schema`. In the order of columns, `tp, fp, tn, fn` and `oracle_f1` moved.

What changed since schema 2: `verified` asks for an effect of the attack's own, measured on at least
half of the utterances, so `n_pass` and `n_not_measurable` no longer count a mere change of the
samples as an effect. The columns `verdict` and `verdicts` are new, and missing in tables of an
earlier schema.

What changed since schema 3: a mean over launderings is weighted by condition, attack and family
(`weight` in `conditions_full.csv`); before, every family had the same weight. All that is
`laundered` follows, and so do ranks. `tied_with` names detectors where `group` had letters;
`rank_low`, `rank_high` and ties control the error rate over all pairs of a track; bounds are wider,
and on the scale of their metric. Ranks if launderings are drawn anew, or one is left out,
`p_familywise` and `few_errors` are new. The reader makes `tied_with` of the letters in older
tables, which were of pairs by themselves."""


def document() -> str:
    """Return the page as Markdown."""
    blocks = [INTRODUCTION, CHANGED, _changes()]
    for name, row in TABLES.items():
        blocks += _table(f"{name}.csv", row)
    blocks += _table("comparison.csv of two runs", RunDifferenceRow)
    blocks += _table("comparison.csv with published figures", PublishedRow)
    blocks += _table("agreement.csv with published figures", AgreementRow)
    blocks += _table("study.csv of an augmentation study", AugmentationRow)
    return "\n\n".join(blocks) + "\n"


def _table(title: str, row: type) -> list[str]:
    said = (row.__doc__ or "").splitlines()[0]
    said = f"A row is {said[0].lower()}{said[1:]}"
    lines = [_line(field) for field in schema.columns(row)]
    version = (_code(SCHEMA), KINDS[int], "", "", "version of the schema")
    return [f"## {title}", said, markdown.table(HEAD, [*lines, version])]


def _line(field: Field) -> tuple[str, ...]:
    kind = KINDS[field.kind]
    if field.missing and field.kind is not float:
        kind += ", may be missing"
    column = field.column
    return _code(field.name), kind, column.unit, column.better, column.meaning.replace("|", "\\|")


def _changes() -> str:
    """Return the table of renamed columns and values; equal changes of several tables are one."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, change in (*_renamed(), *_replaced()):
        found.setdefault(change, []).append(name)
    rows = [(version, ", ".join(names), *rest) for (version, *rest), names in found.items()]
    return markdown.table(CHANGES, rows)


def _renamed() -> Iterator[tuple[str, tuple[str, ...]]]:
    for version, tables in RENAMED.items():
        for name, renamed in tables.items():
            for old, new in renamed.items():
                yield name, (str(version), "name", _code(old), _code(new))


def _replaced() -> Iterator[tuple[str, tuple[str, ...]]]:
    for version, tables in REPLACED.items():
        for name, columns in tables.items():
            for column, values in columns.items():
                for old, new in values.items():
                    now = _code(new) if new else "missing"
                    yield name, (str(version), f"value of {_code(column)}", _code(old), now)


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    atomic_files.write(Path(sys.argv[1]), document())
