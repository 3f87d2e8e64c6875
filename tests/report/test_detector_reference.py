"""The page of all detectors is up to date, complete, and its sizes are those of the networks."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmark.core.errors import InputError
from benchmark.report import detector_reference, detector_sizes
from detectors.contract.base import registry
from tests.support.places import ROOT

PAGE = ROOT / "docs" / "detectors.md"
SIZES = pd.read_csv(PAGE.with_name(detector_reference.SIZES))
SMALL = ("mel-cnn", "raw-cnn", "lfcc-lcnn", "rawnet2")  # quick to build
REMAKE = "run: python -m benchmark.report.detector_reference docs/detectors.md"


def test_the_page_is_up_to_date() -> None:
    made = detector_reference.document(SIZES, ROOT / detector_reference.REFERENCE)
    assert PAGE.read_text(encoding="utf-8") == made, REMAKE


def test_every_detector_has_its_card_and_every_network_its_size() -> None:
    page = PAGE.read_text(encoding="utf-8")
    every = [*registry.names(), *registry.parametrised()]
    own = [n for n in every if registry.class_of(n).__module__.startswith("detectors.")]  # type: ignore[union-attr]
    assert [name for name in own if f"\n## {name}\n" not in page] == []
    assert sorted(SIZES["detector"]) == sorted(detector_sizes.measurable())
    assert (SIZES["parameters"] > 0).all() and (SIZES["multiply_adds"] > 0).all()


@pytest.mark.parametrize("name", SMALL)
def test_sizes_on_the_page_are_those_of_the_network(name: str) -> None:
    try:
        found = detector_sizes.measure(name)
    except InputError as error:
        pytest.skip(str(error))
    (row,) = SIZES[SIZES["detector"] == name].to_dict("records")
    said = f"run: python -m benchmark.report.detector_sizes docs/detector_sizes.csv --only {name}"
    assert (found.parameters, found.multiply_adds) == (
        row["parameters"],
        row["multiply_adds"],
    ), said


def test_multiply_adds_are_those_of_a_layer_counted_by_hand() -> None:
    """A convolution of 3 x 3 from 1 to 32 channels costs 288 for each place of its output."""
    import torch
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    layer = nn.Conv2d(1, 32, 3, padding=1, device="meta")
    with FlopCounterMode(display=False) as counter:
        layer(torch.zeros(1, 1, 10, 20, device="meta"))
    assert counter.get_total_flops() // 2 == 288 * 200


def test_weaknesses_are_the_families_that_cost_most() -> None:
    rows = [
        {"family": name, "eer_delta": delta, "eer_delta_low": low, "eer_delta_high": 0.5}
        for name, delta, low in (
            ("noise", 0.2, 0.1), ("codec", 0.3, -0.1), ("filtering", 0.4, None), ("room", 0.3, 0.2),
        )
    ]  # fmt: skip
    said = detector_reference._weaknesses(rows)
    assert said == "room (+30.0 [20.0, 50.0]), noise (+20.0 [10.0, 50.0])"
