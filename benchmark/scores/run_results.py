"""The results of a complete or partial run, read back from its score parts.

Everything that is reported (metrics, CSV, HTML) is a pure function of `RunResults`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from benchmark.data.protocol import Protocol
from benchmark.laundering.check_rows import COLUMNS

SCORE_COLUMNS = ("detector", "condition", "split", "utterance_id", "score")
FAILURE_COLUMNS = ("kind", "condition", "detector", "utterance_id", "cause")
EFFECT_COLUMNS = ("condition", "utterance_id", *COLUMNS)


@dataclass(frozen=True)
class ConditionInfo:
    """One planned condition: canonical spelling, leaderboard family, and severity if it has one.

    parameter : the severity parameter in the spelling; '' = unknown, so the condition is on no
                severity ladder
    rising    : whether a higher value is more severe
    """

    condition: str
    family: str
    severity: float | None = None
    unit: str = ""
    parameter: str = ""
    rising: bool = True


@dataclass(frozen=True)
class RunResults:
    """Scores, effects and failures of one run.

    protocol   : the trial set (test split) without the files that could not be read
    dev        : the clean development trials on which thresholds are frozen; may be empty
    conditions : the plan's conditions in order; `clean` comes first
    detectors  : the plan's detector names in order
    scores     : detector, condition, split (test or dev), utterance_id, score (float64, finite;
                 higher = more bona fide); one row per scored trial; text columns may be categories
    effects    : condition, utterance_id, step (0-based), attack (spelling), quantity, unit,
                 relation (=, >= or <=), claimed, measured (NaN = not measurable), tolerance,
                 passed (True/False/None); one row per check of a test utterance; text columns may
                 be categories
    failures   : kind (unreadable | attack | detector), condition, detector, utterance_id, cause;
                 condition or detector is '-' where the failure concerns all of them
    unreadable : rows of the planned test trials that could not be read; they are in no cell, but
                 they reduce the coverage
    imported   : detectors whose scores were imported
    thresholds : EER threshold of each detector on the dev split of its training data, if its
                 checkpoint records it
    provenance : JSON-able facts: version, commit, dirty, seed, device, suite, libraries, digests
    """

    protocol: Protocol
    dev: Protocol
    conditions: tuple[ConditionInfo, ...]
    detectors: tuple[str, ...]
    scores: pd.DataFrame
    effects: pd.DataFrame
    failures: pd.DataFrame
    provenance: dict[str, Any]
    unreadable: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"utterance_id": [], "label": [], "track": []})
    )
    thresholds: dict[str, float] = field(default_factory=dict)
    imported: tuple[str, ...] = ()
