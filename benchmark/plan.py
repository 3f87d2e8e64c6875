"""The plan: which shards of utterances meet which conditions, for which detectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from attacks.condition import Condition
from benchmark.checkpoints import Checkpoint
from benchmark.digests import file_digests
from benchmark.errors import InputError
from benchmark.protocol import Protocol, require_both_classes

SHARD = 64
KEY_FORMAT = 3


@dataclass(frozen=True)
class Unit:
    """One shard of one split under one condition; rows [start, stop) of the split's table."""

    split: str
    start: int
    stop: int
    condition: Condition


@dataclass(frozen=True)
class Plan:
    """Everything that a run computes: test x conditions, and dev x clean for the thresholds."""

    test: Protocol
    dev: Protocol
    suite: str
    conditions: tuple[Condition, ...]
    detectors: tuple[Checkpoint, ...]
    seed: int

    def units(self) -> Iterator[Unit]:
        """All units, shard by shard so that a shard's audio is decoded once and kept."""
        clean = Condition()
        for split, protocol, conditions in (
            ("dev", self.dev, (clean,)),
            ("test", self.test, self.conditions),
        ):
            for start, stop in shards(len(protocol.table)):
                for condition in conditions:
                    yield Unit(split, start, stop, condition)

    def protocol(self, split: str) -> Protocol:
        """The utterances of `dev` or `test`."""
        return self.test if split == "test" else self.dev


def unit_key(trials: str, rows: str, condition_identity: str, seed: int) -> str:
    """What fixes a unit's samples, as a hash (hex).

    `trials` is the split's trial digest, `rows` the digest of the unit's ids, labels and file
    contents; the condition comes with its attacks' versions and resources.
    """
    parts = {
        "format": KEY_FORMAT,
        "trials": trials,
        "rows": rows,
        "condition": condition_identity,
        "seed": seed,
        "precision": "float32",
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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


def with_digests(protocol: Protocol) -> Protocol:
    """The protocol with the column `file_sha256`; `InputError` names a row without its file."""
    names = protocol.table["path"]
    gone = [name for name in names if not (protocol.root / name).is_file()]
    if gone:
        raise InputError(
            f"{protocol.root}: {len(gone)} of {len(names)} protocol rows have no file,"
            f" the first is {gone[0]}"
        )
    digests = file_digests(protocol.root, names)
    return replace(protocol, table=protocol.table.assign(file_sha256=digests))
