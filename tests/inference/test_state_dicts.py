"""State dicts of other trainers: nested, from DataParallel, in half precision, not fitting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from benchmark.core.errors import InputError
from benchmark.inference import checkpoints, networks
from benchmark.inference.checkpoints import state_dict
from detectors.contract.base import TensorDetector, Waveform, detector, registry

NAME = "test-state"


class Network(nn.Module):
    """Two linear layers; `second` is the name of the second one."""

    def __init__(self, second: str) -> None:
        super().__init__()
        self.first = nn.Linear(4, 3)
        self.add_module(second, nn.Linear(3, 1))


def registered(make: Any) -> None:
    class Tested(TensorDetector):
        summary = "a test's"
        input = Waveform(4)
        pretrained = True

        def build(self) -> nn.Module:
            return make()

    detector(NAME)(Tested)


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    registered(lambda: Network("second"))
    torch.manual_seed(3)
    return dict(Network("second").state_dict())


def loaded(path: Path) -> dict[str, torch.Tensor]:
    """Return the network's state dict after loading the weights in `path`."""
    built = registry.get(NAME)().build()  # type: ignore[attr-defined]
    networks.load(built, checkpoints.foreign(NAME, path, {}))
    return dict(built.state_dict())


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: {"state_dict": weights, "epoch": 3, "lr": 0.1, "best": torch.tensor(0.5)},
        lambda weights: {"model": weights, "optimizer": {"state": {0: {}}, "param_groups": [{}]}},
        lambda weights: {f"module.{name}": value for name, value in weights.items()},
        lambda weights: {"model": {f"module.{name}": value for name, value in weights.items()}},
    ],
)
def test_common_wrappers_are_removed(
    weights: dict[str, torch.Tensor], tmp_path: Path, wrap: Any
) -> None:
    held = loaded(saved(tmp_path / "w.pth", wrap(weights)))
    assert held.keys() == weights.keys()
    for name, value in weights.items():
        assert torch.equal(held[name], value)


def test_a_network_with_a_part_called_module_keeps_its_names(tmp_path: Path) -> None:
    registered(lambda: nn.ModuleDict({"module": nn.Linear(4, 1)}))
    own = nn.ModuleDict({"module": nn.Linear(4, 1)}).state_dict()
    assert torch.equal(
        loaded(saved(tmp_path / "w.pth", own))["module.weight"], own["module.weight"]
    )


@pytest.mark.parametrize(
    ("wrap", "cause"),
    [
        (lambda w: {"model": w, "ema": w}, r"several state dicts .*\('model', 'ema'\)"),
        (lambda w: {**w, "more": {"a": w["first.bias"]}}, "and arrays outside of them"),
        (lambda w: {"outer": {"model": w}}, "contains no state dict"),
        (lambda w: {}, "contains no state dict"),
    ],
)
def test_ambiguous_files_are_refused(
    weights: dict[str, torch.Tensor], tmp_path: Path, wrap: Any, cause: str
) -> None:
    with pytest.raises(InputError, match=cause):
        state_dict(saved(tmp_path / "w.pth", wrap(weights)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.float16])
def test_types_that_numpy_lacks_are_read_exactly(
    weights: dict[str, torch.Tensor], tmp_path: Path, dtype: torch.dtype
) -> None:
    small = {name: value.to(dtype) for name, value in weights.items()}
    held = loaded(saved(tmp_path / "w.pth", small))
    for name, value in small.items():
        assert torch.equal(held[name], value.double().float())
    if dtype != torch.float16:
        arrays = state_dict(tmp_path / "w.pth")
        assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


def test_our_own_files_may_hold_bfloat16_too(
    weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    small = {name: value.bfloat16() for name, value in weights.items()}
    path = tmp_path / "w.safetensors"
    facts = {"launderbench": f'{{"detector": "{NAME}"}}'}
    safetensors.torch.save_file(small, path, metadata=facts)
    arrays = checkpoints.load(path).arrays()
    for name, value in small.items():
        np.testing.assert_array_equal(arrays[name], value.double().numpy())


def test_a_sparse_array_is_refused(tmp_path: Path) -> None:
    sparse = torch.eye(3).to_sparse()
    with pytest.raises(InputError, match=r"w\.pth: the array fc\.weight cannot be read"):
        state_dict(saved(tmp_path / "w.pth", {"fc.weight": sparse}))


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            lambda w: {"a": w["first.bias"]},
            "4 keys missing, e.g. first.weight, first.bias, second.weight; 1 unexpected, e.g. a",
        ),
        (
            lambda w: w | {"first.weight": torch.zeros(3, 5)},
            "1 of another shape, e.g. first.weight (3, 5) instead of (3, 4)",
        ),
        (
            lambda w: {f"net.{name}": value for name, value in w.items()},
            "net.second.weight; they would fit without the prefix 'net.'",
        ),
    ],
)
def test_the_error_says_briefly_why_weights_do_not_fit(
    weights: dict[str, torch.Tensor], tmp_path: Path, change: Any, cause: str
) -> None:
    with pytest.raises(InputError) as caught:
        loaded(saved(tmp_path / "w.pth", change(weights)))
    assert str(caught.value).startswith(f"{tmp_path / 'w.pth'} does not fit {NAME} (")
    assert cause in str(caught.value) and "\n" not in str(caught.value)
