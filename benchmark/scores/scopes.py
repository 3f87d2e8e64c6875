"""The scopes of a table, that is, who is laundered in it: everyone, or the spoofs alone.

A channel hits everyone who speaks through it: laundered bona fide trials against laundered spoofs.
An adversary launders his fakes alone: clean bona fide trials against laundered spoofs. The stored
scores of a run hold both. The two answer different questions, so no table mixes them: a report of
each scope has a folder of its own.
"""

from __future__ import annotations

from benchmark.core.errors import unknown

BOTH, SPOOF = "both", "spoof"
EACH = "each"  # not a scope: a report of every scope
SCOPES = {
    BOTH: "every trial is laundered, bona fide and spoof: a channel hits everyone",
    SPOOF: "spoofs alone are laundered, bona fide trials stay clean: an adversary hides his fakes",
}
REPORTED = (*SCOPES, EACH)
READER = {BOTH: "everyone", SPOOF: "fakes alone"}  # who is laundered, as a page says it
BESIDE = "scope-spoof"  # the folder, below the report of scope both, of that of scope spoof


def checked(name: str) -> str:
    """Return the name of a scope; `InputError` if there is no such scope."""
    if name not in SCOPES:
        raise unknown("scope", name, SCOPES)
    return name


def reported(name: str) -> tuple[str, ...]:
    """Return the scopes of a report: one, or with `each` all; `InputError` if there is none.

    >>> reported("spoof"), reported("each")
    (('spoof',), ('both', 'spoof'))
    """
    if name not in REPORTED:
        raise unknown("scope", name, REPORTED)
    return tuple(SCOPES) if name == EACH else (name,)


def other(name: str) -> tuple[str, str]:
    """Return the other scope, and the folder of its report as seen from that of this scope.

    >>> other("both"), other("spoof")
    (('spoof', 'scope-spoof'), ('both', '..'))
    """
    return (SPOOF, BESIDE) if checked(name) == BOTH else (BOTH, "..")
