"""The error that users see: bad input, described in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

FEW = 8  # names that an error lists


class InputError(ValueError):
    """Bad input from the user: one sentence that names the file or value and the cause.

    The command line prints it without a traceback and exits with code 2.
    """


def one_line(error: BaseException) -> str:
    """Return the text of an error on one line; '' if it has none.

    >>> one_line(ValueError("  several   words"))
    'several words'
    """
    return " ".join(str(error).split())


def unknown(kind: str, name: str, known: Iterable[str], see: str = "") -> InputError:
    """Return the error for an unknown name, with the nearest known names.

    A few known names are listed; of many, their number and where to `see` them.

    >>> str(unknown("attack", "niose", ["noise", "mp3"]))
    "unknown attack 'niose'; did you mean 'noise'? (known: mp3, noise)"
    >>> str(unknown("digit", "x", map(str, range(10)), see="launderbench list digits"))
    "unknown digit 'x' (10 are known: launderbench list digits)"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    if len(names) <= FEW:
        shown = f"known: {', '.join(names) or 'none'}"
    elif see:
        shown = f"{len(names)} are known: {see}"
    else:
        shown = f"known: {', '.join(names[:FEW])} and {len(names) - FEW} more"
    return InputError(f"unknown {kind} {name!r}{hint} ({shown})")
