"""Effects of laundering on files, as tables and as outcomes per condition."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmark.core import atomic_files
from benchmark.laundering.check_rows import COLUMNS, check_rows, steps_of_records
from benchmark.laundering.resuming import Record
from benchmark.laundering.verification import State, Tally, counts_text, tally_of

EFFECTS = "effects.csv"
FILES = "files.csv"
NAMES = (EFFECTS, FILES)
_OUTPUT = ("samples", "beyond", "gain", "passed", "sha256")
_FILE = ("condition", "utterance_id", "source", "path", *_OUTPUT, "failure", "cause")
_EFFECT = ("condition", "utterance_id", *COLUMNS, "facts")


@dataclass(frozen=True)
class Outcome:
    """Result of one condition: failed files, files attenuated to fit, and what was measured."""

    condition: str
    failed: int
    attenuated: int
    tally: Tally

    @property
    def state(self) -> State | None:
        """What the measurements say of the condition; None if there are none, as of `clean`."""
        return self.tally.state() if self.tally.tried else None

    @property
    def sound(self) -> bool:
        """True if no file failed and no claim was refuted."""
        return not self.failed and self.state is not State.REFUTED

    def __str__(self) -> str:
        tally = self.tally
        parts = [self.state.text if self.state else "nothing measured"]
        if measurable := tally.passed + tally.failed:
            parts.append(f"{tally.passed} of {measurable} measurable files as claimed")
        if tally.not_measurable:
            parts.append(f"{tally.not_measurable} not measurable")
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.attenuated:
            parts.append(f"{self.attenuated} attenuated to fit 16 bit")
        return f"{self.condition}: {', '.join(parts)}"


def outcomes(records: Iterable[Record]) -> list[Outcome]:
    """Return one outcome per condition, in the order of their first record."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["condition"], []).append(record)
    return [_outcome(condition, group) for condition, group in groups.items()]


def total(parts: Iterable[Outcome]) -> list[Outcome]:
    """Sum the outcomes of conditions whose files were laundered in several batches."""
    sums: dict[str, Outcome] = {}
    for part in parts:
        old = sums.get(part.condition, Outcome(part.condition, 0, 0, Tally()))
        sums[part.condition] = Outcome(
            part.condition,
            old.failed + part.failed,
            old.attenuated + part.attenuated,
            old.tally + part.tally,
        )
    return [*sums.values()]


def summary(outcomes: Iterable[Outcome]) -> str:
    """Return one line per condition, and how many of them are in each state."""
    every = [*outcomes]
    lines = [str(outcome) for outcome in every]
    if counted := counts_text(outcome.state for outcome in every):
        lines.append(f"conditions: {counted}")
    return "\n".join(lines)


def write(records: list[Record], folder: Path, prefix: str = "") -> list[Path]:
    """Write the tables as CSV, in the order of the records, and return their paths.

    effects.csv : one row per check of a step, the step's facts as JSON; `passed` is empty if
                  nothing could be measured. Step number, spelling and utterance id suffice to
                  repeat the step.
    files.csv   : one row per file: source, path, SHA-256, number of samples beyond full scale and
                  the gain applied for them, or the cause of the failure
    """
    return [
        atomic_files.write(folder / f"{prefix}{name}", table.to_csv(index=False))
        for name, table in tables(records).items()
    ]


def tables(records: list[Record]) -> dict[str, pd.DataFrame]:
    """Return the tables that `write` writes, by file name."""
    effects = pd.DataFrame([row for r in records for row in _effects(r)], columns=[*_EFFECT])
    listed = pd.DataFrame(records, columns=[*_FILE])
    for column in ("samples", "beyond"):
        listed[column] = listed[column].astype("Int64")
    return {EFFECTS: effects, FILES: listed}


def causes(records: Iterable[Record], most: int = 10) -> Iterator[str]:
    """Yield the causes of failed files: the first `most`, then the number of further ones."""
    failed = [record for record in records if record["failure"] is not None]
    distinct = dict.fromkeys(record["cause"] for record in failed)  # one file, many conditions
    for place, cause in enumerate(distinct):
        if place == most:
            yield f"and {len(distinct) - most} more causes; {FILES} lists all"
            return
        yield cause


def _effects(record: Record) -> Iterator[Record]:
    steps = steps_of_records(record.get("steps", ()))
    facts = [json.dumps(step.facts, sort_keys=True) for step in steps]
    head = {name: record[name] for name in ("condition", "utterance_id")}
    for row in check_rows(steps):
        yield head | row | {"facts": facts[row["step"]]}


def _outcome(condition: str, records: list[Record]) -> Outcome:
    finished = [record for record in records if record["failure"] is None]
    return Outcome(
        condition,
        failed=len(records) - len(finished),
        attenuated=sum(record["gain"] != 1 for record in finished),
        tally=tally_of((r["utterance_id"], steps_of_records(r["steps"])) for r in finished),
    )
