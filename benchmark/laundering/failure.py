"""Failures of an utterance: the kinds that score parts, records and tables name, and the cause."""

from __future__ import annotations

from dataclasses import dataclass

UNREADABLE = "unreadable"  # the recording cannot be decoded: it fails under every condition
ATTACK = "attack"  # the recording is sound, but an attack cannot be applied to it
DETECTOR = "detector"  # the audio is there, but a detector gave no finite score
NO_FAILURE: dict[str, str | None] = {"failure": None, "cause": None}  # columns of a success


@dataclass(frozen=True)
class Failure:
    """The reason why an utterance has no laundered audio.

    kind  : `UNREADABLE` or `ATTACK`
    cause : the file or the attack, and what went wrong, in words
    """

    kind: str
    cause: str

    def columns(self) -> dict[str, str | None]:
        """Return the columns `failure` and `cause` of a row or record; see `NO_FAILURE`."""
        return {"failure": self.kind, "cause": self.cause}
