"""Energy in the bands of an utterance, by which filters and resamplers are verified."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len, rfft
from scipy.signal.windows import general_cosine

from attacks.contract.base import Wave
from benchmark.audio.memo import remembered

FAINT_DB = -70.0  # a band with less of the energy is too close to float32 rounding to measure
EFFECT_DB = -55.0  # energy that a band must hold for its loss to be an effect on the whole wave
ENDS_DB = -40.0  # a wave that keeps less under the window is all at its ends, where filters ring
LEAST_S = 0.05  # in a shorter wave nothing can be measured: its bands overlap
# Nuttall 1981, four terms, continuous first derivative: side lobes 93 dB down, 18 dB per octave
NUTTALL = (0.355768, 0.487396, 0.144232, 0.012604)
GUARD_BINS = 5  # bins that the window smears across the edge between two bands


class Spectrum:
    """The windowed spectrum of a whole wave (T,).

    The window keeps energy from the wave's abrupt ends and from strong bands out of the bands that
    are compared. Bands are given in Hz, both ends included.
    """

    def __init__(self, wave: Wave, sample_rate: int) -> None:
        seen = wave * _window(wave.size)
        self.long = wave.size >= LEAST_S * sample_rate and not _all_ends(wave, seen)
        self.guard = GUARD_BINS * sample_rate / wave.size
        self.size = next_fast_len(wave.size, real=True)
        self.bins: npt.NDArray[np.complex128] = rfft(seen, self.size)
        self.step = sample_rate / self.size
        self.total = _energy(self.bins)

    def energy(self, low: float, high: float) -> float:
        """Return the band's energy, in arbitrary units that waves of one length share."""
        return _energy(self.bins[self._band(low, high)])

    def holds(self, low: float, high: float, share_db: float = FAINT_DB) -> bool:
        """Return True if the band holds more than `share_db` of the wave's energy."""
        faint = self.total * 10 ** (share_db / 10)
        return self.long and self.total > 0.0 and self.energy(low, high) > faint

    def drop_db(self, other: Spectrum, low: float, high: float) -> float | None:
        """Return how many dB the band is weaker in `other`; None if it is empty in this one.

        The band is narrowed at both edges by a few bins, which the window smears.
        """
        low, high = self._inside(low, high)
        if self.size != other.size or not self.holds(low, high):
            return None
        energy = self.energy(low, high)
        return 10 * float(np.log10(energy / max(other.energy(low, high), energy * 1e-15)))

    def level_db(self, other: Spectrum, low: float, high: float) -> float | None:
        """Return the band's energy in `other`, in dB over all of this one's; None for silence.

        The band is narrowed at both edges by a few bins, which the window smears.
        """
        low, high = self._inside(low, high)
        if self.size != other.size or not self.long or self.total <= 0.0:
            return None
        return 10 * float(np.log10(max(other.energy(low, high) / self.total, 1e-15)))

    def difference_db(self, other: Spectrum, low: float, high: float) -> float | None:
        """Return the energy of the difference in the band, in dB over this one's energy there.

        None if the band is empty in this one. The band is narrowed at both edges by a few bins,
        which the window smears.
        """
        low, high = self._inside(low, high)
        if self.size != other.size or not self.holds(low, high):
            return None
        band = self._band(low, high)
        share = _energy(other.bins[band] - self.bins[band]) / self.energy(low, high)
        return 10 * float(np.log10(max(share, 1e-15)))

    def _inside(self, low: float, high: float) -> tuple[float, float]:
        """Return the band without bins that its neighbours reach; 0 Hz and the top have none."""
        top = self.step * (self.bins.size - 1)
        low = low + self.guard if low > 0.0 else low
        return low, high - self.guard if high < top - self.step / 2 else high

    def _band(self, low: float, high: float) -> slice:
        return slice(int(np.ceil(low / self.step)), max(0, int(np.floor(high / self.step)) + 1))


def spectrum_of(wave: Wave, sample_rate: int) -> Spectrum:
    """Return the spectrum of `wave`, computed only once for a read-only recording."""
    return remembered(wave, ("spectrum", sample_rate), lambda: Spectrum(wave, sample_rate))


def _energy(bins: npt.NDArray[np.complex128]) -> float:
    parts = bins.view(np.float64)
    return float(np.einsum("i,i->", parts, parts))


def _all_ends(wave: Wave, seen: npt.NDArray[np.float64]) -> bool:
    """Return True if nearly all energy lies where the window, applied in `seen`, suppresses it."""
    window = _window(wave.size)
    kept = float(np.einsum("i,i->", seen, seen))
    whole = float(np.einsum("i,i->", wave, wave)) * float(np.einsum("i,i->", window, window))
    return kept < 10 ** (ENDS_DB / 10) * whole / wave.size


@lru_cache(maxsize=8)
def _window(size: int) -> npt.NDArray[np.float64]:
    return np.asarray(general_cosine(size, NUTTALL, sym=False), dtype=np.float64)
