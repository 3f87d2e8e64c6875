"""Subsets of a data set: drawn from utterance ids and a seed, and written as a protocol."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core import atomic_files, json_text
from benchmark.core.errors import InputError, unknown
from benchmark.data.protocol import CARD_FILE, PROTOCOL_FILE, Protocol, require_both_classes

UNKNOWN = "-"


def balanced(protocol: Protocol, by: Sequence[str], seed: int) -> Protocol:
    """Draw a subset in which the values of the first column of `by` are equally frequent per split.

    Within each value, the utterances are spread over the values of the next column as evenly as the
    counts allow, and so on. The choice depends on ids and seed, not on the order of rows. Raises
    `InputError` if a column is unknown or empty, or if `by` has `label` and a split lacks a class.
    """
    if not by:
        raise InputError("--by names no column")
    for column in by:
        if column not in protocol.table:
            raise unknown("column", column, protocol.table.columns)
        if set(protocol.table[column]) <= {UNKNOWN}:
            raise InputError(f"{protocol.name} has no values of {column}: cannot balance by it")
    chosen: list[int] = []
    for split, rows in protocol.table.groupby("split"):
        if "label" in by:
            require_both_classes(replace(protocol, table=rows), f"the {split} split")
        counts = rows[by[0]].value_counts()
        chosen += _spread(rows, by, int(counts.min()) * len(counts), seed)
    return _of(protocol, protocol.table.loc[sorted(chosen)], "balanced")


def _spread(rows: pd.DataFrame, by: Sequence[str], quota: int, seed: int) -> list[int]:
    """Return the index labels of `quota` rows, spread evenly over `by` as far as counts allow."""
    if not by:
        named = zip(rows["utterance_id"].tolist(), rows.index.tolist(), strict=True)
        return [row for _, row in sorted((draw(seed, name), row) for name, row in named)[:quota]]
    parts = {str(value): part for value, part in rows.groupby(by[0])}
    taken: list[int] = []
    # the rarest value first: the others take the quota that it cannot fill
    ranked = sorted(parts, key=lambda value: (len(parts[value]), draw(seed, f"{by[0]}={value}")))
    for place, value in enumerate(ranked):
        share = min(len(parts[value]), quota // (len(ranked) - place))
        taken += _spread(parts[value], by[1:], share, seed)
        quota -= share
    return taken


def draw(seed: int, name: str) -> bytes:
    """Return a random sort key of `name` that depends on `seed` and `name` alone."""
    return hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=16).digest()


def _of(protocol: Protocol, table: pd.DataFrame, suffix: str) -> Protocol:
    name = f"{protocol.name}-{suffix}"
    return replace(protocol, name=name, table=table.reset_index(drop=True), audio_digest="-")


def renamed(protocol: Protocol, splits: pd.Series) -> Protocol:
    """Return the same utterances with other splits, given in the order of the rows."""
    return _of(protocol, protocol.table.assign(split=splits.to_numpy()), "split")


def write(protocol: Protocol, folder: Path, origin: dict[str, Any]) -> Path:
    """Write the protocol of a subset into `folder` and return its path; no audio is copied.

    card.json, next to protocol.csv, names the folder of the audio (`root`) and the `origin` of the
    subset (`made`). Raises `InputError` if `folder` already has a protocol that this function did
    not write.
    """
    card_file = folder / CARD_FILE
    if (folder / PROTOCOL_FILE).exists() and not _is_ours(card_file):
        raise InputError(
            f"{folder} has a {PROTOCOL_FILE} that `launderbench data` did not write: choose"
            " another folder"
        )
    card = {
        "name": protocol.name,
        "version": protocol.version,
        "headline": protocol.headline,
        "systems_left_out": [*protocol.systems_left_out],
        "root": Path(os.path.relpath(protocol.root.resolve(), folder.resolve())).as_posix(),
        "made": origin,
    }
    atomic_files.write(card_file, json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    return atomic_files.write(folder / PROTOCOL_FILE, protocol.table.to_csv(index=False))


def _is_ours(card_file: Path) -> bool:
    try:
        return "made" in json_text.parse(card_file.read_text())
    except (OSError, ValueError, TypeError):
        return False
