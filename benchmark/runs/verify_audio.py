"""The verification of audio files against the SHA-256 that the run recorded as it decoded them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core.progress import progress_bar
from benchmark.data.file_hashes import MISSING, hashed
from benchmark.data.protocol import ABSENT
from benchmark.data.trial_table import digest_column, path_column, rows_of
from benchmark.runs.verify_step import Step, counted
from benchmark.scores.part_format import DamagedPart
from benchmark.scores.store import Store

NAME = "audio"
FEW = 5  # files that are named
SPAN = 1024  # files hashed at once


def verify(store: Store, plan: dict[str, Any], trials: pd.DataFrame, root: Path) -> Step:
    """Hash every audio file of a run and compare it with what was recorded."""
    files = [*dict.fromkeys(_recorded(store, plan, trials))]
    if not files:
        return Step(NAME, "no audio was compared", ("the run recorded no digest of its audio",))
    absent: list[str] = []
    other: list[str] = []
    with progress_bar(total=len(files), desc="hashing audio", unit="file") as b:
        for start in range(0, len(files), SPAN):
            span = files[start : start + SPAN]
            for (path, wanted), digest in zip(
                span, hashed([root / path for path, _ in span]), strict=True
            ):
                if digest == MISSING:
                    absent.append(path)
                elif digest != wanted:
                    other.append(path)
            b.update(len(span))
    faults = [*_named("is not at hand", "are not at hand", absent, root)]
    faults += _named(
        "is not the one that was scored", "are not those that were scored", other, root
    )
    said = f"{counted(len(files), 'audio file')} below {root} compared with the recorded SHA-256"
    return Step(NAME, said, tuple(faults))


def _named(one: str, several: str, paths: list[str], root: Path) -> Iterable[str]:
    for path in paths[:FEW]:
        yield f"{root / path} {one}"
    if len(paths) > FEW:
        yield f"{counted(len(paths) - FEW, 'further audio file')} {several}"


def _recorded(
    store: Store, plan: dict[str, Any], trials: pd.DataFrame
) -> Iterable[tuple[str, str]]:
    """Yield path and SHA-256 (hex) of every file that was decoded."""
    spelled = {str(c["condition"]): str(c["made"]) for c in plan["conditions"]}
    names = {*spelled.values(), ""}
    for name in sorted(names):
        if digest_column(name) in trials and path_column(name) in trials:  # of format 4
            for path, sha in rows_of(trials, path_column(name), digest_column(name)):
                if len(sha) == 64:
                    yield path, sha
    paths = {
        name: dict(rows_of(trials, "utterance_id", path_column(name)))
        for name in names
        if path_column(name) in trials
    }
    read = store.rows(("utterance_id", "file_sha256"))
    for part in store.scan().parts:
        made = spelled.get(part.condition)
        if made is None or made not in paths:
            continue
        try:
            table = read(part)
        except DamagedPart:  # the step about files says so
            continue
        if "file_sha256" not in table.column_names:
            continue
        for uid, sha256 in zip(*(table[c].to_pylist() for c in table.column_names), strict=True):
            path = paths[made].get(uid, ABSENT)
            if sha256 is not None and path != ABSENT:
                yield path, sha256.hex()
