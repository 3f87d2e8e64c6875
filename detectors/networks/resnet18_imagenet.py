"""ResNet-18 on spectrogram images, fine-tuned from ImageNet weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from benchmark.core.errors import InputError
from detectors.contract.base import Image, Recipe, TensorDetector, detector
from detectors.layers.common import CropAndFlip

FILE = "resnet18-f37072fd.pth"  # of torchvision's ResNet18_Weights.IMAGENET1K_V1
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colour channels


@detector("resnet18-imagenet")
class ResNet18ImageNet(CropAndFlip, TensorDetector):
    """torchvision's ResNet-18 with ImageNet weights and a new head with one output."""

    summary = "torchvision ResNet-18 on 224 x 224 magma images, from ImageNet weights"
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
        """Download the weights with torchvision; raise `InputError` if that fails."""
        _imagenet()

    def initial(self) -> nn.Module:
        network = Network()
        head = {f"fc.{name}": value for name, value in network.resnet.fc.state_dict().items()}
        network.resnet.load_state_dict(_imagenet() | head)
        return network


class Network(nn.Module):
    """Network that maps images (B, 3, height, width) with values in [0, 1] to scores (B,)."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self) -> None:
        from torchvision.models import resnet18  # takes seconds, and few commands need it

        super().__init__()
        self.resnet = resnet18(weights=None)
        self.resnet.fc = nn.Linear(self.resnet.fc.in_features, 1)
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.resnet((batch - self.mean) / self.deviation).squeeze(1)


def weights_file() -> Path:
    """Return the path of torchvision's weight file, which depends on TORCH_HOME."""
    return Path(torch.hub.get_dir()) / "checkpoints" / FILE


def _imagenet() -> dict[str, torch.Tensor]:
    """Return the ImageNet weights without the 1,000-class head, downloading them if missing.

    Code in the pickle never runs. Raises `InputError` if the weights cannot be loaded.
    """
    from torchvision.models import ResNet18_Weights  # takes seconds, and few commands need it

    weights = ResNet18_Weights.IMAGENET1K_V1
    try:
        state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except Exception as error:
        raise InputError(
            "resnet18-imagenet needs torchvision's ImageNet weights, which could not be loaded from"
            f" {weights.url} ({error}); copy the file to {weights_file()}, or use resnet18,"
            " which trains from scratch"
        ) from error
    return {name: value for name, value in state.items() if not name.startswith("fc.")}
