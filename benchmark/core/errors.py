"""The one error that a user sees: bad input, told in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input from outside: one sentence that names the file or value and the cause.

    The command line prints it without a traceback and exits with code 2.
    """


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not known, with the nearest known names.

    >>> str(unknown("attack", "niose", ["noise", "mp3"]))
    "unknown attack 'niose'; did you mean 'noise'? (known: mp3, noise)"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    shown = ", ".join(names) if names else "none"
    return InputError(f"unknown {kind} {name!r}{hint} (known: {shown})")
