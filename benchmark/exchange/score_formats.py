"""Writer of the common score file formats.

    asvspoof2021 : `id score`, without header
    asvspoof5    : `filename<TAB>cm-score` with this header
    csv          : named columns, including the condition if a file holds several

Scores are written with the fewest digits that round-trip, as float32 if all of them are. Columns
separated by blanks cannot hold every utterance id, so such files, and file names, use the `file_id`
instead.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from benchmark.core.errors import InputError, unknown

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


def write(
    blocks: Iterable[pd.DataFrame], format_: str, single: bool = True
) -> Iterator[tuple[int, str]]:
    """Yield the number of scores and the text of each block, in one of `FORMATS`.

    The columns of a block are utterance_id, condition, split, label and score; it holds one
    condition. `single` : all scores of all blocks are float32 numbers. Raises `InputError` for an
    unknown format, or several conditions in any but csv.
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
        values = block["score"].to_numpy(dtype=np.float32 if single else np.float64)
        text = lines(block.assign(score=[str(value) for value in values]))
        yield len(block), text if condition else header + text
        condition = mine


def _asvspoof2021(table: pd.DataFrame) -> str:
    rows = zip(map(file_id, table["utterance_id"]), table["score"], strict=True)
    return "".join(f"{name} {score}\n" for name, score in rows)


def _asvspoof5(table: pd.DataFrame) -> str:
    rows = zip(map(file_id, table["utterance_id"]), table["score"], strict=True)
    return "".join(f"{name}\t{score}\n" for name, score in rows)


def _csv(table: pd.DataFrame) -> str:
    return table[_CSV].to_csv(index=False, header=False, lineterminator="\n")


_CSV = ["utterance_id", "condition", "split", "label", "score"]
FORMATS: dict[str, tuple[str, Callable[[pd.DataFrame], str]]] = {
    # name -> the first line, and what makes the lines of some scores
    "asvspoof2021": ("", _asvspoof2021),
    "asvspoof5": ("filename\tcm-score\n", _asvspoof5),
    "csv": (",".join(_CSV) + "\n", _csv),
}
