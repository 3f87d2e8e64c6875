"""What Ray costs on one machine: the same units by processes and by Ray, in turn.

    python tests/perf/ray_overhead.py [MINUTES] [REPEATS] [--scorers]

Prints the time of launderings and scorings of both, with the start of workers, and their ratio. The
work is about MINUTES (default 2) long for one process; the target of 15 % is for ten minutes.
"""

from __future__ import annotations

import sys
import tempfile
import time
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
PER_TRIAL_S = 0.035  # of one process on a slow core, for these conditions and raw-cnn


def seconds(plan: RunPlan, folder: Path, executor: Executor) -> float:
    """Return how long an executor takes for a plan in a new folder."""
    store = Store(folder)
    runner.write_plan(plan, store)
    setup = setup_of(folder, plan, ALONE, torch.device("cpu"))
    began = time.perf_counter()
    for _ in execute(runner.missing(plan, store).jobs, setup, executor):
        pass
    return time.perf_counter() - began


def main() -> None:
    """Print one line for each repeat, then the ratio of the shortest times."""
    numbers = [word for word in sys.argv[1:] if not word.startswith("-")]
    minutes, repeats = float((numbers or ["2"])[0]), int((*numbers, 0, 0)[1] or 2)
    scorers = 1 if "--scorers" in sys.argv else 0
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        trials = max(64, round(60 * minutes / PER_TRIAL_S / len(CONDITIONS)))
        root = workload.corpus(out / "corpus", 64, 4.0, trials)
        plan = workload.plan(root, tuple(map(parse, CONDITIONS)), ["raw-cnn"], out)
        spent: dict[str, list[float]] = {"processes": [], "Ray": []}
        for repeat in range(repeats):
            for kind, executor in (
                ("processes", Processes(cores())),
                ("Ray", Ray(workers=cores(), scorers=scorers)),
            ):
                spent[kind].append(seconds(plan, out / f"{kind}{repeat}", executor))
                print(f"{kind}: {spent[kind][-1]:.1f} s", flush=True)
        ratio = min(spent["Ray"]) / min(spent["processes"])
        print(
            f"{len(plan.test.table)} trials x {len(CONDITIONS)} conditions: Ray takes {ratio:.2f}x"
        )


if __name__ == "__main__":
    main()
