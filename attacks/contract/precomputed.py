"""Audio that somebody else laundered: a data set brings it, and it is scored as it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attacks.contract.base import Attack, Wave, attack, text
from attacks.contract.condition import Condition
from benchmark.core.errors import InputError


@attack("ready")
@dataclass(frozen=True)
class Ready(Attack):
    """Ready-made audio of a data set, such as the ASVspoof Laundering Database.

    audio : the data set's own name of the condition, e.g. `Noise_Addition/babble_0`

    The harness reads that audio in the place of the recording; nothing is done to it, and nothing
    of what was done before can be measured here: such a condition is never verified. It may begin
    a chain and stand nowhere else.
    """

    audio: str = text("")

    family = "ready-made"
    measures = "nothing: it was made elsewhere"
    citation = ""

    @property
    def near_identity(self) -> bool:
        return True

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        return wave.copy()


def made(condition: Condition) -> str:
    """The name of the ready-made audio with which a condition begins; empty where it is none.

    `InputError` where ready-made audio is asked for in the middle of a chain.
    """
    if any(isinstance(step, Ready) for step in condition.steps[1:]):
        raise InputError(f"{condition}: ready-made audio can only begin a chain")
    first = condition.steps[0] if condition.steps else None
    if isinstance(first, Ready) and not first.audio:
        raise InputError(f"{condition}: say which of the data set's ready-made conditions is meant")
    return first.audio if isinstance(first, Ready) else ""
