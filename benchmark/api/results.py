"""The tables of a run as data frames, whether it was made here or only its tables are at hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from benchmark.leaderboard import compare_runs, read_tables
from benchmark.metrics import bootstrap
from benchmark.report import releases
from benchmark.runs import run_folders
from benchmark.scores.run_results import RunResults

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Results:
    """The results in a folder: tables that are read on first use, and the scores if they are there.

    The folder may be the file of a release, which holds tables alone.

    Columns are described in results/COLUMNS.md. Missing values are missing, never a sign.
    """

    folder: Path

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row per detector on the headline track: rank, clean and laundered EER and more."""
        return self.tables["leaderboard"]

    @property
    def conditions(self) -> pd.DataFrame:
        """One row per detector and condition: EER, AUC and F1 with intervals, counts and state."""
        return self.tables["conditions"]

    @cached_property
    def tables(self) -> Tables:
        """All tables by name; `InputError` if one is missing, damaged or of a later schema."""
        if self.folder.is_file():
            return releases.read(self.folder).tables()
        return read_tables.read(self.folder)

    @property
    def run(self) -> RunResults:
        """Scores, measured effects and failures; `InputError` if the folder holds tables only."""
        return run_folders.results(str(self.folder))

    @property
    def scores(self) -> pd.DataFrame:
        """One row per score: detector, condition, split, utterance_id, score, label and more.

        Higher scores mean more bona fide. The protocol's columns are joined on utterance_id.
        """
        results = self.run
        trials = pd.concat([results.protocol.table, results.dev.table]).drop(columns="split")
        texts = dict.fromkeys(("detector", "condition", "split", "utterance_id"), str)
        return results.scores.astype(texts).merge(trials, on="utterance_id", validate="many_to_one")

    def __repr__(self) -> str:
        return f"Results({str(self.folder)!r})"


def load_results(folder: str | Path) -> Results:
    """Return the results in a run folder, or below results/, or in the file of a release.

    Raises `InputError` if there are none.
    """
    found = Results(run_folders.find(str(folder)))
    found.tables  # noqa: B018 - a wrong folder is refused here, not at the first use
    return found


def compare(
    a: Results | str | Path, b: Results | str | Path, resamples: int = bootstrap.RESAMPLES
) -> pd.DataFrame:
    """Compare run `b` with run `a`, cell by cell, with paired intervals.

    Returns one row per track, detector, condition and metric: a, b, their difference b - a with
    bounds, and whether they can be distinguished. Raises `InputError` if the trials differ or if a
    folder holds no scores.
    """
    runs = [x if isinstance(x, Results) else Results(run_folders.find(str(x))) for x in (a, b)]
    return compare_runs.compare(runs[0].run, runs[1].run, resamples).table
