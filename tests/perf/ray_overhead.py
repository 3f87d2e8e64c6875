"""What Ray costs on one machine: the same units by processes and by Ray, in turn.

    python tests/perf/ray_overhead.py [MINUTES] [REPEATS] [--scorers]

Prints the time on the clock and the processor time of launderings and scorings of both, with the
start of workers and all processes of Ray, and their ratios. Processor time is read from `/proc`
twice a second, so a machine with other work to do will do; the clock then says little. The work
takes about MINUTES (default 2) of one fast core, and longer of a slow one; the target of 15 % is
for ten minutes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch

from attacks.contract.condition import parse
from benchmark.api.matrix import setup_of
from benchmark.core.parallel import cores
from benchmark.runs import runner
from benchmark.runs.executor import Executor, Processes, execute
from benchmark.runs.plan import RunPlan
from benchmark.runs.ray_executor import Ray
from benchmark.scores.store import Store
from benchmark.workers.context import ALONE
from tests.perf import workload

CONDITIONS = ("clean", "noise(kind=white, snr=10)", "mp3(kbps=32)", "lowpass(cutoff=4000)")
PER_TRIAL_S = 0.007  # of a core at rest (AMD EPYC, AVX-512), for these conditions and raw-cnn


@dataclass
class Spent:
    """Seconds on the clock, and of processors."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def measured() -> Iterator[Spent]:
    """Measure this process and all that descend from it, also those that end meanwhile."""
    latest: dict[int, float] = {}
    end = threading.Event()

    def watch() -> None:
        while not end.wait(0.5):
            latest.update(descendants())

    before, began = descendants(), time.perf_counter()
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    spent = Spent()
    try:
        yield spent
    finally:
        end.set()
        thread.join()
        latest.update(descendants())
        spent.wall = time.perf_counter() - began
        spent.cpu = sum(value - before.get(pid, 0.0) for pid, value in latest.items())


def descendants() -> dict[int, float]:
    """Return the processor seconds of this process and its descendants, by process."""
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        spent[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    mine = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return {pid: spent[pid] for pid in mine if pid in spent}


def seconds(plan: RunPlan, folder: Path, executor: Executor) -> Spent:
    """Return what an executor spends on a plan in a new folder."""
    store = Store(folder)
    runner.write_plan(plan, store)
    setup = setup_of(folder, plan, ALONE, torch.device("cpu"))
    with measured() as spent:
        for _ in execute(runner.missing(plan, store).jobs, setup, executor):
            pass
    return spent


def main() -> None:
    """Print one line for each repeat, then the ratios of the shortest times."""
    numbers = [word for word in sys.argv[1:] if not word.startswith("-")]
    minutes, repeats = float((numbers or ["2"])[0]), int((*numbers, 0, 0)[1] or 2)
    scorers = 1 if "--scorers" in sys.argv else 0
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        trials = max(64, round(60 * minutes / PER_TRIAL_S / len(CONDITIONS)))
        root = workload.corpus(out / "corpus", 64, 4.0, trials)
        plan = workload.plan(root, tuple(map(parse, CONDITIONS)), ["raw-cnn"], out)
        spent: dict[str, list[Spent]] = {"processes": [], "Ray": []}
        for repeat in range(repeats):
            for kind, executor in (
                ("processes", Processes(cores())),
                ("Ray", Ray(workers=cores(), scorers=scorers)),
            ):
                spent[kind].append(seconds(plan, out / f"{kind}{repeat}", executor))
                took = spent[kind][-1]
                print(f"{kind}: {took.wall:.1f} s, {took.cpu:.1f} CPU s", flush=True)
        wall, cpu = (
            min(getattr(one, what) for one in spent["Ray"])
            / min(getattr(one, what) for one in spent["processes"])
            for what in ("wall", "cpu")
        )
        print(
            f"{len(plan.test.table)} trials x {len(CONDITIONS)} conditions: Ray takes {wall:.2f}x"
            f" on the clock, {cpu:.2f}x of processor time"
        )


if __name__ == "__main__":
    main()
