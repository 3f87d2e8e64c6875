"""Two directions of Mamba blocks (XLSR-Mamba), in plain PyTorch.

Xiao, Das: "XLSR-Mamba: a dual-column bidirectional state space model for spoofing attack
detection", IEEE Signal Processing Letters, 2025. Mamba: Gu, Dao 2023.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

WIDTH = 144  # features of a frame
INNER = 2 * WIDTH  # channels of a mixer
STATES = 16  # of each channel
STEP_RANK = 9  # of the map to step sizes
KERNEL = 4  # frames of the causal convolution
BLOCKS = 6  # in each direction
EPSILON = 1e-5


class DualMamba(nn.Module):
    """Projection to 144 features, Mamba blocks in both directions, attentive pooling.

    blocks : in each direction
    """

    def __init__(self, width: int, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.LL = nn.Linear(width, WIDTH)
        self.first_bn = nn.BatchNorm2d(1)
        self.conformer = _Columns(blocks)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 2), spoof and bona fide, of features (B, frames, width)."""
        picture = self.first_bn(self.LL(features).unsqueeze(1))
        logits: torch.Tensor = self.conformer(functional.selu(picture).squeeze(1))
        return logits


class _Columns(nn.Module):
    """The forward and the backward column, and the classifier.

    The authors add the column's input, in its forward order, where the output of the last block
    belongs. So the last mixer of each direction, and its norm, are in the files without effect.
    """

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.forward_layers = nn.ModuleList(_Block() for _ in range(blocks))
        self.backward_layers = nn.ModuleList(_Block() for _ in range(blocks))
        self.norm_f = _RootMeanSquare()
        self.f_attention_pool = nn.Linear(WIDTH, 1)
        self.b_attention_pool = nn.Linear(WIDTH, 1)
        self.LL = nn.Linear(2 * WIDTH, WIDTH)
        self.classifier = nn.Linear(WIDTH, 2)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        ahead = self.norm_f(frames + _residual(self.forward_layers, frames))
        back = self.norm_f(frames + _residual(self.backward_layers, frames.flip(1)))
        pooled = [_pooled(ahead, self.f_attention_pool), _pooled(back, self.b_attention_pool)]
        logits: torch.Tensor = self.classifier(self.LL(torch.cat(pooled, dim=1)))
        return logits


def _residual(blocks: nn.ModuleList, frames: torch.Tensor) -> torch.Tensor:
    """Return the residual stream before the last block's mixer."""
    for block in [*blocks][:-1]:
        frames = frames + block(frames)
    return frames


def _pooled(frames: torch.Tensor, weigh: nn.Module) -> torch.Tensor:
    return (weigh(frames).softmax(dim=1) * frames).sum(dim=1)


class _RootMeanSquare(nn.Module):
    """Features divided by their root mean square, and scaled."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(frames, (WIDTH,), self.weight, EPSILON)


class _Block(nn.Module):
    """A mixer of normalised frames."""

    def __init__(self) -> None:
        super().__init__()
        self.mixer = _Mixer()
        self.norm = _RootMeanSquare()

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.mixer(self.norm(frames))
        return mixed


class _Mixer(nn.Module):
    """A selective state space: each channel is a linear system whose step depends on the frame."""

    def __init__(self) -> None:
        super().__init__()
        states = torch.arange(1.0, STATES + 1).expand(INNER, -1)
        self.A_log = nn.Parameter(states.log())
        self.D = nn.Parameter(torch.ones(INNER))
        self.in_proj = nn.Linear(WIDTH, 2 * INNER, bias=False)
        self.conv1d = nn.Conv1d(INNER, INNER, KERNEL, groups=INNER, padding=KERNEL - 1)
        self.x_proj = nn.Linear(INNER, STEP_RANK + 2 * STATES, bias=False)
        self.dt_proj = nn.Linear(STEP_RANK, INNER)
        self.out_proj = nn.Linear(INNER, WIDTH, bias=False)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        signal, gate = self.in_proj(frames).chunk(2, dim=2)
        past = self.conv1d(signal.transpose(1, 2))[..., : frames.shape[1]]
        signal = functional.silu(past.transpose(1, 2))
        scanned = self._scan(signal) + self.D * signal
        out: torch.Tensor = self.out_proj(scanned * functional.silu(gate))
        return out

    def _scan(self, signal: torch.Tensor) -> torch.Tensor:
        """Return the systems' outputs (B, frames, channels) for a signal of that shape."""
        step, write, read = self.x_proj(signal).split([STEP_RANK, STATES, STATES], dim=2)
        step = functional.softplus(self.dt_proj(step))
        keep = torch.exp(step.unsqueeze(3) * -self.A_log.exp())
        add = (step * signal).unsqueeze(3) * write.unsqueeze(2)
        state = torch.zeros_like(keep[:, 0])
        states = []
        for kept, added in zip(keep.unbind(1), add.unbind(1), strict=True):
            state = kept * state + added
            states.append(state)
        return (torch.stack(states, dim=1) @ read.unsqueeze(3)).squeeze(3)
