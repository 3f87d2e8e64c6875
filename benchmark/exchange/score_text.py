"""The lines of a text file that some other program or spreadsheet wrote."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.errors import InputError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PROBE = 1000  # bytes in which zeros tell UTF-16 without a byte order mark
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_HINT = re.compile(r"sep=.")  # first line that tells Excel the separator


@dataclass(frozen=True)
class Line:
    """A line that is not blank, and its number from 1."""

    number: int
    text: str


def lines(path: Path) -> list[Line]:
    """Return the lines of a text file in UTF-8 or UTF-16, with any kind of line ends.

    Raises `InputError` naming the file, and the line where it is no text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    encoding = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        number = _newlines(content[: error.start].decode(encoding, errors="replace")) + 1
        raise InputError(
            f"{path}:{number}: this is not a text file in UTF-8 or UTF-16 ({error.reason})"
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if strange := _CONTROL.search(text):
        number = text.count("\n", 0, strange.start()) + 1
        raise InputError(
            f"{path}:{number}: this is not a text file (it holds the control character"
            f" {strange.group()!r})"
        )
    found = [Line(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return found[1:] if found and _HINT.fullmatch(found[0].text.strip()) else found


def _encoding(content: bytes) -> str:
    """Return the encoding by the byte order mark, else by the bytes that are zero."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    probe = content[:_PROBE]
    for encoding, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
        high = probe[offset::2]
        if high and high.count(0) > len(high) // 2 and probe[1 - offset :: 2].count(0) == 0:
            return encoding
    return "utf-8"


def _newlines(text: str) -> int:
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")
