"""The run digest: a SHA-256 over the plan, detectors, origins, scores and checks of a run.

It is taken in the order of the plan and of its trials, so it does not depend on how units are
spread over files. Ensembles are computed from other scores and are left out.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.laundering import check_rows
from benchmark.metrics.discrimination import Floats
from benchmark.scores import plan_files
from benchmark.scores.run_results import RunResults
from benchmark.scores.score_width import is_single

VERSION = "launderbench run digest 1"
NARROW = 2**15
_NAN = np.float32(np.nan)


class RunDigest:
    """The digest of one run, which takes its conditions one after the other.

    A run without a plan digest (format 4, or scores that are only in memory) has none.
    """

    def __init__(self, results: RunResults) -> None:
        """Begin with all facts that are known before the conditions are read."""
        facts = results.provenance
        plan = facts.get("plan", {})
        self._known = bool(facts.get("plan_digest"))
        self._left = [info.condition for info in results.conditions]
        stored = sorted(plan.get("detectors", {})) if self._known else []
        self._detectors = [results.detectors.index(name) for name in stored]
        self._trials = pd.Index(results.protocol.table["utterance_id"])
        self._hash = hashlib.sha256()
        if not self._known:
            return
        self._text(
            {
                "version": VERSION,
                "plan": facts["plan_digest"],
                "detectors": [
                    [name, plan["detectors"][name]["identity"], results.thresholds.get(name)]
                    for name in stored
                ],
                "origins": sorted({plan_files.content_digest(o) for o in facts["computed"]}),
                "conditions": self._left,
                "trials": [len(results.protocol.table), len(results.dev.table)],
                "unreadable": sorted(map(str, results.unreadable["utterance_id"])),
            }
        )
        if results.quality is not None:  # absent from the digest of runs that measured none
            self._text({"quality": results.quality.digest()})
        self._scores(results.source.scores("dev", CLEAN))

    def add(self, condition: str, scores: Floats, effects: pd.DataFrame) -> None:
        """Add the scores (detectors, test trials) and the checks of the next condition."""
        if not self._known:
            return
        if not self._left or self._left.pop(0) != condition:
            raise ValueError(f"{condition} is not the next condition of the plan")
        self._text(condition)
        self._scores(scores)
        self._checks(effects)

    def hex(self) -> str:
        """Return the digest (hex), or '' if the run has none or conditions are missing."""
        return self._hash.hexdigest() if self._known and not self._left else ""

    def _text(self, value: Any) -> None:
        content = json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
        self._bytes(content)

    def _bytes(self, content: bytes) -> None:
        self._hash.update(len(content).to_bytes(8, "little"))  # no two splits give equal bytes
        self._hash.update(content)

    def _scores(self, scores: Floats) -> None:
        for number in self._detectors:
            mine = scores[number]
            self._bytes(_floats(mine, "<f4" if is_single(mine) else "<f8"))

    def _checks(self, effects: pd.DataFrame) -> None:
        """Add the checks in the order of the trials, then of the steps, as they are stored."""
        ids = pd.Categorical(effects["utterance_id"])
        place = np.append(self._trials.get_indexer(pd.Index(ids.categories)), -1)[ids.codes]
        step = effects["step"].to_numpy(dtype=np.int64)
        order = np.flatnonzero(place >= 0)
        key = place[order].astype(np.int64) * (int(step.max(initial=0)) + 1) + step[order]
        if (np.diff(key) < 0).any():
            order = order[np.argsort(key, kind="stable")]
        self._bytes(place[order].astype("<i4").tobytes())
        for name, kind in check_rows.COLUMNS.items():
            column = effects[name]
            if kind is str:
                self._words(pd.Categorical(column), order)
            elif kind is float:
                self._bytes(_floats(column.to_numpy(dtype=np.float64)[order], "<f8"))
            elif kind is int:
                self._bytes(column.to_numpy(dtype="<i4")[order].tobytes())
            else:
                verdict = column.astype("boolean").to_numpy(dtype=np.float64, na_value=2)
                self._bytes(verdict[order].astype(np.int8).tobytes())

    def _words(self, column: pd.Categorical, order: npt.NDArray[np.intp]) -> None:
        """Add texts as the sorted texts that occur and the place of each among them."""
        codes = column.codes[order]
        words = [*map(str, column.categories), ""]  # a missing text has the code -1
        used = np.unique(codes)
        names = sorted({words[code] for code in used})
        place = {name: number for number, name in enumerate(names)}
        kind = "<i2" if len(names) < NARROW else "<i4"  # hashing takes most of the time
        new = np.array([place.get(word, -1) for word in words], dtype=kind)
        self._text(names)
        self._bytes(new[codes].tobytes())


def of(results: RunResults) -> str:
    """Return the run digest (hex) of results, read condition by condition; '' if they have none."""
    digest = RunDigest(results)
    if results.provenance.get("plan_digest"):
        for info in results.conditions:
            digest.add(info.condition, *results.source.cells(info.condition))
    return digest.hex()


def _floats(values: Floats, kind: str) -> bytes:
    """Return the bytes of numbers, with one bit pattern for all that are not a number."""
    return np.where(np.isnan(values), _NAN, values).astype(kind).tobytes()
