"""The meaning of the columns of a score file, from a header, else from what they hold.

A column that may be one thing or another is refused by name, because a wrong guess gives wrong
error rates that nobody notices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.data.readers.words import CLASS_WORDS
from benchmark.exchange.score_rows import Rows, is_number
from benchmark.exchange.trial_ids import TrialIds

ID, SCORE, CONDITION, LABEL = "id", "score", "condition", "label"
NAMES = {
    ID: (
        "utterance_id",
        "filename",
        "file",
        "id",
        "utt_id",
        "utt",
        "utterance",
        "file_id",
        "file_name",
        "trial",
        "path",
        "audio",
    ),
    SCORE: ("score", "scores", "cm-score", "cm_score", "cmscore", "cm-scores", "cm_scores"),
    CONDITION: ("condition",),
    LABEL: ("key", "label", "labels", "class", "target", "ground_truth"),
}
WORDS = {word: label for label, words in CLASS_WORDS.items() for word in words}
_PROBED = 2000  # rows that decide what a column holds
_NUMBERED = 3  # rows from which consecutive numbers are those of a pandas index
_SHOWN = 3  # cells that stand for a column in a message


@dataclass(frozen=True)
class Columns:
    """The places of the columns (0-based), and their names or numbers in words.

    condition : None without such a column
    labels    : of columns that name the class
    header    : whether the first row is one
    words     : one per column
    """

    id: int
    score: int
    condition: int | None
    labels: tuple[int, ...]
    header: bool
    words: tuple[str, ...]

    def __str__(self) -> str:
        taken = {self.id: "ids", self.score: "scores", self.condition: "conditions"}
        taken |= dict.fromkeys(self.labels, "labels")
        text = ", ".join(f"{taken[n]} in {word}" for n, word in enumerate(self.words) if n in taken)
        unused = [word for n, word in enumerate(self.words) if n not in taken]
        return text + (f"; not used: {', '.join(unused)}" if unused else "")


def columns(path: Path, rows: Rows, ids: TrialIds) -> Columns:
    """Return what each column means; `InputError` names those that may mean several things."""
    table = _Table(path, rows, ids)
    return table.by_header() if table.header else table.by_content()


class _Table:
    """The rows of one file, with what is found out about its columns."""

    def __init__(self, path: Path, rows: Rows, ids: TrialIds) -> None:
        self.path, self.rows, self.ids = path, rows, ids
        self.first = [cell.lstrip("# ").lower() for cell in rows.cells[0]]
        self.header = self._is_header()
        body = rows.cells[1:] if self.header else rows.cells
        self.probe = [list(column) for column in zip(*body[:_PROBED], strict=True)]
        self.empty = not body
        self.words = [
            f"column {self.first[n]!r}" if self.header and self.first[n] else f"column {n + 1}"
            for n in range(rows.width)
        ]

    def by_header(self) -> Columns:
        """Return the columns by their names."""
        if self.empty:
            raise InputError(f"{self.path} holds a header but no scores")
        named = {
            role: [n for n, name in enumerate(self.first) if name in names]
            for role, names in NAMES.items()
        }
        if len(named[SCORE]) > 1:
            raise self._ambiguous(named[SCORE], "are both called a score", "keep one of them")
        if not named[SCORE]:
            raise InputError(
                f"{self._at()}: no column of scores (one of {', '.join(NAMES[SCORE])}); its columns"
                f" are {self.rows.cells[0]}"
            )
        if len(named[CONDITION]) > 1:
            raise self._ambiguous(named[CONDITION], "are both called condition", "keep one of them")
        taken = {n for role in (SCORE, CONDITION, LABEL) for n in named[role]}
        places = named[ID] or [
            n for n in range(self.rows.width) if n not in taken and self._known(n)
        ]
        if not places:
            raise InputError(
                f"{self._at()}: no column of ids (one of {', '.join(NAMES[ID])}); its columns are"
                f" {self.rows.cells[0]}"
            )
        condition = next(iter(named[CONDITION]), None)
        return self._columns(self._best(places), named[SCORE][0], condition, named[LABEL])

    def by_content(self) -> Columns:
        """Return the columns by what they hold: ids of the run, numbers, words for classes."""
        if self.rows.width < 2:
            raise InputError(
                f"{self._at()}: it has 1 column and no header: expected `id score`, or named"
                " columns (utterance_id, score, condition)"
            )
        everything = range(self.rows.width)
        labels = [n for n in everything if self._classes(n)]
        numbers = [n for n in everything if self._numeric(n)]
        known = [n for n in everything if self._known(n)]
        plain = [n for n in everything if n not in (*labels, *numbers)]
        place = self._best(known or plain or [0])
        numbers = [n for n in numbers if n != place]
        if len(numbers) > 1:  # one of them may be the index that pandas writes
            numbers = [n for n in numbers if not self._counts(n)] or numbers
        if len(numbers) > 1:
            raise self._ambiguous(
                numbers, "both hold numbers", "name the columns in a first line, as id,label,score"
            )
        if len(labels) > 1 and len({tuple(self.probe[n]) for n in labels}) > 1:
            raise self._ambiguous(
                labels, "both hold classes", "name them in a first line, as id,label,score"
            )
        score = numbers[0] if numbers else max(n for n in everything if n != place)
        return self._columns(place, score, None, [n for n in labels if n not in (place, score)])

    def _is_header(self) -> bool:
        """Return whether the first row names columns: it holds a known name and no number or id."""
        cells = self.rows.cells[0]
        if any(is_number(cell, self.rows.separator) for cell in cells):
            return False
        if any(name in NAMES[SCORE] for name in self.first):
            return True
        if any(self.ids.find(cell) for cell in cells):
            return False
        named = any(name in names for names in NAMES.values() for name in self.first)
        later = self.rows.cells[1:_PROBED]
        columns = zip(*later, strict=True)
        return named or any(
            sum(is_number(cell, self.rows.separator) for cell in column) == len(column)
            for column in columns
        )

    def _columns(
        self, place: int, score: int, condition: int | None, labels: Sequence[int]
    ) -> Columns:
        return Columns(place, score, condition, tuple(labels), self.header, tuple(self.words))

    def _best(self, places: Sequence[int]) -> int:
        """Return the column that names most trials; several must name the same ones."""
        if len(places) == 1:
            return places[0]
        found = {n: [self.ids.find(cell) for cell in self.probe[n]] for n in places}
        most = max(sum(map(bool, uids)) for uids in found.values())
        best = [n for n in places if sum(map(bool, found[n])) == most]
        if most and len({tuple(found[n]) for n in best}) > 1:
            raise self._ambiguous(best, "both hold ids of trials", "keep one of them")
        return best[0]

    def _known(self, n: int) -> bool:
        """Return whether most cells name trials."""
        cells = self.probe[n]
        return 2 * sum(bool(self.ids.find(cell)) for cell in cells) > len(cells)

    def _numeric(self, n: int) -> bool:
        cells = self.probe[n]
        return 2 * sum(is_number(cell, self.rows.separator) for cell in cells) > len(cells)

    def _classes(self, n: int) -> bool:
        cells = self.probe[n]
        return 2 * sum(cell.lower() in WORDS for cell in cells) > len(cells)

    def _counts(self, n: int) -> bool:
        """Return whether the column counts the rows from 0 or 1, as an index does."""
        cells = self.probe[n]
        starts = ([str(k) for k in range(start, start + len(cells))] for start in (0, 1))
        return len(cells) >= _NUMBERED and cells in starts

    def _ambiguous(self, places: Sequence[int], why: str, what: str) -> InputError:
        """Return the error about columns of which each may be the one that is looked for."""
        shown = " and ".join(
            f"{self.words[n]} ({', '.join(self.probe[n][:_SHOWN])})" for n in places
        )
        return InputError(f"{self._at()}: {shown} {why}: {what}")

    def _at(self) -> str:
        return f"{self.path}:{self.rows.numbers[0]}"
