"""The leaderboards below a folder of results: which there are, their tables, and their pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.leaderboard import read_tables
from benchmark.scores.scopes import BESIDE

PAGE = "leaderboard.html"
MARK = "leaderboard.csv"
ADDRESS = "/run"  # of this server, below which the pages are
ABOUT = {  # tables that are shown, and what a row is
    "leaderboard": "detectors on the headline track",
    "tracks": "detectors on every track",
    "conditions": "detectors under every condition",
    "severity": "detectors along the levels of an attack",
    "robustness": "losses of detectors",
    "differences": "pairs of detectors",
    "breakdown": "groups of trials",
    "effects": "what was measured of every attack",
    "failures": "what failed, and why",
    "inputs": "audio files with faults",
}


@dataclass(frozen=True)
class Board:
    """A folder with a leaderboard; `name` is its path below the folder of results."""

    name: str
    folder: Path

    @property
    def address(self) -> str:
        """The path of the page on this server."""
        return f"{ADDRESS}/{quote(self.name)}/{PAGE}"

    @property
    def page(self) -> Path | None:
        """The page of the leaderboard; None if there is none."""
        path = self.folder / PAGE
        return path if path.is_file() else None

    @property
    def changed(self) -> float:
        """When the leaderboard was written, in seconds since 1970."""
        return (self.folder / MARK).stat().st_mtime

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables of `ABOUT` by name, in their order, without empty ones.

        Raises `InputError` that names the file if one is missing or damaged.
        """
        found = read_tables.read(self.folder)
        return {name: found[name] for name in ABOUT if len(found[name])}


def listed(results: Path) -> list[Board]:
    """Return the boards in the folders below `results`, newest first; hidden folders are left out.

    A folder is known by its leaderboard.csv; folders in folders count to a depth of two, and so do
    their reports of the other scope, to which their pages lead.
    """
    depths = ("*", "*/*", f"*/*/{BESIDE}")
    marks = {mark for depth in depths for mark in results.glob(f"{depth}/{MARK}")}
    folders = [mark.parent for mark in marks if mark.is_file()]
    boards = [Board(folder.relative_to(results).as_posix(), folder) for folder in folders]
    shown = [board for board in boards if not re.search(r"(^|/)\.", board.name)]
    return sorted(shown, key=lambda board: (-board.changed, board.name))


def find(results: Path, name: str) -> Board:
    """Return the board of that name; `InputError` if none of those listed has it."""
    for board in listed(results):
        if board.name == name:
            return board
    raise InputError(f"no leaderboard is called {name!r}")
