"""The HiFi-GAN V1 generator and the mel spectrogram on which it was trained.

Architecture: Kong, Kim, Bae, "HiFi-GAN: Generative Adversarial Networks for Efficient and High
Fidelity Speech Synthesis" (NeurIPS 2020), table of V1: four transposed convolutions that together
upsample by 256, each followed by the mean of three residual stacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from librosa.filters import mel as mel_filters
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.1
FINAL_SLOPE = 0.01  # the published code falls back to PyTorch's default before the last layer
UPSAMPLING = ((8, 16), (8, 16), (2, 4), (2, 4))  # (factor, kernel)
KERNELS = (3, 7, 11)
DILATIONS = (1, 3, 5)
CHANNELS = 512
MELS = 80


@dataclass(frozen=True)
class MelSpec:
    """Input of a neural vocoder: natural log of an 80-band Slaney mel magnitude spectrogram.

    `sample_rate` and `fmax` are in Hz, `n_fft` and `hop` in samples; `floor` is the smallest
    magnitude before the log.
    """

    sample_rate: int
    n_fft: int
    hop: int
    fmax: float = 8000.0
    floor: float = 1e-5

    def __call__(self, wave: npt.NDArray[np.float32]) -> Tensor:
        """Compute the log-mel of `wave`: float32 (T,), T > n_fft -> float32 (1, 80, T // hop)."""
        pad = (self.n_fft - self.hop) // 2
        framed = F.pad(torch.from_numpy(np.ascontiguousarray(wave))[None], (pad, pad), "reflect")
        window = torch.hann_window(self.n_fft)
        spectrum = torch.stft(
            framed, self.n_fft, self.hop, window=window, center=False, return_complex=True
        ).abs()
        return torch.log(torch.clamp(self.filters() @ spectrum, min=self.floor))

    def filters(self) -> Tensor:
        """Return the mel filter bank, float32 (80, n_fft / 2 + 1)."""
        bank = mel_filters(
            sr=self.sample_rate, n_fft=self.n_fft, n_mels=MELS, fmin=0.0, fmax=self.fmax
        )
        return torch.from_numpy(np.asarray(bank, dtype=np.float32))


class _Stack(nn.Module):
    """Three residual pairs of a dilated and a plain convolution, each after a leaky ReLU."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()

        def conv(dilation: int) -> nn.Conv1d:
            reach = dilation * (kernel - 1) // 2
            return nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=reach)

        self.convs1 = nn.ModuleList(conv(d) for d in DILATIONS)
        self.convs2 = nn.ModuleList(conv(1) for _ in DILATIONS)

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            inner = F.leaky_relu(dilated(F.leaky_relu(x, SLOPE)), SLOPE, inplace=True)
            x = plain(inner) + x
        return x


class Generator(nn.Module):
    """HiFi-GAN V1: mel (B, 80, frames) -> wave (B, 1, 256 * frames) in -1..1, at the mel's rate."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_pre = nn.Conv1d(MELS, CHANNELS, 7, padding=3)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        channels = CHANNELS
        for factor, kernel in UPSAMPLING:
            up = nn.ConvTranspose1d(
                channels, channels // 2, kernel, factor, padding=(kernel - factor) // 2
            )
            self.ups.append(up)
            channels //= 2
            self.resblocks.extend(_Stack(channels, k) for k in KERNELS)
        self.conv_post = nn.Conv1d(channels, 1, 7, padding=3)

    def forward(self, mel: Tensor) -> Tensor:
        """Synthesise the wave of `mel`; see the class for the shapes."""
        x = self.conv_pre(mel)
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, SLOPE))
            stacks = self.resblocks[stage * len(KERNELS) : (stage + 1) * len(KERNELS)]
            total = stacks[0](x)
            for stack in stacks[1:]:
                total = total + stack(x)
            x = total / len(KERNELS)
        return torch.tanh(self.conv_post(F.leaky_relu(x, FINAL_SLOPE)))


def load(state: Mapping[str, Tensor]) -> Generator:
    """Return a generator in evaluation mode with the published weights, weight norm folded in.

    The convolutions in `state` have a magnitude (`weight_g`) and a direction (`weight_v`). Their
    weight is the magnitude times the direction, normalised to unit norm. Raises RuntimeError (from
    PyTorch) if a name or a shape does not fit the architecture.
    """
    folded: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.endswith("weight_v"):
            magnitude = state[name[:-1] + "g"]
            norm = value.flatten(1).norm(dim=1).view(-1, *[1] * (value.dim() - 1))
            folded[name.removesuffix("_v")] = value * (magnitude / norm)
        elif not name.endswith("weight_g"):
            folded[name] = value
    generator = Generator()
    generator.load_state_dict(folded)
    return generator.eval().requires_grad_(False)
