"""Export of a laundered corpus as files with protocols, for use by other tools.

DIR/CONDITION/flac/ID.flac       the audio (wav/ID.wav for the format WAV)
DIR/CONDITION/protocol.SPLIT.txt in the columns of ASVspoof 2019 LA: speaker, file, unused,
                                 system, key
DIR/protocol.csv, card.json      the same as a data set of LaunderBench: the clean recordings,
                                 and each laundering condition ready-made
DIR/effects.csv, files.csv       the measured effects on every file, and the paths of the files
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from attacks.contract.condition import CLEAN, Condition
from attacks.contract.precomputed import made
from benchmark.core import atomic_files, json_text
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.data.file_hashes import file_digests
from benchmark.data.protocol import ABSENT, CARD_FILE, MADE, PROTOCOL_FILE, Protocol
from benchmark.data.trial_table import digest_column, path_column, rows_of
from benchmark.exchange.score_formats import file_id
from benchmark.laundering import effect_tables, launder_files, output_layout
from benchmark.laundering.check_rows import check_rows, fact_rows, steps_of_records
from benchmark.laundering.effect_tables import Outcome
from benchmark.laundering.output_layout import (
    FORMATS,
    RECORDS,
    LaunderingJob,
    OutputTarget,
    SourceFile,
    folder_names,
)
from benchmark.laundering.resuming import Record
from benchmark.workers.context import ProcessContext

AT_ONCE = 4096  # utterances whose records are in memory at the same time


def order(
    conditions: Sequence[Condition], target: OutputTarget, seed: int, context: ProcessContext
) -> LaunderingJob:
    """Return the laundering job of every utterance; `InputError` for ready-made conditions."""
    for condition in conditions:
        if made(condition):
            raise InputError(f"{condition}: the data set already holds this audio as files")
    base = output_layout.order(conditions, target, seed, context)
    spellings = [spelling for spelling, _, _ in base.conditions]
    folders = [f"{name}/{target.format}" for name in folder_names(spellings)]
    identities = [identity for _, identity, _ in base.conditions]
    return replace(base, conditions=tuple(zip(spellings, identities, folders, strict=True)))


def sources(protocol: Protocol) -> list[SourceFile]:
    """Return the recordings of the protocol with the names of their exported files.

    Raises `InputError` if two utterances would get the same file name.
    """
    table = protocol.table
    digests = file_digests(protocol.root, table["path"])
    rows = zip(table["utterance_id"], table["path"], digests, strict=True)
    found = [
        SourceFile(uid, file_id(uid), protocol.root / path, sha256) for uid, path, sha256 in rows
    ]
    names = pd.Series([source.name for source in found]).str.lower()
    if names.duplicated().any():
        second = found[int(names.duplicated().argmax())]
        raise InputError(
            f"{protocol.root}: two utterances would get the same file name, {second.name}"
        )
    return found


def export(
    protocol: Protocol, job: LaunderingJob, workers: int | None
) -> tuple[list[Outcome], list[Record]]:
    """Write the missing files and the tables; return the outcomes and the failed records.

    Works in blocks of some thousand utterances, so that memory does not grow with the data set.
    """
    every = sources(protocol)
    outcomes: list[Outcome] = []
    failed: list[Record] = []
    with atomic_files.growing(job.out, effect_tables.NAMES) as sinks:
        for start in range(0, len(every), AT_ONCE):
            if len(every) > AT_ONCE:
                logger.info(f"exporting utterances from {start + 1}, of {len(every)}")
            records = launder_files.run(job, every[start : start + AT_ONCE], workers)
            for name, table in effect_tables.tables(records).items():
                table.to_csv(sinks[name], index=False, header=start == 0, lineterminator="\n")
            outcomes += effect_tables.outcomes(records)
            failed += [record for record in records if record["failure"] is not None]
    gone = {(record["condition"], record["utterance_id"]) for record in failed}
    for spelling, _, folder in job.conditions:
        for split, rows in protocol.table.groupby("split"):
            present = rows[[(spelling, uid) not in gone for uid in rows["utterance_id"]]]
            path = job.out / Path(folder).parent / f"protocol.{split}.txt"
            atomic_files.write(path, asvspoof2019(present))
    _write_protocol(protocol.table, job, gone)
    _write_card(protocol, job)
    return effect_tables.total(outcomes), failed


def measured(
    exported: Path, table: pd.DataFrame, head: dict[str, Any], info: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the facts and checks that an export recorded under one condition of a run.

    exported : the folder of the export
    table    : the utterances, with the SHA-256 of the files of the run
    head     : the head of the run
    info     : the entry of the condition in `head`

    Yields (utterance id, facts and checks as score parts hold them). Only unchanged files that
    were made from the recordings of the run with its seed are used. Raises `InputError` if
    `exported` is not an export.
    """
    path = exported / RECORDS / "order.json"
    try:
        format_ = str(json_text.parse(path.read_text(encoding="utf-8"))["format"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{exported} is not a folder written by export-audio") from error
    spellings = [c["condition"] for c in head["conditions"]]
    folder = dict(zip(spellings, folder_names(spellings), strict=True))[info["condition"]]
    condition = (info["condition"], info["identity"], f"{folder}/{format_}")
    job = LaunderingJob((condition,), OutputTarget(exported, format_), head["seed"])
    for uid, name, sha256 in rows_of(table, "utterance_id", path_column(), digest_column()):
        source = SourceFile(uid, file_id(uid), Path(head["data_root"]) / name, sha256)
        record = launder_files.kept(job, source, 0)
        if record is not None:
            steps = steps_of_records(record["steps"])
            yield uid, {"facts": fact_rows(steps), "checks": check_rows(steps)}


def asvspoof2019(table: pd.DataFrame) -> str:
    """Return the rows as a protocol of ASVspoof 2019 LA, with blanks in names replaced."""
    columns = (table[name] for name in ("speaker", "utterance_id", "spoof_system", "label"))
    rows: Iterable[tuple[str, str, str, str]] = zip(*columns, strict=True)
    return "".join(
        f"{_word(speaker)} {file_id(uid)} - {_word(system)} {label}\n"
        for speaker, uid, system, label in rows
    )


def _word(text: str) -> str:
    return text if text == "-" else file_id(text)


def _write_protocol(table: pd.DataFrame, job: LaunderingJob, gone: set[tuple[str, str]]) -> None:
    """Write protocol.csv, which marks the failed files of a condition as absent."""
    extra = [column for column in table.columns if column.startswith(MADE)]
    columns = {}
    for spelling, _, folder in job.conditions:
        name = "path" if spelling == CLEAN else f"{MADE}{Path(folder).parent}"
        ending = FORMATS[job.format]
        columns[name] = [
            ABSENT if (spelling, uid) in gone else f"{folder}/{file_id(uid)}{ending}"
            for uid in table["utterance_id"]
        ]
    rows = table.drop(columns=extra).assign(path=columns.pop("path"))
    rows = pd.concat([rows, pd.DataFrame(columns, index=rows.index)], axis=1)
    atomic_files.write(job.out / PROTOCOL_FILE, rows.to_csv(index=False, lineterminator="\n"))


def _write_card(protocol: Protocol, job: LaunderingJob) -> None:
    facts = {
        "name": f"{protocol.name}-laundered",
        "version": protocol.version,
        "headline": protocol.headline,
        "systems_left_out": protocol.systems_left_out,
        "seed": job.seed,
        "conditions": {
            str(Path(folder).parent): spelling for spelling, _, folder in job.conditions
        },
    }
    atomic_files.write(job.out / CARD_FILE, json.dumps(facts, indent=1) + "\n")
