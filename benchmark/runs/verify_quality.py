"""The verification of measured quality: random fakes are laundered and measured once more."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN
from attacks.contract.precomputed import made
from benchmark.core.errors import InputError
from benchmark.core.parallel import one_thread
from benchmark.core.progress import progress_bar
from benchmark.data.trial_table import path_column
from benchmark.quality import measuring, quality_store
from benchmark.quality.measuring import VERSIONS, Asked, Job
from benchmark.quality.quality_store import MEASURES, Quality, Row
from benchmark.runs.verify_rescore import condition_that_ran
from benchmark.runs.verify_step import Step, counted

NAME = "quality"
CLOSE = 1e-4  # difference of values of equal samples: of libraries and processors
NEAR = 2e-2  # that of samples that another machine rounds otherwise


def verify(
    folder: Path, head: dict[str, Any], trials: pd.DataFrame, count: int, source: str
) -> Step | None:
    """Measure `count` random fakes x conditions again, and compare; None if nothing was measured.

    source : a text that determines which are drawn
    """
    try:
        quality = quality_store.read(folder)
    except InputError as error:
        return Step(NAME, "nothing was measured again", (str(error),))
    if quality is None:
        return None
    absent = measuring.absent()
    notes = [f"{name} was not measured again: {cause}" for name, cause in absent.items()]
    measures = tuple(name for name in MEASURES if name not in absent)
    held = [(uid, name) for uid in quality.sample.utterances for name in quality.rows[uid]]
    chosen = random.Random(source).sample(held, min(count, len(held)))
    again = _Again(folder, head, trials, quality, measures)
    with (
        one_thread(),
        progress_bar(total=len(chosen), desc="measuring again", unit="fake") as bar,
    ):
        for uid, name in chosen:
            again.compare(uid, name)
            bar.update()
    if again.older:
        notes.append(f"{counted(again.older, 'value')} of another version of a measure")
    return Step(
        NAME,
        f"{counted(again.compared, 'value')} of {len(chosen)} random fakes x conditions measured"
        f" again; largest difference {again.largest:.2g}",
        tuple(again.faults),
        tuple(notes),
    )


class _Again:
    """The comparison of one fake under one condition after the other.

    compared : values so far
    older    : values that another version of their measure gave, which are not compared
    """

    def __init__(
        self,
        folder: Path,
        head: dict[str, Any],
        trials: pd.DataFrame,
        quality: Quality,
        measures: tuple[str, ...],
    ) -> None:
        self._folder, self._head, self._quality, self._measures = folder, head, quality, measures
        self._test = trials[trials["split"] == "test"].set_index("utterance_id")
        self._planned = {c["condition"]: c for c in head["conditions"]}
        self.faults: list[str] = []
        self.compared = self.older = 0
        self.largest = 0.0

    def compare(self, uid: str, spelled: str) -> None:
        """Compare the values of one fake under one condition."""
        where = f"{uid} under {spelled}"
        stored = self._quality.rows[uid][spelled]
        try:
            new = self._measured(uid, spelled)
        except InputError as error:
            self.faults.append(f"{where} could not be measured again: {error}")
            return
        self.faults += self._differences(where, stored, new)

    def _measured(self, uid: str, spelled: str) -> Row:
        if uid not in self._test.index or spelled not in self._planned:
            raise InputError("the plan has no such trial or condition")
        condition = condition_that_ran(self._planned[spelled], self._folder)
        root, row = Path(self._head["data_root"]), self._test.loc[uid]
        path = str(row[path_column(made(condition))])
        if not (root / path).is_file():
            raise InputError(f"{root / path} is not at hand")
        asked = Asked(spelled, path, "")
        clean = asked if spelled == CLEAN else Asked(CLEAN, str(row["path"]), "")
        job = Job(self._folder, root, uid, (clean, asked), self._measures, self._head["seed"])
        return measuring.last_row(job)

    def _differences(self, where: str, stored: Row, new: Row) -> Iterator[str]:
        slack = CLOSE if stored.get("samples") == new["samples"] else NEAR
        for measure in self._measures:
            if stored["versions"].get(measure) != VERSIONS[measure]:
                self.older += measure in stored["versions"]
                continue
            for name in measuring.VALUES[measure]:
                before, now = stored["values"].get(name), new["values"].get(name)
                if before is None and now is None:
                    continue
                if before is None or now is None:
                    cause = new["causes"].get(measure, "")
                    because = f" ({cause})" if cause else ""
                    yield f"{where}: {name} is stored as {before}, but is {now} here{because}"
                    continue
                self.compared += 1
                difference = abs(before - now)
                self.largest = max(self.largest, difference)
                if not np.isclose(now, before, rtol=slack, atol=slack):
                    yield f"{where}: {name} is stored as {before:.6g}, but is {now:.6g} here"
