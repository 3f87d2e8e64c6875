"""Attacks that remember what they heard are found by processes that hear it in another order."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from attacks.contract.base import registry
from benchmark.cli.main import main
from benchmark.workers import fresh_order
from benchmark.workers.context import ProcessContext

FIRST = '''
from dataclasses import dataclass

import numpy as np

from launderbench import Attack, SampleLimits, attack

heard = []


@attack("{name}")
@dataclass(frozen=True)
class Remembers(Attack):
    """Clips at half the peak of the first recording that it ever heard."""

    family = "test"
    limits = SampleLimits(clipping=1.0)

    def __call__(self, wave, sample_rate, rng):
        print("what an attack prints is no answer")
        heard.append(float(np.abs(wave).max()))
        top = np.float32({level} / 2)
        return np.clip(wave, -top, top)
'''


@pytest.fixture
def plugins(tmp_path: Path) -> tuple[Path, ...]:
    """A plugin that depends on what it heard first, and one that depends on its input alone."""
    made = {"first_heard": "heard[0]", "own_heard": "heard[-1]"}
    for name, level in made.items():
        (tmp_path / f"{name}.py").write_text(FIRST.format(name=name, level=level))
    return tuple(tmp_path / f"{name}.py" for name in made)


def test_what_an_attack_heard_first_must_not_matter(plugins: tuple[Path, ...]) -> None:
    context = ProcessContext(plugins)
    found = fresh_order.findings(["first_heard()", "own_heard()", "dc_offset(offset=0.1)"], context)
    assert found["first_heard()"].startswith("order: gives the ")
    assert found["own_heard()"] == found["dc_offset(offset=0.1)"] == ""


def test_an_attack_of_the_running_program_could_not_be_checked() -> None:
    found = fresh_order.findings(["defined_in_a_notebook()"], ProcessContext())
    assert "did not run" in found["defined_in_a_notebook()"]


def test_the_command_reports_the_order(
    plugins: tuple[Path, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    files = [word for path in plugins for word in ("--plugin", str(path))]
    try:
        assert main(["check", "first_heard", "own_heard", "--quick", *files]) == 1
    finally:
        for name in ("first_heard", "own_heard"):
            registry.remove(name)
            sys.modules.pop(f"launderbench_plugin_{name}", None)
    out = capsys.readouterr().out
    assert "FAIL  first_heard\n" in out and "\n        first_heard: order: gives the " in out
    assert "ok    own_heard" in out
