"""Output of commands: JSON, quiet, messages on the right stream, and completion scripts."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.core.log import logger


def run(*words: object) -> int:
    return main([*map(str, words)])


def printed(capsys: pytest.CaptureFixture[str]) -> object:
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def folder(toy: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A small run."""
    out = tmp_path / "run"
    bench = ("bench", "--data", toy, "--suite", "clean; lowpass", "--detectors", "constant,random")
    assert run(*bench, "--device", "cpu", "--workers", 0, "--run", out, "--quiet") == 0
    return out


def test_quiet_leaves_results_and_warnings(
    folder: Path, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    captured = capsys.readouterr()
    assert "rank  detector" in captured.out and captured.err == ""
    assert captured.out.splitlines()[-1] == str(folder / "leaderboard.html")
    again = ("bench", "--data", toy, "--suite", "clean; lowpass", "--detectors", "constant,random")
    assert run(*again, "--device", "cpu", "--workers", 0, "--run", folder) == 0
    told = capsys.readouterr()
    assert "; 0 of" in told.err and "wrote" in told.err and told.out == captured.out
    assert not logger.handlers and logger.propagate


def test_plan_verify_and_compare_print_json(
    folder: Path, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    words = ("--data", toy, "--suite", "clean; lowpass", "--detectors", "constant,random")
    assert run("plan", *words, "--run", folder, "--json") == 0
    plan = printed(capsys)
    assert isinstance(plan, dict) and plan["units"]["missing"] == 0
    assert plan["detectors"] == ["constant", "random"] and plan["data"]["trials"] == 24
    assert run("plan", *words, "--run", f"{folder}-new", "--json") == 0
    plan = printed(capsys)
    assert isinstance(plan, dict) and plan["estimate"]["minutes"] >= 0
    assert run("verify", folder, "--json", "-") == 0
    found = printed(capsys)
    assert isinstance(found, dict) and found["sound"] and found["cells"] == 8
    assert (found["faults"], found["unreadable"], len(found["run_digest"])) == ([], [], 64)
    assert run("compare", folder, folder, "--json") == 0
    rows = printed(capsys)
    assert isinstance(rows, list) and {row["difference"] for row in rows} <= {0.0, None}


def test_a_plan_says_what_it_can_and_which_detector_needs_a_training(
    toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--data", toy, "--suite", "clean", "--detectors", "image-cnn,random")
    assert run("plan", *words) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert ["data", "toy 1: 24 test trials"] in lines
    assert ["detectors", "image-cnn, random"] in lines
    assert ["absent", "image-cnn must be trained on the embedded data set"] in lines
    assert run("plan", *words, "--json") == 0
    plan = printed(capsys)
    assert isinstance(plan, dict) and len(plan["absent"]) == 2 and plan["data"]["version"] == "1"


@pytest.mark.parametrize("kind", ["attacks", "detectors", "layouts", "pools", "suites"])
def test_listings_print_json(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", kind, "--json") == 0
    rows = printed(capsys)
    assert isinstance(rows, list) and len(rows) > 1 and all(rows)


def test_a_family_of_attacks_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "attacks", "--family", "noise", "--json") == 0
    rows = printed(capsys)
    assert isinstance(rows, list) and {row["family"] for row in rows} == {"noise"}
    assert run("list", "attacks", "--family", "noice", "--json") == 2
    assert "did you mean 'noise'" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_scripts(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--completion", shell])
    assert ended.value.code == 0
    script = capsys.readouterr().out
    assert "launderbench" in script and "export-audio" in script
    if shell != "bash" or not shutil.which("bash"):
        return
    file = tmp_path / "completion.bash"
    file.write_text(script)
    ask = "COMP_WORDS=(launderbench {}); COMP_CWORD={}; _shtab_launderbench; echo ${{COMPREPLY[@]}}"
    for words, place, wanted in (("be", 1, "bench"), ("bench --sui", 2, "--suite")):
        done = subprocess.run(
            ["bash", "-c", f"source {file}; {ask.format(words, place)}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.split() == [wanted], done


@pytest.mark.parametrize("words", [("--quiet", "describe"), ("describe", "--quiet")])
def test_quiet_is_heard_before_and_after_an_action(
    words: tuple[str, str], toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("data", *words, toy, "--headers") == 0
    told = capsys.readouterr()
    assert told.out.startswith("toy: ") and told.err == ""


def test_information_leaves_json_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("compare", folder, folder, "--json", "--out", folder / "other") == 0
    told = capsys.readouterr()
    assert json.loads(told.out) and "wrote" in told.err
