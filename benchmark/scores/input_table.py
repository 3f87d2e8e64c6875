"""The inputs of a run that have faults, from what its clean parts hold of each file."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from benchmark.audio.input_faults import parted
from benchmark.laundering.failure import UNREADABLE
from benchmark.scores.part_reader import PartRows
from benchmark.scores.run_results import FAILURE_COLUMNS, INPUT_COLUMNS
from benchmark.scores.stored_failures import SPLIT

_STORED = {
    "utterance_id": "utterance_id",
    "input_faults": "faults",
    "declared_seconds": "declared_seconds",
    "seconds": "decoded_seconds",
}


def of(trials: pd.DataFrame, clean: Sequence[PartRows], strict: Collection[str]) -> pd.DataFrame:
    """Return one row per input with a fault, with `INPUT_COLUMNS`; parts of older runs name none.

    strict : faults that leave the trial set
    """
    frames = []
    for group in clean:
        if "input_faults" in group.table.column_names:
            rows = group.table.select(list(_STORED)).to_pandas().rename(columns=_STORED)
            frames.append(rows[rows["faults"].fillna("") != ""])
    if not any(len(frame) for frame in frames):
        return pd.DataFrame(columns=list(INPUT_COLUMNS))
    found = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    found = found.drop_duplicates("utterance_id").merge(
        trials[["utterance_id", "split", "label"]], on="utterance_id"
    )
    out = [bool({*parted(text)} & {*strict}) for text in found["faults"]]
    return found.assign(left_out=out)[list(INPUT_COLUMNS)]


def failures(inputs: pd.DataFrame) -> pd.DataFrame:
    """Return the inputs that are left out as failures."""
    mine = inputs[inputs["left_out"].astype(bool)]
    rows = [
        (UNREADABLE, "-", "-", uid, f"left out by --strict ({faults})", split)
        for uid, faults, split in zip(
            mine["utterance_id"], mine["faults"], mine["split"], strict=True
        )
    ]
    return pd.DataFrame(rows, columns=[*FAILURE_COLUMNS, SPLIT], dtype=str)
