"""The attack contract: what every laundering attack is, declares and can be asked.

An attack is a frozen dataclass whose fields are its parameters. Calling it launders one
utterance. It touches no global random state and no file that another worker could share.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from benchmark.core.errors import InputError
from benchmark.core.parameters import choice, flag, integer, number, settle, text
from benchmark.core.registry import Registry

__all__ = [
    "Attack",
    "AttackError",
    "Check",
    "Facts",
    "Severity",
    "Wave",
    "attack",
    "choice",
    "flag",
    "integer",
    "number",
    "registry",
    "text",
]

Wave = npt.NDArray[np.float32]
Facts = dict[str, Any]


@dataclass(frozen=True)
class Severity:
    """The parameter that makes an attack worse: its name, unit, and five levels mild to severe."""

    parameter: str
    unit: str
    ladder: tuple[float, ...]


@dataclass(frozen=True)
class Check:
    """One claim of an attack about one utterance, and what was measured.

    `relation` says how the measurement must stand to the claim: `=` (within the tolerance), `>=`
    or `<=`. `passed` is None where nothing can be measured (silence, say); then `measured` is
    None too. `effect` is False where the check is about what the attack leaves alone (the length,
    a filter's pass band): it can fail an utterance, but only an effect can verify one.
    """

    quantity: str
    unit: str
    relation: str
    claimed: float
    measured: float | None
    tolerance: float
    passed: bool | None
    effect: bool = True

    @classmethod
    def near(
        cls,
        quantity: str,
        unit: str,
        claimed: float,
        measured: float | None,
        tolerance: float,
        *,
        effect: bool = True,
    ) -> Check:
        """Passed when the measurement lies within `tolerance` of the claim."""
        passed = None if measured is None else bool(abs(measured - claimed) <= tolerance)
        return cls(quantity, unit, "=", claimed, measured, tolerance, passed, effect)

    @classmethod
    def at_least(
        cls,
        quantity: str,
        unit: str,
        claimed: float,
        measured: float | None,
        *,
        effect: bool = True,
    ) -> Check:
        """Passed when the measurement is the claim or more."""
        passed = None if measured is None else bool(measured >= claimed)
        return cls(quantity, unit, ">=", claimed, measured, 0.0, passed, effect)

    @classmethod
    def at_most(
        cls,
        quantity: str,
        unit: str,
        claimed: float,
        measured: float | None,
        *,
        effect: bool = True,
    ) -> Check:
        """Passed when the measurement is the claim or less."""
        passed = None if measured is None else bool(measured <= claimed)
        return cls(quantity, unit, "<=", claimed, measured, 0.0, passed, effect)


@dataclass(frozen=True)
class Attack:
    """Base of every attack; subclass it as a frozen dataclass and decorate with `attack`.

    Class attributes
    ----------------
    family : the group in which the leaderboard averages (noise, reverberation, codec, ...)
    version : raised whenever the samples that the attack produces change
    severity : the parameter that makes it worse, or None
    measures : what is measured on every utterance beside the residual, in a few words
    citation : what papers that use it cite: keys of `benchmark/report/citations.bib`, separated by
        spaces, or BibTeX of its own; '' where there is nothing to cite, None where it does not say
    residual_floor : dB over the input's energy by which every utterance must be changed, at
        least, unless the attack is nearly the identity. The default lies above what a mere
        passage through 16-bit PCM does to speech.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    version: ClassVar[int] = 1
    severity: ClassVar[Severity | None] = None
    measures: ClassVar[str] = ""
    citation: ClassVar[str | None] = None
    residual_floor: ClassVar[float] = -60.0

    def __post_init__(self) -> None:
        settle(self, getattr(self, "name", type(self).__name__))
        self.validate()

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> Wave | tuple[Wave, Facts]:
        """Launder one utterance.

        `wave` is float32 of shape (T,), T >= 1, nominally within [-1, 1] and never written to;
        the result is float32 of shape (T',) with T' = T * `warp`. Facts are the attack's own
        claims about this utterance (JSON types only). All draws from `rng` are made before
        severity is used, so that levels of one attack are paired.
        """
        raise NotImplementedError

    def validate(self) -> None:
        """Refuse combinations of parameters that make no sense (`InputError`)."""

    @property
    def stream(self) -> str:
        """The name of the randomness: attacks with one stream share their draws per utterance.

        Severity must not be part of it; a kind (babble, street) must.
        """
        return self.name

    @property
    def warp(self) -> float | None:
        """The attack's timing: T' / T, the factor by which it stretches time.

        1 promises alignment: the input's length, and no lag. None says that timing depends on
        the utterance, or that samples move (trimming, padding, a shift): then every call states
        T' as the fact `length`, and `checks` must measure the rest. May be a class attribute.
        """
        return 1.0

    @property
    def aligned(self) -> bool:
        """True when the samples keep their place in time; follows from `warp`."""
        return self.warp == 1.0

    @property
    def near_identity(self) -> bool:
        """True when by nature the attack hardly changes the samples (44.1 kHz and back)."""
        return False

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        """False where this utterance holds nothing that the attack could change.

        A low-pass has no effect on a recording without energy above its cutoff; the effect is
        then not measurable, which is no failure.
        """
        return True

    def resources(self) -> Mapping[str, str]:
        """SHA-256 of every file whose content shapes the samples; part of the attack's identity."""
        return {}

    def unavailable(self) -> str | None:
        """Why this installation cannot run the attack (calling it is an `InputError`), or None."""
        return None

    def for_training(self) -> Attack:
        """This attack on noise excerpts and rooms that evaluation never draws.

        What augments training data must ask for it. An attack that draws neither is its own.
        """
        return self

    def steps(self, rng: np.random.Generator) -> tuple[Attack, ...] | None:
        """The attacks to run instead of this one, drawn per utterance; None for a plain attack."""
        return None

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        """Measure the attack's claims about this utterance on the samples themselves."""
        return []


class AttackError(RuntimeError):
    """The attack could not be applied to this utterance; the runner records the cause."""


registry: Registry[type[Attack]] = Registry("attack", "attacks", "launderbench.attacks")

A = TypeVar("A", bound=type[Attack])


def attack(name: str) -> Callable[[A], A]:
    """Register a frozen dataclass as the attack called `name`."""

    def register(cls: A) -> A:
        if not dataclasses.is_dataclass(cls) or not issubclass(cls, Attack):
            raise InputError(f"attack {name!r}: decorate a frozen dataclass derived from Attack")
        if getattr(cls, "family", None) is None:
            raise InputError(f"attack {name!r} declares no family")
        for parameter in dataclasses.fields(cls):
            if parameter.default is parameter.default_factory is dataclasses.MISSING:
                raise InputError(f"attack {name!r}: its field {parameter.name!r} has no default")
        cls.name = name
        registry.add(name, cls)
        return cls

    return register
