"""Voice activity: selection of 4 s segments with enough speech."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.audio.reader import SAMPLE_RATE, Wave

SEGMENT = 4 * SAMPLE_RATE  # samples of every utterance of the data set
CONTEXT = SAMPLE_RATE // 10  # samples kept on each side, so that vocoders start before the segment
WINDOW, HOP = 400, 160  # 25 ms every 10 ms
BELOW_PEAK_DB = 25.0  # an active frame is at most this far below the recording's loud speech
LOUD_PERCENTILE = 95
SHARE = 0.6  # least share of active frames in a segment
DIGITAL_DB = 65.0  # a frame further below loud speech was not recorded: zeros from editing
STEP = 10  # frames between candidate starts
MODULATION_DB = 6.0  # least spread of the frame levels; steady sound (music, hum) has less


def active_frames(wave: Wave) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Return activity and level (dB re full scale) per 10 ms frame of `wave` (T,) at 16 kHz."""
    if wave.size < WINDOW:
        return np.zeros(0, bool), np.zeros(0)
    total = np.concatenate([[0.0], np.cumsum(wave.astype(np.float64) ** 2)])
    starts = np.arange(0, wave.size - WINDOW + 1, HOP)
    level = 10 * np.log10((total[starts + WINDOW] - total[starts]) / WINDOW + 1e-12)
    return level > np.percentile(level, LOUD_PERCENTILE) - BELOW_PEAK_DB, level


def segment_starts(wave: Wave) -> list[int]:
    """Return the first samples of non-overlapping 4 s segments of `wave`, from left to right.

    In a segment at least 60 % of the frames are active, their level varies as in speech, and none
    is digital silence, which only the human class would have. `CONTEXT` samples are available on
    each side.
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
    """Return the first sample of the most active 4 s of `wave`; the earliest of equal ones.

    Returns None if `wave` is shorter or if its share of active frames is below `least`.
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
