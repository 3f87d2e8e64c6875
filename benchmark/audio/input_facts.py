"""Facts of an input: what a file states against what it holds, and what is odd about its samples.

Nothing here makes a file unusable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.audio.decoding import DecodedFile, Header, Wave
from benchmark.audio.input_faults import FAULTS, SHORT_S, SILENT_DBFS
from benchmark.audio.speech_level import active_level, rms

LENGTH_TOLERANCE_S = 0.1  # codecs add up to two frames
OVER_FULL_SCALE = 8.0  # 18 dB: no recorder's headroom, but integers stored as floats


@dataclass(frozen=True)
class InputFacts:
    """What was found about a file that could be read.

    stated    : what the file says of itself
    decoded_s : the length that was decoded, in seconds
    faults    : names from `FAULTS`, in their order
    """

    stated: Header
    decoded_s: float
    faults: tuple[str, ...] = ()


def facts_of(file: DecodedFile, wave: Wave, rate: int) -> InputFacts:
    """Return the facts of a decoded file, and of the utterance `wave` (T,) at `rate` Hz from it."""
    stated = file.header
    apart = abs((stated.declared_s or file.seconds) - file.seconds)
    floor = 10 ** (SILENT_DBFS / 20)
    silent = _is_below(wave, rate, floor)
    found = {
        "length": apart > LENGTH_TOLERANCE_S,
        "truncated": file.truncated,
        "damaged": file.damaged > 0,
        "phase": file.cancelled,
        "scale": file.peak > OVER_FULL_SCALE,
        "silent": silent,
        "dc": not silent and _is_constant(wave, rate, floor),
        "short": wave.size < SHORT_S * rate,
    }
    return InputFacts(stated, file.seconds, tuple(name for name in FAULTS if found[name]))


def _is_below(wave: Wave, rate: int, floor: float) -> bool:
    """Return whether the active level is below `floor`; it is never below that of all samples."""
    return rms(wave) < floor and active_level(wave, rate) < floor


def _is_constant(wave: Wave, rate: int, floor: float) -> bool:
    offset = float(np.mean(wave, dtype=np.float64))
    if abs(offset) < floor:
        return False
    return _is_below(wave - np.float32(offset), rate, floor)
