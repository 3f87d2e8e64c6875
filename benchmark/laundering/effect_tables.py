"""What laundering did to files, as tables and as a verdict: from the records of `render`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core import atomic_files
from benchmark.laundering.verification import NEEDED

Record = dict[str, Any]
EFFECTS = "effects.csv"
FILES = "files.csv"
NAMES = (EFFECTS, FILES)
_MADE = ("samples", "beyond", "gain", "passed", "sha256")
_FILE = ("condition", "utterance_id", "source", "path", *_MADE, "failure", "cause")
_EFFECT = (
    "condition", "utterance_id", "step", "attack", "quantity", "unit", "relation", "claimed",
    "measured", "tolerance", "passed", "effect", "facts",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How one condition went: files that failed, utterances by verdict, files made to fit."""

    condition: str
    failed: int
    passed: int
    refuted: int
    not_measurable: int
    attenuated: int

    @property
    def sound(self) -> bool:
        """Nothing failed, and at least 99 % of the measurable utterances are as claimed."""
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
    """One outcome per condition, in the order of their first record."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["condition"], []).append(record)
    return [_outcome(condition, group) for condition, group in groups.items()]


def total(parts: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes of conditions that were made in several goes."""
    sums: dict[str, list[int]] = {}
    for part in parts:
        condition, *counts = astuple(part)
        old = sums.get(condition, [0] * len(counts))
        sums[condition] = [a + b for a, b in zip(old, counts, strict=True)]
    return [Outcome(condition, *counts) for condition, counts in sums.items()]


def write(records: list[Record], folder: Path, prefix: str = "") -> list[Path]:
    """The tables as CSV, in the order of the records.

    effects.csv : one row per check of a step, its facts as JSON; `passed` is empty where nothing
                  could be measured. A step's number, spelling and utterance id are what replays it.
    files.csv   : one row per file: where it came from, where it is, its SHA-256, how many
                  samples lay beyond full scale and the gain for it, or why it failed
    """
    return [
        atomic_files.write(folder / f"{prefix}{name}", table.to_csv(index=False))
        for name, table in tables(records).items()
    ]


def tables(records: list[Record]) -> dict[str, pd.DataFrame]:
    """What `write` writes, by the name of the file."""
    effects = pd.DataFrame([row for r in records for row in _effects(r)], columns=[*_EFFECT])
    listed = pd.DataFrame(records, columns=[*_FILE])
    for column in ("samples", "beyond"):
        listed[column] = listed[column].astype("Int64")
    return {EFFECTS: effects, FILES: listed}


def causes(records: Iterable[Record], most: int = 10) -> Iterator[str]:
    """Why files failed: the first few, then how many more."""
    failed = [record for record in records if record["failure"] is not None]
    told = dict.fromkeys(record["cause"] for record in failed)  # one file, many conditions
    for place, cause in enumerate(told):
        if place == most:
            yield f"and {len(told) - most} more causes; {FILES} holds all"
            return
        yield cause


def _effects(record: Record) -> Iterator[Record]:
    for number, step in enumerate(record.get("steps", ())):
        facts = json.dumps(step["facts"], sort_keys=True)
        for check in step["checks"]:
            yield {
                "condition": record["condition"],
                "utterance_id": record["utterance_id"],
                "step": number,
                "attack": step["attack"],
                **check,
                "facts": facts,
            }


def _outcome(condition: str, records: list[Record]) -> Outcome:
    made = [record for record in records if record["failure"] is None]
    verdicts = [record["passed"] for record in made]
    return Outcome(
        condition,
        failed=len(records) - len(made),
        passed=verdicts.count(True),
        refuted=verdicts.count(False),
        not_measurable=verdicts.count(None),
        attenuated=sum(record["gain"] != 1 for record in made),
    )
