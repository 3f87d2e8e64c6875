"""Section of grids: EER by two labels of a suite's conditions, such as codec by quality."""

from __future__ import annotations

from benchmark.leaderboard.leaderboard_tables import Tables
from benchmark.report.grid_view import GridLine, GridView, unverified, views
from benchmark.report.palette import level
from benchmark.report.rows import Row


def grids(tables: Tables, board: list[Row]) -> list[Row]:
    """Return the grids of a track; `board` holds its rows of the leaderboard."""
    names = [row["detector"] for row in board]
    return [_grid(view) for view in views(tables, board[0]["track"], names)]


def _grid(view: GridView) -> Row:
    return {
        "suite": view.suite,
        "row": view.row,
        "column": view.column,
        "columns": view.columns,
        "means": [_line(line, view.means(line)) for line in view.lines],
        "detectors": [
            {
                "name": name,
                "lines": [_line(line, view.of_detector(name, line)) for line in view.lines],
            }
            for name in view.detectors
        ],
    }


def _line(line: GridLine, cells: list[Row | None]) -> Row:
    return {
        "label": line.label,
        "name": line.name,
        "group": line.group if line.group != line.name else "",
        "waits_for": line.waits_for,
        "cells": [_cell(cell) for cell in cells],
    }


def _cell(cell: Row | None) -> Row:
    if cell is None:
        return {"eer": None, "level": None, "title": "", "state": None, "off": False}
    missing = cell["eer"] is None
    return {
        "eer": cell["eer"],
        "level": None if missing else level(cell["eer"]),
        "title": cell["condition"] or "",
        "state": unverified(cell),
        "off": missing or not cell["complete"],
    }
