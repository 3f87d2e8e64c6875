"""Reader of the score files of other tools, which are recognised by what they hold.

`id score`, `id label score`, `id system key score` and `id - system key score` of ASVspoof 2019 and
2021, `filename<TAB>cm-score` of ASVspoof 5, tables with a header from pandas, R or a spreadsheet,
and the log of the LCNN baselines of ASVspoof 2021. Columns are separated by tabs, semicolons,
commas or blanks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.core.errors import InputError
from benchmark.exchange import score_columns, score_rows, score_text
from benchmark.exchange.score_columns import Columns
from benchmark.exchange.score_rows import Rows
from benchmark.exchange.score_text import Line
from benchmark.exchange.trial_ids import TrialIds
from benchmark.metrics.discrimination import Floats

LARGEST = float(np.finfo(np.float32).max)  # beyond it a score counts as not finite
_LOGGED = re.compile(r"Output,\s*(?P<id>.+),\s*-?\d+,\s*(?P<score>\S+)\s*")
_DECIMAL = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True)
class ScoreFile:
    """The scores of a file.

    table   : id, score (float64, may be not finite), condition ('' = none given), and line
    labels  : of each column of labels its name, and its cells in the order of `table`
    assumed : how the file was read, in words
    single  : whether every score is the text of a float32
    """

    path: Path
    table: pd.DataFrame
    labels: dict[str, list[str]]
    assumed: str
    single: bool


def read(path: Path, ids: TrialIds) -> ScoreFile:
    """Read a score file; `InputError` names the line that cannot be read.

    ids : the trials of the run, by which the column of ids is recognised
    """
    lines = score_text.lines(path)
    if not lines:
        raise InputError(f"{path} holds no scores")
    logged = [line for line in lines if line.text.startswith("Output,")]
    if logged:
        return _log(path, logged, len(lines))
    rows = score_rows.rows(path, lines)
    columns = score_columns.columns(path, rows, ids)
    header = "with a header" if columns.header else "without a header"
    return _file(path, rows, columns, f"{header}, separated by {rows.separator}: {columns}")


def _log(path: Path, logged: Sequence[Line], lines: int) -> ScoreFile:
    """Read the lines `Output, ID, TARGET, SCORE`; targets are unknown to some of these programs."""
    cells = []
    for line in logged:
        found = _LOGGED.fullmatch(line.text)
        if found is None:
            raise InputError(f"{path}:{line.number}: expected `Output, ID, TARGET, SCORE`")
        cells.append([found["id"].strip(), found["score"]])
    rows = Rows([line.number for line in logged], cells, "comma")
    columns = Columns(0, 1, None, (), False, ("the second place", "the fourth place"))
    assumed = (
        f"as the log of a baseline of ASVspoof 2021: {len(logged)} of {lines} lines begin with"
        " `Output`; their target (third place) is not used"
    )
    return _file(path, rows, columns, assumed)


def _file(path: Path, rows: Rows, columns: Columns, assumed: str) -> ScoreFile:
    numbers, cells = rows.numbers, rows.cells
    if columns.header:
        numbers, cells = numbers[1:], cells[1:]
    names = [row[columns.id] for row in cells]
    texts = [row[columns.score] for row in cells]
    if rows.separator != "comma" and any("," in text for text in texts):
        texts = _with_points(path, numbers, texts)
        assumed += "; decimal commas"
    values = _values(path, numbers, names, texts)
    single = _single(values)
    assumed += f"; scores are {'float32' if single else 'float64'}"
    place = columns.condition
    table = pd.DataFrame({"id": names, "score": values})
    table["condition"] = "" if place is None else [row[place] for row in cells]
    table["line"] = numbers
    labels = {columns.words[n]: [row[n] for row in cells] for n in columns.labels}
    return ScoreFile(path, table, labels, assumed, single)


def _values(
    path: Path, numbers: Sequence[int], names: Sequence[str], texts: Sequence[str]
) -> Floats:
    """Convert the scores with `float`, which rounds correctly; the pandas parser does not always.

    Raises `InputError` for a text that is not a number, and for a row without an id.
    """
    values = np.empty(len(texts))
    for place, (number, name, text) in enumerate(zip(numbers, names, texts, strict=True)):
        if not name:
            raise InputError(f"{path}:{number}: this line has no id")
        if not score_rows.is_number(text, "comma"):
            found = f"{text!r}, not a number" if text else "empty"
            raise InputError(f"{path}:{number}: the score of {name!r} is {found}")
        values[place] = float(text)
    return values


def _with_points(path: Path, numbers: Sequence[int], texts: Sequence[str]) -> list[str]:
    """Return scores with decimal points in place of commas.

    Raises `InputError` if a comma may stand for thousands, or if some scores have a point.
    """
    commas = [(n, text) for n, text in zip(numbers, texts, strict=True) if "," in text]
    mixed = [n for n, text in zip(numbers, texts, strict=True) if "." in text]
    number, text = commas[0]
    if mixed:
        raise InputError(
            f"{path}:{number}: the score {text!r} has a comma, that of line {mixed[0]} a point"
        )
    if all(_THOUSANDS.fullmatch(text) for _, text in commas):
        raise InputError(
            f"{path}:{number}: the comma in {text!r} may be decimal or for thousands: write a point"
        )
    return [t.replace(",", ".") if _DECIMAL.fullmatch(t) else t for t in texts]


def _single(values: Floats) -> bool:
    """Return whether these are float32 numbers, written exactly, shortest, or with nine digits.

    Scores that would become equal as float32 are none.
    """
    finite = values[in_range(values)]
    narrow = finite.astype(np.float32)
    if np.unique(narrow).size < np.unique(finite).size:
        return False
    doubtful = np.flatnonzero(narrow.astype(np.float64) != finite)
    return all(
        finite[n] in (float(str(narrow[n])), float(f"{narrow[n]:.9g}")) for n in doubtful.tolist()
    )


def in_range(values: Floats) -> npt.NDArray[np.bool_]:
    """Return which scores are finite, and can be squared and summed without overflow."""
    return np.abs(values) <= LARGEST
