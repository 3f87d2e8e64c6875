"""Losses: functions of scores (B,), targets (B,; 1 bona fide, 0 spoof) and weights (B,)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, softplus

BCE = "bce"  # the default
# scale and margins of the one-class softmax: the values of the paper (Zhang, Jiang, Duan 2021)
SCALE = 20.0
BONAFIDE_MARGIN, SPOOF_MARGIN = 0.9, 0.2


@dataclass(frozen=True)
class Loss:
    """A loss over scores; an item with a score above `boundary` counts as bona fide."""

    function: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    boundary: float = 0.0

    def __call__(
        self, scores: torch.Tensor, target: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of a batch, a scalar."""
        return self.function(scores, target, weights)

    def hits(self, scores: torch.Tensor, target: torch.Tensor) -> int:
        """Return the number of items on the correct side of the boundary."""
        return int(((scores > self.boundary) == (target > 0)).sum())


def _two_way(scores: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    logits = torch.stack([-scores / 2, scores / 2], dim=1)
    each = cross_entropy(logits, target.long(), reduction="none")
    return (each * weights).sum() / weights.sum()


def _one_class(scores: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    beyond = torch.where(target > 0, BONAFIDE_MARGIN - scores, scores - SPOOF_MARGIN)
    return (softplus(SCALE * beyond) * weights).mean()


LOSSES = {
    # binary cross-entropy of the score as a logit, items weighted to equal class mass
    BCE: Loss(binary_cross_entropy_with_logits),
    # cross-entropy of a two-way softmax whose logits differ by the score, as a weighted average:
    # every batch counts equally, whatever its class balance
    "ce": Loss(_two_way),
    # one-class softmax (Zhang, Jiang, Duan 2021): bona fide items are pulled towards one
    # direction, to a cosine above 0.9; spoofs are pushed below 0.2 and need not be similar
    "oc-softmax": Loss(_one_class, (BONAFIDE_MARGIN + SPOOF_MARGIN) / 2),
}
