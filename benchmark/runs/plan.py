"""The plan of a run: its trials, conditions and detectors, and shares of it per machine."""

from __future__ import annotations

from dataclasses import dataclass

from attacks.contract.condition import Condition
from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.inference.checkpoints import Checkpoint


@dataclass(frozen=True)
class RunPlan:
    """Everything that a run computes: test x conditions, and dev x clean for thresholds."""

    test: Protocol
    dev: Protocol
    suite: str
    conditions: tuple[Condition, ...]
    detectors: tuple[Checkpoint, ...]
    seed: int

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
