"""The results of a complete or partial run, read back from its score parts.

Everything that is reported (metrics, CSV, HTML) is a pure function of `RunResults`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from benchmark.data.protocol import Protocol
from benchmark.laundering.check_rows import COLUMNS, TEXTS
from benchmark.quality.quality_store import Quality
from benchmark.scores.cell_source import SPLITS, CellSource
from benchmark.scores.scopes import BOTH

SCORE_COLUMNS = ("detector", "condition", "split", "utterance_id", "score")
FAILURE_COLUMNS = ("kind", "condition", "detector", "utterance_id", "cause")
INPUT_COLUMNS = (
    "utterance_id", "split", "label", "faults", "declared_seconds", "decoded_seconds", "left_out",
)  # fmt: skip
EFFECT_COLUMNS = ("condition", "utterance_id", *COLUMNS)


@dataclass(frozen=True)
class ConditionInfo:
    """One planned condition: canonical spelling, leaderboard family, and severity if it has one.

    parameter : the severity parameter in the spelling; '' = unknown, so the condition is on no
                severity ladder
    rising    : whether a higher value is more severe
    doubt     : why the condition cannot be verified: its plugin broke the attack contract, or was
                not checked; '' if nothing is known against it
    caveat    : what a reader must know of what the attack adds, e.g. shaped noise; '' if nothing
    """

    condition: str
    family: str
    severity: float | None = None
    unit: str = ""
    parameter: str = ""
    rising: bool = True
    doubt: str = ""
    caveat: str = ""


@dataclass(frozen=True)
class RunResults:
    """The plan, the failures, and the source of scores and effects of one run.

    protocol   : the trial set (test split) without the files that could not be read
    dev        : the clean development trials on which thresholds are frozen; may be empty
    conditions : the plan's conditions in order; `clean` comes first
    detectors  : the plan's detector names in order
    source     : the scores and effects, condition by condition; higher = more bona fide
    failures   : kind (unreadable | attack | detector), condition, detector, utterance_id, cause;
                 condition or detector is '-' where the failure concerns all of them
    unreadable : rows of the planned test trials that could not be read; they are in no cell, but
                 they reduce the coverage
    imported   : detectors whose scores were imported
    trained_on : the corpus of these trials, and the part of it, that a detector was trained on, for
                 the detectors whose authors trained them on any of it
    thresholds : EER threshold of each detector on the dev split of its training data, if its
                 checkpoint records it
    inputs     : the inputs with faults (see `input_table`)
    quality    : what was measured of the quality of laundered fakes; None if nothing
    strict     : names of the faults whose inputs are left out, as if they could not be read
    scope      : who is laundered in tables (see `scopes`); `source` holds the scores of everyone
    provenance : JSON-able facts: version, commit, dirty, seed, device, suite, libraries, digests
    """

    protocol: Protocol
    dev: Protocol
    conditions: tuple[ConditionInfo, ...]
    detectors: tuple[str, ...]
    source: CellSource
    failures: pd.DataFrame
    provenance: dict[str, Any]
    unreadable: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"utterance_id": [], "label": [], "track": []})
    )
    inputs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(INPUT_COLUMNS)))
    strict: tuple[str, ...] = ()
    thresholds: dict[str, float] = field(default_factory=dict)
    imported: tuple[str, ...] = ()
    trained_on: dict[str, str] = field(default_factory=dict)
    scope: str = BOTH
    quality: Quality | None = None

    @property
    def scores(self) -> pd.DataFrame:
        """All scores at once, one row per scored trial, with `SCORE_COLUMNS`.

        Higher = more bona fide; the score is finite, the texts are categories. This takes memory
        for every score of the run: what is computed from scores reads `source` instead.
        """
        known = {
            "detector": pd.Index(sorted(self.detectors)),
            "condition": pd.Index(sorted(info.condition for info in self.conditions)),
            "split": pd.Index(sorted(SPLITS)),
            "utterance_id": pd.Index(
                sorted([*self.protocol.table["utterance_id"], *self.dev.table["utterance_id"]])
            ),
        }
        detectors = known["detector"].get_indexer(pd.Index(self.detectors)).astype(np.int16)
        codes: dict[str, list[np.ndarray]] = {name: [] for name in known}
        values = []
        for split in SPLITS:
            table = self.protocol.table if split == "test" else self.dev.table
            ids = known["utterance_id"].get_indexer(pd.Index(table["utterance_id"]))
            for info in self.conditions:
                scores = self.source.scores(split, info.condition)
                detector, utterance = np.nonzero(~np.isnan(scores))
                values.append(scores[detector, utterance])
                codes["detector"].append(detectors[detector])
                codes["utterance_id"].append(ids.astype(np.int32)[utterance])
                for name, value in (("condition", info.condition), ("split", split)):
                    place = known[name].get_loc(value)
                    codes[name].append(np.full(len(detector), place, dtype=np.int16))
        columns: dict[str, Any] = {
            name: pd.Categorical.from_codes(np.concatenate(codes[name]), texts)
            for name, texts in known.items()
        }
        return pd.DataFrame(columns | {"score": np.concatenate(values)}, copy=False)

    @property
    def effects(self) -> pd.DataFrame:
        """All checks of test utterances at once, one row each, with `EFFECT_COLUMNS`.

        step (0-based), attack (spelling), quantity, unit, relation (=, >= or <=), claimed, measured
        (NaN = not measurable), tolerance, passed (True, False or missing), effect. The texts are
        categories. As for `scores`, what is computed from effects reads `source`.
        """
        read = [self.source.effects(info.condition) for info in self.conditions]
        held = [rows for rows in read if len(rows)] or read[:1]
        texts = dict.fromkeys(("condition", "utterance_id", *TEXTS), "category")
        return pd.concat(held, ignore_index=True).astype(texts)
