"""Suites: named lists of conditions, kept as TOML files in attacks/suites."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from attacks.base import registry
from attacks.condition import CLEAN, Condition, parse, split_steps
from benchmark.errors import InputError, unknown

FOLDER = Path(__file__).parent / "suites"
SUFFIX = ".toml"


@dataclass(frozen=True)
class Suite:
    """A named list of distinct conditions; `clean` always comes first."""

    name: str
    description: str
    conditions: tuple[Condition, ...]


def names() -> list[str]:
    """The built-in suites, sorted."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def load(name_or_path: str | Path) -> Suite:
    """A built-in suite by name, or one from a TOML file by path (anything that ends in .toml).

    The file has `description` (text) and `conditions` (a list of spellings). `clean` is put
    first where it is not listed. `InputError` where the suite is unknown or the file is not
    readable, holds no conditions or one that cannot be parsed, or names one twice.
    """
    text = str(name_or_path)
    if text.endswith(SUFFIX):
        path = Path(name_or_path)
        if not path.is_file():
            raise InputError(f"suite file not found: {path}")
    elif text in names():
        path = FOLDER / f"{text}{SUFFIX}"
    else:
        raise unknown("suite", text, names())
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read as TOML ({error})") from error
    strange = sorted(set(table) - {"description", "conditions"})
    if strange:
        raise unknown(f"entry in {path}", strange[0], ("description", "conditions"))
    spellings = table.get("conditions")
    if not isinstance(spellings, list) or not all(isinstance(s, str) for s in spellings):
        raise InputError(f"{path}: want conditions = [...], a list of spellings in quotes")
    if not spellings:
        raise InputError(f"{path}: holds no conditions")
    description = table.get("description", "")
    if not isinstance(description, str):
        raise InputError(f"{path}: the description must be text")
    return _suite(path.stem, description, spellings, str(path))


def parse_suite(text: str) -> Suite:
    """What a user may give as a suite: its name, a .toml path, or conditions joined by `;`.

    A suite's name goes before an attack's. The suite of a spelled condition is called as it is
    spelled.
    """
    text = text.strip()
    parts = split_steps(text, ";")
    first = text.split("(")[0].split("|")[0].split(";")[0].strip()
    spelled = len(parts) > 1 or any(c in text for c in "(|") or first == CLEAN
    if text in names() or text.endswith(SUFFIX):
        return load(text)
    if not spelled and first not in registry.names():
        raise unknown("suite or attack", text, {*names(), *registry.names()})
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
