"""Networks of checkpoints: the detector's own network, or the same with a one-class head."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import linear, normalize

from benchmark import frontends
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError, one_line
from benchmark.inference.checkpoints import Checkpoint
from detectors.contract.array_names import differences
from detectors.contract.base import TensorDetector, Wave

ONE_CLASS = "oc-softmax"


class CosineHead(nn.Module):
    """The cosine between an embedding (B, features) and one learnt direction.

    The head of one-class softmax (Zhang, Jiang, Duan 2021): scores (B, 1) from -1 to 1, higher =
    more bona fide.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, features))
        nn.init.kaiming_uniform_(self.weight, 0.25)

    def forward(self, item: torch.Tensor) -> torch.Tensor:
        return linear(normalize(item, dim=-1), normalize(self.weight, dim=-1))


def network(item: TensorDetector, facts: dict[str, Any]) -> nn.Module:
    """Build the network, newly initialised, for the weights of a checkpoint with these facts."""
    built = item.build()
    return one_class(built, item.name) if facts.get("loss") == ONE_CLASS else built


def blank(item: TensorDetector, facts: dict[str, Any]) -> nn.Module:
    """Build the network, with values that do not count, for the weights of such a checkpoint."""
    built = item.blueprint()
    if any(parameter.is_meta for parameter in built.parameters()):
        built = built.to_empty(device="cpu")
    return one_class(built, item.name) if facts.get("loss") == ONE_CLASS else built


def load(built: nn.Module, checkpoint: Checkpoint) -> None:
    """Load the checkpoint's weights into `built`; `InputError` if they do not fit."""
    arrays = checkpoint.arrays()
    try:
        built.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})
    except RuntimeError as error:
        wanted = {name: (*tensor.shape,) for name, tensor in built.state_dict().items()}
        cause = differences(wanted, {name: values.shape for name, values in arrays.items()})
        cause = cause or one_line(error)[:200]
        raise InputError(f"{checkpoint.path} does not fit {checkpoint.name} ({cause})") from error


def one_class(built: nn.Module, name: str) -> nn.Module:
    """Replace the last linear layer of `built` with one output by a `CosineHead`, in place.

    Returns `built`. Raises `InputError` if the network of detector `name` has no such layer.
    """
    heads = [
        path for path, part in built.named_modules()
        if isinstance(part, nn.Linear) and part.out_features == 1
    ]  # fmt: skip
    if not heads:
        raise _no_head(name)
    if not heads[-1]:
        raise _no_head(name)
    parent, _, last = heads[-1].rpartition(".")
    head = built.get_submodule(heads[-1])
    assert isinstance(head, nn.Linear)
    setattr(built.get_submodule(parent), last, CosineHead(head.in_features))
    return built


def require_one_class(item: TensorDetector) -> None:
    """Raise `InputError` if the detector's network cannot have the head of one-class softmax."""
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
    require_scores_from_head(item, one_class(item.build(), item.name), noise)


def require_scores_from_head(item: TensorDetector, built: nn.Module, wave: Wave) -> None:
    """Raise `InputError` if the network's score of `wave` is not the output of its `CosineHead`."""
    (head,) = (part for part in built.modules() if isinstance(part, CosineHead))
    cosines: list[torch.Tensor] = []
    hook = head.register_forward_hook(lambda *call: cosines.append(call[2].flatten()))
    was_training = built.training
    with torch.inference_mode():
        scores = built.eval()(frontends.batch(item.input, [wave], torch.device("cpu")))
    hook.remove()
    built.train(was_training)
    if len(cosines) != 1 or not torch.equal(cosines[0], scores):
        raise _no_head(item.name)


def _no_head(name: str) -> InputError:
    return InputError(
        f"detector {name!r} does not end in a linear layer with one output, so it cannot be"
        f" trained with --loss {ONE_CLASS}"
    )
