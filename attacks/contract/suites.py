"""Suites: named lists of conditions, stored as TOML files in attacks/contract/suite_files.

A file has a `description` and one or more of these lists:

    include    = ["laundering", "mine.toml"]   # all conditions of other suites
    conditions = ["mp3(kbps=64)", "opus | mp3"]
    severity   = ["noise(kind=babble)"]        # an attack at each of its five levels

A file of the package may also have a `grid` (see `suite_grids`), whose conditions follow those.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from attacks.contract import suite_grids
from attacks.contract.base import registry
from attacks.contract.condition import (
    CLEAN,
    Condition,
    parse,
    parse_from_file,
    spell,
    split_steps,
)
from attacks.contract.suite_grids import Grid
from benchmark.core.errors import InputError, unknown

FOLDER = Path(__file__).parent / "suite_files"
SUFFIX = ".toml"
LISTS = ("include", "conditions", "severity")
GRID = "grid"


@dataclass(frozen=True)
class Suite:
    """A named list of distinct conditions; `clean` always comes first.

    `grid` arranges some of them as a table, each in its canonical spelling.
    """

    name: str
    description: str
    conditions: tuple[Condition, ...]
    grid: Grid | None = None


def names() -> list[str]:
    """Return the names of the built-in suites, sorted."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


@cache
def grids() -> Mapping[str, Grid]:
    """Return the grids of the built-in suites by the suite's name, with canonical spellings."""
    with_grid = (path for path in map(_built_in, names()) if GRID in _table(path))
    found = {path.stem: load(path.stem).grid for path in with_grid}
    return {name: grid for name, grid in found.items() if grid}


def load(name_or_path: str | Path) -> Suite:
    """Load a built-in suite by name, or a suite from a TOML file by path (ends in .toml).

    Paths in `include` are relative to the file. The conditions have the order include, conditions,
    severity, with `clean` first. Raises `InputError` if the suite is unknown or the file cannot be
    read, includes itself, has no conditions, has one that cannot be parsed, or lists one twice. An
    included suite may contain a condition that the file lists too.
    """
    return _load(str(name_or_path), ())


def _load(text: str, within: tuple[Path, ...]) -> Suite:
    if text.endswith(SUFFIX):
        path = Path(text)
        if within and not path.is_absolute():
            path = within[-1].parent / path
        if not path.is_file():
            raise InputError(f"suite file not found: {path}")
    elif text in names():
        path = _built_in(text)
    else:
        raise unknown("suite", text, names(), "launderbench list suites")
    if path.resolve() in within:
        raise InputError(f"{path}: includes itself")
    table = _table(path)
    entries = ("description", *LISTS, *([GRID] if path.parent == FOLDER else []))
    if GRID in set(table) - set(entries):
        raise InputError(
            f"{path}: only a suite of the package may have a grid, because tables are made without"
            " the suite's file"
        )
    unexpected = sorted(set(table) - set(entries))
    if unexpected:
        raise unknown(f"entry in {path}", unexpected[0], entries)
    lists = {name: table.get(name, []) for name in LISTS}
    for name, values in lists.items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise InputError(f"{path}: {name} must be a list of spellings in quotes, [...]")
    grid = suite_grids.read(table[GRID], path) if GRID in table else None
    if not any(lists.values()) and not grid:
        raise InputError(f"{path}: holds no conditions ({', '.join(LISTS)})")
    description = table.get("description", "")
    if not isinstance(description, str):
        raise InputError(f"{path}: the description must be text")
    spellings = list(lists["conditions"])
    if path.parent != FOLDER:
        for spelling in (*lists["conditions"], *lists["severity"]):
            _checked(spelling, path)
    for attack in lists["severity"]:
        spellings += levels(attack, str(path))
    spellings += grid.conditions if grid else []
    own = _suite(path.stem, description, spellings, str(path))
    included: dict[Condition, None] = {}
    for name in lists["include"]:
        included |= dict.fromkeys(_load(name, (*within, path.resolve())).conditions)
    conditions = tuple(included | dict.fromkeys(own.conditions))
    return Suite(path.stem, description, conditions, grid and _canonical(grid))


def _built_in(name: str) -> Path:
    return FOLDER / f"{name}{SUFFIX}"


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read as TOML ({error})") from error


def _canonical(grid: Grid) -> Grid:
    rows = tuple(
        dataclasses.replace(row, conditions=tuple(str(parse(c)) for c in row.conditions))
        for row in grid.rows
    )
    return dataclasses.replace(grid, rows=rows)


def _checked(spelling: str, path: Path) -> None:
    """Raise `InputError` if a file's spelling is invalid or reaches further than data may."""
    try:
        parse_from_file(spelling, path)
    except InputError as error:
        text = str(error)
        raise error if text.startswith(str(path)) else InputError(f"{path}: {text}") from error


def levels(spelling: str, where: str) -> list[str]:
    """Return the spellings of an attack at the five levels of its severity, mild to severe.

    Raises `InputError` that begins with `where` if it is not one attack with a ladder.
    """
    try:
        steps = parse(spelling).steps
        severity = steps[0].severity if len(steps) == 1 else None
        if severity is None:
            raise InputError(f"severity needs one attack with a ladder, not {spelling!r}")
        (step,) = steps
        return [
            spell(dataclasses.replace(step, **{severity.parameter: level}))
            for level in severity.ladder
        ]
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def parse_suite(text: str) -> Suite:
    """Parse a suite given by a user: its name, a .toml path, or conditions joined by `;`.

    A suite's name takes precedence over an attack's. The name of a suite of spelled conditions is
    their spelling.
    """
    text = text.strip()
    parts = split_steps(text, ";")
    first = text.split("(")[0].split("|")[0].split(";")[0].strip()
    spelled = len(parts) > 1 or any(c in text for c in "(|") or first == CLEAN
    if text in names() or text.endswith(SUFFIX):
        return load(text)
    if not spelled and first not in registry.names():
        see = "launderbench list suites, launderbench list attacks"
        raise unknown("suite or attack", text, {*names(), *registry.names()}, see)
    conditions = [part for part in parts if part.strip()]
    if not conditions:
        raise InputError(f"the suite {text!r} holds no conditions")
    suite = _suite("", "given on the command line", conditions, "the conditions given")
    name = "; ".join(str(c) for c in suite.conditions if c.steps) or CLEAN
    return Suite(name, suite.description, suite.conditions)


def _suite(name: str, description: str, spellings: list[str], where: str) -> Suite:
    seen = {CLEAN: Condition()}
    listed: set[str] = set()
    for spelling in spellings:
        try:
            condition = parse(spelling)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        text = str(condition)
        if text in listed:
            raise InputError(f"{where}: the condition {text} is listed twice")
        listed.add(text)
        seen[text] = condition
    return Suite(name, description, tuple(seen.values()))
