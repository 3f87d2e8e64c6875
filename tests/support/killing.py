"""Start a run, kill it or a worker of it at a given moment, and read what it left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.places import ROOT

PATIENCE_S = 300.0


def started(arguments: Sequence[object], errors: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start a command of the package."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmark", *map(str, arguments)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=errors, text=True,
    )  # fmt: skip


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Return the ids of the worker processes of a command."""
    try:
        tasks = Path(f"/proc/{process.pid}/task").iterdir()
        text = " ".join((task / "children").read_text() for task in tasks)
    except OSError:  # it has ended
        return []
    found = []
    for word in text.split():
        try:
            line = Path(f"/proc/{word}/cmdline").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in line:
            found.append(int(word))
    return found


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> bool:
    """Wait until a condition holds; return False if the process ends before."""
    end = time.monotonic() + PATIENCE_S
    while process.poll() is None:
        if condition():
            return True
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)
    return False


def ends(pid: int) -> bool:
    """Wait until a process is gone, as one that was told to end is a moment later."""
    end = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.01)
    return not Path(f"/proc/{pid}").exists()


def kill(pid: int) -> bool:
    """Kill a process; return False if it has ended already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def parts(folder: Path) -> set[str]:
    """Return the names of the score parts of a run, which hold the digests of their content."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
