"""The command `check`: the same lines with and without worker processes, in the order asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import launderbench
from attacks.contract.base import registry
from benchmark.cli.main import main
from benchmark.core import progress
from benchmark.core.errors import InputError

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
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "nothing.py"
    path.write_text(NO_OP)
    return path


def test_workers_say_the_same_in_the_same_order(
    plugin: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EACH_S", 1e-9)
    printed = []
    for workers in ("0", "2"):
        command = ["check", "g711", "nothing", "clipping", "--plugin", str(plugin)]
        assert main([*command, "--workers", workers]) == 1
        captured = capsys.readouterr()
        printed.append(re.sub(r" in \d+ s", "", captured.out))
        assert "checking: 100%" in captured.err
    assert printed[0] == printed[1]
    verdicts = [line.split() for line in printed[0].splitlines() if not line.startswith("        ")]
    assert verdicts[:3] == [["ok", "g711"], ["FAIL", "nothing"], ["ok", "clipping"]]
    assert "nothing on speech: residual: nothing claims >= -60 dB" in printed[0]
    # both ladders have five levels; one of clipping's is the default itself
    assert printed[0].endswith("2 passed, 1 failed, 0 not available (12 conditions)\n")


def test_what_to_check_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 2
    assert "name the attacks or detectors to check, or say --all" in capsys.readouterr().err


def test_attacks_and_detectors_are_checked_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "random", "dc_offset(offset=0.1)", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["ok    dc_offset(offset=0.1)", "ok    random"]
    assert lines[2].startswith("2 passed, 0 failed, 0 not available (1 conditions in ")


@pytest.mark.parametrize(
    ("name", "near"),
    [("mel-cn", "mel-cnn"), ("mp4(kbps=64)", "mp3"), ("filtered-cn", "filtered-cnn")],
)
def test_an_unknown_name_is_looked_for_among_attacks_and_detectors(
    name: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    head = name.partition("(")[0]
    assert main(["check", "mp3", name]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    with pytest.raises(InputError) as caught:
        launderbench.check(name)
    for text in (printed.err, str(caught.value)):
        assert f"unknown attack or detector {head!r}; did you mean" in text
        assert f"{near!r}" in text and "launderbench list detectors" in text


def test_a_plugin_that_failed_is_named_for_an_unknown_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(registry.broken, "attacks.mine", "ValueError: no")
    with pytest.raises(InputError, match=r"\[plugins that failed to load: attacks\.mine: Value"):
        launderbench.check("mine")


def test_a_plugin_that_does_not_load_fails_where_all_are_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(registry.broken, "attacks.mine", "SyntaxError: no (mine.py, line 3)")
    monkeypatch.setattr(registry, "names", lambda: ["dc_offset"])
    assert main(["check", "--all", "--quick"]) == 1
    assert capsys.readouterr().out.splitlines()[:2] == [
        "ok    dc_offset",
        "FAIL  attacks.mine: not loaded: SyntaxError: no (mine.py, line 3)",
    ]
    assert main(["check", "dc_offset", "--quick"]) == 0  # that asks for one only


@pytest.mark.parametrize(
    ("text", "cause"), [("mp3(", "mp3("), ("mp3 | nosie", "unknown attack 'nosie'")]
)
def test_a_spelling_that_does_not_parse_is_a_condition(text: str, cause: str) -> None:
    with pytest.raises(InputError, match=re.escape(cause)) as caught:
        launderbench.check(text)
    assert "attack or detector" not in str(caught.value)


def test_no_attack_can_be_called_as_the_clean_condition(
    plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin.write_text(NO_OP.replace("nothing", "clean"))
    assert main(["check", "clean", "--plugin", str(plugin)]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and "no attack can be called 'clean'" in printed.err
