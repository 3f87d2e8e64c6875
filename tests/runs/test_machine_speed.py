"""The measurement of the machine, and the durations that follow from it."""

from __future__ import annotations

import pytest

from benchmark.core.parallel import cores
from benchmark.runs import machine_speed
from benchmark.runs.machine_speed import MachineSpeed
from benchmark.synthesis.systems import SYSTEMS, UNIVERSAL

REFERENCE = MachineSpeed(1.0, 1.0, 2, "AVX512")


def test_the_machine_is_measured_in_both_kinds_of_work() -> None:
    speed = machine_speed.measure()
    assert speed.convolution > 0 and speed.transform > 0 and speed.cores == cores()
    assert str(cores()) in str(speed) and speed.instructions in str(speed)


def test_durations_scale_with_work_speed_and_cores() -> None:
    half = MachineSpeed(0.5, 0.5, 2, "AVX2")
    one = MachineSpeed(1.0, 1.0, 1, "AVX512")
    systems = [UNIVERSAL.name] * 10 + ["-"] * 10
    base = machine_speed.synthesis_s(systems, REFERENCE)
    assert base > 10 * UNIVERSAL.cpu_s / 2
    assert machine_speed.synthesis_s(systems * 2, REFERENCE) == pytest.approx(2 * base)
    trials = machine_speed.matrix_s(1000, REFERENCE)
    for other in (half, one):
        assert machine_speed.synthesis_s(systems, other) == pytest.approx(2 * base)
        assert machine_speed.matrix_s(1000, other) == pytest.approx(2 * trials)
    assert all(system.cpu_s > 0 for system in SYSTEMS)


def test_training_costs_more_for_more_data_and_a_larger_network() -> None:
    assert machine_speed.training_s([], 1000) == 0
    small, large = (machine_speed.training_s([n], 1000) for n in ("raw-cnn", "resnet18"))
    assert large > small > 0
    assert machine_speed.training_s(["shortcut"], 10) < machine_speed.training_s(["shortcut"], 99)
