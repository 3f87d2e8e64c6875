"""A laundered corpus as files with protocols, for tools that are not LaunderBench.

DIR/CONDITION/flac/ID.flac       the audio (wav/ID.wav where WAV is asked for)
DIR/CONDITION/protocol.SPLIT.txt in the columns of ASVspoof 2019 LA: speaker, file, unused,
                                 system, key
DIR/protocol.csv, card.json      the same as a data set of LaunderBench: the clean recordings,
                                 and each laundering condition ready-made
DIR/effects.csv, files.csv       what was measured on every file, and where it is
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from attacks.contract.condition import CLEAN, Condition
from attacks.contract.precomputed import made
from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.data.file_hashes import file_digests
from benchmark.data.protocol import ABSENT, CARD_FILE, MADE, PROTOCOL_FILE, Protocol
from benchmark.data.trial_table import digest_column, path_column, rows_of
from benchmark.exchange.score_formats import file_id
from benchmark.laundering import effect_tables, launder_files, output_layout
from benchmark.laundering.effect_tables import Outcome
from benchmark.laundering.launder_files import Record
from benchmark.laundering.output_layout import (
    FORMATS,
    RECORDS,
    LaunderingJob,
    OutputTarget,
    SourceFile,
    folder_names,
)

AT_ONCE = 4096  # utterances whose records are in memory together


def order(
    conditions: Sequence[Condition], where: OutputTarget, seed: int, plugins: list[Path]
) -> LaunderingJob:
    """Return the job for all utterances; `InputError` where a condition is ready-made."""
    for condition in conditions:
        if made(condition):
            raise InputError(f"{condition}: the data set brings this audio as files already")
    base = output_layout.order(conditions, where, seed, plugins)
    spellings = [spelling for spelling, _, _ in base.conditions]
    folders = [f"{name}/{where.format}" for name in folder_names(spellings)]
    identities = [identity for _, identity, _ in base.conditions]
    return replace(base, conditions=tuple(zip(spellings, identities, folders, strict=True)))


def sources(protocol: Protocol) -> list[SourceFile]:
    """The recordings of the protocol, by the names that their files get."""
    table = protocol.table
    digests = file_digests(protocol.root, table["path"])
    rows = zip(table["utterance_id"], table["path"], digests, strict=True)
    found = [
        SourceFile(uid, file_id(uid), protocol.root / path, sha256) for uid, path, sha256 in rows
    ]
    names = pd.Series([source.name for source in found]).str.lower()
    if names.duplicated().any():
        twice = found[int(names.duplicated().argmax())]
        raise InputError(f"{protocol.root}: two utterances would have one file, {twice.name}")
    return found


def export(
    protocol: Protocol, wanted: LaunderingJob, workers: int | None
) -> tuple[list[Outcome], list[Record]]:
    """Make what is missing and write the tables; the outcomes, and the records of what failed.

    Goes by some thousand utterances, so that memory does not grow with the data set.
    """
    every = sources(protocol)
    outcomes: list[Outcome] = []
    failed: list[Record] = []
    with atomic_files.growing(wanted.out, effect_tables.NAMES) as sinks:
        for start in range(0, len(every), AT_ONCE):
            if len(every) > AT_ONCE:
                print(f"utterances {start + 1} and on, of {len(every)}", file=sys.stderr)
            records = launder_files.run(wanted, every[start : start + AT_ONCE], workers)
            for name, table in effect_tables.tables(records).items():
                table.to_csv(sinks[name], index=False, header=start == 0, lineterminator="\n")
            outcomes += effect_tables.outcomes(records)
            failed += [record for record in records if record["failure"] is not None]
    gone = {(record["condition"], record["utterance_id"]) for record in failed}
    for spelling, _, folder in wanted.conditions:
        for split, rows in protocol.table.groupby("split"):
            held = rows[[(spelling, uid) not in gone for uid in rows["utterance_id"]]]
            path = wanted.out / Path(folder).parent / f"protocol.{split}.txt"
            atomic_files.write(path, asvspoof2019(held))
    _protocol(protocol.table, wanted, gone)
    _card(protocol, wanted)
    return effect_tables.total(outcomes), failed


def measured(
    exported: Path, table: pd.DataFrame, head: dict[str, Any], info: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the effects that an export measured under one condition of a run.

    `head` is the run's, `info` what it says of the condition. Gives (utterance id, its facts and
    checks as score parts hold them), of those files alone that still are what was written, made
    from the run's recordings with its seed. `InputError` where `exported` is no export.
    """
    path = exported / RECORDS / "order.json"
    try:
        format_ = str(json.loads(path.read_text(encoding="utf-8"))["format"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{exported} is no folder that export-audio wrote") from error
    spellings = [c["condition"] for c in head["conditions"]]
    folder = dict(zip(spellings, folder_names(spellings), strict=True))[info["condition"]]
    condition = (info["condition"], info["identity"], f"{folder}/{format_}")
    wanted = LaunderingJob((condition,), OutputTarget(exported, format_), head["seed"])
    for uid, name, sha256 in rows_of(table, "utterance_id", path_column(), digest_column()):
        source = SourceFile(uid, file_id(uid), Path(head["data_root"]) / name, sha256)
        record = launder_files.kept(wanted, source, 0)
        if record is not None:
            yield uid, {"facts": _facts(record), "checks": _checks(record)}


def _facts(record: Record) -> list[Record]:
    return [{"attack": step["attack"], **step["facts"]} for step in record["steps"]]


def _checks(record: Record) -> list[Record]:
    return [
        {"step": number, "attack": step["attack"], **check}
        for number, step in enumerate(record["steps"])
        for check in step["checks"]
    ]


def asvspoof2019(table: pd.DataFrame) -> str:
    """The rows as a protocol of ASVspoof 2019 LA; what blanks would break is spelled without."""
    columns = (table[name] for name in ("speaker", "utterance_id", "spoof_system", "label"))
    rows: Iterable[tuple[str, str, str, str]] = zip(*columns, strict=True)
    return "".join(
        f"{_word(speaker)} {file_id(uid)} - {_word(system)} {label}\n"
        for speaker, uid, system, label in rows
    )


def _word(text: str) -> str:
    return text if text == "-" else file_id(text)


def _protocol(table: pd.DataFrame, wanted: LaunderingJob, gone: set[tuple[str, str]]) -> None:
    """protocol.csv: of an utterance that failed under a condition it says that there is none."""
    extra = [column for column in table.columns if column.startswith(MADE)]
    columns = {}
    for spelling, _, folder in wanted.conditions:
        name = "path" if spelling == CLEAN else f"{MADE}{Path(folder).parent}"
        ending = FORMATS[wanted.format]
        columns[name] = [
            ABSENT if (spelling, uid) in gone else f"{folder}/{file_id(uid)}{ending}"
            for uid in table["utterance_id"]
        ]
    rows = table.drop(columns=extra).assign(path=columns.pop("path"))
    rows = pd.concat([rows, pd.DataFrame(columns, index=rows.index)], axis=1)
    atomic_files.write(wanted.out / PROTOCOL_FILE, rows.to_csv(index=False, lineterminator="\n"))


def _card(protocol: Protocol, wanted: LaunderingJob) -> None:
    facts = {
        "name": f"{protocol.name}-laundered",
        "version": protocol.version,
        "headline": protocol.headline,
        "systems_left_out": protocol.systems_left_out,
        "seed": wanted.seed,
        "conditions": {
            str(Path(folder).parent): spelling for spelling, _, folder in wanted.conditions
        },
    }
    atomic_files.write(wanted.out / CARD_FILE, json.dumps(facts, indent=1) + "\n")
