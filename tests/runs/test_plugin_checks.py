"""The check of plugin attacks before a run: each alone, whatever others do to their processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from benchmark.workers.context import ProcessContext
from benchmark.workers.fresh_order import first_findings
from tests.cli.test_order import FIRST
from tests.runs.test_foreign_code import PLUGIN
from tests.support.killing import PATIENCE_S, ends

HANGS = '''
import os, time
from dataclasses import dataclass
from pathlib import Path
from launderbench import Attack, attack


@attack("sleeper")
@dataclass(frozen=True)
class Sleeper(Attack):
    """Says that it is there, and hangs."""

    family = "test"

    def __call__(self, wave, sample_rate, rng):
        file = Path(__file__).parent / "asleep"
        file.with_suffix(".part").write_text(str(os.getpid()))
        file.with_suffix(".part").rename(file)
        time.sleep(10_000)
'''

LEAVES = '''
import os, time
from dataclasses import dataclass
from pathlib import Path
from launderbench import Attack, attack


@attack("leaver")
@dataclass(frozen=True)
class Leaver(Attack):
    """Leaves a process behind, in a session of its own."""

    family = "test"

    def __call__(self, wave, sample_rate, rng):
        file = Path(__file__).parent / "left"
        try:
            file.touch(exist_ok=False)
        except FileExistsError:
            return wave
        child = os.fork()
        if child == 0:
            os.setsid()
            time.sleep(60)
            file.with_name("over").touch()
            os._exit(0)
        file.write_text(str(child))
        return wave
'''


def test_each_attack_is_checked_apart_from_all_others(tmp_path: Path) -> None:
    made = {"first_heard": "heard[0]", "own_heard": "heard[-1]"}
    for name, level in made.items():
        (tmp_path / f"{name}.py").write_text(FIRST.format(name=name, level=level))
    context = ProcessContext((PLUGIN, *(tmp_path / f"{name}.py" for name in made)))
    died = "the check did not run: the process that checks it"
    kinds = {
        "segfault": f"{died} was killed by signal 11",
        "kill": f"{died} was killed by signal 9",
        "exit": f"{died} left with exit code 0",
        "interrupt": "the check did not run: KeyboardInterrupt()",
        "hang": "the check did not run: it hung for 5 s",
        "flood": "",
        "good": "",
    }
    wanted = {f"evil(kind={kind}, share=1.0)": finding for kind, finding in kinds.items()}
    names = ["first_heard", *wanted, "nobody", "own_heard"]
    found = dict(first_findings(names, context, 5.0))
    assert [*found] == names
    assert {name: found[name] for name in wanted} == wanted
    assert found["first_heard"].startswith("order: gives the ")
    assert "a fresh process does not know this attack" in found["nobody"]
    assert found["own_heard"] == ""


def test_an_interrupt_leaves_no_process_behind(tmp_path: Path) -> None:
    plugin, asleep = tmp_path / "sleeper.py", tmp_path / "asleep"
    plugin.write_text(HANGS)

    def interrupt() -> None:
        end = time.monotonic() + PATIENCE_S
        while not asleep.is_file() and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        [*first_findings(["sleeper"], ProcessContext((plugin,)))]
    thread.join()
    assert ends(int(asleep.read_text()))


def test_a_process_that_an_attack_leaves_behind_holds_nothing_up(tmp_path: Path) -> None:
    plugin, left = tmp_path / "leaver.py", tmp_path / "left"
    plugin.write_text(LEAVES)
    assert len([*first_findings(["leaver"], ProcessContext((plugin,)))]) == 1
    assert not left.with_name("over").exists()
    os.kill(int(left.read_text()), signal.SIGKILL)
