"""Conditions whose laundered audio a data set provides; it is scored without further changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attacks.contract.base import Attack, Wave, attack, text
from attacks.contract.condition import Condition
from benchmark.core.errors import InputError


@attack("ready")
@dataclass(frozen=True)
class Ready(Attack):
    """Ready-made laundered audio of a data set, such as the ASVspoof Laundering Database.

    audio : the data set's own name of the condition, e.g. `Noise_Addition/babble_0`

    The harness reads that audio in place of the recording and does not change it. What was done to
    it before cannot be measured here, so such a condition is never verified. It can only be the
    first step of a chain.
    """

    audio: str = text("")

    family = "ready-made"
    measures = "nothing: it was made elsewhere"
    citation = ""

    @classmethod
    def reaches(cls, values: Mapping[str, Any]) -> str:
        return ""  # it reads what the user's data set lists under that name, and nothing else

    @property
    def near_identity(self) -> bool:
        return True

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        return wave.copy()


def made(condition: Condition) -> str:
    """Return the name of the ready-made audio with which a condition begins; '' if none.

    Raises `InputError` if ready-made audio is a later step of a chain, or has no name.
    """
    if any(isinstance(step, Ready) for step in condition.steps[1:]):
        raise InputError(f"{condition}: ready-made audio can only begin a chain")
    first = condition.steps[0] if condition.steps else None
    if isinstance(first, Ready) and not first.audio:
        raise InputError(f"{condition}: name a ready-made condition of the data set, audio=NAME")
    return first.audio if isinstance(first, Ready) else ""
