"""The plan: which shards of utterances meet which conditions, for which detectors."""

from __future__ import annotations

from dataclasses import dataclass

from attacks.contract.condition import Condition
from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.inference.checkpoints import Checkpoint


@dataclass(frozen=True)
class RunPlan:
    """Everything that a run computes: test x conditions, and dev x clean for the thresholds."""

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
        """The utterances of `dev` or `test`."""
        return self.test if split == "test" else self.dev


@dataclass(frozen=True)
class PlanShare:
    """One of `of` equal shares of a plan, for as many machines: every `of`-th shard of utterances.

    index : 1 to `of`; `InputError` where it is not
    """

    index: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.of:
            raise InputError(f"--shard {self}: want I/N with I from 1 to N")

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    def holds(self, number: int) -> bool:
        """Is the shard of utterances with this number (0, 1, ...) in this share?"""
        return number % self.of == self.index - 1
