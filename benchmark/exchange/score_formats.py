"""Reader and writer of the common score file formats.

    asvspoof2021 : `id score`, without header; the reader also accepts the format of the 2019
                   packages, with system and key: `id system key score` or
                   `id - system key score`
    asvspoof5    : `filename<TAB>cm-score` with this header
    csv          : named columns, including the condition if a file holds several

Scores are written as float32 with the fewest digits that round-trip. Columns separated by blanks
cannot hold every utterance id, so such files, and file names, use the `file_id` instead.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
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
_BARE = {  # columns of a file without header, by the number of columns
    2: ("id", "score"),
    4: ("id", "system", "key", "score"),
    5: ("id", "unused", "system", "key", "score"),
}
_DELIMITERS = ",;\t"
_PORTABLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def file_id(utterance_id: str) -> str:
    """Return the id if it is a valid file name on all systems, else a name derived from it.

    A derived name ends with a hash of the id.

    >>> file_id("LA_E_2834763"), file_id("real/a b.wav")
    ('LA_E_2834763', 'real_a_b.wav-e77fc73b')
    """
    if _PORTABLE.fullmatch(utterance_id) and len(utterance_id) <= 120:
        return utterance_id
    tail = hashlib.sha256(utterance_id.encode()).hexdigest()[:8]
    stem = re.sub(r"[^A-Za-z0-9_.]+", "_", utterance_id)[:100].strip("_.")
    return f"{stem or 'utterance'}-{tail}"


def read(path: Path) -> pd.DataFrame:
    """Read a score file: id, score (float64, may be non-finite), condition and key.

    A missing condition or key is ''. Raises `InputError` if the file or a score cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file ({error.reason})") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise InputError(f"{path} holds no scores")
    table = _split(text, first, path)
    if table.empty:
        raise InputError(f"{path} holds a header but no scores")
    for column in ("condition", "key"):
        if column not in table:
            table[column] = ""
    table["score"] = _numbers(table, path)
    return table[list(COLUMNS)]


def write(blocks: Iterable[pd.DataFrame], format_: str) -> Iterator[tuple[int, str]]:
    """Yield the number of scores and the text of each block, in one of `FORMATS`.

    The columns of a block are utterance_id, condition, split, label and score; it holds one
    condition. Raises `InputError` for an unknown format, or several conditions in any but csv.
    """
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    header, lines = FORMATS[format_]
    condition = ""
    for block in (block for block in blocks if len(block)):
        mine = str(block["condition"].iloc[0])
        if format_ != "csv" and condition not in ("", mine):
            raise InputError(
                f"{format_} can hold only one condition: name it with --condition, or use"
                " --format csv"
            )
        yield len(block), lines(block) if condition else header + lines(block)
        condition = mine


def _split(text: str, first: str, path: Path) -> pd.DataFrame:
    """Return the columns as text, identified by the header or by the number of columns."""
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
                f"{path} has {table.shape[1]} columns and no header: expected `id score`,"
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
        raise InputError(
            f"{path}: no column of ids (one of {', '.join(_NAMES['id'])}); its columns are {lower}"
        )
    table = table.iloc[:, list(found)]
    table.columns = pd.Index(list(found.values()))
    return table.fillna("")


def _numbers(table: pd.DataFrame, path: Path) -> Sequence[float]:
    """Convert the scores with `float`, which rounds correctly; the pandas parser does not always.

    Raises `InputError` for a text that is not a number.
    """
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
    return "".join(f"{name}\t{score}\n" for name, score in rows)


def _csv(table: pd.DataFrame) -> str:
    rows = table.assign(score=_digits(table))[_CSV]
    return rows.to_csv(index=False, header=False, lineterminator="\n")


_CSV = ["utterance_id", "condition", "split", "label", "score"]
FORMATS = {  # name -> the first line, and what makes the lines of some scores
    "asvspoof2021": ("", _asvspoof2021),
    "asvspoof5": ("filename\tcm-score\n", _asvspoof5),
    "csv": (",".join(_CSV) + "\n", _csv),
}
