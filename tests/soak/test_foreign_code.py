"""Plugins that kill or hang workers in every way, on larger data: longer than the tests of runs."""

from __future__ import annotations

from pathlib import Path

import launderbench
from benchmark.laundering.failure import ATTACK
from tests.runs.test_foreign_code import command, failures, options

SEGFAULT = "killed by signal 11 (SIGSEGV)"


def test_attacks_that_kill_hang_and_exit_are_followed_to_a_leaderboard(
    toy: Path, tmp_path: Path, cache: Path
) -> None:
    suite = "; ".join(
        f"evil(kind={kind}, share=0.05)" for kind in ("segfault", "exit", "kill", "hang")
    )
    folder = tmp_path / "run"
    limits = ("--workers", 2, "--unit-timeout", 8)
    done = command(options(toy, folder, "evil,evil(every=3)", suite, *limits))
    assert done.returncode == 0, done.stderr[-3000:]
    found = failures(folder)
    for kind, words in (
        ("segfault", SEGFAULT),
        ("exit", "left the process with exit code 0"),
        ("kill", "killed by signal 9 (SIGKILL: out of memory, or by hand)"),
        ("hang", "hung for 8 s"),
    ):
        rows = found[found["condition"].str.contains(kind)]
        assert 0 < len(rows) <= 3 and (rows["cause"] == words).all(), (kind, rows)
        assert set(rows["kind"]) == {ATTACK}
    scores = launderbench.load_scores(folder)
    good = scores[~scores["condition"].str.contains("evil")]
    assert good["score"].notna().all()
    assert done.stderr.count("its unit is tried again") == len(found)

    again = command(options(toy, folder, "evil,evil(every=3)", suite, *limits))
    assert again.returncode == 0 and "0 of 6 units to do" in again.stderr


def test_detectors_that_kill_and_exit_are_followed_to_a_leaderboard(
    toy: Path, tmp_path: Path, cache: Path
) -> None:
    names = ["evil(kind=segfault, every=25)", "evil(kind=exit, every=1)"]
    folder = tmp_path / "run"
    detectors = ",".join(["evil", *names])
    arguments = options(toy, folder, detectors, "clean", "--workers", 1, "--unit-timeout", 60)
    done = command(arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    found = failures(folder)
    few = found[found["detector"] == names[0]]
    assert 0 < len(few) <= 6 and set(few["cause"]) == {SEGFAULT}
    every = found[found["detector"] == names[1]]
    assert len(every) == 24 + 12  # all of both units
    assert every["cause"].str.contains("left the process with exit code 0").all()
    assert not (found["detector"] == "evil").any()
    scores = launderbench.load_scores(folder)
    assert scores[scores["detector"] == "evil"]["score"].notna().all()
