"""Checks that every attack owes beside its own claim: the speech is still there, and in its place.

They compare 5 ms frames of the utterance before and after the attack. None of them shows an effect,
so they can refute an utterance but never verify one. What an attack by design does to the samples
it declares as its `SampleLimits`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attacks.contract.check import Check
from benchmark.audio.memo import remembered

Wave = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LAG, LEVEL, ALIVE = "envelope lag", "active level", "active frames alive"
ENVELOPE, SILENCE, CLIPPING = "envelope correlation", "digital silence", "clipping"
QUANTITIES = (LAG, LEVEL, ALIVE, ENVELOPE, SILENCE, CLIPPING)

HOP_S = 0.005
LEAST_FRAMES = 120  # 0.6 s; in less an envelope has little shape
LEAST_ACTIVE = 20
ACTIVE_DB = 25.0  # below the 95th percentile of the frames' powers: speech, not pause
QUIET = 1e-9  # mean square: no frame below it is active
OFFSET = 1e-4  # share of the power above which a wave's mean is removed
DEAD_DB = 25.0  # an active frame that has fallen by more is no longer there
BURST_DB = 25.0  # a frame that much above the 95th percentile: no speech, but what rings after it
LOUD_DB = 10.0  # above the least active power: a coarse step may silence what is softer
FEW = 8  # samples at the peak that any wave may have
FLAT = 0.9995  # of the peak: samples from here on count as clipped
REACH = 12  # frames: range of the search for lag, either way
ALIKE = 0.6  # correlation from which a lag is meaningful
SWING = 0.25  # least standard deviation of the envelope of speech over its mean
SELF_FRAMES, SELF_ALIKE = 4, 0.96  # a steadier envelope than this does not resolve 20 ms


@dataclass(frozen=True)
class SampleLimits:
    """What an attack may do to the samples of speech beside its claim. None asks for nothing.

    lag      : ms by which the envelope may come early or late
    level    : least and most change in dB of the mean power of the active frames
    alive    : least share of the active frames that have not fallen by more than 25 dB
    envelope : least correlation of the envelopes
    silence  : longest run of new digital silence in place of loud frames, s
    clipping : largest share of samples at the peak that were not there before
    """

    lag: float | None = 8.0
    level: tuple[float, float] | None = (-6.0, 6.0)
    alive: float | None = 0.9
    envelope: float | None = 0.8
    silence: float | None = 0.02
    clipping: float | None = 0.002


NO_LIMITS = SampleLimits(None, None, None, None, None, None)


@dataclass(frozen=True)
class Frames:
    """A wave in frames of 5 ms.

    powers   : mean square of each frame, without the wave's offset
    zero     : True for frames of digital silence
    envelope : powers to the fourth root, so that soft syllables count
    flat     : share of the samples at the peak, beyond the few that any wave may have
    """

    powers: Floats
    zero: Mask
    envelope: Floats
    flat: float


@dataclass(frozen=True)
class Measured:
    """What an attack did to the samples, in the quantities and units of `SampleLimits`.

    A quantity is None where it cannot be measured.
    """

    lag: float | None
    level: float | None
    alive: float | None
    envelope: float | None
    silence: float
    clipping: float | None


@dataclass(frozen=True)
class Speech:
    """What the checks need to know of the wave before the attack.

    active    : frames that hold speech
    threshold : mean square from which a frame is active
    enough    : True if there are enough active frames to measure their level
    clear     : True if the envelope also moves enough to tell a lag of 20 ms
    """

    frames: Frames
    active: Mask
    threshold: float
    enough: bool
    clear: bool


def frames_of(wave: Wave, sample_rate: int) -> Frames:
    """Return the frames of a wave, float (T,); what is left after the last whole frame is ignored.

    A wave shorter than a frame is one frame.
    """
    return remembered(wave, ("frames", sample_rate), lambda: _frames(wave, sample_rate))


def speech_of(wave: Wave, sample_rate: int) -> Speech:
    """Return the frames of a wave with what tells speech from other signals."""
    return remembered(wave, ("speech", sample_rate), lambda: _speech(wave, sample_rate))


def sample_checks(before: Wave, after: Wave, sample_rate: int, limits: SampleLimits) -> list[Check]:
    """Return the checks that `limits` ask for."""
    if limits == NO_LIMITS:
        return []
    found = measure(before, after, sample_rate)
    checks = []
    if limits.lag is not None:
        checks.append(Check.near(LAG, "ms", 0.0, found.lag, limits.lag, effect=False))
    if limits.level is not None:
        checks.append(Check.within(LEVEL, "dB", limits.level, found.level, effect=False))
    for quantity, least, value in (
        (ALIVE, limits.alive, found.alive),
        (ENVELOPE, limits.envelope, found.envelope),
    ):
        if least is not None:
            checks.append(Check.at_least(quantity, "share", least, value, effect=False))
    for quantity, unit, most, seen in (
        (SILENCE, "s", limits.silence, found.silence),
        (CLIPPING, "share", limits.clipping, found.clipping),
    ):
        if most is not None:
            checks.append(Check.at_most(quantity, unit, most, seen, effect=False))
    return checks


def measure(before: Wave, after: Wave, sample_rate: int) -> Measured:
    """Measure `after` against `before`; waves of other lengths at equal shares of their lengths.

    Clipping needs some active frames. Level, frames alive and correlation also need an envelope
    that moves, as that of speech does; the lag needs envelopes that are alike.
    """
    speech, new = speech_of(before, sample_rate), frames_of(after, sample_rate)
    old, active = speech.frames, speech.active
    if before.size != after.size:
        new = _at_equal_shares(new, old.powers.size, after.size / before.size)
    level = alive = envelope = lag = None
    if speech.clear:
        heard, expected = new.powers[active], old.powers[active]
        level = 10 * float(np.log10(max(float(heard.mean()) / float(expected.mean()), 1e-20)))
        alive = float(np.mean(heard >= expected * 10 ** (-DEAD_DB / 10)))
        envelope, best, place = _correlation(old.envelope, new.envelope)
        lag = 1000 * HOP_S * place if best >= ALIKE else None
    muted = new.zero & ~old.zero & (old.powers > speech.threshold * 10 ** (LOUD_DB / 10))
    silence = HOP_S * _longest(muted) if muted.any() else 0.0
    clipping = max(0.0, new.flat - old.flat) if speech.enough else None
    return Measured(lag, level, alive, envelope, silence, clipping)


def _frames(wave: Wave, sample_rate: int) -> Frames:
    hop = max(1, min(wave.size, round(HOP_S * sample_rate)))
    count = wave.size // hop
    rows = np.asarray(wave[: count * hop], dtype=np.float32).reshape(count, hop)
    raw = np.einsum("ij,ij->i", rows, rows).astype(np.float64) / hop
    powers, offset = raw, float(np.einsum("ij->i", rows).mean(dtype=np.float64)) / hop
    if offset * offset > OFFSET * float(raw.mean()):
        moved = rows - np.float32(offset)
        powers = np.einsum("ij,ij->i", moved, moved).astype(np.float64) / hop
    low, high = float(wave.min()), float(wave.max())
    peak = max(-low, high)
    flat = 0
    if high >= FLAT * peak > 0.0:
        flat += int(np.count_nonzero(wave >= FLAT * peak))
    if -low >= FLAT * peak > 0.0:
        flat += int(np.count_nonzero(wave <= -FLAT * peak))
    return Frames(powers, raw == 0.0, np.sqrt(np.sqrt(powers)), max(flat - FEW, 0) / wave.size)


def _speech(wave: Wave, sample_rate: int) -> Speech:
    frames = frames_of(wave, sample_rate)
    top = float(np.percentile(frames.powers, 95))
    threshold = max(top * 10 ** (-ACTIVE_DB / 10), QUIET)
    active = frames.powers > threshold
    enough = int(np.count_nonzero(active)) >= LEAST_ACTIVE
    burst = float(frames.powers.max()) > top * 10 ** (BURST_DB / 10)
    clear = enough and not burst and _moves(frames.envelope)
    return Speech(frames, active, threshold, enough, clear)


def _moves(envelope: Floats) -> bool:
    """Return True if the envelope has the swing of speech, and resolves a lag of 20 ms."""
    if envelope.size < LEAST_FRAMES or envelope.std() < SWING * envelope.mean():
        return False
    return _pearson(envelope[SELF_FRAMES:], envelope[:-SELF_FRAMES]) < SELF_ALIKE


def _at_equal_shares(frames: Frames, count: int, warp: float) -> Frames:
    """Return `count` frames at the places that frames of the wave before have after the warp."""
    at = np.arange(count) * warp
    nearest = np.minimum(np.rint(at).astype(np.int64), frames.powers.size - 1)
    envelope = np.interp(at, np.arange(frames.powers.size), frames.envelope)
    return Frames(frames.powers[nearest], frames.zero[nearest], envelope, frames.flat)


def _correlation(old: Floats, new: Floats) -> tuple[float, float, float]:
    """Return the correlation without lag, the largest within reach, and its lag in frames."""
    size = min(old.size, new.size)
    inner = old[REACH : size - REACH]
    inner = inner - inner.mean()
    products = np.correlate(new[:size], inner, mode="valid")
    sums, squares = (
        np.cumsum(np.concatenate([[0.0], values])) for values in (new[:size], new[:size] ** 2)
    )
    means = (sums[inner.size :] - sums[: -inner.size]) / inner.size
    energies = squares[inner.size :] - squares[: -inner.size] - inner.size * means**2
    norm = float(np.einsum("i,i->", inner, inner)) * energies
    found = np.where(norm > 0.0, products / np.sqrt(np.maximum(norm, 1e-30)), 0.0)
    place = int(np.argmax(found))
    best, shift = float(found[place]), 0.0
    if 0 < place < found.size - 1:
        left, middle, right = found[place - 1 : place + 2]
        shift = 0.5 * float((left - right) / min(left - 2 * middle + right, -1e-12))
    return float(found[REACH]), best, place - REACH + shift


def _pearson(x: Floats, y: Floats) -> float:
    x, y = x - x.mean(), y - y.mean()
    xx, yy, xy = (float(np.einsum("i,i->", a, b)) for a, b in ((x, x), (y, y), (x, y)))
    return xy / (xx * yy) ** 0.5 if xx > 0.0 and yy > 0.0 else 0.0


def _longest(mask: Mask) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return int((edges[1::2] - edges[0::2]).max(initial=0))
