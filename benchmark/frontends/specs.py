"""Input specifications of tensor detectors: waveforms and spectrograms, as frozen dataclasses.

The runner computes each distinct input once per batch, for all detectors that declare it. Hops,
windows and FFT lengths are in samples, frequencies in Hz.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmark.core.errors import InputError


@dataclass(frozen=True)
class Waveform:
    """A fixed-length raw waveform, float32 (B, samples).

    Longer utterances are cut to their first `samples`; shorter ones are tiled (repeated whole)
    or padded with zeros at the end.
    """

    samples: int = 64000
    sample_rate: int = 16000
    pad: Literal["tile", "zero"] = "tile"


@dataclass(frozen=True)
class WholeWaveform:
    """A raw waveform in its own length, float32 (B, T).

    Waves shorter than `shortest` samples are tiled (repeated whole) to that length. All waves of a
    batch have the same length.
    """

    shortest: int = 1
    sample_rate: int = 16000


@dataclass(frozen=True)
class Keep:
    """The bins of a power spectrum that a frontend keeps; the power of all others becomes 0.

    bands        : pairs (low, high) in Hz; a bin is kept if its centre is in one of them,
                   low <= f < high; if empty, all bins are kept
    threshold_db : a bin is kept if its power is at most this far below the utterance's maximum
                   (dB, above 0); if None, all bins are kept

    Raises `InputError` for a band without width or a threshold that is not above 0.
    """

    bands: tuple[tuple[float, float], ...] = ()
    threshold_db: float | None = None

    def __post_init__(self) -> None:
        for low, high in self.bands:
            if not 0 <= low < high:
                raise InputError(f"band {low:g} to {high:g} Hz: it must have 0 <= low < high")
        if self.threshold_db is not None and not self.threshold_db > 0:
            raise InputError(f"threshold of {self.threshold_db:g} dB: it must be above 0")


@dataclass(frozen=True)
class Spectrogram:
    """A linear power spectrogram, float32 (B, 1, n_fft // 2 + 1, frames).

    Natural log of the power (Hann window), floored at `floor`.
    """

    waveform: Waveform | WholeWaveform = Waveform()
    n_fft: int = 512
    window: int = 400
    hop: int = 160
    floor: float = 1e-7
    keep: Keep | None = None


@dataclass(frozen=True)
class LogMel:
    """A log-mel spectrogram, float32 (B, 1, mels, frames).

    Natural log of the mel power (Slaney filters), floored at `floor`; `image` resizes the result
    to (height, width) with antialiased bilinear interpolation.
    """

    waveform: Waveform | WholeWaveform = Waveform()
    mels: int = 128
    n_fft: int = 1024
    window: int = 512
    hop: int = 256
    fmin: float = 0.0
    fmax: float = 8000.0
    floor: float = 1e-7
    image: tuple[int, int] | None = None
    keep: Keep | None = None


@dataclass(frozen=True)
class Mfcc:
    """Mel-frequency cepstral coefficients, float32 (B, 1, 3 * coefficients, frames).

    Orthonormal DCT of the mel power in dB, floored `range_db` below the utterance's maximum, with
    first and second differences over time.
    """

    waveform: Waveform | WholeWaveform = Waveform()
    coefficients: int = 20
    mels: int = 40
    n_fft: int = 512
    window: int = 400
    hop: int = 160
    fmin: float = 0.0
    fmax: float = 8000.0
    range_db: float = 80.0
    keep: Keep | None = None


@dataclass(frozen=True)
class Lfcc:
    """Linear-frequency cepstral coefficients, float32 (B, 1, 3 * coefficients, frames).

    `coefficients` triangular filters, linear from 0 Hz to half the sample rate, on the power
    spectrum of the pre-emphasised wave; log10; orthonormal DCT; the first coefficient replaced by
    the log energy; first and second differences over time.
    """

    waveform: Waveform | WholeWaveform = Waveform()
    coefficients: int = 20
    n_fft: int = 512
    window: int = 320
    hop: int = 160
    preemphasis: float = 0.97
    keep: Keep | None = None


@dataclass(frozen=True)
class Cqt:
    """A constant-Q spectrogram, float32 (B, 1, bins, frames).

    Natural log of the power, floored at `floor`, in `bins` bins from `fmin` Hz upwards, with
    `bins_per_octave` bins in each octave.
    """

    waveform: Waveform | WholeWaveform = Waveform()
    bins: int = 84
    bins_per_octave: int = 12
    fmin: float = 62.5
    hop: int = 256
    floor: float = 1e-7
    keep: Keep | None = None


@dataclass(frozen=True)
class Image:
    """A spectrogram as a picture in the colours of magma, float32 (B, 3, *size), 0 to 1.

    Mel power in dB relative to the picture's own maximum, down to `range_db` below it; low
    frequencies at the bottom.
    """

    waveform: Waveform | WholeWaveform = Waveform(samples=88200, sample_rate=22050)
    mels: int = 128
    n_fft: int = 2048
    window: int = 2048
    hop: int = 512
    fmin: float = 0.0
    fmax: float = 8000.0
    range_db: float = 80.0
    size: tuple[int, int] = (224, 224)
    keep: Keep | None = None


Input = Waveform | WholeWaveform | Spectrogram | LogMel | Mfcc | Lfcc | Cqt | Image
