"""Text in CSV cells that a spreadsheet would run as a formula."""

from __future__ import annotations

STARTS = ("=", "+", "-", "@", "\t", "\n")
GUARD = "'"


def guarded(text: str) -> str:
    """Return text with an apostrophe before it if a spreadsheet would run it; `plain` removes it.

    >>> guarded("=1+1"), guarded("-"), guarded("A07"), guarded("'=1+1")
    ("'=1+1", '-', 'A07', "''=1+1")
    """
    return GUARD + text if text != "-" and text.lstrip(GUARD)[:1] in STARTS else text


def plain(text: str) -> str:
    """Return the text that `guarded` was given.

    >>> plain("'=1+1"), plain("''=1+1"), plain("it's"), plain("'")
    ('=1+1', "'=1+1", "it's", "'")
    """
    return text[1:] if text[:1] == GUARD and text.lstrip(GUARD)[:1] in STARTS else text
