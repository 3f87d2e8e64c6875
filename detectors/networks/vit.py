"""A small vision transformer on spectrograms."""

from __future__ import annotations

import torch
from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import LogMel, TensorDetector, detector
from detectors.layers.common import PerUtteranceNorm, RollAndFlip

PATCH = 16
WIDTH, HEADS, LAYERS = 96, 4, 4


@detector("vit")
class VisionTransformer(RollAndFlip, TensorDetector):
    """Tokens of 16 mel bands x 16 frames, four encoder layers, and a mean over tokens."""

    summary = "small vision transformer: 16 x 16 log-mel patches, 4 layers, width 96"
    citation = "dosovitskiy2021image"
    input = LogMel(image=(128, 256))
    recipe = recipe_files.settings("vit")

    def build(self) -> nn.Module:
        return Network(128, 256)


class Network(nn.Module):
    """Network that maps log-mel images (B, 1, height, width) to scores (B,)."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        tokens = (height // PATCH) * (width // PATCH)
        self.norm = PerUtteranceNorm()
        self.patches = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        self.place = nn.Parameter(0.02 * torch.randn(1, tokens, WIDTH))
        self.encoder = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    WIDTH, HEADS, 4 * WIDTH, 0.1, "gelu", batch_first=True, norm_first=True
                )
                for _ in range(LAYERS)
            )
        )
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(self.norm(batch)).flatten(2).transpose(1, 2) + self.place
        return self.head(self.encoder(tokens).mean(dim=1)).squeeze(1)
