"""Concealment of lost packets by pitch waveform replication, after ITU-T G.711 Appendix I (1999).

Written from the published description, whose times are kept at any sample rate; the standard has
8 kHz. It works in frames of 10 ms and delays its output by 3.75 ms, so that it may still change the
end of what came before a gap. The delay is removed here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.audio.reader import Wave

FRAME_S = 0.01
SHORTEST_S, LONGEST_S = 0.005, 0.015  # periods of 66 to 200 Hz
COMPARED_S = 0.02
BEFORE_S = LONGEST_S / 4  # most that is changed before a gap
AFTER_S = 0.01  # and after it
LONGER_S = 0.004  # by which the fade after a gap grows with every further frame
PERIODS = 3  # from the third frame on, that many periods are repeated
LOSS_PER_FRAME = 0.2  # of the amplitude, from the second frame on: silence after 60 ms

Floats = npt.NDArray[np.float64]


def conceal(out: Wave, start: int, stop: int, sample_rate: int) -> None:
    """Fill samples `start` to `stop` of `out` (T,) from those before, in place.

    The last quarter of a period before the gap is faded into the repetition (at most 3.75 ms), and
    the repetition into the first samples after it (at most 10 ms). What comes before may be
    concealed too. Without sound before, the gap is silent.
    """
    frame, longest = _samples(FRAME_S, sample_rate), _samples(LONGEST_S, sample_rate)
    history = np.zeros(PERIODS * longest + longest // 4)
    known = out[max(0, start - history.size) : start]
    history[history.size - known.size :] = known
    out[start:stop] = 0.0
    if not history.any():
        return
    period = pitch(history, sample_rate)
    quarter = min(period // 4, start)
    frames = -(-(stop - start) // frame)
    fade = min(
        quarter + (frames - 1) * _samples(LONGER_S, sample_rate),
        _samples(AFTER_S, sample_rate),
        out.size - stop,
    )
    made = _continued(history, period, stop - start + fade, frame)
    if quarter:
        out[start - quarter : start] = _cycle(history, period, 1)[period - quarter :]
    out[start:stop] = made[: stop - start]
    rise = _rise(fade)
    out[stop : stop + fade] = out[stop : stop + fade] * rise + made[stop - start :] * (1 - rise)


def pitch(history: Floats, sample_rate: int) -> int:
    """Return the period in samples, 5 to 15 ms, at which the last 20 ms resemble what came before.

    The measure is the cross-correlation, normalised by the energy of the earlier part.
    """
    size = _samples(COMPARED_S, sample_rate)
    end = history.size - size
    found = likeness(history, history[end:], end, sample_rate)
    return _samples(SHORTEST_S, sample_rate) + int(np.argmax(found))


def likeness(wave: npt.NDArray[np.floating], piece: Floats, at: int, sample_rate: int) -> Floats:
    """Return the cross-correlation of `piece` with what lies 5 to 15 ms before `at` in `wave`.

    It is normalised by the energy of the earlier part; 0 where that is silent.
    """
    shortest, longest = _samples(SHORTEST_S, sample_rate), _samples(LONGEST_S, sample_rate)
    part = wave[at - longest : at - shortest + piece.size].astype(np.float64)
    earlier = np.lib.stride_tricks.sliding_window_view(part, piece.size)[::-1]
    products = np.einsum("ij,j->i", earlier, piece)
    energies = np.einsum("ij,ij->i", earlier, earlier)
    return np.where(energies > 0.0, products / np.sqrt(np.maximum(energies, 1e-30)), 0.0)


def _continued(history: Floats, period: int, size: int, frame: int) -> Floats:
    """Return `size` samples that go on after the history: one period, then two, then three."""
    made = np.zeros(size)
    quarter, phase, old = period // 4, 0, 0
    for place, begin in enumerate(range(0, size, frame)):
        count = min(place + 1, PERIODS)
        cycle = _cycle(history, period, count)
        if place < PERIODS:
            phase %= period
        end = begin + frame
        piece = np.take(cycle, np.arange(phase, phase + frame), mode="wrap")
        if 0 < place < PERIODS:
            fewer = _cycle(history, period, place)
            before = np.take(fewer, np.arange(old, old + quarter), mode="wrap")
            rise = _rise(quarter)
            piece[:quarter] = piece[:quarter] * rise + before * (1 - rise)
        made[begin:end] = piece[: size - begin]
        old = phase + frame
        phase = old % cycle.size
    gain = 1 - LOSS_PER_FRAME * (np.arange(size) / frame - 1)
    return made * np.clip(gain, 0.0, 1.0)


def _cycle(history: Floats, period: int, count: int) -> Floats:
    """Return the last `count` periods, with their last quarter of a period faded for a loop."""
    quarter, size = period // 4, count * period
    cycle = history[history.size - size :].copy()
    rise = _rise(quarter)
    before = history[history.size - size - quarter : history.size - size]
    cycle[size - quarter :] = cycle[size - quarter :] * (1 - rise) + before * rise
    return cycle


def _rise(size: int) -> Floats:
    return (np.arange(size) + 1.0) / (size + 1)


def _samples(seconds: float, sample_rate: int) -> int:
    return round(seconds * sample_rate)
