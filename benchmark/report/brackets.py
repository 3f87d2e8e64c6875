"""Brackets that join the detectors of a leaderboard that are not told apart.

A bracket is a set of detectors of which every two are tied. It is drawn as a line from its first to
its last row, with a mark at each member: a row that the line passes without a mark is not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmark.leaderboard.rows.columns import TIES
from benchmark.report.rows import Row


class Piece(StrEnum):
    """What of a bracket is drawn in one row."""

    NONE = "none"
    FIRST = "first"
    MEMBER = "member"
    PASSED = "passed"
    LAST = "last"


_CHARACTERS = {
    Piece.NONE: "\N{NO-BREAK SPACE}",
    Piece.FIRST: "┌",
    Piece.MEMBER: "├",
    Piece.PASSED: "│",
    Piece.LAST: "└",
}


@dataclass(frozen=True)
class Brackets:
    """The brackets of a leaderboard.

    pieces : one tuple per row, one piece per bracket
    """

    pieces: tuple[tuple[Piece, ...], ...]

    @property
    def number(self) -> int:
        """The number of brackets."""
        return len(self.pieces[0]) if self.pieces else 0


def ties(row: Row) -> list[str]:
    """Return the detectors that are not told apart from that of a row."""
    return str(row["tied_with"]).split(TIES) if row["tied_with"] else []


def text(pieces: Sequence[Piece]) -> str:
    r"""Return the pieces of a row as characters, one per bracket.

    >>> text([Piece.FIRST, Piece.PASSED, Piece.NONE, Piece.MEMBER, Piece.LAST])
    '┌│\xa0├└'
    """
    return "".join(_CHARACTERS[piece] for piece in pieces)


def brackets(rows: Sequence[Row]) -> Brackets:
    """Return brackets, so that two detectors share one if and only if they are tied.

    Every tie that no bracket shows yet starts one, from the top; it takes in every further detector
    that is tied with all of its members. This may list fewer than all maximal sets, whose number
    can grow exponentially with that of detectors.
    """
    names = [row["detector"] for row in rows]
    near = [{names.index(name) for name in ties(row) if name in names} for row in rows]
    shown: set[tuple[int, int]] = set()
    sets: list[list[int]] = []
    for one in range(len(rows)):
        for two in sorted(place for place in near[one] if place > one):
            if (one, two) in shown:
                continue
            members = [one, two]
            # from the seed outwards: the nearest ranks first, so that a line passes few rows
            for place in sorted(range(len(rows)), key=lambda place: (abs(place - one), place)):
                if place not in members and all(place in near[member] for member in members):
                    members.append(place)
            sets.append(sorted(members))
            shown |= {(a, b) for a in members for b in members}
    return Brackets(
        tuple(tuple(_piece(place, members) for members in sets) for place in range(len(rows)))
    )


def _piece(place: int, members: Sequence[int]) -> Piece:
    first, last = members[0], members[-1]
    if place == first:
        return Piece.FIRST
    if place == last:
        return Piece.LAST
    if place in members:
        return Piece.MEMBER
    return Piece.PASSED if first < place < last else Piece.NONE
