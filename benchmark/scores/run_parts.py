"""The parts of a run's current plan, read by split and condition."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pandas as pd

from benchmark.core.log import logger
from benchmark.scores import part_reader
from benchmark.scores.manifest import PartInfo
from benchmark.scores.part_format import DamagedPart
from benchmark.scores.part_reader import PartRows, Wanted
from benchmark.scores.store import Store
from benchmark.scores.unit_keys import of_plan


class RunParts:
    """What a run holds for its current plan, without the parts of earlier plans.

    Other weights and an older version of an attack make another plan. A damaged part is found when
    it is read: then it is named in the log, and its trials have no scores.

    names : identity -> name of every detector of the plan
    """

    def __init__(
        self,
        store: Store,
        head: dict[str, Any],
        trials: pd.DataFrame,
        report: Callable[[list[str]], None],
    ) -> None:
        """List the parts of the plan `head` over these trials.

        `report` gets the paths of all damaged parts, in the run folder, whenever one more is found.
        """
        self._store = store
        self.names: dict[str, str] = {
            identity: name
            for name, item in head["detectors"].items()
            for identity in item.get("identities", [item["identity"]])  # imported: one per file
        }
        keys = {key for part in of_plan(head, trials) for *_, keys in part.shards() for key in keys}
        self._scan = store.scan()
        parts = [part for part in self._scan.parts if part.key in keys]
        self._parts: dict[tuple[str, str], list[PartInfo]] = {}
        for part in parts:
            self._parts.setdefault((part.split, part.condition), []).append(part)
        self._checked = _parts_with_checks(parts)
        self._report = report
        self._damaged: set[str] = set()
        for fault in self._scan.faults:
            logger.warning(f"what it lists counts as not scored: {fault}")
        for part in self._scan.lost:
            if part.key in keys:
                self._damage(part, DamagedPart(f"{part.path} {self._scan.damaged[part.path]}"))

    def origins(self) -> list[dict[str, Any]]:
        """Return each distinct origin (code, libraries, device) of the scores once."""
        found = self._store.origins(self._scan, itertools.chain(*self._parts.values()))
        return [*found.values()]

    def failing(self) -> list[tuple[str, str]]:
        """Return each split and condition under which anything failed."""
        return [cell for cell, parts in self._parts.items() if any(part.failures for part in parts)]

    def read_failing(self, split: str, condition: str) -> list[PartRows]:
        """Read the parts in which anything failed, with scores and causes."""
        parts = [part for part in self._parts[split, condition] if part.failures]
        return self._read(parts, Wanted(causes=True))

    def read(
        self,
        split: str,
        condition: str,
        *,
        scores: bool = True,
        checks: bool = False,
        failing: bool = False,
    ) -> list[PartRows]:
        """Read the scores or the checks of a condition, or both.

        A unit's checks are read from one of its parts: the first that was computed here, or else
        the first imported one. With `failing`, only the units in which anything failed are read.
        """
        parts = self._parts.get((split, condition), [])
        if failing:
            keys = {part.key for part in parts if part.failures}
            parts = [part for part in parts if part.key in keys]
        if not scores:
            parts = [part for part in parts if (part.path, part.key) in self._checked]
        return self._read(parts, Wanted(self._checked if checks else (), scores))

    def overlapping(self, split: str, condition: str) -> bool:
        """Check whether two parts hold scores of one detector for the same unit."""
        parts = self._parts.get((split, condition), [])
        held = [(part.key, i) for part in parts for i in part.detectors if i in self.names]
        return len(set(held)) < len(held)

    def _read(self, parts: list[PartInfo], wanted: Wanted) -> list[PartRows]:
        return part_reader.read(self._store, parts, wanted, self._damage) if parts else []

    def _damage(self, part: PartInfo, error: DamagedPart) -> None:
        """Name a damaged part, once."""
        name = part.path
        if name not in self._damaged:
            logger.warning(f"its trials count as not scored: {error}")
            self._damaged.add(name)
            self._report(sorted(self._damaged))


def _parts_with_checks(parts: list[PartInfo]) -> set[tuple[str, str]]:
    """Return path and key of the units whose checks count: one part per test unit."""
    first: dict[str, PartInfo] = {}
    for part in sorted(parts, key=lambda part: part.imported):
        if part.split == "test":
            first.setdefault(part.key, part)
    return {(part.path, part.key) for part in first.values()}
