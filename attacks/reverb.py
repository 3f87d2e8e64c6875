"""Reverberation: the utterance as a microphone in a room would hear it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import oaconvolve

from attacks import rooms
from attacks.base import Attack, AttackError, Check, Facts, Severity, Wave, attack, number
from benchmark.audio import SAMPLE_RATE
from benchmark.level import active_level

PROBES = 64  # samples of the output that are computed a second time, one by one
PROBE_DB = -60.0


@attack("reverberation")
@dataclass(frozen=True)
class Reverberation(Attack):
    """The utterance through a room impulse response with a chosen reverberation time.

    rt60 : seconds, 0.1 to 3

    One of eight shoebox rooms is drawn per utterance, the same at every RT60 (`attacks.rooms`
    says how their responses are made and calibrated). The direct path arrives at once, the tail
    beyond the utterance's end is cut, and the active speech level (ITU-T P.56) is restored; the
    gain, the room, the response's key and its T20 are facts.
    """

    rt60: float = number(0.6, low=0.1, high=3.0, unit="s")

    family = "reverberation"
    severity = Severity("rt60", "s", (0.2, 0.3, 0.6, 0.9, 1.5))

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        room = int(rng.integers(len(rooms.ROOMS)))
        if sample_rate != SAMPLE_RATE:
            raise AttackError(f"wants {SAMPLE_RATE} Hz, not {sample_rate}")
        response = rooms.response(room, self.rt60)
        wet = oaconvolve(wave, response.samples)[: wave.size].astype(np.float32, copy=False)
        level, heard = active_level(wave, sample_rate), active_level(wet, sample_rate)
        gain = np.float32(level / heard if heard > 0.0 else 1.0)
        facts: Facts = {"room": room, "rir": response.key, "t20": response.t20}
        return wet * gain, {**facts, "gain": float(gain)}

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        response = rooms.response(facts["room"], self.rt60)
        known = response.key == facts["rir"]
        direct = int(np.argmax(np.abs(response.samples)))
        error = _probe(before, after, response.samples, facts["gain"]) if known else None
        limit = rooms.tolerance(self.rt60)
        return [
            Check.near("T20", "s", self.rt60, response.t20 if known else None, limit),
            Check.near("direct path", "sample", 0, direct if known else None, 0, effect=False),
            Check.at_most("convolution error", "dB", PROBE_DB, error),
        ]


def _probe(before: Wave, after: Wave, response: Wave, gain: float) -> float | None:
    """Error (dB) of `after` at some samples against the convolution sum written out.

    None for a silent wave, and -200 at the least.
    """
    at = np.unique(np.linspace(0, before.size - 1, PROBES).astype(np.int64))
    want = np.empty(at.size)
    for row, t in enumerate(at):
        start = max(0, t - response.size + 1)
        want[row] = np.sum(before[start : t + 1] * response[: t - start + 1][::-1])
    energy = float(np.mean(np.square(before, dtype=np.float64)))
    if energy == 0.0 or after.size != before.size:
        return None
    error = float(np.mean((after[at] / gain - want) ** 2))
    return 10 * float(np.log10(max(error / energy, 1e-20)))
