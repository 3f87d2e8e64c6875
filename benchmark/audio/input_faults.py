"""Names of what may be wrong with an input that can be read; they are kept with its scores."""

from __future__ import annotations

from collections.abc import Iterable

SILENT_DBFS = -60.0  # active speech level
SHORT_S = 0.1

FAULTS = {
    "length": "the file states another length than it holds",
    "truncated": "the file ends inside a frame or chunk",
    "damaged": "packets of a bare MPEG or AAC stream could not be decoded",
    "phase": "the channels cancel each other (opposite phase)",
    "scale": "the peak is more than 18 dB over full scale",
    "silent": f"the active speech level is below {SILENT_DBFS:g} dBFS",
    "dc": f"beside a constant offset, the level is below {SILENT_DBFS:g} dBFS",
    "short": f"the utterance is shorter than {SHORT_S:g} s",
}


def joined(faults: Iterable[str]) -> str:
    """Return the names of faults as one text."""
    return ",".join(faults)


def parted(text: str | None) -> tuple[str, ...]:
    """Return the names in a text that `joined` made."""
    return tuple(text.split(",")) if text else ()
