"""Loudspeakers and microphones: parametric models of the effect of small devices on speech.

The models are not measurements of any product. They have the common features of measured devices: a
second-order roll-off at both ends of the band, resonances in between and, in a loudspeaker,
harmonic distortion. A new device is drawn for every utterance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from attacks.contract.base import Attack, Check, Facts, Severity, Wave, attack, choice, number
from attacks.filters.response_curve import (
    LEAST_S,
    SHAPED,
    Array,
    Curve,
    broad,
    exactly_shaped,
    highpass2,
    lowpass2,
    peak,
    response_checks,
    shaped,
)
from benchmark.audio.speech_level import active_level

SECOND, THIRD = 0.95, (1 - 0.95**2) ** 0.5  # share of the two harmonics in the distortion
FIT_DB = -60.0  # the blur of the response below 100 Hz costs that much with a strong offset
DISTINCT = 1e-3  # smallest singular value at which distortion and signal can be separated
MARGIN_PERCENT = 0.1
RESONANCES = 3
BAND_HZ = (100.0, 7000.0)  # band in which the depth of a microphone's response is measured
LOWEST_GAIN = 1e-4


@attack("loudspeaker")
@dataclass(frozen=True)
class Loudspeaker(Attack):
    """A small loudspeaker: band limits, three resonances and harmonic distortion.

    low        : Hz, 60 to 1000: corner of its second-order roll-off, higher for a smaller
                 loudspeaker
    distortion : %, 0 to 10: total harmonic distortion of a sine at the utterance's peak

    Distortion comes first: a second and a third harmonic (19 to 6 in amplitude). The response
    follows: the roll-off; three resonances of up to 6 dB either way and Q 1 to 4, drawn between
    twice `low` and 7 kHz; and a second-order roll-off above a corner drawn from 6 to 10 kHz. Zero
    phase, hence no lag. The active speech level (ITU-T P.56) is restored. Facts: resonances (Hz,
    dB, Q), top (Hz) and gain.
    """

    low: float = number(350.0, low=60.0, high=1000.0, unit="Hz")
    distortion: float = number(2.0, low=0.0, high=10.0, unit="%")

    family = "channel"
    version = 2
    severity = Severity("low", "Hz", (100.0, 200.0, 350.0, 550.0, 800.0))
    measures = "harmonic distortion, and the whole model, by a fit to the samples"
    citation = ""
    limits = SHAPED

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        places, gains, sharpness = rng.random((3, RESONANCES))
        top = 6000 + 4000 * float(rng.random())
        lowest = 2 * self.low
        resonances = [
            [
                round(lowest * (7000 / lowest) ** float(place), 2),
                round(12 * float(gain) - 6, 3),
                round(4 ** float(sharp), 3),
            ]
            for place, gain, sharp in zip(places, gains, sharpness, strict=True)
        ]
        facts: Facts = {"resonances": resonances, "top": round(top, 1), "gain": 1.0}
        if not wave.any():
            return wave.copy(), facts
        distorted = np.einsum("it,i->t", _powers(wave), np.array([1.0, *self._harmonics()]))
        filtered = shaped(distorted.astype(np.float32), self._curve(facts), sample_rate)
        level, level_after = active_level(wave, sample_rate), active_level(filtered, sample_rate)
        gain = np.float32(level / level_after if level_after > 0.0 else 1.0)
        return filtered * gain, {**facts, "gain": float(gain)}

    def _harmonics(self) -> tuple[float, float]:
        """Return the weights of v^2 and v^3 relative to v = x / peak.

        cos^2 contains a second harmonic of 1/2, and cos^3 a third one of 1/4. The cubic term is
        subtracted, which compresses.
        """
        share = self.distortion / 100
        return 2 * SECOND * share, -4 * THIRD * share

    def _curve(self, facts: Facts) -> Curve:
        def curve(hertz: Array) -> Array:
            gains = highpass2(hertz, self.low) * lowpass2(hertz, facts["top"])
            for centre, gain, q in facts["resonances"]:
                gains = gains * peak(hertz, centre, gain, q)
            return gains

        return curve

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        return broad(wave, sample_rate)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        error, percent = self._fit(before, after, sample_rate, facts)
        tolerance = MARGIN_PERCENT + 0.02 * self.distortion
        return [
            Check.at_most("model error", "dB", FIT_DB, error),
            Check.near("harmonic distortion", "%", self.distortion, percent, tolerance),
        ]

    def _fit(
        self, before: Wave, after: Wave, sample_rate: int, facts: Facts
    ) -> tuple[float | None, float | None]:
        """Return the model error (dB) and the measured harmonic distortion (%).

        The wave, its square and its cube, each through the exact response, are fitted to `after`;
        the error is what they leave unexplained. Both values are None if the wave is too short or
        little more than a tone. The distortion is also None if the wave cannot separate the three.
        """
        if before.size < LEAST_S * sample_rate or not broad(before, sample_rate):
            return None, None
        parts = exactly_shaped(_powers(before), self._curve(facts), sample_rate)
        sizes = np.sqrt(np.einsum("it,it->i", parts, parts))
        parts /= sizes[:, None]
        values, vectors = np.linalg.eigh(np.einsum("it,jt->ij", parts, parts))
        kept = values > DISTINCT**2
        target = after.astype(np.float64)
        projections = np.einsum("it,t->i", parts, target) @ vectors[:, kept] / values[kept]
        weights = vectors[:, kept] @ projections
        unexplained = target - np.einsum("it,i->t", parts, weights)
        energy = float(np.einsum("t,t->", target, target))
        error = 10 * float(
            np.log10(max(float(np.einsum("t,t->", unexplained, unexplained)) / energy, 1e-20))
        )
        if not kept.all():
            return error, None
        first, second, third = weights / sizes
        return error, 100 * float(np.hypot(second / first / 2, third / first / 4))


def _powers(wave: Wave) -> Array:
    """Return v, v^2 and v^3 of v = x / peak, float64 (3, T)."""
    v = wave.astype(np.float64) / float(np.abs(wave).max())
    return np.stack([v, v * v, v * v * v])


Range = tuple[float, float]


@dataclass(frozen=True)
class Device:
    """A kind of microphone: ranges to draw from. A peak is a range of Hz, of dB and of Q."""

    bottom: Range
    top: Range
    peaks: tuple[tuple[Range, Range, Range], ...]


DEVICES: Mapping[str, Device] = {
    # at the lower edge of a handset: raised presence, a port resonance near the top
    "phone": Device(
        (80, 200), (6500, 9000), (((2500, 5000), (4, 8), (0.8, 2)), ((5500, 7500), (2, 7), (2, 5)))
    ),
    # on a boom next to the mouth: thin bass, a broad presence peak, a dip below it
    "headset": Device(
        (120, 300),
        (7000, 10000),
        (((3000, 6000), (4, 8), (0.7, 1.5)), ((1000, 2000), (-5, -2), (1, 2))),
    ),
    # in a laptop's lid: resonances and dips from case and table
    "laptop": Device(
        (100, 250),
        (5500, 8000),
        (
            ((900, 2000), (3, 7), (2, 5)),
            ((2500, 5000), (-10, -4), (2, 6)),
            ((300, 600), (2, 5), (1.5, 4)),
        ),
    ),
    # under clothes: boom of the chest, muffled highs
    "lavalier": Device((40, 80), (2500, 4500), (((500, 900), (2, 5), (1, 2)),)),
}
ANY = "any"


@attack("microphone")
@dataclass(frozen=True)
class Microphone(Attack):
    """A cheap microphone: a frequency response of its kind, drawn for every utterance.

    kind  : phone, headset, laptop or lavalier; any draws one of them
    depth : dB, 1 to 24: largest deviation of the response from its mean between 100 Hz and 7 kHz,
            where the mean is over the logarithm of frequency

    Each kind is a pair of second-order roll-offs and a few resonances, drawn from its own ranges
    (`DEVICES`). The drawn response is scaled in dB to `depth`, with its mean at 0 dB. Zero phase,
    hence no lag. Facts: kind, bottom and top (Hz), peaks (Hz, dB, Q) before scaling.
    """

    kind: str = choice(ANY, ANY, *DEVICES)
    depth: float = number(10.0, low=1.0, high=24.0, unit="dB")

    family = "channel"
    version = 2
    severity = Severity("depth", "dB", (3.0, 6.0, 10.0, 15.0, 20.0))
    measures = "response in third octaves"
    citation = ""
    limits = SHAPED

    @property
    def stream(self) -> str:
        return f"microphone/{self.kind}"

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        names = tuple(DEVICES)
        drawn = names[int(rng.random() * len(names))]
        kind = drawn if self.kind == ANY else self.kind
        device = DEVICES[kind]
        peaks = [[_draw(span, rng) for span in spans] for spans in device.peaks]
        facts: Facts = {
            "kind": kind,
            "bottom": _draw(device.bottom, rng),
            "top": _draw(device.top, rng),
            "peaks": peaks,
        }
        return shaped(wave, self._curve(facts), sample_rate), facts

    def _curve(self, facts: Facts) -> Curve:
        def raw_db(hertz: Array) -> Array:
            gains = highpass2(hertz, facts["bottom"]) * lowpass2(hertz, facts["top"])
            for centre, gain, q in facts["peaks"]:
                gains = gains * peak(hertz, centre, gain, q)
            return np.asarray(20 * np.log10(np.maximum(gains, LOWEST_GAIN)))

        counted = raw_db(np.geomspace(*BAND_HZ, 500))
        mean = float(counted.mean())
        scale = self.depth / float(np.abs(counted - mean).max())

        def curve(hertz: Array) -> Array:
            scaled = (raw_db(hertz) - mean) * scale
            return np.asarray(np.maximum(10 ** (scaled / 20), LOWEST_GAIN))

        return curve

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        return broad(wave, sample_rate)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        return response_checks(before, after, sample_rate, self._curve(facts))


def _draw(span: Range, rng: np.random.Generator) -> float:
    return round(span[0] + (span[1] - span[0]) * float(rng.random()), 3)
