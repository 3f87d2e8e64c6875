"""Reader of the result tables in a folder: typed data frames, also of earlier schemas.

Names and values that changed are listed here, by the schema that they are of. Columns that this
version does not know are left out: a later release may add some without raising the schema.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core import json_text, spreadsheet
from benchmark.core.errors import InputError
from benchmark.leaderboard import schema
from benchmark.leaderboard.rows.cell_rows import Adversary
from benchmark.leaderboard.rows.columns import TIES
from benchmark.leaderboard.rows.detector_rows import AdversaryMeans
from benchmark.leaderboard.rows.tables import TABLES
from benchmark.leaderboard.schema import SCHEMA, UNVERSIONED, VERSION, Field
from benchmark.scores.scopes import BOTH

FACTS = "run.json"
WHOLE, REDUCED = "conditions_full", "conditions"
READ = ("leaderboard", "tracks", REDUCED, "robustness", "severity", "differences", "breakdown",
        "seeds", "effects", "failures", "inputs", "grid", "quality", "quality_budget")  # fmt: skip
LATER = ("inputs", "seeds", "grid", "quality", "quality_budget")  # what a folder may lack
_METRICS = ("eer", "eer_low", "eer_high", "auc", "f1", "min_dcf", "act_dcf", "cllr")
_COUNTS = {"hit": "tp", "missed": "fn", "false_alarm": "fp", "correct": "tn"}
_BOARD = {f"mean_{name}": f"laundered_{name}" for name in _METRICS}
RENAMED: Mapping[int, Mapping[str, Mapping[str, str]]] = {  # by schema and table: old to new name
    UNVERSIONED: {
        "leaderboard": _BOARD,
        "tracks": _BOARD,
        REDUCED: _COUNTS | {f"oracle_{old}": f"oracle_{new}" for old, new in _COUNTS.items()},
    }
}
ADVERSARY = (f.name for row in (Adversary, AdversaryMeans) for f in schema.columns(row))
ADDED = {  # columns that tables of an earlier schema lack
    "verdict": 3, "verdicts": 3,
    "caveat": 4, "level_of": 4, "weight": 4, "scope": 4, "p_familywise": 4, "few_errors": 4,
    "rank_low_drawn": 4, "rank_high_drawn": 4, "rank_low_without": 4, "rank_high_without": 4,
    **dict.fromkeys(ADVERSARY, 4),
    "trained_on": 5,  # tables of schema 4 may lack it
}  # fmt: skip
FILLED = {"scope": BOTH}  # what a table that lacks an added column means, if not a missing value
GROUP, TIED = "group", "tied_with"  # up to schema 3: letters, shared by detectors not told apart
_TRACK = {"track": {"-": ""}}
REPLACED: Mapping[int, Mapping[str, Mapping[str, Mapping[str, str]]]] = {  # the same of values
    UNVERSIONED: {
        **dict.fromkeys(READ[:7], _TRACK),
        "differences": _TRACK | {"over": {"mean": "laundered"}},
        "failures": {"condition": {"-": ""}, "detector": {"-": ""}},
    }
}
_BOOLS = {"true": True, "false": False, "": None}


def read(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the result tables of a folder by name, as the types of their rows have it.

    `conditions` is the full table (`conditions_full.csv`). Missing values are NA. Raises
    `InputError`, which names the file and the cause, if a file is missing, damaged, not such a
    table, or of a later schema.
    """
    facts = _facts(folder)
    version = facts.get("schema", UNVERSIONED)
    _known(folder / FACTS, version)
    digests = facts.get("tables_sha256", {})
    first = _Table(folder / "leaderboard.csv", digests)
    if facts and first.version != version:
        raise InputError(
            f"{first.path} is of schema {first.version}, but {FACTS} of schema {version}"
        )
    found = {}
    for name in READ:
        full = name == REDUCED and first.version != UNVERSIONED
        path = folder / f"{WHOLE if full else name}.csv"
        if name == "failures" and first.version == UNVERSIONED and not path.exists():
            found[name] = schema.frame(TABLES[name], [])  # was left out where there were none
            continue
        if name in LATER and f"{name}.csv" not in digests and not path.exists():
            found[name] = schema.frame(TABLES[name], [])
            continue
        table = _Table(path, digests)
        if table.rows and table.version != first.version:
            raise InputError(
                f"{path} is of schema {table.version}, but leaderboard.csv of {first.version}"
            )
        found[name] = table.frame(name, first.version)
    return found


