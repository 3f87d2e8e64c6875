"""A conformer with head tokens and a class token (TCM).

Truong, Tao, Nguyen, Luong, Lee, Chng: "Temporal-channel modeling in multi-head self-attention for
synthetic speech detection", Interspeech 2024. Conformer: Gulati et al. 2020.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

WIDTH = 144  # features of a token
HEADS = 4
BLOCKS = 4
EXPANSION = 4  # units of the feed-forward layers over WIDTH
CHANNELS = 2 * WIDTH  # of the depth-wise convolution
KERNEL = 31  # frames of that convolution
POSITIONS = 10000  # tokens for which the file holds an embedding


class TemporalChannelConformer(nn.Module):
    """Projection to 144 features, four conformer blocks, and a linear layer on the class token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.LL = nn.Linear(width, WIDTH)
        self.first_bn = nn.BatchNorm2d(1)
        self.conformer = _Conformer()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 2), spoof and bona fide, of features (B, frames, width)."""
        picture = self.first_bn(self.LL(features).unsqueeze(1))
        logits: torch.Tensor = self.conformer(functional.selu(picture).squeeze(1))
        return logits


class _Conformer(nn.Module):
    """Blocks over the frames and a class token before them, which the classifier reads."""

    def __init__(self) -> None:
        super().__init__()
        self.positional_emb = nn.Parameter(torch.zeros(1, POSITIONS, WIDTH), requires_grad=False)
        self.class_token = nn.Parameter(torch.rand(1, WIDTH))
        self.encoder_blocks = nn.ModuleList(_Block() for _ in range(BLOCKS))
        self.fc5 = nn.Linear(WIDTH, 2)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        frames = frames + self.positional_emb[:, : frames.shape[1]]
        tokens = torch.cat([self.class_token.expand(len(frames), 1, -1), frames], dim=1)
        for block in self.encoder_blocks:
            tokens = block(tokens)
        logits: torch.Tensor = self.fc5(tokens[:, 0])
        return logits


class _Block(nn.Module):
    """Half a feed-forward, attention, convolution, half a feed-forward, each added; a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.ff1 = _Halved(_Normed(_FeedForward()))
        self.attn = _Normed(_HeadTokenAttention())
        self.conv = _Convolution()
        self.ff2 = _Halved(_Normed(_FeedForward()))
        self.post_norm = nn.LayerNorm(WIDTH)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        for part in (self.ff1, self.attn, self.conv, self.ff2):
            tokens = tokens + part(tokens)
        normed: torch.Tensor = self.post_norm(tokens)
        return normed


class _Halved(nn.Module):
    """Half the output of `fn`."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        halved: torch.Tensor = 0.5 * self.fn(tokens)
        return halved


class _Normed(nn.Module):
    """`fn` of the normalised tokens."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fn(self.norm(tokens))
        return out


class _FeedForward(nn.Module):
    """Two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(WIDTH, EXPANSION * WIDTH),
            nn.SiLU(),
            nn.Identity(),
            nn.Linear(EXPANSION * WIDTH, WIDTH),
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.net(tokens)
        return out


class _HeadTokenAttention(nn.Module):
    """Attention over the tokens and one further token for each head.

    A head token is made of the head's mean features over all tokens. Afterwards the mean of the
    head tokens and the mean of the frames are added to the class token.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.zeros(1, HEADS, WIDTH))
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.proj = nn.Linear(WIDTH, WIDTH)
        self.ht_proj = nn.Linear(WIDTH // HEADS, WIDTH)
        self.ht_norm = nn.LayerNorm(WIDTH // HEADS)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        count = tokens.shape[1]
        tokens = torch.cat([tokens, self._head_tokens(tokens)], dim=1)
        batch, every, _ = tokens.shape
        query, key, value = self.qkv(tokens).view(batch, every, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        mixed = self.proj(mixed.transpose(1, 2).flatten(2))
        first, frames, heads = mixed.split([1, count - 1, HEADS], dim=1)
        first = first + heads.mean(dim=1, keepdim=True) + frames.mean(dim=1, keepdim=True)
        return torch.cat([first, frames], dim=1)

    def _head_tokens(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the head tokens (B, heads, features)."""
        means = tokens.mean(dim=1).unflatten(1, (HEADS, -1))
        parts = self.ht_norm(self.ht_proj(means).unflatten(2, (HEADS, -1)))
        return functional.gelu(parts).flatten(2) + self.pos_embed


class _Convolution(nn.Module):
    """Gated point-wise, depth-wise and point-wise convolution over time."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.LayerNorm(WIDTH),
            _Swapped(),
            nn.Conv1d(WIDTH, 2 * CHANNELS, 1),
            nn.GLU(dim=1),
            _DepthWise(),
            nn.BatchNorm1d(CHANNELS),
            nn.SiLU(),
            nn.Conv1d(CHANNELS, WIDTH, 1),
            _Swapped(),
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.net(tokens)
        return out


class _Swapped(nn.Module):
    """Time and features exchanged."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens.transpose(1, 2)


class _DepthWise(nn.Module):
    """One filter for each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(CHANNELS, CHANNELS, KERNEL, padding=KERNEL // 2, groups=CHANNELS)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv(channels)
        return out
