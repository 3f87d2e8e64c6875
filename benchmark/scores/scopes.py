"""The scopes of a table, that is, who is laundered in it: everyone, or the spoofs alone.

A channel hits everyone who speaks through it: laundered bona fide trials against laundered spoofs.
An adversary launders his fakes alone: clean bona fide trials against laundered spoofs. The stored
scores of a run hold both. The two answer different questions, so no table mixes them.
"""

from __future__ import annotations

from benchmark.core.errors import unknown

BOTH, SPOOF = "both", "spoof"
SCOPES = {
    BOTH: "every trial is laundered, bona fide and spoof: a channel hits everyone",
    SPOOF: "spoofs alone are laundered, bona fide trials stay clean: an adversary hides his fakes",
}


def checked(name: str) -> str:
    """Return the name of a scope; `InputError` if there is no such scope."""
    if name not in SCOPES:
        raise unknown("scope", name, SCOPES)
    return name
