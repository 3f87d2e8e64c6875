"""Unit keys: hashes of everything that determines the samples of a shard under a condition.

The audio files are not in the key, because their digests are known only when they are decoded. A
unit records them as its `inputs` instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from attacks.contract.condition import CLEAN
from benchmark.core.progress import INNER_S, each
from benchmark.data.file_hashes import MISSING, rows_digest
from benchmark.data.protocol import NO_RECIPE
from benchmark.data.trial_table import rows_of
from benchmark.laundering.resuming import key_of

SHARD = 64
KEY_FORMAT = 5
KEY = 24  # hex digits of a key in names and in the manifest


def condition_key(trials: str, condition_identity: str, seed: int, recipe: str = NO_RECIPE) -> str:
    """Hash (hex) everything except the utterances that determines a unit's samples.

    trials             : the trial digest of the split
    condition_identity : the condition with the versions and resources of its attacks
    recipe             : of a data set that each machine builds
    """
    parts = {
        "format": KEY_FORMAT,
        "trials": trials,
        "condition": condition_identity,
        "seed": seed,
        "recipe": recipe,
        "precision": "float32",  # of the samples; a detector's identity holds that of its scores
    }
    return key_of(parts)


def unit_key(condition_key: str, rows: str) -> str:
    """Return the key (hex) of a unit; `rows` digests the ids and labels of its shard."""
    return hashlib.sha256(f"{condition_key} {rows}".encode()).hexdigest()[:KEY]


class UnitKeys:
    """The keys of the units of a split, shard by shard.

    trials     : the trial digest of the split
    conditions : the identity of each condition
    """

    def __init__(
        self,
        table: pd.DataFrame,
        trials: str,
        conditions: Sequence[str],
        seed: int,
        recipe: str = NO_RECIPE,
    ) -> None:
        self._conditions = [
            condition_key(trials, identity, seed, recipe) for identity in conditions
        ]
        self._table = table

    def of(self, start: int, stop: int) -> list[str]:
        """Return the unit keys of the rows [start, stop), one per condition."""
        rows = rows_digest(rows_of(self._table.iloc[start:stop], "utterance_id", "label"))
        return [unit_key(key, rows) for key in self._conditions]


def unit_keys(
    table: pd.DataFrame,
    trials: str,
    conditions: Sequence[str],
    seed: int,
    recipe: str = NO_RECIPE,
) -> Iterator[list[str]]:
    """Yield the unit keys of each shard of a split, as `UnitKeys.of` returns them."""
    keys = UnitKeys(table, trials, conditions, seed, recipe)
    for start, stop in shards(len(table)):
        yield keys.of(start, stop)


@dataclass(frozen=True)
class SplitUnits:
    """The units of one split of a stored plan.

    conditions : as the plan describes them, in its order
    table      : the utterances of the split
    """

    split: str
    digest: str
    conditions: tuple[dict[str, Any], ...]
    table: pd.DataFrame
    seed: int
    recipe: str

    def shards(self) -> Iterator[tuple[int, int, list[str]]]:
        """Yield start row, stop row and the keys of each shard, one per condition."""
        identities = [c["identity"] for c in self.conditions]
        keys = UnitKeys(self.table, self.digest, identities, self.seed, self.recipe)
        every, doing = [*shards(len(self.table))], f"listing units of {self.split}"
        for start, stop in each(every, doing, "shard", after_s=INNER_S):
            yield start, stop, keys.of(start, stop)


def of_plan(plan: Mapping[str, Any], trials: pd.DataFrame) -> list[SplitUnits]:
    """Return the units of a stored plan: dev under clean, and test under every condition."""
    every = tuple(plan["conditions"])
    clean = tuple(c for c in every if c["condition"] == CLEAN)
    return [
        SplitUnits(
            split,
            plan[digest],
            conditions,
            trials[trials["split"] == split],
            plan["seed"],
            plan.get("data_recipe", NO_RECIPE),
        )
        for split, digest, conditions in (
            ("dev", "dev_digest", clean),
            ("test", "trial_digest", every),
        )
    ]


def shards(total: int) -> Iterator[tuple[int, int]]:
    """Yield the row range [start, stop) of each shard of a split of `total` utterances."""
    for start in range(0, total, SHARD):
        yield start, min(start + SHARD, total)


def inputs_digest(files: Iterable[str]) -> str:
    """Hash (hex) the SHA-256 (hex) of the audio files of a unit, in order; '' = no such file."""
    text = "\n".join("" if sha256 == MISSING else sha256 for sha256 in files)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
