"""Stochastic chains: several attacks in a row, drawn anew for every utterance.

A fixed chain needs no code: write `a(...) | b(...)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from attacks import pools
from attacks.base import Attack, Severity, attack, integer, text
from benchmark.errors import InputError

MOST = 5


@attack("stochastic")
@dataclass(frozen=True)
class Stochastic(Attack):
    """A chain whose steps, order and parameters are drawn per utterance.

    pool  : a pool's name (`launderbench list pools`), or a TOML file of your own; `attacks.pools`
            says how it is written. A chain takes at most one step from each of its slots
    least : fewest steps, 1 to 5
    most  : most steps, from `least` to 5 and to the number of slots

    Every depth is equally likely. The order and the parameters are drawn before the depth, so
    that the chain of a smaller `most` is the beginning of the chain of a larger one. The drawn
    steps are what the utterance's record holds, spelled out: joined with ` | ` they are a
    condition that gives the same samples for this utterance and seed.
    """

    pool: str = text("mixed")
    least: int = integer(1, low=1, high=MOST, unit="steps")
    most: int = integer(3, low=1, high=MOST, unit="steps")

    family = "chain"
    version = 2
    severity = Severity("most", "steps", (1, 2, 3, 4, 5))
    measures = "what each drawn step claims"

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
        return {f"pool/{pool.name}": pool.sha256} | resources_of(pool.examples())

    def steps(self, rng: np.random.Generator) -> tuple[Attack, ...]:
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
