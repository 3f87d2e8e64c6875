"""Plugins that misbehave in this process: each is followed to a finished leaderboard."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest

import launderbench
from attacks.contract.base import registry
from benchmark.cli.main import main
from tests.support.places import ROOT

PLUGIN = ROOT / "tests" / "support" / "evil_plugins.py"
RAISED = ("raise", "leave", "generator", "shy", "hungry")


def options(toy: Path, folder: Path, detectors: str, suite: str, *more: object) -> list[str]:
    given = [
        "run", "--plugin", PLUGIN, "--data", toy, "--detectors", detectors, "--suite", suite,
        "--run", folder, "--device", "cpu", "--samples", 0, *more,
    ]  # fmt: skip
    return [str(item) for item in given]


def command(
    arguments: Sequence[str],
    seconds: float = 3600.0,
    changed: Mapping[str, str | None] | None = None,
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command of the package.

    changed : variables of the environment that are changed or, if None, removed
    before  : is called in the new process
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | (changed or {})
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments],
        capture_output=True, text=True, cwd=ROOT, timeout=seconds, preexec_fn=before,
        env={name: value for name, value in environment.items() if value is not None},
    )  # fmt: skip


def failures(folder: Path) -> pd.DataFrame:
    assert (folder / "leaderboard.html").is_file()
    return launderbench.load_results(folder).tables["failures"]


def test_attacks_that_raise_or_claim_nonsense_become_failed_rows(
    toy: Path, tmp_path: Path, cache: Path
) -> None:
    kinds = {
        "raise": "failed: ValueError('no such room')",
        "leave": "failed: SystemExit(0)",
        "generator": "failed: GeneratorExit()",
        "shy": "ShyError (its text cannot be shown)",
        "hungry": "failed: MemoryError()",
        "facts": "its fact 'gain' is no plain JSON value",
        "name": "its facts use the reserved name 'attack'",
        "loop": "its fact 'loop' is no plain JSON value",
    }
    conditions = {kind: f"evil(kind={kind}, share=0.3)" for kind in kinds}
    suite = "; ".join([*conditions.values(), "evil(kind=check)"])
    folder = tmp_path / "run"
    assert main(options(toy, folder, "evil", suite, "--workers", 0)) == 0
    found = failures(folder)
    for kind, words in kinds.items():
        rows = found[found["condition"] == conditions[kind]]
        assert 0 < len(rows) < 24, kind
        assert rows["cause"].str.contains(words, regex=False).all(), kind
    (spelled,) = {c for c in found["condition"] if "check" in c}
    rows = found[found["condition"] == spelled]
    assert len(rows) == 24 and rows["cause"].str.contains("a check is no Check but str").all()


def test_detectors_that_raise_become_failed_rows(toy: Path, tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "run"
    names = [f"evil(kind={kind}, every=1)" for kind in RAISED]
    detectors = ",".join(["evil", *names])
    assert main(options(toy, folder, detectors, "lowpass(cutoff=4000)", "--workers", 0)) == 0
    found = failures(folder).set_index("detector")["cause"]
    words = (
        "ValueError('no such room')", "SystemExit(0)", "GeneratorExit()", "ShyError (its",
        "MemoryError()",
    )  # fmt: skip
    for name, said in zip(names, words, strict=True):
        assert len(found[name]) == 2 * 24 + 12, name
        assert found[name].str.startswith(said).all()
    assert "evil" not in found.index


@pytest.mark.parametrize("workers", [0, 1])
def test_prints_of_plugins_do_not_reach_standard_output(
    workers: int, toy: Path, tmp_path: Path, cache: Path
) -> None:
    suite = "evil(kind=flood, share=1.0)"
    arguments = options(toy, tmp_path / "run", "evil(kind=flood)", suite, "--workers", workers)
    done = command(arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "flood" in done.stderr and "floodflood" not in done.stdout
    assert "run digest" in done.stdout


def test_every_way_to_raise_is_tried() -> None:
    registry.load_file(PLUGIN)
    plugins = sys.modules[registry.get("evil").__module__]
    assert {*RAISED, "interrupt"} == {*plugins.RAISES}


LOUD = '''
import os
from dataclasses import dataclass
from launderbench import Attack, attack

os.write(1, b"loud at import")


@attack("loud")
@dataclass(frozen=True)
class Loud(Attack):
    """Prints whatever it does."""

    family = "test"

    def __call__(self, wave, sample_rate, rng):
        os.write(1, b"loud at work")
        return wave
'''


def test_what_a_plugin_prints_is_not_among_the_results_of_a_plan(
    toy: Path, tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "loud.py"
    plugin.write_text(LOUD)
    place = ["--data", str(toy), "--run", str(tmp_path / "run"), "--limit", "8"]
    chosen = ["--suite", "loud", "--detectors", "random", "--device", "cpu"]
    assert main(["plan", "--plugin", str(plugin), *place, *chosen]) == 0
    told = capfd.readouterr()
    assert "loud at" not in told.out
    assert "loud at import" in told.err and "loud at work" in told.err
