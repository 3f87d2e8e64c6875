"""One cleaning of the texts in tables of data sets: encoding, blanks, ids and paths.

Tables come from spreadsheets, other systems and other machines. What differs only in these ways
means the same, so every reader cleans in the same place.
"""

from __future__ import annotations

import codecs
import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError

BLANKS = " \t\r\n\v\f\ufeff\u00a0\u200b"  # also a byte order mark in the middle of joined files
AUDIO_ROOT = "--audio-root"
_MARKS = (  # the longer mark of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNCLEAN = re.compile(r"^[\s\ufeff\u200b/]|[\s\ufeff\u200b]$|\\|//|(?:^|/)\.\.?(?:/|$)|^[A-Za-z]:")
_OUTSIDE = re.compile(r"^(?:[/\\]|[A-Za-z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)")
# One of these is in any text of paths, one per line, of which one is empty, unclean or outside.
_SIGNS = (
    "\n\n", "\n ", " \n", "\n/", "/\n", "\n.", "/.", "//", "\\", ":", "\t", "\r", "\v", "\f", "\0",
    "\u00a0", "\u200b", "\ufeff",
)  # fmt: skip
_SEPARATORS = r"\s,;|\"'\[\]{}:"
_PROTOCOL = re.compile(r"ASVspoof.+\.(?:txt|tsv)")
MOST_SEARCHED = 50_000_000  # bytes of a file that an error message searches for its line


def encoding_of(file: Path) -> str:
    """Return the encoding of a text file: UTF-16 or UTF-32 by its mark, else UTF-8.

    Raises `InputError` if the file cannot be read or is no text.
    """
    try:
        with file.open("rb") as handle:
            start = handle.read(4096)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror or error})") from error
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    if b"\0" in start:
        raise InputError(
            f"{file} cannot be read as a table (it holds NUL bytes: it is no text, or UTF-16"
            " without a byte order mark); save it as UTF-8"
        )
    return "utf-8-sig"


def stripped(words: pd.Series) -> pd.Series:
    """Return texts without the blanks and byte order marks around them."""
    return words.astype(str).str.strip(BLANKS)


def plainly_clean(paths: Sequence[str]) -> bool:
    """Return True if no path can be unclean or lead outside, found fast for a million paths."""
    text = "\n".join(["", *paths, ""])
    return not any(sign in text for sign in _SIGNS)


def clean_paths(paths: Sequence[str], root: Path) -> list[str]:
    """Return paths relative to `root`, with slashes; those that lead outside stay recognisable.

    Absolute paths inside `root` become relative. A name that exists as it stands is kept, since
    blanks and backslashes may belong to it.
    """
    if plainly_clean(paths):
        return list(paths)
    inside: tuple[str, ...] | None = None
    cleaned = []
    for text in paths:
        if _UNCLEAN.search(text):
            if inside is None:  # resolving costs a look at the disk
                inside = tuple(dict.fromkeys(_slashed(root)))
            text = _cleaned(text, root, inside)
        cleaned.append(text)
    return cleaned


def _slashed(root: Path) -> Iterator[str]:
    for folder in (Path(os.path.abspath(root)), root.resolve()):  # noqa: PTH100 - keeps links
        yield folder.as_posix().rstrip("/") + "/"


def _cleaned(text: str, root: Path, inside: tuple[str, ...]) -> str:
    path = _plain(text)
    for above in inside:
        if path.startswith(above):
            path = path[len(above) :]
            break
    plain = posixpath.normpath(text)
    if plain != path and not is_outside(text) and "\0" not in text and (root / plain).is_file():
        return plain
    return "" if path == "." else path


def _plain(text: str) -> str:
    """Return a path without blanks around it, backslashes and steps to the same folder."""
    path, before = text, ""
    while path != before:  # what was removed may have hidden more blanks
        before, path = path, path.strip(BLANKS).replace("\\", "/")
        path = posixpath.normpath(path) if path else ""
        path = path[1:] if path.startswith("//") else path  # normpath keeps two leading slashes
    return path


def is_outside(path: str) -> bool:
    """Return True for an absolute path and for one that climbs out of its folder."""
    return _OUTSIDE.search(path) is not None


def outside(path: str, place: str) -> InputError:
    """Return the error for a path that leads out of the data folder; `place` is file and line."""
    return InputError(
        f"{place}: the path {path!r} points outside the data folder; if the audio lies elsewhere,"
        f" name the folder that contains it with {AUDIO_ROOT}"
    )


def place(source: Path, row: object, *cells: str) -> str:
    """Return the file and the line that holds the first of `cells` that is found, in words.

    The line is searched, so that readers need not count. For a table that is no text, `row` (from
    0) is given; where nothing is known, the source alone.
    """
    if source.suffix.lower() in (".parquet", ".arrow") and isinstance(row, int):
        return f"{source}: row {row + 1}"
    for cell in cells:
        for file in _texts(source):
            if found := lines_with(file, cell):
                return f"{file}: line {found[0]}"
    return str(source)


def lines_with(file: Path, *cells: str, most: int = 1) -> list[int]:
    """Return the numbers of the first lines that have each of `cells` as a cell of its own."""
    ends = [
        re.compile(
            f"(?:^|[{_SEPARATORS}/]){re.escape(c.replace(chr(92), '/'))}(?:$|[{_SEPARATORS}])"
        )
        for c in cells
        if c
    ]
    found: list[int] = []
    if not ends:
        return found
    try:
        if file.stat().st_size > MOST_SEARCHED:
            return found
        with file.open(encoding=encoding_of(file), errors="replace", newline=None) as handle:
            for number, line in enumerate(handle, 1):
                text = line.rstrip("\n").replace("\\", "/")
                if all(end.search(text) for end in ends):
                    found.append(number)
                    if len(found) == most:
                        break
    except (OSError, UnicodeError, InputError):
        return found  # an error message must not fail
    return found


def _texts(source: Path) -> list[Path]:
    """Return the source, or the protocols of the field in it; other texts may be about anything."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        return []
    return sorted(p for p in source.iterdir() if _PROTOCOL.fullmatch(p.name) and p.is_file())
