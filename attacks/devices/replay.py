"""Replay: playback by a loudspeaker in a room, recorded again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from attacks.chains.stochastic import resources_of
from attacks.contract.base import Attack, Severity, attack, number
from attacks.devices.loudspeaker_microphone import Loudspeaker, Microphone
from attacks.reverb.reverberation import Reverberation


@attack("replay")
@dataclass(frozen=True)
class Replay(Attack):
    """Replay: a small loudspeaker, a room, a cheap microphone, each drawn for every utterance.

    rt60       : s, 0.1 to 2: reverberation time of the room
    low        : Hz, 60 to 1000: lower corner of the loudspeaker
    distortion : %, 0 to 10: harmonic distortion of the loudspeaker
    depth      : dB, 1 to 24: unevenness of the microphone's response

    Equal to the chain `loudspeaker(...) | reverberation(...) | microphone(...)`, and verified step
    by step like it.
    """

    rt60: float = number(0.3, low=0.1, high=2.0, unit="s")
    low: float = number(350.0, low=60.0, high=1000.0, unit="Hz")
    distortion: float = number(2.0, low=0.0, high=10.0, unit="%")
    depth: float = number(10.0, low=1.0, high=24.0, unit="dB")

    family = "channel"
    severity = Severity("rt60", "s", (0.2, 0.3, 0.6, 0.9, 1.5))
    measures = "each step: loudspeaker, room, microphone"
    citation = Reverberation.citation

    def _parts(self) -> tuple[Attack, ...]:
        return (
            Loudspeaker(self.low, self.distortion),
            Reverberation(rt60=self.rt60),
            Microphone(depth=self.depth),
        )

    def resources(self) -> Mapping[str, str]:
        """Return the files and versions of the three steps."""
        return resources_of(self._parts())

    def for_training(self) -> Attack:
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return _TrainingReplay(**values)

    def steps(self, rng: np.random.Generator) -> tuple[Attack, ...]:
        return self._parts()


class _TrainingReplay(Replay):
    """Replay in rooms that evaluation never draws."""

    def _parts(self) -> tuple[Attack, ...]:
        return tuple(part.for_training() for part in super()._parts())
