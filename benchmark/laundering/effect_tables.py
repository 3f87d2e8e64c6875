"""Effects of laundering on files, as tables and as outcomes per condition."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd

from benchmark.core import atomic_files
from benchmark.laundering.check_rows import COLUMNS, check_rows, steps_of_records
from benchmark.laundering.resuming import Record
from benchmark.laundering.verification import NEEDED

EFFECTS = "effects.csv"
FILES = "files.csv"
NAMES = (EFFECTS, FILES)
_OUTPUT = ("samples", "beyond", "gain", "passed", "sha256")
_FILE = ("condition", "utterance_id", "source", "path", *_OUTPUT, "failure", "cause")
_EFFECT = ("condition", "utterance_id", *COLUMNS, "facts")


@dataclass(frozen=True)
class Outcome:
    """Result of one condition: failed files, utterances by verdict, files attenuated to fit."""

    condition: str
    failed: int
    passed: int
    refuted: int
    not_measurable: int
    attenuated: int

    @property
    def sound(self) -> bool:
        """True if no file failed and at least 99 % of the measurable utterances are as claimed."""
        measurable = self.passed + self.refuted
        return not self.failed and self.passed >= NEEDED * measurable

    def __str__(self) -> str:
        parts = [f"{self.passed} of {self.passed + self.refuted} measurable files as claimed"]
        if self.not_measurable:
            parts.append(f"{self.not_measurable} not measurable")
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
    sums: dict[str, list[int]] = {}
    for part in parts:
        condition, *counts = astuple(part)
        old = sums.get(condition, [0] * len(counts))
        sums[condition] = [a + b for a, b in zip(old, counts, strict=True)]
    return [Outcome(condition, *counts) for condition, counts in sums.items()]


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
    verdicts = [record["passed"] for record in finished]
    return Outcome(
        condition,
        failed=len(records) - len(finished),
        passed=verdicts.count(True),
        refuted=verdicts.count(False),
        not_measurable=verdicts.count(None),
        attenuated=sum(record["gain"] != 1 for record in finished),
    )
