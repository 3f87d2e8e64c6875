"""Levels in the bands of an utterance, which verify filters and resamplers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len, rfft
from scipy.signal.windows import general_cosine

from attacks.contract.base import Wave
from benchmark.audio.memo import remembered

FAINT_DB = -70.0  # a band with less of the energy is too near float32 rounding to measure
EFFECT_DB = -55.0  # what a band must hold for its loss to be an effect on the whole wave
ENDS_DB = -40.0  # a wave that keeps less under the window is all ends, where filters ring
LEAST_S = 0.05  # nor is anything in a wave shorter than this: its bands run into each other
# Nuttall 1981, four terms, continuous first derivative: side lobes 93 dB down, 18 dB per octave
NUTTALL = (0.355768, 0.487396, 0.144232, 0.012604)
GUARD_BINS = 5  # what the window smears across the edge between two bands


class Spectrum:
    """The windowed spectrum of a whole wave (T,).

    The window keeps the energy of the wave's abrupt ends, and of strong bands, out of the bands
    that are compared.
    Bands are given in Hz, both ends included.
    """

    def __init__(self, wave: Wave, sample_rate: int) -> None:
        self.long = wave.size >= LEAST_S * sample_rate and not _all_ends(wave)
        self.guard = GUARD_BINS * sample_rate / wave.size
        self.size = next_fast_len(wave.size, real=True)
        self.bins: npt.NDArray[np.complex128] = rfft(wave * _window(wave.size), self.size)
        self.step = sample_rate / self.size
        self.total = _energy(self.bins)

    def energy(self, low: float, high: float) -> float:
        """Energy of the band, in arbitrary units that two waves of one length share."""
        return _energy(self.bins[self._band(low, high)])

    def holds(self, low: float, high: float, share_db: float = FAINT_DB) -> bool:
        """True when the band holds more than `share_db` of the wave's energy."""
        faint = self.total * 10 ** (share_db / 10)
        return self.long and self.total > 0.0 and self.energy(low, high) > faint

    def drop_db(self, other: Spectrum, low: float, high: float) -> float | None:
        """By how many dB the band is weaker in `other`; None where this one holds nothing there.

        The band is narrowed at either edge by a few bins, which the window smears.
        """
        low, high = self._inside(low, high)
        if self.size != other.size or not self.holds(low, high):
            return None
        energy = self.energy(low, high)
        return 10 * float(np.log10(energy / max(other.energy(low, high), energy * 1e-15)))

    def level_db(self, other: Spectrum, low: float, high: float) -> float | None:
        """Energy of the band in `other`, in dB over all of this one's; None where that is silent.

        The band is narrowed at either edge by a few bins, which the window smears.
        """
        low, high = self._inside(low, high)
        if self.size != other.size or not self.long or self.total <= 0.0:
            return None
        return 10 * float(np.log10(max(other.energy(low, high) / self.total, 1e-15)))

    def difference_db(self, other: Spectrum, low: float, high: float) -> float | None:
        """Energy of the difference to `other` in the band, in dB over this one's energy there.

        The band is narrowed at either edge by a few bins, which the window smears.
        """
        low, high = self._inside(low, high)
        if self.size != other.size or not self.holds(low, high):
            return None
        band = self._band(low, high)
        share = _energy(other.bins[band] - self.bins[band]) / self.energy(low, high)
        return 10 * float(np.log10(max(share, 1e-15)))

    def _inside(self, low: float, high: float) -> tuple[float, float]:
        """The band without the bins that its neighbours reach; 0 Hz and the top have none."""
        top = self.step * (self.bins.size - 1)
        low = low + self.guard if low > 0.0 else low
        return low, high - self.guard if high < top - self.step / 2 else high

    def _band(self, low: float, high: float) -> slice:
        return slice(int(np.ceil(low / self.step)), max(0, int(np.floor(high / self.step)) + 1))


def spectrum_of(wave: Wave, sample_rate: int) -> Spectrum:
    """The spectrum of `wave`, computed once for a recording that nobody can write to."""
    return remembered(wave, ("spectrum", sample_rate), lambda: Spectrum(wave, sample_rate))


def _energy(bins: npt.NDArray[np.complex128]) -> float:
    parts = bins.view(np.float64)
    return float(np.einsum("i,i->", parts, parts))


def _all_ends(wave: Wave) -> bool:
    """True where next to all energy lies where the window leaves next to nothing of it."""
    power = np.square(wave, dtype=np.float64)
    window = np.square(_window(wave.size))
    kept = float(np.einsum("i,i->", power, window))
    return kept < 10 ** (ENDS_DB / 10) * float(power.sum()) * float(window.mean())


@lru_cache(maxsize=8)
def _window(size: int) -> npt.NDArray[np.float64]:
    return np.asarray(general_cosine(size, NUTTALL, sym=False), dtype=np.float64)
