"""What was heard of a clip, as tables to take away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from benchmark.core import spreadsheet
from benchmark.laundering.check_rows import COLUMNS
from benchmark.web.clip import Heard, Judgement

SCORES = (
    "condition", "state", "detector", "score", "threshold", "verdict", "clean_score",
    "clean_verdict", "change", "cause",
)  # fmt: skip
CHECKS = ("condition", *COLUMNS)


def scores(heard: Sequence[Heard]) -> pd.DataFrame:
    """Return one row per condition and detector; `heard` begins with the clean clip.

    state  : what was measured of the condition on this clip; missing for `clean`
    change : the score minus that of the clean clip
    cause  : why there is no score; a condition that failed has one row without a detector
    """
    clean = {judgement.detector: judgement for judgement in heard[0].judgements} if heard else {}
    rows: list[dict[str, Any]] = []
    for one in heard:
        head = {"condition": one.condition, "state": one.state and str(one.state)}
        if one.cause:
            rows.append(head | {"cause": one.cause})
        for judgement in one.judgements:
            before = clean.get(judgement.detector)
            rows.append(head | vars(judgement) | (_change(before, judgement) if before else {}))
    return pd.DataFrame(rows, columns=list(SCORES))


def _change(before: Judgement, after: Judgement) -> dict[str, Any]:
    """Return the columns that compare a score with that of the clean clip."""
    change = None
    if before.score is not None and after.score is not None:
        change = after.score - before.score
    return {"clean_score": before.score, "clean_verdict": before.verdict, "change": change}


def checks(heard: Sequence[Heard]) -> pd.DataFrame:
    """Return one row per check of every condition: what was claimed, and what was measured."""
    tables = [one.checks.assign(condition=one.condition) for one in heard if one.steps]
    return pd.concat(tables)[[*CHECKS]] if tables else pd.DataFrame(columns=list(CHECKS))


def csv(table: pd.DataFrame) -> str:
    """Return a table as CSV in which no cell is a formula."""
    safe = table.map(lambda value: spreadsheet.guarded(value) if isinstance(value, str) else value)
    return str(safe.to_csv(index=False))
