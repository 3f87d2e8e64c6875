"""A small conformer: blocks of attention over the whole utterance, and of convolution in time.

Gulati et al.: "Conformer: Convolution-augmented Transformer for Speech Recognition", Interspeech
2020; for spoofing: Rosello, Gomez-Alanis, Gomez, Peinado: "A conformer-based classifier for
variable-length utterance processing in anti-spoofing", Interspeech 2023. This version reads log-mel
spectrograms in place of a self-supervised encoder, and frames get no positions: the convolutions
tell them apart.
"""

from __future__ import annotations

import torch
from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import LogMel, TensorDetector, detector
from detectors.layers.common import CropAndFlip, PerUtteranceNorm

WIDTH, BLOCKS, HEADS = 64, 4, 4
EXPANSION = 4  # of the feed-forward layers
KERNEL = 15  # frames of a depthwise convolution, 64 ms each
MAPS = 16  # channels of the two convolutions that quarter the time axis


@detector("conformer")
class Conformer(CropAndFlip, TensorDetector):
    """Four conformer blocks of width 64 with four heads; mean over time."""

    summary = "small conformer on log-mel: 4 blocks of width 64, 4 heads, mean over time"
    citation = "gulati2020conformer rosello2023conformer"
    input = LogMel()
    recipe = recipe_files.settings("conformer")
    crop = 192

    def build(self) -> nn.Module:
        return Network()


class Network(nn.Module):
    """Network that maps log-mel spectrograms (B, 1, 128, frames) to scores (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = PerUtteranceNorm()
        self.subsample = nn.Sequential(
            nn.Conv2d(1, MAPS, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(MAPS, MAPS, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
        )
        self.enter = nn.Sequential(nn.Linear(MAPS * 32, WIDTH), nn.Dropout(0.1))
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        maps = self.subsample(self.norm(batch))  # (B, maps, 32, frames / 4)
        frames = maps.permute(0, 3, 1, 2).flatten(2)
        return self.head(self.blocks(self.enter(frames)).mean(dim=1)).squeeze(1)


class Block(nn.Module):
    """Half a feed-forward layer, attention, convolution, half a feed-forward layer: (B, T, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = _feed_forward(), _feed_forward()
        self.before_attention = nn.LayerNorm(WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, dropout=0.1, batch_first=True)
        self.convolution = Convolution()
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        frames = frames + self.first(frames) / 2
        asked = self.before_attention(frames)
        frames = frames + self.attention(asked, asked, asked, need_weights=False)[0]
        frames = frames + self.convolution(frames)
        return self.norm(frames + self.last(frames) / 2)


class Convolution(nn.Module):
    """Gated pointwise, depthwise and pointwise convolution over time: (B, T, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.layers = nn.Sequential(
            nn.Conv1d(WIDTH, 2 * WIDTH, 1),
            nn.GLU(dim=1),
            nn.Conv1d(WIDTH, WIDTH, KERNEL, padding=KERNEL // 2, groups=WIDTH, bias=False),
            nn.BatchNorm1d(WIDTH),
            nn.SiLU(),
            nn.Conv1d(WIDTH, WIDTH, 1),
            nn.Dropout(0.1),
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.layers(self.norm(frames).transpose(1, 2)).transpose(1, 2)


def _feed_forward() -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(WIDTH),
        nn.Linear(WIDTH, EXPANSION * WIDTH),
        nn.SiLU(),
        nn.Dropout(0.1),
        nn.Linear(EXPANSION * WIDTH, WIDTH),
        nn.Dropout(0.1),
    )
