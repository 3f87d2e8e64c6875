"""Edits in time: silence cut off or added, a shift, an echo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import oaconvolve

from attacks.contract.base import (
    Attack,
    Check,
    Facts,
    SampleLimits,
    Severity,
    Wave,
    attack,
    choice,
    number,
)
from benchmark.audio.speech_level import active_level, rms

WINDOW_S = 0.02
FLOOR_WINDOW_S = 0.064
FLOOR_DB = 3.0  # draws of narrow-band hum and rumble vary that much
EXACT_DB = -100.0  # float32 copies are exact; a shift by one sample costs far more
DISTINCT_DB = -60.0  # an utterance this close to its shifted copy has no measurable place in time
GAIN_DB = 0.1


@attack("trim_silence")
@dataclass(frozen=True)
class TrimSilence(Attack):
    """Leading and trailing silence cut off, as in many corpora and detectors.

    threshold : dB, 10 to 80. A 20 ms window is loud where its level is at most `threshold` below
                that of the loudest one. Everything before the first and after the last loud window
                is cut

    Facts: head and tail, the samples cut off; length. The claim is that neither end is that quiet
    any more. Where there is no silence, nothing is cut and the claim still holds.
    """

    threshold: float = number(40.0, low=10.0, high=80.0, unit="dB")

    family = "time_pitch"
    warp = None
    severity = Severity("threshold", "dB", (50.0, 40.0, 30.0, 20.0, 10.0))
    measures = "level of what was cut, level at both new ends, that the rest is untouched"
    citation = ""

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        window = _window(wave, sample_rate)
        sums = np.cumsum(np.concatenate([[0.0], np.square(wave, dtype=np.float64)]))
        energy = sums[window:] - sums[:-window]
        loud = np.flatnonzero(energy >= energy.max() * 10 ** (-self.threshold / 10))
        head, end = int(loud[0]), int(loud[-1]) + window
        return wave[head:end], {"head": head, "tail": wave.size - end, "length": end - head}

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        window, head, end = _window(before, sample_rate), facts["head"], before.size - facts["tail"]
        peak = max((rms(part) for part in _frames(before, window)), default=0.0)
        cut = [*_frames(before[:head], window), *_frames(before[end:], window)]
        level = _db(max(map(rms, cut)), peak) if cut and peak > 0 else None
        ends = _db(min(rms(after[:window]), rms(after[-window:])), peak) if peak > 0 else None
        kept = before[head:end]
        error = _error_db(kept, after) if kept.size == after.size else 0.0
        margin = 0.5  # the loudest frame here may be softer than the loudest window
        return [
            Check.at_most("level of what was cut", "dB", -self.threshold + margin, level),
            Check.at_least("level at the ends", "dB", -self.threshold, ends),
            Check.at_most("change of the rest", "dB", EXACT_DB, error, effect=False),
        ]


@attack("pad_silence")
@dataclass(frozen=True)
class PadSilence(Attack):
    """Silence added before the utterance, after it, or both.

    duration : ms at each end, 1 to 10000
    where    : both, start or end
    fill     : zeros, or floor: noise with the spectrum and level of the utterance's own quietest
               64 ms, so that the join is not audible

    Facts: head and tail, the samples added; length.
    """

    duration: float = number(250.0, low=1.0, high=10000.0, unit="ms")
    where: str = choice("both", "both", "start", "end")
    fill: str = choice("zeros", "zeros", "floor")

    family = "time_pitch"
    warp = None
    severity = Severity("duration", "ms", (50.0, 100.0, 250.0, 500.0, 1000.0))
    measures = "where the utterance lies in the output, and the level of the padding"
    citation = ""

    @property
    def stream(self) -> str:
        return f"pad_silence/{self.fill}"

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        size = round(self.duration / 1000 * sample_rate)
        head, tail = (size if self.where in ("both", end) else 0 for end in ("start", "end"))
        parts = [np.zeros(count, dtype=np.float32) for count in (head, tail)]
        if self.fill == "floor":
            draws = rng.spawn(2)
            parts = [
                _like(_quietest(wave, sample_rate), p.size, r)
                for p, r in zip(parts, draws, strict=True)
            ]
        out = np.concatenate([parts[0], wave, parts[1]])
        return out, {"head": head, "tail": tail, "length": out.size}

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        size = self.duration / 1000 * sample_rate
        claimed = size * (2 if self.where == "both" else 1)
        head, end = facts["head"], facts["head"] + before.size
        padding = np.concatenate([after[:head], after[end:]])
        kept = after[head:end]
        error = _error_db(before, kept) if kept.size == before.size else 0.0
        checks = [
            Check.near("padding", "samples", claimed, after.size - before.size, 1.0),
            Check.at_most("change of the utterance", "dB", EXACT_DB, error, effect=False),
        ]
        if self.fill == "zeros":
            peak = float(np.abs(padding).max(initial=0.0))
            return [*checks, Check.at_most("peak of the padding", "of full scale", 0.0, peak)]
        floor, long = rms(_quietest(before, sample_rate)), padding.size >= 0.05 * sample_rate
        level = _db(rms(padding), floor) if floor > 0 and long else None
        return [*checks, Check.near("level over the floor", "dB", 0.0, level, FLOOR_DB)]


@attack("time_shift")
@dataclass(frozen=True)
class TimeShift(Attack):
    """Delay (or, below 0, advance) within the same length.

    shift : ms, -10000 to 10000
    fill  : zeros (samples shifted out are lost, zeros come in) or roll (samples shifted out at one
            end come in at the other)

    Facts: samples, the shift; length.
    """

    shift: float = number(100.0, low=-10000.0, high=10000.0, unit="ms")
    fill: str = choice("zeros", "zeros", "roll")

    family = "time_pitch"
    warp = None
    severity = Severity("shift", "ms", (10.0, 30.0, 100.0, 200.0, 400.0))
    measures = "difference from the input at the claimed shift"
    citation = ""

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        samples = round(self.shift / 1000 * sample_rate)
        facts: Facts = {"samples": samples, "length": wave.size}
        if self.fill == "roll":
            return np.roll(wave, samples), facts
        out = np.zeros_like(wave)
        out[_span(wave.size, samples)] = wave[_span(wave.size, -samples)]
        return out, facts

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        samples = round(self.shift / 1000 * sample_rate)
        if self.fill == "roll":
            samples %= before.size
            shifted = np.concatenate([after[samples:], after[:samples]])
            error, distinct = (
                _error_db(before, shifted),
                _error_db(before, np.roll(before, samples)),
            )
        else:
            old, place = before[_span(before.size, -samples)], _span(before.size, samples)
            error, distinct = _error_db(old, after[place]), _error_db(old, before[place])
        if distinct is None or distinct < DISTINCT_DB:
            error = None
        return [Check.at_most("difference at the claimed shift", "dB", EXACT_DB, error)]


@attack("echo")
@dataclass(frozen=True)
class Echo(Attack):
    """One echo: a later and softer copy added to the utterance.

    delay : ms, 1 to 2000
    gain  : dB of the echo over the direct sound, -40 to 0

    The length is kept: sound after the end is lost. A gain, which is a fact, restores the active
    level (ITU-T P.56) of the input.
    """

    delay: float = number(100.0, low=1.0, high=2000.0, unit="ms")
    gain: float = number(-6.0, low=-40.0, high=0.0, unit="dB")

    family = "time_pitch"
    severity = Severity("gain", "dB", (-18.0, -12.0, -9.0, -6.0, -3.0))
    measures = "echo's gain by least squares, and what it leaves unexplained"
    citation = ""
    limits = SampleLimits(lag=None, level=(-4.0, 6.0), envelope=0.2)

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        mixed = wave + np.float32(10 ** (self.gain / 20)) * self._late(wave, sample_rate)
        level = active_level(mixed, sample_rate)
        gain = np.float32(active_level(wave, sample_rate) / level if level > 0 else 1.0)
        return mixed * gain, {"gain": float(gain)}

    def _late(self, wave: Wave, sample_rate: int) -> Wave:
        samples = round(self.delay / 1000 * sample_rate)
        return np.concatenate([np.zeros(samples, dtype=np.float32), wave])[: wave.size]

    def affects(self, wave: Wave, sample_rate: int) -> bool:
        echo = rms(self._late(wave, sample_rate)) * 10 ** (self.gain / 20)
        return echo > rms(wave) * 10 ** ((self.residual_floor + 20) / 20)

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        x, y = before.astype(np.float64), after.astype(np.float64)
        late = np.zeros_like(x)
        samples = round(self.delay / 1000 * sample_rate)
        late[samples:] = x[: max(0, x.size - samples)]
        xx, ll, xl = _dot(x, x), _dot(late, late), _dot(x, late)
        gain = unexplained = None
        distinct = xx * ll - xl * xl > 1e-6 * xx * ll
        if distinct and self.affects(before, sample_rate):
            direct = (_dot(x, y) * ll - _dot(late, y) * xl) / (xx * ll - xl * xl)
            echo = (_dot(late, y) * xx - _dot(x, y) * xl) / (xx * ll - xl * xl)
            gain = _db(echo, direct) if echo > 0 and direct > 0 else -200.0
            rest = y - direct * x - echo * late
            unexplained = _energy_db(_dot(rest, rest), _dot(y, y))
        return [
            Check.near("gain of the echo", "dB", self.gain, gain, GAIN_DB),
            Check.at_most("unexplained by this echo", "dB", EXACT_DB, unexplained),
        ]


def _window(wave: Wave, sample_rate: int) -> int:
    return min(wave.size, round(WINDOW_S * sample_rate))


def _frames(wave: Wave, window: int) -> list[Wave]:
    """Return windows a quarter of their length apart, the last one at the very end."""
    if wave.size < window:
        return []
    starts = [*range(0, wave.size - window, max(1, window // 4)), wave.size - window]
    return [wave[start : start + window] for start in starts]


def _span(size: int, samples: int) -> slice:
    """Return where a wave's samples lie after a shift, as far as they stay within its size."""
    return slice(min(max(samples, 0), size), max(min(size + samples, size), 0))


