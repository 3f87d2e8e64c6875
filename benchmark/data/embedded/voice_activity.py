"""Where somebody speaks: which stretches of a recording are worth a segment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.audio.reader import SAMPLE_RATE, Wave

SEGMENT = 4 * SAMPLE_RATE  # samples of every utterance of the data set
CONTEXT = SAMPLE_RATE // 10  # kept on either side, so that no vocoder starts inside the segment
WINDOW, HOP = 400, 160  # 25 ms every 10 ms
BELOW_PEAK_DB = 25.0  # a frame within this of the recording's loud speech is active
LOUD_PERCENTILE = 95
SHARE = 0.6  # of a segment's frames that must be active
DIGITAL_DB = 65.0  # a frame this far below loud speech was never recorded: an edit's zeros
STEP = 10  # frames between candidate starts
MODULATION_DB = 6.0  # spread of the frame levels; steady sound (music, hum) lies below


def active_frames(wave: Wave) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Per 10 ms frame of `wave` (T,) at 16 kHz: is it active, and its level in dB re full scale."""
    if wave.size < WINDOW:
        return np.zeros(0, bool), np.zeros(0)
    total = np.concatenate([[0.0], np.cumsum(wave.astype(np.float64) ** 2)])
    starts = np.arange(0, wave.size - WINDOW + 1, HOP)
    level = 10 * np.log10((total[starts + WINDOW] - total[starts]) / WINDOW + 1e-12)
    return level > np.percentile(level, LOUD_PERCENTILE) - BELOW_PEAK_DB, level


def segment_starts(wave: Wave) -> list[int]:
    """First samples of the 4 s segments of `wave`, left to right, none overlapping.

    A segment is taken where at least 60 % of its frames are active, their level moves as speech
    does, and none is digital silence, which only the human class would have; `CONTEXT` samples are
    free on both of its sides.
    """
    active, level = active_frames(wave)
    if not level.size:
        return []
    empty = level < np.percentile(level, LOUD_PERCENTILE) - DIGITAL_DB
    length, margin = SEGMENT // HOP, CONTEXT // HOP
    counts = np.concatenate([[0], np.cumsum(active)])
    starts: list[int] = []
    at = margin
    while at * HOP + SEGMENT + CONTEXT <= wave.size and at + length <= active.size:
        inside = slice(at, at + length)
        spoken = (counts[at + length] - counts[at]) / length >= SHARE
        if spoken and np.std(level[inside]) >= MODULATION_DB and not empty[inside].any():
            starts.append(at * HOP)
            at += length
        else:
            at += STEP
    return starts


def best_start(wave: Wave, least: float = SHARE) -> int | None:
    """Start of the most active 4 s of `wave`; None where it is shorter or its share under `least`.

    Of equally active places the earliest is taken.
    """
    active, _ = active_frames(wave)
    length = SEGMENT // HOP
    counts = np.concatenate([[0], np.cumsum(active)])
    last = min((wave.size - SEGMENT) // HOP, active.size - length)
    if last < 0:
        return None
    shares = (counts[length : length + last + 1] - counts[: last + 1]) / length
    best = int(np.argmax(shares))
    return best * HOP if shares[best] >= least else None
