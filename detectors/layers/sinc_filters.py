"""A bank of fixed band-pass filters as the first layer of a raw-waveform network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

SAMPLE_RATE = 16000


class SincFilters(nn.Module):
    """Adjacent band-pass filters of equal mel width, from 0 Hz to half the sample rate.

    They are the windowed-sinc filters of SincNet (Ravanelli and Bengio, SLT 2018) with fixed
    edges, as in RawNet2 and its successors: no parameters, and nothing in the state dict.
    """

    bank: torch.Tensor

    def __init__(self, filters: int, taps: int) -> None:
        """Create `filters` band-pass filters of `taps` samples; odd `taps` make them symmetric."""
        super().__init__()
        bank = torch.from_numpy(band_passes(filters, taps))
        self.register_buffer("bank", bank.unsqueeze(1), persistent=False)

    def forward(self, waves: torch.Tensor) -> torch.Tensor:
        """Map waves (B, T) to bands (B, filters, T - taps + 1)."""
        return functional.conv1d(waves.unsqueeze(1), self.bank)


def band_passes(filters: int, taps: int) -> npt.NDArray[np.float32]:
    """Return impulse responses (filters, taps) of band-pass filters at 16 kHz.

    Each is the difference of two ideal low-pass filters, Hamming-windowed. All steps use float32,
    because the published networks were trained with that rounding; exact filters change their
    logits by 1e-4.
    """
    cutoffs = 2 * _hertz(np.linspace(0.0, _mel(SAMPLE_RATE / 2), filters + 1))
    time = (np.arange(taps) - (taps - 1) / 2).astype(np.float32)
    phases = cutoffs.astype(np.float32)[:, None] * time / np.float32(SAMPLE_RATE)
    low_passes = np.sinc(phases) * (cutoffs / SAMPLE_RATE).astype(np.float32)[:, None]
    bands: npt.NDArray[np.float32] = np.diff(low_passes, axis=0)
    return bands * np.hamming(taps).astype(np.float32)


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def _hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))
