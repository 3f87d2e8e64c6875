"""Tables of figures that others published, as they lie in `published/`.

A table consists of two files. NAME.csv holds attack, level, our corresponding conditions, and the
EER of every system in per cent. NAME.toml holds the source, the matching detectors and the
differences of definition. A row may stand for many conditions pooled under one threshold: its cells
then say `POOL`, and the `pool` of NAME.toml names the rows of another table whose conditions these
are.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.errors import unknown

FOLDER = Path(__file__).with_name("published")
COLUMNS = ("condition", "as_published", "ready_made")  # ever closer; the last is the same audio
KEYS = ("attack", "level")
POOL = "pool"
JOINED = "; "  # between the conditions of a pool


@dataclass(frozen=True)
class DefinitionDifference:
    """One difference of definition between published figures and ours, and where it applies.

    An empty tuple means all values.
    """

    text: str
    attacks: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()

    def holds(self, attack: str, level: str, column: str, system: str) -> bool:
        """Check whether it applies to this figure and our condition in this column."""
        pairs = (
            (self.attacks, attack),
            (self.levels, level),
            (self.columns, column),
            (self.systems, system),
        )
        return all(not known or value in known for known, value in pairs)


@dataclass(frozen=True)
class PublishedTable:
    """One published table; `rows` are those of its CSV file, `detectors` maps ours to systems."""

    name: str
    title: str
    citation: str
    source: str
    data: str
    trials: str
    detectors: Mapping[str, str]
    differences: tuple[DefinitionDifference, ...]
    rows: tuple[Mapping[str, str], ...]

    @property
    def systems(self) -> list[str]:
        """The published systems, in the order of the table."""
        return [name for name in self.rows[0] if name not in (*KEYS, *COLUMNS)]


def names() -> list[str]:
    """Return the names of the available published tables, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> PublishedTable:
    """Load a published table by name; `InputError` suggests similar names if it is unknown."""
    if name not in names():
        raise unknown("published table", name, names())
    facts = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = tuple(csv.DictReader(file))
    if POOL in facts:
        pool = _pool(**facts.pop(POOL))
        rows = tuple(
            {key: pool[key] if text == POOL else text for key, text in row.items()} for row in rows
        )
    lists = ("attacks", "levels", "columns", "systems")
    differences = tuple(
        DefinitionDifference(item["text"], **{key: tuple(item.get(key, ())) for key in lists})
        for item in facts.pop("differences")
    )
    return PublishedTable(name=name, differences=differences, rows=rows, **facts)


def _pool(table: str, without: list[str]) -> dict[str, str]:
    """Return, by column, the conditions of another table's rows, except those of some attacks.

    A condition stands as often as the table has it: three of its bit rates are one of ours.
    """
    rows = [row for row in load(table).rows if row["attack"] not in without]
    return {column: JOINED.join(row[column] for row in rows) for column in COLUMNS}