class _Table:
    """The cells of one CSV file as text."""

    def __init__(self, path: Path, digests: Mapping[str, str]) -> None:
        self.path = path
        self.header, self.rows = _cells(path, digests.get(path.name))
        versions = {UNVERSIONED}
        if SCHEMA in self.header:
            place = self.header.index(SCHEMA)
            versions = {_whole(path, row[place]) for row in self.rows} or {VERSION}
        if len(versions) > 1:
            raise InputError(f"{path} has rows of several schemas: {sorted(versions)}")
        (self.version,) = versions
        _known(path, self.version)

    def frame(self, name: str, version: int) -> pd.DataFrame:
        """Return the table `name` with today's names, values and types."""
        row = TABLES[WHOLE if name == REDUCED else name]
        renamed = RENAMED.get(version, {}).get(name, {})
        replaced = REPLACED.get(version, {}).get(name, {})
        places = {renamed.get(old, old): place for place, old in enumerate(self.header)}
        made = {}
        try:
            for field in schema.columns(row):
                if field.name in places:
                    place, new = places[field.name], replaced.get(field.name, {})
                    texts = [new.get(cells[place], cells[place]) for cells in self.rows]
                    made[field.name] = pd.Series(_values(field, texts), dtype=object)
                elif field.name == TIED and GROUP in places:
                    made[TIED] = pd.Series(self._ties(places), dtype=object)
                elif version < ADDED.get(field.name, 0):
                    filled = FILLED.get(field.name)
                    made[field.name] = pd.Series([filled] * len(self.rows), dtype=object)
            return schema.typed(row, pd.DataFrame(made))
        except ValueError as error:
            raise InputError(f"{self.path} is no table of {name}: {error}") from error

    def _ties(self, places: Mapping[str, int]) -> list[str | None]:
        """Return the detectors that share a letter in `group` with each row, within its track."""
        columns = [places[name] for name in ("track", "detector", GROUP)]
        held = [
            (cells[columns[0]], spreadsheet.plain(cells[columns[1]]), _letters(cells[columns[2]]))
            for cells in self.rows
        ]
        return [
            TIES.join(
                name
                for other, name, theirs in held
                if other == track and name != own and letters & theirs
            )
            or None
            for track, own, letters in held
        ]


def _letters(group: str) -> set[str]:
    """Return the letters of a group; beyond Z they are numbers in brackets."""
    return set(re.findall(r"\[\d+\]|[a-zA-Z]", group))


def _facts(folder: Path) -> dict[str, Any]:
    """Return run.json; empty if there is none."""
    path = folder / FACTS
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder with result tables")
    if not path.exists():
        return {}
    try:
        facts = json_text.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error})") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("tables_sha256", {}), dict):
        raise InputError(f"{path} is not that of a run")
    return facts


def _known(path: Path, version: object) -> None:
    if isinstance(version, bool) or not isinstance(version, int) or version < UNVERSIONED:
        raise InputError(f"{path} names the schema {version!r}, which is no version")
    if version > VERSION:
        raise InputError(
            f"{path} is of schema {version}, and this release reads up to {VERSION}:"
            " update LaunderBench to read it"
        )


def _cells(path: Path, digest: str | None) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a CSV file; `digest` is what run.json has of it."""
    if not path.is_file():
        raise InputError(f"{path} is missing: `launderbench report` writes it")
    try:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read ({error})") from error
    if not lines:
        raise InputError(f"{path} is empty")
    header, *rows = lines
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise InputError(f"{path}: row {number} has {len(row)} of {len(header)} columns")
    if digest not in (None, hashlib.sha256(content).hexdigest()):
        raise InputError(f"{path} was changed since {FACTS} was written")
    return header, rows


def _whole(path: Path, text: str) -> int:
    if not text.isdecimal():
        raise InputError(f"{path} names the schema {text!r}, which is no version")
    return int(text)


def _values(field: Field, texts: Sequence[str]) -> list[Any]:
    """Return the values of a column; None where there is none. `ValueError` names the column."""
    try:
        if field.kind is str:
            return [spreadsheet.plain(text) or None for text in texts]
        if field.kind is bool:
            return [_BOOLS[text.lower()] for text in texts]
        numbers = [float(text) if text else None for text in texts]
    except (KeyError, ValueError) as error:
        raise ValueError(f"column {field.name} holds {error}") from error
    if field.kind is int:
        if any(number is not None and not number.is_integer() for number in numbers):
            raise ValueError(f"column {field.name} holds a fraction")
        return [None if number is None else int(number) for number in numbers]
    return numbers
