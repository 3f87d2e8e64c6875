"""Progress: bars on a terminal, plain lines elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.core import progress
from tests.support.places import ROOT
from tests.support.pseudo_terminal import on_terminal, screen

COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
WORK = """
import sys
import time
from benchmark.core import progress
progress.hide({hidden})
for number in progress.each(range(3), "counting\\x1b[31m sheep", "sheep"):
    time.sleep(0.15)
    progress.say(f"sheep {{number}}", sys.stdout)
"""


@pytest.mark.parametrize("columns", [70, 0], ids=["known", "unknown size"])
def test_a_bar_says_what_is_done_and_goes_when_it_ends(columns: int) -> None:
    got = on_terminal(WORK.format(hidden=False), columns)
    for words in (b"counting", b"1/3 [", b"sheep/s"):
        assert words in got
    assert screen(got) == ["sheep 0", "sheep 1", "sheep 2"]  # no bar is left, none is torn
    assert max(map(len, re.split(r"[\r\n]", got.decode()))) < (columns or 80)


def test_a_name_in_a_bar_steers_no_terminal() -> None:
    got = on_terminal(WORK.format(hidden=False))
    assert b"\x1b[31m" not in got and b"\\u001b[31m sheep" in got


def test_no_color_wins_over_the_colour_of_tqdm() -> None:
    code = WORK.format(hidden=False)
    assert COLOUR.search(on_terminal(code, TQDM_COLOUR="green"))
    assert not COLOUR.search(on_terminal(code, TQDM_COLOUR="green", NO_COLOR="1"))


def test_hidden_bars_leave_results() -> None:
    got = on_terminal(WORK.format(hidden=True))
    assert got.split() == b"sheep 0 sheep 1 sheep 2".split()


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_nothing_is_drawn_without_a_terminal(term: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORK.format(hidden=False)], capture_output=True, check=True,
        env={**os.environ, "TERM": term, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (b"sheep 0\nsheep 1\nsheep 2\n", b"")
    if term == "dumb":
        assert b"\r " not in (got := on_terminal(WORK.format(hidden=False), TERM=term))
        assert got.split() == b"sheep 0 sheep 1 sheep 2".split()


def test_long_work_without_a_terminal_says_plain_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "EACH_S", 1e-9)
    with progress.progress_bar(total=4, desc="counting", unit="sheep") as bar:
        bar.update(2)
        bar.update(1)
    out, err = capsys.readouterr()
    assert out == "" and err.isprintable() is False and "\r" not in err and "\x1b" not in err
    first, second = err.splitlines()
    assert re.match(r"counting:\s+50% 2/4 \[00:00<.*sheep/s\]$", first) and " 3/4 [" in second


def test_bars_nest() -> None:
    code = """
from benchmark.core.progress import each
for _ in each(range(2), "outer", "turn"):
    for _ in each(range(2), "inner", "step"):
        pass
"""
    got = on_terminal(code)
    assert b"outer" in got and b"inner" in got and screen(got) == []


def test_progress_has_one_home() -> None:
    for folder in ("benchmark", "attacks", "detectors", "noises"):
        for file in Path(ROOT, folder).rglob("*.py"):
            if file != Path(progress.__file__) and "skeletons" not in file.parts:
                assert not re.search(r"^\s*(from|import) tqdm", file.read_text(), re.M), file
