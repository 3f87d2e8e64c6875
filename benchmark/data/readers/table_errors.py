"""Errors of tables that cannot be parsed: the line, and what is wrong with it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from benchmark.core.errors import InputError, one_line
from benchmark.data.cleaning import MOST_SEARCHED

_UNPAIRED = re.compile(r"EOF inside string starting at row (\d+)")
_LONG = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def unreadable(file: Path, error: Exception) -> InputError:
    """Return the error for a table that cannot be parsed, with the line where it is known."""
    text = one_line(error)
    if isinstance(error, UnicodeError):
        return InputError(
            f"{file} cannot be read as a table ({_not_text(file) or text}); save it as UTF-8"
        )
    if found := _UNPAIRED.search(text):
        text = f"line {int(found[1]) + 1} has a quotation mark without its pair"
    elif found := _LONG.search(text):
        text = f"line {found[2]} has {found[3]} columns, not {found[1]}"
    return InputError(f"{file} cannot be read as a table ({text})")


def long_line(file: Path, separator: str, encoding: str) -> str:
    """Return the first line with more cells than the header, in words; '' if none is found."""
    try:
        with file.open(encoding=encoding, newline="") as handle:
            rows = csv.reader(handle, delimiter=separator)
            width = len(next(rows, []))
            for row in rows:
                if len(row) > width:
                    return f" (line {rows.line_num} has {len(row)}, not {width})"
    except (OSError, ValueError, csv.Error):
        return ""  # an error message must not fail
    return ""


def _not_text(file: Path) -> str:
    """Return the first line that is not UTF-8, in words; '' if none is found."""
    try:
        if file.stat().st_size > MOST_SEARCHED:
            return ""
        with file.open("rb") as handle:
            for number, line in enumerate(handle, 1):
                try:
                    line.decode()
                except UnicodeDecodeError as error:
                    byte = line[error.start]
                    return f"line {number} is not UTF-8, at byte {error.start + 1}: 0x{byte:02x}"
    except OSError:
        return ""
    return ""
