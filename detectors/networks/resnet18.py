"""ResNet-18 on spectrogram images, trained from scratch."""

from __future__ import annotations

from torch import nn

from detectors.contract import recipe_files
from detectors.contract.base import LogMel, TensorDetector, detector
from detectors.layers.common import CropAndFlip, PerUtteranceNorm


@detector("resnet18")
class ResNet18(CropAndFlip, TensorDetector):
    """torchvision's ResNet-18 with one input channel and one output, without pretrained weights."""

    summary = "torchvision ResNet-18 on log-mel images, from scratch"
    citation = "he2016deep"
    input = LogMel()
    recipe = recipe_files.settings("resnet18")
    crop = 96

    def build(self) -> nn.Module:
        from torchvision.models import resnet18  # takes seconds, and few commands need it

        network = resnet18(weights=None, num_classes=1)
        network.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
        return nn.Sequential(PerUtteranceNorm(), network, nn.Flatten(0))
