"""Start several commands at the same moment, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.places import ROOT

SHARD = 5  # utterances of a unit, so that a small corpus has several
CODE = f"""
import sys, time
from pathlib import Path
from benchmark.api import reporting
from benchmark.cli.main import main
from benchmark.scores import unit_keys

unit_keys.SHARD = {SHARD}
reporting.write = lambda *_: (None, [], [])
ready, go = map(Path, sys.argv[1:3])
ready.touch()
while not go.exists():
    time.sleep(0.002)
sys.exit(main(sys.argv[3:]))
"""
PATIENCE = 300  # seconds


def at_once(commands: Sequence[Sequence[object]], folder: Path) -> None:
    """Run all commands without reports; they begin together once every process has started.

    All must succeed.
    """
    folder.mkdir(parents=True)
    go = folder / "go"
    readies = [folder / f"ready{number}" for number in range(len(commands))]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, str(ready), str(go), *map(str, command)],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for ready, command in zip(readies, commands, strict=True)
    ]  # fmt: skip
    try:
        end = time.monotonic() + PATIENCE
        while not all(ready.exists() for ready in readies) and time.monotonic() < end:
            assert all(process.poll() is None for process in processes), processes[0].communicate()
            time.sleep(0.01)
        go.touch()
        for process in processes:
            told, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, told
    finally:
        for process in processes:
            process.kill()
