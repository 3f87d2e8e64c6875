"""The command that makes the reference leaderboards: it stops at an error, and counts its cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from detectors.contract.base import registry
from tests.support import reference_leaderboard as reference
from tests.support.shipped import SHIPPED


def test_its_detectors_are_known() -> None:
    every = reference.SHIPPED + reference.TRAINED
    assert all(registry.get(name).name == name for name in every)
    assert set(reference.SHIPPED) == {*SHIPPED, "wakehubert"}  # these need no training


def test_the_processor_time_of_children_is_kept_over_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = "sum(i * i for i in range(3_000_000))"
    spin = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{work}'])"
    real = subprocess.run

    def run(arguments: list[str], **more: Any) -> Any:
        code = 3 if arguments[3] == "report" else 0
        return real([sys.executable, "-c", f"{spin}; sys.exit({code})"], **more)

    monkeypatch.setattr(reference.subprocess, "run", run)
    ledger = tmp_path / "run" / "cost.csv"
    assert reference.paid(["bench"], ledger) == 0
    assert reference.paid(["report"], ledger) == 3
    found = reference.costs(ledger)
    assert [cost.command for cost in found] == ["bench", "report"]
    assert all(cost.cpu_s > 0.1 and cost.wall_s > 0.1 for cost in found)


def test_it_stops_at_the_first_command_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def paid(arguments: list[str], ledger: Path) -> int:
        called.append(arguments[0])
        return 2

    monkeypatch.setattr(reference, "paid", paid)
    assert reference.main() == 2 and called == ["bench"]
