"""One step of the verification of a run, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Step:
    """What one step of a verification compared, and what it found.

    name   : what the step is about, in a word or two
    found  : what was compared and how much of it, in one sentence
    faults : one sentence for everything that does not hold
    notes  : what a reader should know, and what is no fault
    """

    name: str
    found: str
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return the step as JSON types."""
        return {
            "step": self.name,
            "found": self.found,
            "faults": [*self.faults],
            "notes": [*self.notes],
        }


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "file"), counted(2, "file")
    ('1 file', '2 files')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def below(folder: Path, said: object) -> str:
    """Return a sentence in one line, with paths below a run folder as they are named there."""
    return " ".join(str(said).replace(f"{folder}/", "").split())