def _quietest(wave: Wave, sample_rate: int) -> Wave:
    """Return the quietest 64 ms that are not digital silence, or the first 64 ms if all are."""
    frames = _frames(wave, min(wave.size, round(FLOOR_WINDOW_S * sample_rate)))
    levels = [rms(frame) for frame in frames]
    audible = [(level, place) for place, level in enumerate(levels) if level > 0]
    return frames[min(audible)[1]] if audible else frames[0]


def _like(sample: Wave, size: int, rng: np.random.Generator) -> Wave:
    """Return noise (size,) with the spectrum and the level of `sample`."""
    taps = np.fft.irfft(np.abs(np.fft.rfft(sample.astype(np.float64))), sample.size)
    taps = np.roll(taps, sample.size // 2) / np.sqrt(sample.size)
    white = rng.standard_normal(size + sample.size)
    return np.asarray(oaconvolve(white, taps, mode="valid")[:size], dtype=np.float32)


def _error_db(old: Wave, new: Wave) -> float | None:
    """Return the energy of the difference over that of `old`, in dB; None if `old` is silent."""
    x = old.astype(np.float64)
    energy = _dot(x, x)
    if energy <= 0.0:
        return None
    rest = new.astype(np.float64) - x
    return _energy_db(_dot(rest, rest), energy)


def _energy_db(energy: float, reference: float) -> float:
    return 10 * float(np.log10(max(energy / reference, 1e-20)))


def _db(value: float, reference: float) -> float:
    return 20 * float(np.log10(max(value / reference, 1e-10)))


def _dot(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    return float(np.einsum("i,i->", x, y))
