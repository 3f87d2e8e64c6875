"""Readers of user data sets that the user names: protocol.csv, a table, a pattern."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.audio import discovery
from benchmark.audio.endings import is_audio
from benchmark.core import json_text
from benchmark.core.errors import InputError
from benchmark.core.log import warn_once
from benchmark.data.protocol import CARD_FILE, PROTOCOL_FILE, Protocol, validated
from benchmark.data.readers import arrow_tables
from benchmark.data.readers.common import Hints, Reader, protocol, walk
from benchmark.data.readers.tables import (
    class_of,
    json_table,
    named,
    renamed,
    split_of,
    text_table,
)

TABLES = (".csv", ".tsv", ".txt", ".jsonl", ".parquet")


def _protocol_csv(root: Path, hints: Hints) -> Protocol | None:
    file = root / PROTOCOL_FILE
    if not file.is_file():
        return None
    card: dict[str, Any] = {}
    if (root / CARD_FILE).is_file():
        try:
            card = json_text.parse((root / CARD_FILE).read_text())
        except ValueError as error:
            raise InputError(f"{root / CARD_FILE} is not JSON ({error})") from error
        if not isinstance(card, dict):
            raise InputError(f"{root / CARD_FILE} is not a JSON object")
    left_out = card.get("systems_left_out", [])
    if not isinstance(left_out, list) or not all(isinstance(name, str) for name in left_out):
        raise InputError(f"{root / CARD_FILE}: systems_left_out is no list of texts")
    audio = hints.audio_root or _audio_root(root, card)
    return Protocol(
        name=str(card.get("name", root.name)),
        root=audio,
        table=validated(named(text_table(file), file, hints, audio), file, audio),
        version=str(card.get("version", "-")),
        headline=str(card.get("headline", "-")),
        systems_left_out=tuple(left_out),
    )


def _audio_root(folder: Path, card: Mapping[str, Any]) -> Path:
    """Return the audio folder of a protocol: its own folder, or the `root` that its card names.

    The card of a subset has a `root`. It may lie outside the folder, so the user is informed.
    """
    if "root" not in card:
        return folder
    root = Path(os.path.normpath(folder.resolve() / str(card["root"])))
    try:
        there = root.is_dir()
    except (OSError, ValueError):  # a name that no folder can have
        there = False
    if not there:
        raise InputError(f"{folder / CARD_FILE}: root is not a folder: {str(root)[:200]!r}")
    warn_once(f"{folder / PROTOCOL_FILE}: its audio is in {root}")
    return root


def _table(file: Path, hints: Hints) -> Protocol | None:
    """Read a CSV, TSV or Parquet file with named columns; paths are relative to its folder."""
    ending = file.suffix.lower()
    if not file.is_file() or ending not in TABLES:
        return None
    root = hints.audio_root or file.parent
    if ending == ".parquet":
        table = arrow_tables.plain_table(file)
    else:
        table = json_table(file) if ending == ".jsonl" else text_table(file)
    return protocol(file.stem, root, named(table, file, hints, root), file)


def _pattern(root: Path, hints: Hints) -> Protocol | None:
    """Read the audio files whose relative path matches a regular expression with named groups.

    The group `label` is required; `utterance_id`, `speaker`, `spoof_system`, `split` and groups of
    any other name become columns.
    """
    if not hints.pattern or not root.is_dir():
        return None
    try:
        rule = re.compile(hints.pattern)
    except re.error as error:
        raise InputError(
            f"--pattern {hints.pattern!r} is not a regular expression: {error}"
        ) from None
    if "label" not in rule.groupindex:
        raise InputError(f"--pattern {hints.pattern!r} has no group (?P<label>...)")
    rows = []
    files = [*walk(root)]
    discovery.warn_of_others(root, (file for file in files if not is_audio(file)))
    for file in filter(is_audio, files):
        path = file.relative_to(root).as_posix()
        if found := rule.search(path):
            named = {name: value or "" for name, value in found.groupdict().items()}
            rows.append({"utterance_id": path, **named, "path": path})
    if not rows:
        raise InputError(f"--pattern {hints.pattern!r} matches no audio file below {root}")
    table = renamed(pd.DataFrame(rows), root)
    table["label"] = class_of(table["label"], root, hints.words)
    if "split" in table:
        table["split"] = split_of(table["split"])
    return protocol(root.name, root, table, root)


READERS = (
    Reader("protocol", _protocol_csv, elsewhere=True),
    Reader("table", _table, elsewhere=True),
    Reader("pattern", _pattern),
)
