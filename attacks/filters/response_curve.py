"""Filters given by a curve of gain over frequency: applied without lag, verified band by band."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import oaconvolve
from scipy.signal.windows import kaiser

from attacks.contract.base import Check, SampleLimits, Wave
from attacks.filters.band_levels import FAINT_DB, Spectrum, spectrum_of

Array = npt.NDArray[np.float64]
# a filter may take nearly all of the speech; its own checks say how much of each band is left
FILTERED = SampleLimits(level=(-60.0, 3.0), alive=None, envelope=None)
SHAPED = SampleLimits(level=(-24.0, 24.0), alive=None, envelope=None)
Curve = Callable[[Array], Array]  # Hz -> magnitude, linear
Response = npt.NDArray[np.float64] | npt.NDArray[np.complex128]
ResponseCurve = Callable[[Array], Response]  # Hz -> magnitude, or with its phase

TAPS_S = 0.5  # of the impulse response; its window blurs the curve by about 4 Hz
WINDOW_BETA = 6.0
GRID = 4  # points of the curve per tap, so that its impulse response does not alias in time
LEAST_S = 0.5  # shortest wave to measure; in a shorter one the ends dominate
TOLERANCE_DB = 0.5
COHERENT = 0.9  # observed: 0.99 and more; a wave 20 ms late: 0.2 and less
LOWEST_HZ = 100.0  # lower end of the measurement; below it the blur matters
LOWEST_GUARDS = 40  # the same in guard widths; below it the bands of a short wave overlap
BANDS_PER_OCTAVE = 3
WEAK_DB = -50.0  # a band this far below the result's energy may hold leakage from others
BROAD_DB = -40.0  # energy that a second octave must hold; with less the wave is a tone
MARGIN_DB = 3.0  # over the smallest effect, for what the window suppresses


def reach(sample_rate: int) -> int:
    """Return the length in samples of the impulse responses of `shaped`; odd."""
    return round(TAPS_S * sample_rate) | 1


def shaped(wave: Wave, curve: Curve, sample_rate: int) -> Wave:
    """Filter `wave` (T,) with zero phase and the magnitude `curve`; return float32 (T,).

    The filter is a symmetric FIR, designed by frequency sampling under a Kaiser window. It has no
    lag, and rings as much ahead as behind. Samples beyond either end count as zeros.
    """
    size = reach(sample_rate)
    grid = GRID * next_fast_len(size, real=True)
    gains = curve(_hertz(grid, sample_rate))
    window = _taper(size)
    taps = np.roll(irfft(gains, grid), size // 2)[:size] * window
    taps += (gains[0] - taps.sum()) * window / window.sum()  # no blur at 0 Hz: an offset is strong
    return oaconvolve(wave, taps.astype(np.float32))[size // 2 :][: wave.size].astype(np.float32)


def exactly_shaped(waves: Array, curve: Curve, sample_rate: int) -> Array:
    """Return `waves` (n, T) times the curve in the frequency domain: the reference, (n, T)."""
    length = waves.shape[1]
    size = next_fast_len(length + reach(sample_rate), real=True)
    return np.asarray(irfft(rfft(waves, size) * curve(_hertz(size, sample_rate)), size)[:, :length])


def response_checks(
    before: Wave, after: Wave, sample_rate: int, curve: ResponseCurve
) -> list[Check]:
    """Check that every third octave has changed as `curve` says, in energy and in phase.

    The response error is the largest deviation in dB over the bands that hold energy, from 100 Hz
    up (in a wave shorter than 2 s: from 200 Hz divided by its seconds); at most 0.5. The coherence
    is the correlation of `after` with `before` through the curve, from the same frequency up: a
    late, reversed or different wave with the same spectrum has none. Neither is measured in less
    than 0.5 s.
    """
    error = alike = None
    if before.size >= LEAST_S * sample_rate and before.size == after.size:
        old, new = spectrum_of(before, sample_rate), Spectrum(after, sample_rate)
        error = _deviation_db(old, new, curve, sample_rate / 2)
        alike = _coherence(old, new, curve, sample_rate / 2) if error is not None else None
    return [
        Check.at_most("response error", "dB", TOLERANCE_DB, error),
        Check.at_least("coherence", "share", COHERENT, alike, effect=False),
    ]


def _coherence(old: Spectrum, new: Spectrum, curve: ResponseCurve, top: float) -> float:
    start = int(np.ceil(max(LOWEST_HZ, LOWEST_GUARDS * old.guard) / old.step))
    gains = curve(_hertz(old.size, 2 * top))[start:]
    want, have = (bins.view(np.float64) for bins in (old.bins[start:] * gains, new.bins[start:]))
    energy = float(np.einsum("i,i->", want, want)) * float(np.einsum("i,i->", have, have))
    return float(np.einsum("i,i->", want, have)) / energy**0.5 if energy > 0.0 else 0.0


def _deviation_db(old: Spectrum, new: Spectrum, curve: ResponseCurve, top: float) -> float | None:
    powers = _powers(old)
    want = powers * np.square(np.abs(curve(_hertz(old.size, 2 * top))))
    weak = float(want.sum()) * 10 ** (WEAK_DB / 10)
    found = []
    for low, high in _bands(max(LOWEST_HZ, LOWEST_GUARDS * old.guard), top):
        band = slice(int(np.ceil(low / old.step)), int(np.floor(high / old.step)) + 1)
        expected = float(want[band].sum())
        if not old.holds(low, high, FAINT_DB) or expected <= weak:
            continue
        found.append(abs(10 * np.log10(max(new.energy(low, high), 1e-12 * expected) / expected)))
    return float(max(found)) if found else None


def _bands(low: float, top: float) -> list[tuple[float, float]]:
    count = int(np.floor(BANDS_PER_OCTAVE * np.log2(top / low))) if low < top else 0
    edges = top * 2.0 ** (-np.arange(count, -1, -1) / BANDS_PER_OCTAVE)
    return [(float(a), float(b)) for a, b in pairwise(edges)]


def affected(wave: Wave, sample_rate: int, curve: ResponseCurve, floor_db: float) -> bool:
    """Return True if `curve` changes `wave`, apart from its level, by more than `floor_db`."""
    spectrum = spectrum_of(wave, sample_rate)
    powers = _powers(spectrum)
    gains = np.abs(curve(_hertz(spectrum.size, sample_rate)))
    energy = float(powers.sum())
    level = float((powers * gains).sum()) / energy if energy > 0.0 else 0.0
    if level <= 0.0:
        return energy > 0.0
    change = float((powers * (gains - level) ** 2).sum()) / (level**2 * energy)
    return bool(change > 10 ** ((floor_db + MARGIN_DB) / 10))


def broad(wave: Wave, sample_rate: int) -> bool:
    """Return True if two octaves or more hold energy; a lone tone has no frequency response."""
    spectrum = spectrum_of(wave, sample_rate)
    edges = sample_rate / 2 * 2.0 ** -np.arange(7)
    octaves = [(float(low), float(high)) for high, low in pairwise(edges)]
    return sum(spectrum.holds(low, high, BROAD_DB) for low, high in octaves) > 1


@lru_cache(maxsize=4)
def _taper(size: int) -> Array:
    return np.asarray(kaiser(size, WINDOW_BETA), dtype=np.float64)


def _hertz(size: int, sample_rate: float) -> Array:
    """Return the frequencies of the bins of a real transform of `size` samples."""
    return np.asarray(np.fft.rfftfreq(size, 1 / sample_rate), dtype=np.float64)


def _powers(spectrum: Spectrum) -> Array:
    return np.asarray(spectrum.bins.real**2 + spectrum.bins.imag**2)


def peak(hertz: Array, centre: float, gain: float, q: float) -> Array:
    """Return the magnitude of a resonance: `gain` dB at `centre`, 0 dB far away, quality `q`.

    (s^2 + s a/q + 1) / (s^2 + s/(a q) + 1) with a = 10^(gain/40) and s = j f/centre: the analogue
    peaking equaliser of Bristow-Johnson's cookbook.
    """
    f, a = hertz / centre, 10 ** (gain / 40)
    bulk = (1 - f**2) ** 2
    return np.asarray(np.sqrt((bulk + (f * a / q) ** 2) / (bulk + (f / (a * q)) ** 2)))


def highpass2(hertz: Array, corner: float) -> Array:
    """Return the magnitude of a second-order Butterworth high-pass, -3 dB at `corner` Hz."""
    f = (hertz / corner) ** 2
    return np.asarray(f / np.sqrt(1 + f**2))


def lowpass2(hertz: Array, corner: float) -> Array:
    """Return the magnitude of a second-order Butterworth low-pass, -3 dB at `corner` Hz."""
    return np.asarray(1 / np.sqrt(1 + (hertz / corner) ** 4))
