"""The bare library calls behind the conditions of the suite `laundering`.

They encode and decode, convolve by FFT, resample back and forth, or scale and add, without level
correction, checks and facts. The cost of the attack stage is compared with theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import soxr
from scipy.signal import firwin, kaiser_beta, kaiserord, oaconvolve

from benchmark.audio import libav

av = libav.module()
RATE = 16000
Call = Callable[[np.ndarray], np.ndarray]


def calls(responses: dict[float, np.ndarray], noises: dict[str, np.ndarray]) -> dict[str, Call]:
    """Return one call per condition.

    responses : impulse responses by RT60
    noises    : noise waves, longer than any input, by kind
    """
    count, _ = kaiserord(80.0, 500 / (RATE / 2))
    taps = firwin(count | 1, 7000, window=("kaiser", kaiser_beta(80.0)), fs=RATE)
    taps = taps.astype(np.float32)
    made: dict[str, Call] = {f"rt{t}": _convolve(r) for t, r in responses.items()}
    for kind, noise in noises.items():
        made |= {f"{kind}{snr}": _mix(noise, snr) for snr in (0, 10, 20)}
    made |= {f"white{snr}": _white(snr) for snr in (0, 10, 20)}
    made |= {f"mp3 {kbps}": _mp3(kbps) for kbps in (16, 64, 128, 160)}
    made |= {f"rate{rate}": _resample(rate) for rate in (8000, 11025, 22050, 44100)}
    return made | {"lowpass": _convolve(taps)}


def _convolve(response: np.ndarray) -> Call:
    return lambda wave: oaconvolve(wave, response)[: wave.size]


def _mix(noise: np.ndarray, snr: float) -> Call:
    return lambda wave: _add(wave, noise[: wave.size], snr)


def _white(snr: float) -> Call:
    rng = np.random.default_rng(0)
    return lambda wave: _add(wave, rng.standard_normal(wave.size, dtype=np.float32), snr)


def _add(wave: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    gain = np.sqrt(np.mean(np.square(wave)) / np.mean(np.square(noise))) * 10 ** (-snr / 20)
    return wave + noise * np.float32(gain)


def _resample(rate: int) -> Call:
    return lambda wave: soxr.resample(soxr.resample(wave, RATE, rate), rate, RATE)


def _mp3(kbps: int) -> Call:
    def call(wave: np.ndarray) -> np.ndarray:
        coder = av.CodecContext.create("libmp3lame", "w")
        coder.sample_rate, coder.layout, coder.format = RATE, "mono", "fltp"
        coder.bit_rate, coder.time_base, coder.thread_count = kbps * 1000, Fraction(1, RATE), 1
        coder.open()
        packets = []
        for start in range(0, wave.size, coder.frame_size):
            piece = np.ascontiguousarray(wave[None, start : start + coder.frame_size])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            packets += coder.encode(frame)
        packets += coder.encode(None)
        decoder = av.CodecContext.create("mp3float", "r")
        decoder.thread_count = 1
        frames = [frame for packet in packets for frame in decoder.decode(packet)]
        return np.concatenate([frame.to_ndarray().ravel() for frame in frames])

    return call
