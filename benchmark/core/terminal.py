"""Text for a terminal: aligned columns and paragraphs that fit its width."""

from __future__ import annotations

import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import Any, TextIO

GAP = "  "
MARKS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")  # they reorder a line
NARROWEST = 8  # a column that is wider than this may be wrapped


def width() -> int | None:
    """Return the columns of the terminal; None where output goes to a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def printable(text: str) -> str:
    r"""Return the text with escapes, as in JSON, for what steers a terminal or reorders a line.

    Line feeds and tabs stay. Names of files and text from files may hold anything else.

    >>> print(printable("a\x1b[2Jb"))
    a\u001b[2Jb
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in "\n\t" or not _steers(char) else f"\\u{ord(char):04x}" for char in text
    )


class Printable:
    """A text stream that writes everything `printable` to another one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text, with escape sequences in the place of control characters."""
        return self._stream.write(printable(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _steers(char: str) -> bool:
    """Return whether a character is a control, a direction mark or a lone surrogate."""
    return unicodedata.category(char) in ("Cc", "Cs") or unicodedata.bidirectional(char) in MARKS


def columns(
    rows: Sequence[Sequence[str]], right: Collection[int] = (), limit: int | None = None
) -> Iterator[str]:
    """Yield each row as text with aligned columns, the widest wrapped to fit the terminal.

    Columns whose index is in `right` are flush right, the others flush left. `limit` is the
    widest line in characters; by default that of the terminal.
    """
    limit = limit or width()
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while limit and sum(widths) + len(GAP) * (len(widths) - 1) > limit:
        widest = widths.index(max(widths))
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    for row in rows:
        cells = [_wrapped(cell, size) for cell, size in zip(row, widths, strict=True)]
        lines = zip_longest(*cells, fillvalue="")
        yield "\n".join(_placed(line, widths, right) for line in lines)


def paragraph(text: str) -> str:
    """Return the text wrapped to the terminal, later lines four spaces deeper than the first.

    Words that are longer than a line (paths, hashes) stay whole, so that they can be copied.
    """
    limit = width()
    if limit is None or len(text) <= limit:
        return text
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.fill(
        text.strip(),
        max(limit, len(indent) + NARROWEST),
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _placed(line: Sequence[str], widths: Sequence[int], right: Collection[int]) -> str:
    parts = (
        part.rjust(size) if place in right else part.ljust(size)
        for place, (part, size) in enumerate(zip(line, widths, strict=True))
    )
    return GAP.join(parts).rstrip()


def _wrapped(cell: str, size: int) -> list[str]:
    if len(cell) <= size:
        return [cell]
    indent = cell[: len(cell) - len(cell.lstrip())]
    return textwrap.wrap(cell, size, subsequent_indent=indent, break_on_hyphens=False) or [""]
