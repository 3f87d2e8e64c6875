"""Reverberation: the utterance as a microphone in a simulated room would record it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from attacks.contract.base import (
    Attack,
    AttackError,
    Check,
    Facts,
    Severity,
    Wave,
    attack,
    choice,
    flag,
    number,
)
from attacks.reverb import convolution, rir_bank, room_geometry
from attacks.reverb.decay_time import direct_path
from attacks.reverb.room_geometry import DRAWN, LEAST_DISTANCE_M, MOST_DISTANCE_M, Room
from attacks.reverb.wall_materials import BANDS_HZ, GREY, LEAST_S, WALLS, middle
from benchmark.audio.memo import remembered
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError


def _distance() -> Any:
    """Return a parameter in metres that may be left to be drawn."""
    metres = number(1.0, low=LEAST_DISTANCE_M, high=MOST_DISTANCE_M, unit="m").metadata["check"]

    def check(attack: str, parameter: str, value: object) -> float | str:
        if isinstance(value, str) and value != DRAWN:
            raise InputError(f"{attack}: {parameter} must be {DRAWN} or metres, not {value!r}")
        return DRAWN if value == DRAWN else float(metres(attack, parameter, value))

    return field(default=DRAWN, metadata={"check": check, "unit": "m", "range": (DRAWN,)})


@attack("reverberation")
@dataclass(frozen=True)
class Reverberation(Attack):
    """The utterance in a simulated room with a chosen reverberation time.

    rt60     : seconds, 0.1 to 3
    room     : drawn (one of eight rooms of 31 to 126 m3 per utterance), or small (17 m3), medium
               (66 m3) or large (394 m3), with one of four positions of talker and microphone; or
               published (10 x 7.5 x 3.5 m, one position), the room of Ali et al. 2024
    distance : from talker to microphone: metres, 0.1 to 10 as far as the rooms allow, or drawn with
               the room (0.9 to 1.6 m; 0.8 to 0.9 in small, 1.4 to 1.6 in medium, 2.8 to 3.2 in
               large, 4.0 in published)
    rays     : true traces rays that the walls scatter; false uses image sources, which the walls
               only mirror
    walls    : grey absorbs alike at every frequency; hard (linoleum, concrete, plaster) and office
               (carpet, acoustic tiles, plasterboard) absorb by octave, and `rt60` is then the mean
               at 500 and 1000 Hz (ISO 3382-1), 0.5 s or more

    Room and positions are drawn per utterance and are the same at every RT60. The responses are
    made and calibrated by `attacks.reverb.rir_bank`. The direct path arrives without delay, the
    tail beyond the utterance's end is cut, and the active speech level (ITU-T P.56) is restored.
    Facts: the room's number, the distance (m), the response's key and T20, and the gain. Raises
    `InputError` if the distance does not fit into the rooms, or no walls give one of them the RT60.
    """

    rt60: float = number(0.6, low=0.1, high=3.0, unit="s")
    room: str = choice(DRAWN, *room_geometry.EVALUATION)
    distance: float | str = _distance()
    rays: bool = flag(False)
    walls: str = choice(GREY, GREY, *WALLS, added=True)

    family = "reverberation"
    severity = Severity("rt60", "s", (0.2, 0.3, 0.6, 0.9, 1.5))
    measures = "T20 of the response; direct path; convolution"
    citation = "allen1979image lehmann2010diffuse scheibler2018pyroomacoustics"
    limits = convolution.LIMITS
    shapes: ClassVar[Mapping[str, tuple[Room, ...]]] = room_geometry.EVALUATION

    def validate(self) -> None:
        if self.walls != GREY and self.rt60 < LEAST_S:
            raise InputError(
                f"{self.name}: walls={self.walls} needs an rt60 of {LEAST_S:g} s or more"
            )
        try:
            self._rooms()
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error

    def for_training(self) -> Attack:
        return _TrainingReverberation(self.rt60, self.room, self.distance, self.rays, self.walls)

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        number = int(rng.integers(len(self.shapes[self.room])))
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"needs {SAMPLE_RATE} Hz, not {sample_rate}")
        response = self._bank()[number]
        wet, gain = convolution.convolved(wave, response.samples, sample_rate)
        facts: Facts = {"room": number, "distance": round(self._rooms()[number].distance, 3)}
        return wet, {**facts, "rir": response.key, "t20": self._t20(response), "gain": gain}

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        response = self._bank()[facts["room"]]
        mine = float(response.key == facts["rir"])  # not the response of another setting
        direct = remembered(
            response.samples,
            ("direct path", sample_rate),
            lambda: direct_path(response.samples, sample_rate),
        )
        return [
            *self._decays(response),
            Check.near("direct path", "sample", 0, direct, 0, effect=False),
            Check.near("response of this room", "share", 1.0, mine, 0.0, effect=False),
            convolution.check(before, after, response.samples, facts["gain"]),
        ]

    def _t20(self, response: rir_bank.Response) -> float:
        return response.t20 if self.walls == GREY else middle(response.octaves)

    def _decays(self, response: rir_bank.Response) -> list[Check]:
        limit = rir_bank.tolerance(self.rt60)
        checks = [Check.near("T20", "s", self.rt60, self._t20(response), limit)]
        if self.walls == GREY:
            return checks
        times = WALLS[self.walls].times(self.rt60)
        for centre, time, measured in zip(BANDS_HZ, times, response.octaves, strict=False):
            found = measured if np.isfinite(measured) else None
            limit = rir_bank.octave_tolerance(time)
            name = f"T20 at {centre} Hz"
            checks.append(Check.near(name, "s", time, found, limit, effect=False))
        return checks

    def _rooms(self) -> tuple[Room, ...]:
        found = self.shapes[self.room]
        if isinstance(self.distance, str):
            return found
        return tuple(room.at(self.distance) for room in found)

    def _bank(self) -> tuple[rir_bank.Response, ...]:
        return rir_bank.bank(self._rooms(), self.rt60, self.rays, self.walls)


class _TrainingReverberation(Reverberation):
    """Reverberation in rooms that evaluation never draws."""

    shapes = room_geometry.TRAINING
