"""What makes a copy like its recording in all but the vocoder's own traces.

A vocoder colours the spectrum, fills or empties pauses, and drops what MP3 left in the recording.
A classifier that hears no voice at all tells copies by these. So each copy gets, in this order, the
equaliser of its vocoder, the recording's level in pauses, and an MP3 file of the recording's rate.
"""

from __future__ import annotations

import io
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import firwin2, oaconvolve

from benchmark.audio.reader import SAMPLE_RATE, Wave, resample
from benchmark.data.embedded.post_processing import band_limited
from benchmark.data.embedded.voice_activity import HOP, WINDOW, active_frames

EQUALISERS = "equalisers.toml"  # fitted by `benchmark.data.embedded.equaliser_fit`
TAPS = 511
MOST_GAIN_DB = 20.0  # in pauses, up or down
SMOOTH = 5  # frames over which the gain in pauses changes
MP3_RATE = 44100
# constant bit rate in kbit/s -> compression level at which libsndfile chooses it
MP3_LEVELS = {128: 0.65, 160: 0.55, 192: 0.42, 224: 0.32, 256: 0.2}

Taps = npt.NDArray[np.float64]


def matched(copied: Wave, recording: Wave, taps: Taps, kbps: float) -> Wave:
    """Return a copy with the long-term spectrum, the pauses and the history of its recording.

    copied, recording : float32 (T,) at 16 kHz, aligned and at equal level
    taps              : the equaliser of the vocoder that made the copy
    kbps              : bit rate of the MP3 file that held the recording; 0 for none
    """
    equal = paused_like(filtered(copied, taps), recording)
    return coded(equal, kbps) if kbps else equal


def filtered(wave: Wave, taps: Taps) -> Wave:
    """Filter `wave` (T,) with an FIR of odd length, without delay; float32 (T,)."""
    return oaconvolve(wave.astype(np.float64), taps, mode="same").astype(np.float32)


def paused_like(wave: Wave, recording: Wave) -> Wave:
    """Give the pauses of `wave` (T,) the level that `recording` (T,) has there; float32 (T,).

    Levels are those in the band that the data set keeps. A pause is a frame of the recording that
    is not active. The gain is 0 dB in speech and changes over some frames on both sides.
    """
    active, wanted = active_frames(band_limited(recording).astype(np.float32))
    _, found = active_frames(band_limited(wave).astype(np.float32))
    gain_db = np.where(active, 0.0, np.clip(wanted - found, -MOST_GAIN_DB, MOST_GAIN_DB))
    smooth = np.convolve(
        np.pad(gain_db, SMOOTH // 2, mode="edge"), np.ones(SMOOTH) / SMOOTH, "valid"
    )
    centres = np.arange(gain_db.size) * HOP + WINDOW // 2
    gain = 10 ** (np.interp(np.arange(wave.size), centres, smooth) / 20)
    return (wave * gain).astype(np.float32)


def coded(wave: Wave, kbps: float) -> Wave:
    """Return `wave` (T,) at 16 kHz after MP3 at 44.1 kHz and the rate next to `kbps`; float32 (T,).

    libsndfile encodes and decodes; it removes the delay of both.
    """
    rate = min(MP3_LEVELS, key=lambda known: abs(known - kbps))
    file = io.BytesIO()
    raised = np.clip(resample(wave, SAMPLE_RATE, MP3_RATE), -1.0, 1.0)
    soundfile.write(
        file, raised, MP3_RATE, format="MP3", subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT", compression_level=MP3_LEVELS[rate],
    )  # fmt: skip
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    lowered = resample(np.ascontiguousarray(decoded[: raised.size]), MP3_RATE, SAMPLE_RATE)
    return np.pad(lowered, (0, max(0, wave.size - lowered.size)))[: wave.size]


@lru_cache(maxsize=16)
def equaliser(system: str) -> Taps:
    """Return the fitted equaliser of a vocoder; KeyError for one without a fit."""
    text = resources.files(__package__).joinpath(EQUALISERS).read_text(encoding="utf-8")
    fitted = tomllib.loads(text)
    return designed(fitted["hertz"], fitted["gains_db"][system])


def designed(hertz: Sequence[float], gains_db: Sequence[float]) -> Taps:
    """Return a linear-phase FIR at 16 kHz with these gains at these rising frequencies."""
    gains = 10 ** (np.array([gains_db[0], *gains_db, gains_db[-1]]) / 20)
    return firwin2(TAPS, [0.0, *hertz, SAMPLE_RATE / 2], gains, fs=SAMPLE_RATE)
