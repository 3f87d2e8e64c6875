"""Composite attacks, which are run as other attacks, and stochastic chains of drawn steps.

A fixed chain needs no code: write `a(...) | b(...)`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attacks.chains import pools
from attacks.contract.base import Attack, Severity, attack, integer, text, together
from benchmark.assets.wheel_files import WheelFile
from benchmark.core import plugin_source
from benchmark.core.errors import InputError

MOST = 5


class Composite(Attack):
    """Base of attacks that are run, and verified, step by step as other attacks.

    Every utterance's record spells out the steps that were run. Joined with ` | `, they are a
    condition that gives the same samples for that utterance and seed.
    """

    measures = "what each step claims"
    citation = ""
    _trains = False

    def parts(self, rng: np.random.Generator) -> tuple[Attack, ...]:
        """Return the attacks to run, drawn before severity is used; () changes nothing."""
        raise NotImplementedError

    def examples(self) -> Iterable[Attack]:
        """Return attacks that together use every file and version that the parts may use."""
        raise NotImplementedError

    @property
    def warp(self) -> float | None:
        return 1.0 if all(part.aligned for part in self.examples()) else None

    def steps(self, rng: np.random.Generator) -> tuple[Attack, ...] | None:
        parts = self.parts(rng)
        return tuple(part.for_training() for part in parts) if self._trains else parts

    @property
    def wheel_files(self) -> tuple[WheelFile, ...]:
        return tuple(dict.fromkeys(f for part in self.examples() for f in part.wheel_files))

    @property
    def caveat(self) -> str:
        return together(part.caveat for part in self.examples())

    def resources(self) -> Mapping[str, str]:
        return resources_of(self.examples())

    def unavailable(self) -> str | None:
        causes = ((part.name, part.unavailable()) for part in self.examples())
        return next((f"{name}: {cause}" for name, cause in causes if cause), None)

    def for_training(self) -> Attack:
        trained = copy.copy(self)
        object.__setattr__(trained, "_trains", True)
        return trained


@attack("stochastic")
@dataclass(frozen=True)
class Stochastic(Composite):
    """A chain whose steps, order and parameters are drawn per utterance.

    pool  : name of a pool (`launderbench list pools`), or a TOML file in the format of
            `attacks.chains.pools`. A chain takes at most one step from each of its slots
    least : fewest steps, 1 to 5
    most  : most steps, from `least` to 5, and at most the number of slots

    Every depth is equally likely. The order and the parameters are drawn before the depth, so the
    chain of a smaller `most` is the beginning of the chain of a larger one.
    """

    pool: str = text("mixed")
    least: int = integer(1, low=1, high=MOST, unit="steps")
    most: int = integer(3, low=1, high=MOST, unit="steps")

    family = "chain"
    version = 3
    severity = Severity("most", "steps", (1, 2, 3, 4, 5))

    @classmethod
    def reaches(cls, values: Mapping[str, Any]) -> str:
        known = values.get("pool", "mixed") in pools.names()
        return "" if known else "opens the file of a pool"

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
        """Return the pool's digest, and the files and versions of everything it may draw."""
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
    """Return the files and versions of everything that the steps of a composite may use."""
    found: dict[str, str] = {}
    for part in parts:
        found.update(part.resources())
        source = plugin_source.of(type(part)).suffix
        found[f"version/{part.name}"] = f"{part.version}{source}"
    return found
