"""Res2Net and conformer: what each part may see, and that they learn; broken ones are found."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.core.parallel import one_thread
from benchmark.inference import detector_selection
from detectors.contract.base import registry
from detectors.networks import conformer, res2net
from detectors.networks.res2net import SCALE, Block

NAMES = ("lfcc-res2net", "cqt-res2net", "conformer")


def reach(block: Block) -> list[list[int]]:
    """For each group of a block's channels: the groups of its input that it depends on."""
    block.eval()
    block.reduce, block.expand, block.shortcut = nn.Identity(), nn.Identity(), nn.Identity()
    maps = torch.rand(1, 8 * SCALE, 6, 6, requires_grad=True) + 1
    maps.retain_grad()
    groups = block(maps)
    found = []
    for part in (groups - maps).chunk(SCALE, dim=1):  # without the residual
        (gradient,) = torch.autograd.grad(part.sum() * 1.0, maps, retain_graph=True)
        seen = [float(chunk.abs().sum()) > 1e-6 for chunk in gradient.chunk(SCALE, dim=1)]
        found.append([number for number, one in enumerate(seen) if one])
    return found


def hierarchical(found: list[list[int]]) -> bool:
    """The first group stays as it is; each later one sees itself and all convolved before it."""
    return found == [[0], *([*range(1, number + 1)] for number in range(1, SCALE))]


class Flat(Block):
    """A block that is none of Res2Net: its groups do not see each other."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        first, *others = self.reduce(maps).chunk(SCALE, dim=1)
        found = [first, *(group(part) for group, part in zip(self.groups, others, strict=True))]
        return torch.relu(self.expand(torch.cat(found, dim=1)) + self.shortcut(maps))


def test_groups_of_a_res2net_block_see_those_before_them() -> None:
    torch.manual_seed(0)
    size = 8 * SCALE
    assert hierarchical(reach(Block(size, size, 1)))
    assert not hierarchical(reach(Flat(size, size, 1)))


@pytest.mark.parametrize("shape", [(60, 401), (84, 251), (7, 33), (1, 1)])
def test_res2net_takes_any_size(shape: tuple[int, int]) -> None:
    assert res2net.Network().eval()(torch.rand(2, 1, *shape)).shape == (2,)


def frames_that_change(part: nn.Module, at: int, size: int = 60) -> list[int]:
    """The frames of a part's output that change with frame `at` of its input."""
    part.eval()
    frames = torch.rand(1, size, conformer.WIDTH)
    other = frames.clone()
    other[0, at] += torch.rand(conformer.WIDTH)
    with torch.inference_mode():
        moved = (part(frames) - part(other)).abs().amax(dim=(0, 2))
    return torch.nonzero(moved > 1e-7).flatten().tolist()


def test_convolution_is_local_and_attention_is_not() -> None:
    torch.manual_seed(0)
    half = conformer.KERNEL // 2
    local = frames_that_change(conformer.Convolution(), 30)
    assert local == [*range(30 - half, 30 + half + 1)]
    assert frames_that_change(conformer.Block(), 30) == [*range(60)]


def test_the_order_of_frames_matters_to_a_conformer() -> None:
    torch.manual_seed(0)
    network = conformer.Network().eval()
    batch = torch.rand(1, 1, 128, 128)
    with torch.inference_mode():
        assert abs(float(network(batch) - network(batch.flip(-1)))) > 1e-6


@pytest.mark.parametrize("network", [res2net.Network, conformer.Network])
def test_they_learn(network: type[nn.Module]) -> None:
    torch.manual_seed(0)
    built = network()
    batch = torch.rand(6, 1, 128, 24)
    target = torch.arange(6).fmod(2).float()
    batch[target > 0, :, :40] *= 0.5
    optimiser = torch.optim.AdamW(built.parameters(), 2e-3)
    loss = torch.tensor(1.0)
    with one_thread():  # many threads on few values cost more than they save
        for _ in range(25):
            loss = nn.functional.binary_cross_entropy_with_logits(built(batch), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    assert float(loss.detach()) < 0.3


def test_they_are_trained_here_and_in_no_default_line_up() -> None:
    assert not {*NAMES} & {*detector_selection.default()}
    assert {*NAMES} <= {*detector_selection.every()}
    assert all(registry.get(name).citation for name in NAMES)
