"""Brackets: two rows share one if and only if their detectors are tied."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from benchmark.report import brackets
from benchmark.report.brackets import Piece
from benchmark.report.rows import Row

MEMBERS = (Piece.FIRST, Piece.MEMBER, Piece.LAST)


def rows(tied: np.ndarray) -> list[Row]:
    return [
        {"detector": f"d{i}", "tied_with": "; ".join(f"d{j}" for j in np.flatnonzero(near))}
        for i, near in enumerate(tied)
    ]


def ties(number: int, pairs: list[tuple[int, int]]) -> np.ndarray:
    found = np.zeros((number, number), dtype=bool)
    for i, j in pairs:
        found[i, j] = found[j, i] = True
    return found


@pytest.mark.parametrize("seed", range(12))
def test_rows_share_a_bracket_exactly_if_tied(seed: int) -> None:
    rng = np.random.default_rng(seed)
    number = int(rng.integers(2, 14))
    upper = np.triu(rng.random((number, number)) < rng.random(), 1)
    tied = upper | upper.T
    pieces = brackets.brackets(rows(tied)).pieces
    for i, j in combinations(range(number), 2):
        shared = any(a in MEMBERS and b in MEMBERS for a, b in zip(*(pieces[k] for k in (i, j)),
                                                                  strict=True))  # fmt: skip
        assert shared == tied[i, j]


def test_a_chain_has_overlapping_brackets_and_a_line_passes_who_is_apart() -> None:
    chain = brackets.brackets(rows(ties(3, [(0, 1), (1, 2)])))
    assert chain.pieces == (
        (Piece.FIRST, Piece.NONE),
        (Piece.LAST, Piece.FIRST),
        (Piece.NONE, Piece.LAST),
    )
    assert [brackets.text(row) for row in chain.pieces] == ["┌\xa0", "└┌", "\xa0└"]
    passed = brackets.brackets(rows(ties(3, [(0, 2)])))
    assert [row[0] for row in passed.pieces] == [Piece.FIRST, Piece.PASSED, Piece.LAST]
    whole = brackets.brackets(rows(~np.eye(4, dtype=bool)))
    assert [brackets.text(row) for row in whole.pieces] == ["┌", "├", "├", "└"]


def test_nobody_tied_gives_no_bracket() -> None:
    apart = [*rows(ties(2, [])), {"detector": "unranked", "tied_with": None}]
    assert brackets.brackets(apart).number == 0
    assert brackets.brackets([]).number == 0
    assert brackets.ties(apart[2]) == []
