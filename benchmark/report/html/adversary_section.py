"""Section on the adversary: what passes thresholds that were frozen before laundering."""

from __future__ import annotations

from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.leaderboard.trial_sets import of_track
from benchmark.report.rows import Row, records

FINE = 0.20  # an EER up to this looks fine beside those of most laundered cells
LISTED = 10  # cells that are listed
WIDE = 0.10  # the least gap between EER and false acceptance that is worth a line


def numbers(tables: Tables, board: list[Row]) -> Row:
    """Return the values of one track; `board` holds its rows of the leaderboard.

    strict : whether any detector has a threshold at 1 % false rejection
    blank  : why thresholds are missing, each cause once
    gaps   : the cells whose EER looks fine while the frozen EER point lets most fakes through, the
             widest gap first, at most `LISTED`; `more` is the number of those left out
    """
    track = board[0]["track"]
    cells = records(of_track(tables.conditions, track))
    found = [cell | {"accepted": _accepted(cell)} for cell in cells if _counts(cell)]
    gaps = [c for c in found if c["eer"] <= FINE and c["accepted"] - c["eer"] >= WIDE]
    gaps.sort(key=lambda cell: (cell["eer"] - cell["accepted"], cell["detector"]))
    return {
        "strict": any(row["laundered_success1"] is not None for row in board),
        "blank": list(dict.fromkeys(r["success_blank"] for r in board if r["success_blank"])),
        "gaps": gaps[:LISTED],
        "more": len(gaps[LISTED:]),
        "frozen": bool(found),
    }


def _counts(cell: Row) -> bool:
    """Whether the cell is laundered, enters means, and has a frozen threshold."""
    return bool(cell["verified"] and cell["complete"] and cell["fn"] is not None)


def _accepted(cell: Row) -> float:
    """Return the share of spoofs that pass the frozen EER point."""
    return float(cell["fn"] / (cell["fn"] + cell["tp"]))
