"""The failures that the parts of a run record, found before anything else is read."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.laundering.failure import DETECTOR, UNREADABLE
from benchmark.scores.part_reader import PartRows
from benchmark.scores.run_parts import RunParts
from benchmark.scores.run_results import FAILURE_COLUMNS
from benchmark.scores.stored_source import StoredSource

SPLIT = "split"


def read(parts: RunParts) -> pd.DataFrame:
    """Return every failure with `FAILURE_COLUMNS` and its split, condition by condition.

    Only the parts in which anything failed are read.
    """
    frames = []
    for split, condition in parts.failing():
        for group in parts.read_failing(split, condition):
            frames += _of_group(group, parts.names)
    frames = [frame for frame in frames if len(frame)]
    columns = [*FAILURE_COLUMNS, SPLIT]
    if not frames:
        return pd.DataFrame({column: pd.Series(dtype=str) for column in columns})
    failures = pd.concat(frames, ignore_index=True)[columns]
    failures.loc[failures["kind"] == UNREADABLE, "condition"] = "-"
    return failures.drop_duplicates().reset_index(drop=True)


def _of_group(group: PartRows, names: dict[str, str]) -> list[pd.DataFrame]:
    """Return the failures of reading and attack of a group, then those of each detector.

    A detector of other weights or code may have had the same column; its causes are left out. One
    that raised is known by its column alone.
    """
    table, known = group.table, {"condition": group.condition, SPLIT: group.split}
    rows = table.select(["utterance_id", "failure", "cause"]).to_pandas()
    failed = rows.dropna(subset="failure").rename(columns={"failure": "kind"})
    frames = [failed.assign(**known, detector="-")]
    for column in table.column_names:
        name = column.removeprefix("cause:")
        holders = [i for i, held in group.detectors.items() if held == name]
        name = next((names[i] for i in holders if i in names), "" if holders else name)
        if not column.startswith("cause:") or name not in names.values():
            continue
        causes = pd.DataFrame({"utterance_id": rows["utterance_id"]})
        causes["cause"] = table[column].to_pandas()
        causes = causes.dropna(subset="cause")
        frames.append(causes.assign(**known, kind=DETECTOR, detector=name))
    return frames


def unscored(failures: pd.DataFrame, source: StoredSource) -> pd.DataFrame:
    """Return the failures without those of detectors that have since scored the trial."""
    gone = np.zeros(len(failures), dtype=np.bool_)
    mine = failures[failures["kind"] == DETECTOR]
    for (split, condition), rows in mine.groupby([SPLIT, "condition"], sort=False):
        scores = source.scores_of_failing(str(split), str(condition))
        detector = pd.Index(source.detectors).get_indexer(pd.Index(rows["detector"]))
        utterance = pd.Index(source.utterances[str(split)]).get_indexer(
            pd.Index(rows["utterance_id"])
        )
        known = (detector >= 0) & (utterance >= 0)
        gone[rows.index] = known & ~np.isnan(scores[detector, utterance])
    return failures.loc[~gone, list(FAILURE_COLUMNS)].reset_index(drop=True)
