"""Unit keys: hashes of everything that determines the samples of a shard under a condition."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import pandas as pd

from benchmark.data.file_hashes import rows_digest
from benchmark.data.trial_table import digest_column, rows_of
from benchmark.laundering.resuming import key_of

SHARD = 64
KEY_FORMAT = 4


def condition_key(trials: str, condition_identity: str, seed: int) -> str:
    """Hash (hex) everything except the files that determines a split's samples under a condition.

    trials             : the trial digest of the split
    condition_identity : the condition with the versions and resources of its attacks
    """
    parts = {
        "format": KEY_FORMAT,
        "trials": trials,
        "condition": condition_identity,
        "seed": seed,
        "precision": "float32",  # of the samples; a detector's identity holds that of its scores
    }
    return key_of(parts)


def unit_key(condition_key: str, rows: str) -> str:
    """Hash (hex) what determines a unit's samples; `rows` digests its ids, labels and files."""
    return hashlib.sha256(f"{condition_key} {rows}".encode()).hexdigest()


class UnitKeys:
    """The keys of the units of a split, shard by shard.

    trials     : the trial digest of the split
    conditions : (identity, name of its ready-made audio or '') of each condition
    """

    def __init__(
        self, table: pd.DataFrame, trials: str, conditions: Sequence[tuple[str, str]], seed: int
    ) -> None:
        self._conditions = [
            (condition_key(trials, identity, seed), ready_made)
            for identity, ready_made in conditions
        ]
        self._table = table
        self._ready_made = {ready_made for _, ready_made in conditions}

    def of(self, start: int, stop: int) -> list[str]:
        """Return the unit keys of the rows [start, stop), one per condition."""
        rows = self._table.iloc[start:stop]
        digests = {
            ready_made: rows_digest(
                rows_of(rows, "utterance_id", "label", digest_column(ready_made))
            )
            for ready_made in self._ready_made
        }
        return [unit_key(key, digests[ready_made]) for key, ready_made in self._conditions]


def unit_keys(
    table: pd.DataFrame, trials: str, conditions: Sequence[tuple[str, str]], seed: int
) -> Iterator[list[str]]:
    """Yield the unit keys of each shard of a split, as `UnitKeys.of` returns them."""
    keys = UnitKeys(table, trials, conditions, seed)
    for start, stop in shards(len(table)):
        yield keys.of(start, stop)


def shards(total: int) -> Iterator[tuple[int, int]]:
    """Yield the row range [start, stop) of each shard of a split of `total` utterances."""
    for start in range(0, total, SHARD):
        yield start, min(start + SHARD, total)
