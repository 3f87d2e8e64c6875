"""RawBoost: three kinds of noise, made from the waveform alone, as augmentation in training.

Tak, Kamble, Patino, Todisco, Evans: "RawBoost: A Raw Data Boosting and Augmentation Method Applied
to Automatic Speaker Verification Anti-Spoofing", ICASSP 2022, with the paper's parameters. Nothing
is taken from recordings of noise or rooms, so that no laundering of the benchmark is rehearsed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve, firwin

from benchmark.audio.reader import SAMPLE_RATE
from benchmark.training.training_examples import Wave
from detectors.contract.recipe_files import CONVOLUTIVE, IMPULSIVE, PARALLEL, STATIONARY

VERSION = 1  # raised when the same draws would give other samples
NOTCHES = 5
CENTRE_HZ, WIDTH_HZ, TAPS = (20.0, 8000.0), (100.0, 1000.0), (10, 100)
POWERS = 5  # of the convolutive noise: the wave itself, and its powers up to the fifth
HIGHER_DB = (-20.0, -5.0)  # gain of the powers above the first
MOST_IMPULSES, IMPULSE_GAIN = 0.1, 2.0  # share of the samples; gain of what is added to them
SNR_DB = (10.0, 40.0)

Samples = npt.NDArray[np.float64]


def boosted(wave: Wave, noises: Sequence[str], rng: np.random.Generator) -> Wave:
    """Return a wave, float32 (T,) at 16 kHz, with the named noises added one after another.

    `a+b` makes both from the same wave and adds up the results, as the paper's parallel form does.
    """
    samples = wave.astype(np.float64)
    for step in noises:
        made = [KINDS[name](samples, rng) for name in step.split(PARALLEL)]
        samples = made[0] if len(made) == 1 else _bounded(np.sum(made, axis=0))
    return samples.astype(np.float32)


def convolutive(samples: Samples, rng: np.random.Generator) -> Samples:
    """Add linear and non-linear convolutive noise: filtered powers of the wave.

    y = sum over j from 1 to 5 of b_j * x^j, without its mean. Every b_j has notches of its own; the
    higher powers are 5 to 20 dB lower, like the harmonics that amplifiers and codecs add.
    """
    total = np.zeros_like(samples)
    for power in range(1, POWERS + 1):
        gain = 0.0 if power == 1 else rng.uniform(*HIGHER_DB)
        total += fftconvolve(samples**power, 10 ** (gain / 20) * notches(rng), mode="same")
    return _bounded(total - total.mean() if total.size else total)


def impulsive(samples: Samples, rng: np.random.Generator) -> Samples:
    """Add impulsive noise that depends on the signal: some samples change by a share of themselves.

    Of at most 10 % of the samples, each becomes x + 2 x u v, with u and v uniform in [-1, 1]: what
    clipping and bad sampling do.
    """
    count = int(samples.size * rng.uniform(0, MOST_IMPULSES))
    places = rng.permutation(samples.size)[:count]
    factors = rng.uniform(-1, 1, count) * rng.uniform(-1, 1, count)
    changed = samples.copy()
    changed[places] += IMPULSE_GAIN * samples[places] * factors
    return _bounded(changed)


def stationary(samples: Samples, rng: np.random.Generator) -> Samples:
    """Add stationary noise that does not depend on the signal: coloured, at 10 to 40 dB SNR."""
    noise = fftconvolve(rng.standard_normal(samples.size), notches(rng), mode="same")
    snr = rng.uniform(*SNR_DB)
    size = np.linalg.norm(noise)
    if not size:
        return samples
    return np.asarray(samples + noise * np.linalg.norm(samples) / (size * 10 ** (snr / 20)))


def notches(rng: np.random.Generator) -> Samples:
    """Return a linear-phase filter with 5 notches, whose largest gain is 1; an odd number of taps.

    Centres are uniform from 20 Hz to 8 kHz, widths from 100 Hz to 1 kHz, taps from 10 to 100.
    """
    nyquist = SAMPLE_RATE / 2
    taps = np.ones(1)
    for _ in range(NOTCHES):
        centre, width = rng.uniform(*CENTRE_HZ), rng.uniform(*WIDTH_HZ)
        count = int(rng.integers(TAPS[0], TAPS[1] + 1)) | 1  # band-stop filters need an odd number
        low, high = max(centre - width / 2, 1.0), min(centre + width / 2, nyquist - 1.0)
        taps = np.convolve(taps, firwin(count, [low, high], fs=SAMPLE_RATE))
    return np.asarray(taps / np.abs(np.fft.rfft(taps, 4096)).max())


def _bounded(samples: Samples) -> Samples:
    """Return samples scaled to a peak of 1, if theirs is above."""
    peak = np.abs(samples).max(initial=0.0)
    return samples / peak if peak > 1 else samples


KINDS: dict[str, Callable[[Samples, np.random.Generator], Samples]] = {
    CONVOLUTIVE: convolutive,
    IMPULSIVE: impulsive,
    STATIONARY: stationary,
}
