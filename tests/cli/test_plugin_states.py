"""Plugin attacks earn their mark: without a check, with one, and with a broken contract."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import soundfile

import launderbench
from attacks.contract.base import registry
from benchmark.api import verification as run_verification
from benchmark.api.verification import Verification, VerifyOptions
from benchmark.cli.main import main
from benchmark.scores import load_run
from benchmark.scores.plan_files import PLUGIN_CHECKS, read_plan
from tests.support import builders
from tests.support.places import ROOT

NAME = "crush(bits=6)"
BROKEN = '''
from dataclasses import dataclass

import numpy as np

from launderbench import Attack, Check, SampleLimits, attack


@attack("rattle")
@dataclass(frozen=True)
class Rattle(Attack):
    """Clips at a level from the global generator, and says truthfully at which."""

    family = "channel"
    limits = SampleLimits(clipping=1.0)

    def __call__(self, wave, sample_rate, rng):
        top = float(np.abs(wave).max() * np.random.uniform(0.2, 0.5))
        return np.clip(wave, -np.float32(top), np.float32(top)), {"top": top}

    def checks(self, before, after, sample_rate, facts):
        return [Check.near("peak", "", facts["top"], float(np.abs(after).max()), 1e-4)]
'''


def written(folder: Path, lines: bool) -> Path:
    """Write the attack of the documentation, with or without its three more lines."""
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (ten,) = [text for text in blocks if '@attack("crush")' in text]
    (three,) = [text for text in blocks if text.startswith("    def checks(")]
    assert three.count("\n") == 3
    if lines:
        ten = f"{ten.replace('import Attack,', 'import Attack, Check,')}\n{three}"
    path = folder / "crush.py"
    path.write_text(ten)
    return path


def verdicts(folder: Path) -> dict[str, str]:
    table = pd.read_csv(folder / "conditions_full.csv", keep_default_na=False)
    return dict(zip(table["condition"], table["verdict"], strict=True))


@pytest.mark.parametrize(("lines", "state"), [(False, "unmeasured"), (True, "verified")])
def test_the_readme_says_what_its_attack_earns(
    lines: bool, state: str, toy: Path, tmp_path: Path, cache: Path
) -> None:
    plugin = written(tmp_path, lines)
    folder = tmp_path / "run"
    launderbench.evaluate("random", data=toy, suite=NAME, plugins=plugin, run=folder, workers=0)
    plan = read_plan(folder)
    assert plan is not None and plan[PLUGIN_CHECKS] == {NAME: ""}
    assert verdicts(folder) == {"clean": "", NAME: state}
    assert ("never verified" in (folder / "leaderboard.html").read_text()) is False
    *_, found = run_verification.verify(folder, VerifyOptions())
    assert isinstance(found, Verification)
    assert found.sound, [fault for step in found.steps for fault in step.faults]


@pytest.mark.parametrize(
    ("lines", "said"), [(False, "changed, claim not measured"), (True, "verified, 1 of 1 measur")]
)
def test_the_command_attack_says_so_too(
    lines: bool, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", builders.voice(1), 16000)
    plugin = written(tmp_path, lines)
    command = ["attack", NAME, str(tmp_path / "a.wav"), str(tmp_path / "out"), "--gallery"]
    assert main([*command, "--plugin", str(plugin)]) == 0
    printed = capsys.readouterr().out
    assert f"{NAME}: {said}" in printed and f"conditions: 1 {said.partition(',')[0]}" in printed
    page = (tmp_path / "out" / "gallery.html").read_text()
    assert ("as claimed" in printed) is lines
    assert (f'{NAME} <span class="verdict good">as claimed</span>' in page) is lines
    assert (f'{NAME} <span class="verdict none">claim not measured</span>' in page) is not lines


@pytest.fixture
def rattled(toy: Path, tmp_path: Path, cache: Path) -> Path:
    plugin = tmp_path / "rattle.py"
    plugin.write_text(BROKEN)
    folder = tmp_path / "run"
    launderbench.evaluate("random", data=toy, suite="rattle", plugins=plugin, run=folder, workers=0)
    return folder


def test_an_attack_that_breaks_the_contract_is_never_verified(rattled: Path) -> None:
    assert verdicts(rattled)["rattle"] == "unmeasured"
    effects = pd.read_csv(rattled / "effects.csv")
    assert effects.set_index("quantity").loc["peak", "n_fail"] == 0  # its own claim is right
    page = (rattled / "leaderboard.html").read_text()
    assert "is never verified:" in page
    assert "<code>rattle</code>: rattle on speech: global randomness: draws from a" in page
    *steps, _ = run_verification.verify(rattled, VerifyOptions())
    (step,) = [step for step in steps if getattr(step, "name", "") == "cells"]
    assert any(note.startswith("never verified: rattle: rattle on") for note in step.notes)


def test_a_check_that_did_not_run_verifies_nothing(
    rattled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is with the plugins of runs of older versions, whose plans know of no check."""
    monkeypatch.setattr(load_run, "PLUGIN_CHECKS", "absent")
    (_, info) = load_run.collect(rattled, {}).conditions
    assert info.doubt == load_run.UNCHECKED


def test_an_attack_of_the_running_program_is_not_checked_in_fresh_processes(
    toy: Path, tmp_path: Path, cache: Path
) -> None:
    source = written(tmp_path, lines=True).read_text()
    exec(compile(source, "<notebook>", "exec"), {"__name__": "__main__"})
    assert registry.get("crush")
    folder = tmp_path / "run"
    launderbench.evaluate("random", data=toy, suite=NAME, run=folder, workers=0)
    plan = read_plan(folder)
    assert plan is not None and "load the attack from a plugin file" in plan[PLUGIN_CHECKS][NAME]
    assert verdicts(folder)[NAME] == "unmeasured"
