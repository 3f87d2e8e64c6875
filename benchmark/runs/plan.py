"""The plan: which shards of utterances meet which conditions, for which detectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from attacks.contract.condition import Condition
from benchmark.core.errors import InputError
from benchmark.data.file_hashes import MISSING, file_digests, rows_digest
from benchmark.data.protocol import ABSENT, MADE, Protocol, require_both_classes
from benchmark.inference.checkpoints import Checkpoint

SHARD = 64
KEY_FORMAT = 4


@dataclass(frozen=True)
class Plan:
    """Everything that a run computes: test x conditions, and dev x clean for the thresholds."""

    test: Protocol
    dev: Protocol
    suite: str
    conditions: tuple[Condition, ...]
    detectors: tuple[Checkpoint, ...]
    seed: int

    def parts(self) -> tuple[tuple[str, Protocol, tuple[Condition, ...]], ...]:
        """What meets what: (split, its utterances, conditions)."""
        return ("dev", self.dev, (Condition(),)), ("test", self.test, self.conditions)

    def protocol(self, split: str) -> Protocol:
        """The utterances of `dev` or `test`."""
        return self.test if split == "test" else self.dev


@dataclass(frozen=True)
class Share:
    """One of `of` equal shares of a plan, for as many machines: every `of`-th shard of utterances.

    index : 1 to `of`; `InputError` where it is not
    """

    index: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.of:
            raise InputError(f"--shard {self}: want I/N with I from 1 to N")

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    def holds(self, number: int) -> bool:
        """Is the shard of utterances with this number (0, 1, ...) in this share?"""
        return number % self.of == self.index - 1


def condition_key(trials: str, condition_identity: str, seed: int) -> str:
    """What fixes the samples of a split under a condition, beside the files, as a hash (hex).

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
    """What fixes a unit's samples (hex); `rows` is the digest of its ids, labels and files."""
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


def rows_of(table: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of a table as rows, by way of lists: a million cells one by one take minutes."""
    return list(zip(*(table[column].tolist() for column in columns), strict=True))


def path_column(made: str = "") -> str:
    """The column with the path of the recordings, or of ready-made audio called `made`."""
    return f"{MADE}{made}" if made else "path"


def digest_column(made: str = "") -> str:
    """The column with the SHA-256 of the files in `path_column(made)`."""
    return f"file_sha256:{made}" if made else "file_sha256"


def shards(total: int) -> Iterator[tuple[int, int]]:
    """The row ranges [start, stop) into which a split of `total` utterances is cut."""
    for start in range(0, total, SHARD):
        yield start, min(start + SHARD, total)


def limited(protocol: Protocol, limit: int) -> Protocol:
    """At most `limit` utterances, the classes and spoof systems kept in proportion.

    The choice depends on the ids alone: a larger limit contains the smaller one's trials within
    every class and system.
    """
    if limit < 2:
        raise InputError(f"LIMIT must be at least 2 (one trial of each class), not {limit}")
    table = protocol.table
    if limit >= len(table):
        return protocol
    order = table["utterance_id"].map(lambda uid: hashlib.sha256(uid.encode()).hexdigest())
    groups = table["label"] + "/" + table["spoof_system"]
    rank = order.groupby(groups).rank(method="first")
    share = rank / groups.map(groups.value_counts())
    keep = pd.DataFrame({"share": share, "order": order}).sort_values(["share", "order"])
    chosen = table.loc[sorted(keep.index[:limit])].reset_index(drop=True)
    result = replace(protocol, table=chosen)
    require_both_classes(result, f"the first {limit} trials")
    return result


def with_digests(protocol: Protocol, allow_missing: bool = False) -> Protocol:
    """The protocol with the SHA-256 of every file, in the column `file_sha256`.

    Ready-made audio has a column of its own for each condition; where the data set says that it
    has none of an utterance, that row will fail. `InputError` names the first row without its
    file, unless `allow_missing`: then such rows are read, and fail, like damaged ones.
    """
    table = protocol.table
    columns = {}
    for made in ("", *protocol.made()):
        names = table[path_column(made)].tolist()
        digests = file_digests(protocol.root, names)
        known = zip(names, digests, strict=True)
        gone = [name for name, found in known if found == MISSING and name != ABSENT]
        if gone and not allow_missing:
            raise InputError(
                f"{protocol.root}: {len(gone)} of {len(table)} protocol rows have no file, the"
                f" first is {gone[0]}; --allow-missing goes on without them"
            )
        columns[digest_column(made)] = digests
    return replace(protocol, table=table.assign(**columns))
