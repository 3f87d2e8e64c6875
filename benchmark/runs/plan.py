"""The plan of a run: its trials, conditions and detectors, and shares of it per machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from attacks.contract.condition import Condition
from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.inference.checkpoints import Checkpoint
from benchmark.scores.unit_keys import UnitKeys, shards


@dataclass(frozen=True)
class RunPlan:
    """Everything that a run computes: test x conditions, and dev x clean for thresholds.

    options       : how the data set was opened and limited, for a repetition (JSON types only)
    plugin_checks : what the contract check found wrong with each condition that has a plugin, ''
                    if nothing; a condition that is absent was not checked
    """

    test: Protocol
    dev: Protocol
    suite: str
    conditions: tuple[Condition, ...]
    detectors: tuple[Checkpoint, ...]
    seed: int
    options: dict[str, Any] = field(default_factory=dict)
    plugin_checks: dict[str, str] = field(default_factory=dict)

    def parts(self) -> tuple[tuple[str, Protocol, tuple[Condition, ...]], ...]:
        """Return (split, its utterances, its conditions) for dev and test."""
        return ("dev", self.dev, (Condition(),)), ("test", self.test, self.conditions)

    def protocol(self, split: str) -> Protocol:
        """Return the utterances of the split `dev` or `test`."""
        return self.test if split == "test" else self.dev


@dataclass(frozen=True)
class PlanShare:
    """Every `of`-th shard of utterances of a plan, to divide a run among `of` machines.

    index : 1 to `of`, else `InputError`
    """

    index: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.of:
            raise InputError(f"--shard {self}: write I/N with I from 1 to N")

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    def holds(self, number: int) -> bool:
        """Check whether the shard with this number (from 0) is in this share."""
        return number % self.of == self.index - 1


WHOLE = PlanShare()


def plan_shards(
    plan: RunPlan, share: PlanShare = WHOLE
) -> Iterator[tuple[str, int, int, tuple[Condition, ...]]]:
    """Yield split, start row, stop row and conditions of each shard of a share of the plan."""
    number = 0
    for split, protocol, conditions in plan.parts():
        for start, stop in shards(len(protocol.table)):
            if share.holds(number):
                yield split, start, stop, conditions
            number += 1


def keys_of(plan: RunPlan, split: str, conditions: Sequence[Condition]) -> UnitKeys:
    """Return the unit keys of a split under some conditions."""
    protocol = plan.protocol(split)
    identities = [condition.identity() for condition in conditions]
    recipe = plan.test.recipe
    return UnitKeys(protocol.table, protocol.digest(), identities, plan.seed, recipe)
