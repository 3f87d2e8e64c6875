"""Where a worker process is: a small shared slot that outlives the worker.

The worker marks what it is at; its parent reads the last mark after a hang, a crash or a kill.
"""

from __future__ import annotations

import multiprocessing
from ctypes import Array, c_char
from dataclasses import dataclass

SIZE = 4096  # bytes of a slot: its first two give the length of the text
_SEPARATOR = "\0"

Slot = Array[c_char]


@dataclass(frozen=True)
class Whereabouts:
    """What a worker was at: the step, and the utterance or the detector, '' where there is none."""

    step: str = ""
    utterance: str = ""
    detector: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.step, self.detector or self.utterance)))


NOWHERE = Whereabouts()
_slot: memoryview | None = None


def new_slot() -> Slot:
    """Return an empty slot that a spawned process can be given."""
    return multiprocessing.get_context("spawn").RawArray(c_char, SIZE)


def use(slot: Slot) -> None:
    """Mark in `slot` from now on."""
    global _slot
    _slot = memoryview(slot).cast("B")


def mark(step: str = "", utterance: str = "", detector: str = "") -> None:
    """Say what this process is at; nothing happens in a process without a slot."""
    if _slot is None:
        return
    text = _SEPARATOR.join((step, utterance, detector)).encode("utf-8", "replace")[: SIZE - 2]
    _slot[:2] = b"\0\0"  # a worker that dies half-way leaves no mark rather than a mixed one
    _slot[2 : 2 + len(text)] = text
    _slot[:2] = len(text).to_bytes(2, "big")


def read(slot: Slot) -> Whereabouts:
    """Return the last mark in `slot`, also of a process that has died since."""
    content = slot.raw
    text = content[2 : 2 + int.from_bytes(content[:2], "big")].decode("utf-8", "replace")
    return Whereabouts(*text.split(_SEPARATOR)) if text else NOWHERE
