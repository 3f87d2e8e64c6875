"""Operations on the trial table: rows, columns, limits, and the digests of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.apportionment import largest_remainder
from benchmark.data.file_hashes import MISSING, file_digests, stamps
from benchmark.data.protocol import ABSENT, MADE, Protocol, require_both_classes


def rows_of(table: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """Return some columns of a table as rows; lists are fast, single cells take minutes."""
    return list(zip(*(table[column].tolist() for column in columns), strict=True))


def path_column(made: str = "") -> str:
    """Return the column with the paths of the recordings, or of ready-made audio named `made`."""
    return f"{MADE}{made}" if made else "path"


def digest_column(made: str = "") -> str:
    """Return the column with the SHA-256 of the files in `path_column(made)`."""
    return f"file_sha256:{made}" if made else "file_sha256"


def stamp_column(made: str = "") -> str:
    """Return the column with size and time of the files in `path_column(made)`."""
    return f"file_stamp:{made}" if made else "file_stamp"


def limited(protocol: Protocol, limit: int) -> Protocol:
    """Return at most `limit` utterances, with classes and spoof systems in proportion.

    The limit is split by class, at least one of each, then by spoof system within each class, both
    times by largest remainder. Within a system, the hash of the id chooses: the choice depends on
    neither the order of the rows nor a seed, and a larger limit includes the trials of a smaller
    one wherever no system gets fewer of them. Raises `InputError` if `limit` is below 2 or a class
    is missing.
    """
    if limit < 2:
        raise InputError(f"LIMIT must be at least 2 (one trial of each class), not {limit}")
    table = protocol.table
    if limit >= len(table):
        return protocol
    ids, labels, names = (table[c].tolist() for c in ("utterance_id", "label", "spoof_system"))
    ordered = sorted(range(len(ids)), key=lambda row: hashlib.sha256(ids[row].encode()).digest())
    classes = _grouped(ordered, labels)
    shares = largest_remainder({label: len(rows) for label, rows in classes.items()}, limit, 1)
    keep: list[int] = []
    for label, rows in classes.items():
        systems = _grouped(rows, names)
        counts = largest_remainder({s: len(own) for s, own in systems.items()}, shares[label])
        keep += [row for system, own in systems.items() for row in own[: counts[system]]]
    result = replace(protocol, table=table.iloc[sorted(keep)].reset_index(drop=True))
    require_both_classes(result, f"the first {limit} trials")
    return result


def _grouped(rows: Iterable[int], names: Sequence[str]) -> dict[str, list[int]]:
    """Return the rows by their names, groups and rows in the order in which they come."""
    groups: dict[str, list[int]] = {}
    for row in rows:
        groups.setdefault(names[row], []).append(row)
    return groups


def with_stamps(protocol: Protocol, allow_missing: bool = False) -> Protocol:
    """Return the protocol with size and time of every file, in the column `file_stamp`.

    Each condition of ready-made audio has its own column. Where the data set has no such audio of
    an utterance, the row fails later. Raises `InputError` naming the first row without its file.
    With `allow_missing` such rows stay and fail later like damaged files.
    """
    return _with_files(protocol, stamps, stamp_column, allow_missing)


def without_stamps(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table without the columns of `with_stamps`."""
    return table[[name for name in table.columns if not name.startswith(stamp_column())]]


def with_digests(protocol: Protocol, allow_missing: bool = False) -> Protocol:
    """Return the protocol with the SHA-256 of every file, in the column `file_sha256`.

    Each condition of ready-made audio has its own column. Where the data set has no such audio of
    an utterance, the row fails later. Raises `InputError` naming the first row without its file.
    With `allow_missing` such rows stay and fail later like damaged files.
    """
    return _with_files(protocol, file_digests, digest_column, allow_missing)


def _with_files(
    protocol: Protocol,
    describe: Callable[[Path, list[str]], list[str]],
    column: Callable[[str], str],
    allow_missing: bool,
) -> Protocol:
    table = protocol.table
    columns = {}
    for made in ("", *protocol.made()):
        names = table[path_column(made)].tolist()
        described = describe(protocol.root, names)
        known = zip(names, described, strict=True)
        gone = [name for name, found in known if found == MISSING and name != ABSENT]
        if gone and not allow_missing:
            raise InputError(
                f"{protocol.root}: {len(gone)} of {len(table)} protocol rows have no file, the"
                f" first is {gone[0]}; use --allow-missing to continue without them"
            )
        columns[column(made)] = described
    return replace(protocol, table=table.assign(**columns))
