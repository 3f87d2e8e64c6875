"""Unit keys: the hash of everything that fixes the samples of a shard under a condition."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

import pandas as pd

from benchmark.data.file_hashes import rows_digest
from benchmark.data.trial_table import digest_column, rows_of

SHARD = 64
KEY_FORMAT = 4


def condition_key(trials: str, condition_identity: str, seed: int) -> str:
    """Return the hash (hex) of all but the files that determines a split's laundered samples.

    `trials` is the split's trial digest; the condition comes with its attacks' versions and
    resources.
    """
    parts = {
        "format": KEY_FORMAT,
        "trials": trials,
        "condition": condition_identity,
        "seed": seed,
        "precision": "float32",  # of the samples; that of a score is in the detector's identity
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def unit_key(condition_key: str, rows: str) -> str:
    """Return the hash (hex) of a unit; `rows` is the digest of its ids, labels and files."""
    return hashlib.sha256(f"{condition_key} {rows}".encode()).hexdigest()


class UnitKeys:
    """The keys of a split's units, shard by shard.

    `trials` is the split's trial digest; a condition is (identity, name of its ready-made audio).
    """

    def __init__(
        self, table: pd.DataFrame, trials: str, conditions: Sequence[tuple[str, str]], seed: int
    ) -> None:
        self._begun = [(condition_key(trials, name, seed), made) for name, made in conditions]
        self._table = table
        self._mades = {made for _, made in conditions}

    def of(self, start: int, stop: int) -> list[str]:
        """The keys of the units of the rows [start, stop), one for each condition."""
        rows = self._table.iloc[start:stop]
        digests = {
            made: rows_digest(rows_of(rows, "utterance_id", "label", digest_column(made)))
            for made in self._mades
        }
        return [unit_key(key, digests[made]) for key, made in self._begun]


def unit_keys(
    table: pd.DataFrame, trials: str, conditions: Sequence[tuple[str, str]], seed: int
) -> Iterator[list[str]]:
    """For each shard of a split, the keys of its units, as `UnitKeys` makes them."""
    keys = UnitKeys(table, trials, conditions, seed)
    for start, stop in shards(len(table)):
        yield keys.of(start, stop)


def shards(total: int) -> Iterator[tuple[int, int]]:
    """The row ranges [start, stop) into which a split of `total` utterances is cut."""
    for start in range(0, total, SHARD):
        yield start, min(start + SHARD, total)
