"""The command `check`: the same lines with and without worker processes, in the order asked."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks.contract.base import registry
from benchmark.cli.main import main

NO_OP = '''
from dataclasses import dataclass

from launderbench import Attack, attack


@attack("nothing")
@dataclass(frozen=True)
class Nothing(Attack):
    """Changes nothing."""

    family = "test"

    def __call__(self, wave, sample_rate, rng):
        return wave
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "nothing.py"
    path.write_text(NO_OP)
    registry.names()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_items", dict(registry._items))
        yield path
    sys.modules.pop("launderbench_plugin_nothing", None)


def test_workers_say_the_same_in_the_same_order(
    plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for workers in ("0", "2"):
        command = ["check", "g711", "nothing", "clipping", "--plugin", str(plugin)]
        assert main([*command, "--workers", workers]) == 1
        captured = capsys.readouterr()
        told.append(re.sub(r" in \d+ s", "", captured.out))
        assert "check: 100%" in captured.err
    assert told[0] == told[1]
    verdicts = [line.split() for line in told[0].splitlines() if not line.startswith("        ")]
    assert verdicts[:3] == [["ok", "g711"], ["FAIL", "nothing"], ["ok", "clipping"]]
    assert "nothing on speech: residual: nothing claims >= -60 dB" in told[0]
    # both ladders have five levels; one of clipping's is the default itself
    assert told[0].endswith("2 passed, 1 failed, 0 not available (12 conditions)\n")


def test_what_to_check_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 2
    assert "name the attacks to check, or say --all" in capsys.readouterr().err
