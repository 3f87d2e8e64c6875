"""ResNet-18 on spectrogram pictures, fine-tuned from ImageNet weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torchvision.models import ResNet18_Weights, resnet18

from benchmark.core.errors import InputError
from detectors.contract.base import Image, Recipe, TensorDetector, detector
from detectors.layers.common import CropAndFlip

WEIGHTS = ResNet18_Weights.IMAGENET1K_V1
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours


@detector("resnet18-imagenet")
class ResNet18ImageNet(CropAndFlip, TensorDetector):
    """torchvision's ResNet-18 with its ImageNet weights and a new head of one output."""

    summary = "torchvision ResNet-18 on 224 x 224 magma pictures, from ImageNet weights"
    citation = "he2016deep russakovsky2015imagenet"
    input = Image()
    recipe = Recipe(epochs=8, batch_size=16, learning_rate=3e-4, weight_decay=1e-2, patience=4)
    crop = 192

    def build(self) -> nn.Module:
        return Network()

    def unavailable(self) -> str | None:
        if weights_file().is_file():
            return None
        return f"its ImageNet weights are not on this machine ({weights_file()})"

    def fetch(self) -> None:
        """Download the weights with torchvision; `InputError` where that fails."""
        _imagenet()

    def initial(self) -> nn.Module:
        network = Network()
        head = {f"fc.{name}": value for name, value in network.resnet.fc.state_dict().items()}
        network.resnet.load_state_dict(_imagenet() | head)
        return network


class Network(nn.Module):
    """Picture batch (B, 3, height, width), 0 to 1, to scores (B,)."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.resnet = resnet18(weights=None)
        self.resnet.fc = nn.Linear(self.resnet.fc.in_features, 1)
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.resnet((batch - self.mean) / self.deviation).squeeze(1)


def weights_file() -> Path:
    """Where torchvision keeps the weights (TORCH_HOME moves it)."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(WEIGHTS.url).name


def _imagenet() -> dict[str, torch.Tensor]:
    """The ImageNet weights but for the head of 1,000 classes; a pickle's code never runs."""
    try:
        state = WEIGHTS.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except Exception as error:
        raise InputError(
            f"resnet18-imagenet needs torchvision's ImageNet weights, which could not be had from"
            f" {WEIGHTS.url} ({error}); bring the file to {weights_file()}, or use resnet18,"
            " which trains from scratch"
        ) from error
    return {name: value for name, value in state.items() if not name.startswith("fc.")}
