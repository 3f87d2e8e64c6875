"""Which of the listed units count: the latest attempt, of one set of audio files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmark.scores.manifest import UNKNOWN_INPUTS, PartInfo


def effective(parts: Iterable[PartInfo]) -> tuple[list[PartInfo], list[PartInfo]]:
    """Part the units into those that count and those that others replace.

    Of two parts with scores of one detector for one unit, the one that comes first in the result
    counts: the higher attempt, then the name of the file. Parts that were computed from other audio
    files than the latest attempt do not count at all.
    """
    units: dict[str, list[PartInfo]] = {}
    for part in parts:
        units.setdefault(part.key, []).append(part)
    kept: list[PartInfo] = []
    replaced: list[PartInfo] = []
    for mine in units.values():
        if len(mine) == 1:
            kept += mine
            continue
        mine.sort(key=lambda part: (-part.file.attempt, -len(part.detectors), part.path))
        good, bad = _of_unit(mine)
        kept += good
        replaced += bad
    kept.sort(key=lambda part: (-part.file.attempt, -len(part.detectors), part.path, part.start))
    return kept, replaced


def _of_unit(ordered: Sequence[PartInfo]) -> tuple[list[PartInfo], list[PartInfo]]:
    inputs = next((p.inputs for p in ordered if p.inputs != UNKNOWN_INPUTS), UNKNOWN_INPUTS)
    kept: list[PartInfo] = []
    replaced: list[PartInfo] = []
    covered: set[str] = set()
    latest = ordered[0].file.attempt
    for part in ordered:
        stale = part.inputs not in (inputs, UNKNOWN_INPUTS)
        empty = not part.detectors and part.file.attempt < latest
        nothing_new = bool(part.detectors) and covered.issuperset(part.detectors)
        (replaced if stale or empty or nothing_new else kept).append(part)
        if not stale:
            covered.update(part.detectors)
    return kept, replaced


def next_attempts(parts: Iterable[PartInfo]) -> dict[str, int]:
    """Map each unit key to the attempt that replaces these parts of the unit."""
    found: dict[str, int] = {}
    for part in parts:
        found[part.key] = max(found.get(part.key, 0), part.file.attempt + 1)
    return found


def done(parts: Iterable[PartInfo]) -> dict[str, set[str]]:
    """Map each unit key to the identities of the detectors that have scored the unit."""
    held: dict[str, set[str]] = {}
    for part in parts:
        held.setdefault(part.key, set()).update(part.detectors)
    return held
