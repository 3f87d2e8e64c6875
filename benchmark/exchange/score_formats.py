"""Score files as the field writes them, read and written.

    asvspoof2021 : `id score`, no header; as 2019's packages write it too, with the system and the
                   key between: `id system key score` or `id - system key score`
    asvspoof5    : `filename<TAB>cm-score` under that header
    csv          : named columns, the condition among them where a file holds several

Scores are float32 in their shortest digits that round-trip. Columns parted by blanks cannot hold
every utterance id: there, and in names of files, an utterance goes by its `file_id`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.core.errors import InputError, unknown

COLUMNS = ("id", "score", "condition", "key")
_NAMES = {
    "id": ("utterance_id", "filename", "file", "id", "utt_id", "utt", "file_id", "trial"),
    "score": ("score", "cm-score", "cm_score", "cmscore"),
    "condition": ("condition",),
    "key": ("key", "label"),
}
_BARE = {  # columns of a file without header, by their number
    2: ("id", "score"),
    4: ("id", "system", "key", "score"),
    5: ("id", "unused", "system", "key", "score"),
}
_DELIMITERS = ",;\t"
_PORTABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def file_id(utterance_id: str) -> str:
    """The id itself where it can be a file's name anywhere; else one made of it, with its hash.

    >>> file_id("LA_E_2834763"), file_id("real/a b.wav")
    ('LA_E_2834763', 'real_a_b.wav-e77fc73b')
    """
    if _PORTABLE.fullmatch(utterance_id) and len(utterance_id) <= 120:
        return utterance_id
    tail = hashlib.sha256(utterance_id.encode()).hexdigest()[:8]
    stem = re.sub(r"[^A-Za-z0-9_.]+", "_", utterance_id)[:100].strip("_.")
    return f"{stem or 'utterance'}-{tail}"


def read(path: Path) -> pd.DataFrame:
    """The scores in a file: id, score (float64; may be non-finite), condition and key, else ''.

    `InputError` names the file and what it is that cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text file ({error.reason})") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise InputError(f"{path} holds no scores")
    table = _split(text, first, path)
    if table.empty:
        raise InputError(f"{path} holds a header and no scores")
    for column in ("condition", "key"):
        if column not in table:
            table[column] = ""
    table["score"] = _numbers(table, path)
    return table[list(COLUMNS)]


def write(table: pd.DataFrame, format_: str) -> str:
    """Scores in one of `FORMATS`; `table` has utterance_id, condition, split, label and score."""
    return FORMATS[format_](table)


def _split(text: str, first: str, path: Path) -> pd.DataFrame:
    """The columns as text, by the names in the header or, without one, by their number."""
    widths = {d: len(next(csv.reader([first], delimiter=d), [])) for d in _DELIMITERS}
    mark = max(_DELIMITERS, key=lambda d: widths[d])
    separator = mark if widths[mark] > 1 else r"\s+"
    cells = next(csv.reader([first], delimiter=mark)) if widths[mark] > 1 else first.split()
    lower = [cell.strip().lower() for cell in cells]
    named = any(name in lower for name in _NAMES["score"])
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            header=0 if named else None,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
        )
    except ValueError as error:
        raise InputError(f"{path} cannot be read as scores ({_line(error)})") from error
    if not named:
        if table.shape[1] not in _BARE:
            raise InputError(
                f"{path} has {table.shape[1]} columns and no header: want `id score`,"
                " `id system key score`, or named columns (utterance_id, score, condition)"
            )
        table.columns = pd.Index(_BARE[table.shape[1]])
        return table.fillna("")
    found = {
        lower.index(name): column
        for column, names in _NAMES.items()
        for name in [next((n for n in names if n in lower), None)]
        if name
    }
    if "id" not in found.values():
        raise InputError(f"{path}: no column of ids ({', '.join(_NAMES['id'])}); has {lower}")
    table = table.iloc[:, list(found)]
    table.columns = pd.Index(list(found.values()))
    return table.fillna("")


def _numbers(table: pd.DataFrame, path: Path) -> Sequence[float]:
    """Python's own conversion: the nearest float64, which pandas' fast one is not always."""
    values = []
    for name, text in zip(table["id"], table["score"], strict=True):
        try:
            values.append(float(text))
        except ValueError:
            found = f"{text!r}, not a number" if text.strip() else "empty"
            raise InputError(f"{path}: the score of {name!r} is {found}") from None
    return values


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _digits(table: pd.DataFrame) -> list[str]:
    return [str(value) for value in table["score"].to_numpy(dtype=np.float32)]


def _asvspoof2021(table: pd.DataFrame) -> str:
    rows = zip(map(file_id, table["utterance_id"]), _digits(table), strict=True)
    return "".join(f"{name} {score}\n" for name, score in rows)


def _asvspoof5(table: pd.DataFrame) -> str:
    rows = zip(map(file_id, table["utterance_id"]), _digits(table), strict=True)
    return "filename\tcm-score\n" + "".join(f"{name}\t{score}\n" for name, score in rows)


def _csv(table: pd.DataFrame) -> str:
    columns = ["utterance_id", "condition", "split", "label", "score"]
    return table.assign(score=_digits(table))[columns].to_csv(index=False, lineterminator="\n")


FORMATS = {"asvspoof2021": _asvspoof2021, "asvspoof5": _asvspoof5, "csv": _csv}


def check_format(table: pd.DataFrame, format_: str) -> None:
    """Refuse what a format cannot hold: several conditions in one without a column for them."""
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    several = table["condition"].nunique() > 1
    if format_ != "csv" and several:
        raise InputError(f"{format_} holds one condition: name it with --condition, or say csv")
