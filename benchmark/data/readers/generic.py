"""Readers of user data sets: protocol.csv, a table, two folders, or a pattern over file names."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.audio import discovery
from benchmark.audio.endings import is_audio
from benchmark.core.errors import InputError
from benchmark.core.log import warn_once
from benchmark.data.protocol import CARD_FILE, PROTOCOL_FILE, REQUIRED, Protocol, validated
from benchmark.data.readers.common import (
    CLASS_WORDS,
    Hints,
    Reader,
    class_of,
    protocol,
    split_of,
    table_of,
    walk,
)

# Alternative names of the columns of a protocol.
_SYNONYMS = {
    "utterance_id": ("id", "utt", "utt_id", "utterance", "file_id", "uid"),
    "path": ("file", "filename", "file_name", "filepath", "file_path", "audio", "wav"),
    "label": ("key", "class", "target"),
    "speaker": ("speaker_id", "spk"),
    "spoof_system": ("system", "system_id", "attack", "generator", "model", "model_name"),
    "split": ("subset", "partition", "set"),
}
_DELIMITERS = ",;\t|"


def _protocol_csv(root: Path, hints: Hints) -> Protocol | None:
    file = root / PROTOCOL_FILE
    if not file.is_file():
        return None
    card: dict[str, Any] = {}
    if (root / CARD_FILE).is_file():
        try:
            card = json.loads((root / CARD_FILE).read_text())
        except ValueError as error:
            raise InputError(f"{root / CARD_FILE} is not JSON ({error})") from error
        if not isinstance(card, dict):
            raise InputError(f"{root / CARD_FILE} is not a JSON object")
    return Protocol(
        name=str(card.get("name", root.name)),
        root=_audio_root(root, card),
        table=validated(_named(_text_table(file), file, hints), file),
        version=str(card.get("version", "-")),
        headline=str(card.get("headline", "-")),
        systems_left_out=tuple(card.get("systems_left_out", ())),
    )


def _audio_root(folder: Path, card: Mapping[str, Any]) -> Path:
    """Return the audio folder of a protocol: its own folder, or the `root` that its card names.

    The card of a subset has a `root`. It may lie outside the folder, so the user is informed.
    """
    if "root" not in card:
        return folder
    root = Path(os.path.normpath(folder.resolve() / str(card["root"])))
    if not root.is_dir():
        raise InputError(f"{folder / CARD_FILE}: root is not a folder: {root}")
    warn_once(f"{folder / PROTOCOL_FILE}: its audio is in {root}")
    return root


def _table(file: Path, hints: Hints) -> Protocol | None:
    """Read a CSV, TSV or Parquet file with named columns; paths are relative to its folder."""
    ending = file.suffix.lower()
    if not file.is_file() or ending not in (".csv", ".tsv", ".txt", ".parquet"):
        return None
    if ending == ".parquet":
        try:
            table = pd.read_parquet(file)
        except (ValueError, OSError) as error:
            raise InputError(f"{file} cannot be read as Parquet ({error})") from error
        table = table.astype(str).mask(table.isna(), "")
    else:
        table = _text_table(file)
    return protocol(file.stem, file.parent, _named(table, file, hints), file)


def _folders(root: Path, hints: Hints) -> Protocol | None:
    """Read a folder of human speech and one of fakes, with any of the usual names."""
    if not root.is_dir() or hints.pattern:
        return None
    inside = sorted(p for p in root.iterdir() if p.is_dir())
    rows: list[tuple[str, str]] = []
    others: list[Path] = []
    for label, words in CLASS_WORDS.items():
        own = [folder for folder in inside if folder.name.lower() in words]
        if not own:
            return None
        for folder in own:
            for file in walk(folder):
                if is_audio(file):
                    rows.append((file.relative_to(root).as_posix(), label))
                else:
                    others.append(file)
    discovery.warn_of_others(root, others)
    table = pd.DataFrame(rows, columns=["path", "label"]).assign(utterance_id=lambda t: t["path"])
    return protocol(root.name, root, table, root)


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
    for file in filter(is_audio, walk(root)):
        path = file.relative_to(root).as_posix()
        if found := rule.search(path):
            named = {name: value or "" for name, value in found.groupdict().items()}
            rows.append({"utterance_id": path, **named, "path": path})
    if not rows:
        raise InputError(f"--pattern {hints.pattern!r} matches no audio file below {root}")
    return protocol(root.name, root, _named(pd.DataFrame(rows), root, hints), root)


def _named(table: pd.DataFrame, source: Path, hints: Hints) -> pd.DataFrame:
    """Return the table with the protocol's names of columns, classes and splits."""
    lower = {str(column).strip().lower(): str(column) for column in table.columns}
    renamed = {
        lower[other]: name
        for name, others in _SYNONYMS.items()
        if name not in lower
        for other in [next((o for o in others if o in lower), None)]
        if other
    }
    renamed |= {lower[name]: name for name in _SYNONYMS if name in lower}
    table = table.rename(columns=renamed)
    if "utterance_id" not in table and "path" in table:
        table = table.assign(utterance_id=table["path"])
    missing = [column for column in REQUIRED if column not in table]
    if missing:
        raise InputError(
            f"{source}: missing column {', '.join(missing)}; has {', '.join(map(str, lower))}"
        )
    table["label"] = class_of(table["label"], source, hints.labels)
    if "split" in table:
        table["split"] = split_of(table["split"])
    return table


def _text_table(file: Path) -> pd.DataFrame:
    """Read a delimited text file with a header; the delimiter that gives most columns is used."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            header = handle.readline()
        widths = {d: len(next(csv.reader([header], delimiter=d), [])) for d in _DELIMITERS}
    except (ValueError, OSError, csv.Error) as error:
        text = " ".join(str(error).split())
        raise InputError(f"{file} cannot be read as a table ({text})") from error
    if max(widths.values()) == 1 and len(header.split()) > 1:
        raise InputError(
            f"{file}: no comma, semicolon, tab or bar separates the names in its header"
            f" {header.strip()!r}"
        )
    return table_of(file, max(_DELIMITERS, key=lambda d: widths[d]))


MARKED = (  # the user names these: by a file, or by --pattern
    Reader("protocol", _protocol_csv),
    Reader("table", _table),
    Reader("pattern", _pattern),
)
GENERAL = (Reader("folders", _folders),)  # many corpora have such folders too
