"""Attacks that are run as others: what they share, and stochastic chains drawn per utterance.

A fixed chain needs no code: write `a(...) | b(...)`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from attacks.chains import pools
from attacks.contract.base import Attack, Severity, attack, integer, text
from benchmark.core.errors import InputError

MOST = 5


class Composite(Attack):
    """Base of attacks that are run, and verified, step by step as other attacks.

    What was run stands in every utterance's record, spelled out: joined with ` | ` the steps are a
    condition that gives the same samples for that utterance and seed.
    """

    measures = "what each step claims"
    citation = ""
    _trains = False

    def parts(self, rng: np.random.Generator) -> tuple[Attack, ...]:
        """The attacks to run, drawn before severity is used; none leaves the utterance alone."""
        raise NotImplementedError

    def examples(self) -> Iterable[Attack]:
        """Attacks that between them use every file and every version that the parts may use."""
        raise NotImplementedError

    @property
    def warp(self) -> float | None:
        return 1.0 if all(part.aligned for part in self.examples()) else None

    def steps(self, rng: np.random.Generator) -> tuple[Attack, ...] | None:
        parts = self.parts(rng)
        return tuple(part.for_training() for part in parts) if self._trains else parts

    def resources(self) -> Mapping[str, str]:
        return resources_of(self.examples())

    def unavailable(self) -> str | None:
        causes = ((part.name, part.unavailable()) for part in self.examples())
        return next((f"{name}: {cause}" for name, cause in causes if cause), None)

    def for_training(self) -> Attack:
        made = copy.copy(self)
        object.__setattr__(made, "_trains", True)
        return made


@attack("stochastic")
@dataclass(frozen=True)
class Stochastic(Composite):
    """A chain whose steps, order and parameters are drawn per utterance.

    pool  : a pool's name (`launderbench list pools`), or a TOML file of your own, written as
            `attacks.chains.pools` says. A chain takes at most one step from each of its slots
    least : fewest steps, 1 to 5
    most  : most steps, from `least` to 5 and to the number of slots

    Every depth is equally likely. The order and the parameters are drawn before the depth, so
    that the chain of a smaller `most` is the beginning of the chain of a larger one.
    """

    pool: str = text("mixed")
    least: int = integer(1, low=1, high=MOST, unit="steps")
    most: int = integer(3, low=1, high=MOST, unit="steps")

    family = "chain"
    version = 3
    severity = Severity("most", "steps", (1, 2, 3, 4, 5))

    def validate(self) -> None:
        if self.least > self.most:
            raise InputError(f"stochastic: least={self.least} is more than most={self.most}")
        try:
            slots = len(pools.load(self.pool).slots)
        except InputError as error:
            raise InputError(f"stochastic: {error}") from error
        if self.most > slots:
            raise InputError(
                f"stochastic: most={self.most} is more than the {slots} slots of {self.pool}"
            )

    @property
    def stream(self) -> str:
        return f"stochastic/{pools.load(self.pool).name}"

    def resources(self) -> Mapping[str, str]:
        """The pool's content, and files and versions of everything that it may draw."""
        pool = pools.load(self.pool)
        return {f"pool/{pool.name}": pool.sha256, **super().resources()}

    def examples(self) -> tuple[Attack, ...]:
        return pools.load(self.pool).examples()

    def parts(self, rng: np.random.Generator) -> tuple[Attack, ...]:
        slots = pools.load(self.pool).slots
        order = rng.permutation(len(slots))
        which, values = rng.random(len(slots)), rng.random((len(slots), pools.MOST_OPEN))
        depth = self.least + int(rng.random() * (self.most - self.least + 1))
        chosen = []
        for slot in order[:depth]:
            draws = slots[slot]
            chosen.append(draws[int(which[slot] * len(draws))].at(list(values[slot])))
        return tuple(chosen)


def resources_of(parts: Iterable[Attack]) -> dict[str, str]:
    """Files and versions of everything that the steps of a composite attack may use."""
    found: dict[str, str] = {}
    for part in parts:
        found.update(part.resources())
        found[f"version/{part.name}"] = str(part.version)
    return found
