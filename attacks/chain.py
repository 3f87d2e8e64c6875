"""Stochastic chains: several attacks in a row, drawn anew for every utterance.

A fixed chain needs no code: write `a(...) | b(...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from attacks.base import Attack, Severity, attack, choice, integer
from attacks.codec import Mp3, Opus
from attacks.filtering import LowPass
from attacks.noise import AdditiveNoise
from attacks.resampling import Resample
from attacks.reverb import Reverberation
from benchmark.errors import InputError

MOST = 5


@dataclass(frozen=True)
class Draw:
    """One entry of a pool: what it may become, given a number in [0, 1)."""

    options: tuple[Attack, ...] = ()
    between: Callable[[float], Attack] | None = None

    def __call__(self, u: float) -> Attack:
        if self.between is not None:
            return self.between(u)
        return self.options[int(u * len(self.options))]

    def examples(self) -> tuple[Attack, ...]:
        """Attacks that between them use every file and every version the entry may use."""
        return self.options or (self(0.0),)


def _noise(*kinds: str) -> tuple[Draw, ...]:
    return tuple(Draw(between=partial(_noisy, kind)) for kind in kinds)


def _noisy(kind: str, u: float) -> Attack:
    return AdditiveNoise(kind, _snr(u))


def _snr(u: float) -> float:
    return float(round(5 + 20 * u))


def _room(u: float) -> Attack:
    return Reverberation(round(0.2 + 0.1 * int(u * 8), 1))


def _low(u: float) -> Attack:
    return LowPass(float(100 * round(30 + 40 * u)))


MP3 = Draw(options=tuple(Mp3(kbps) for kbps in (24, 32, 48, 64, 96, 128)))
OPUS = Draw(options=tuple(Opus(kbps) for kbps in (8, 12, 16, 24, 32)))
RATE = Draw(options=tuple(Resample(rate) for rate in (6000, 8000, 11025, 12000)))
LOW = Draw(between=_low)
ROOM = Draw(between=_room)


@dataclass(frozen=True)
class Slot:
    """A place in a pool, filled by one of several draws with equal chance."""

    draws: tuple[Draw, ...]


# What a chain may hold: at most one step from each slot, in any order. Five slots each, so that
# `most` reaches the same depth in all of them.
POOLS: Mapping[str, tuple[Slot, ...]] = {
    # anything this project has
    "mixed": (
        Slot(_noise("babble", "cafe", "street", "volvo", "white")),
        Slot((ROOM,)),
        Slot((MP3, OPUS)),
        Slot((RATE,)),
        Slot((LOW,)),
    ),
    # a recording edited and uploaded again and again: no acoustics
    "media": (Slot((MP3,)), Slot((OPUS,)), Slot((RATE,)), Slot((LOW,)), Slot((MP3, OPUS))),
    # a call: a noisy place, a narrow band, a speech codec
    "network": (
        Slot(_noise("babble", "street", "volvo")),
        Slot((Draw(options=(Resample(8000),)),)),
        Slot((OPUS,)),
        Slot((Draw(options=(LowPass(3400.0),)),)),
        Slot(_noise("white")),
    ),
}


@attack("stochastic")
@dataclass(frozen=True)
class Stochastic(Attack):
    """A chain whose steps, order and parameters are drawn per utterance.

    pool  : mixed (any attack), media (codecs and resampling) or network (a call); `POOLS` lists
            what each may draw, at most one step from each of its five slots
    least : fewest steps, 1 to 5
    most  : most steps, from `least` to 5

    Every depth is equally likely. The order and the parameters are drawn before the depth, so
    that the chain of a smaller `most` is the beginning of the chain of a larger one. The drawn
    steps are what the utterance's record holds, spelled out.
    """

    pool: str = choice("mixed", *POOLS)
    least: int = integer(1, low=1, high=MOST, unit="steps")
    most: int = integer(3, low=1, high=MOST, unit="steps")

    family = "chain"
    severity = Severity("most", "steps", (1, 2, 3, 4, 5))

    def validate(self) -> None:
        if self.least > self.most:
            raise InputError(f"stochastic: least={self.least} is more than most={self.most}")

    @property
    def stream(self) -> str:
        return f"stochastic/{self.pool}"

    def resources(self) -> Mapping[str, str]:
        """Files and versions of everything that the pool may draw."""
        found: dict[str, str] = {}
        for slot in POOLS[self.pool]:
            for draw in slot.draws:
                for part in draw.examples():
                    found.update(part.resources())
                    found[f"version/{part.name}"] = str(part.version)
        return found

    def steps(self, rng: np.random.Generator) -> tuple[Attack, ...]:
        slots = POOLS[self.pool]
        order = rng.permutation(len(slots))
        which, value = rng.random(len(slots)), rng.random(len(slots))
        depth = self.least + int(rng.random() * (self.most - self.least + 1))
        chosen = []
        for slot in order[:depth]:
            draws = slots[slot].draws
            chosen.append(draws[int(which[slot] * len(draws))](float(value[slot])))
        return tuple(chosen)
