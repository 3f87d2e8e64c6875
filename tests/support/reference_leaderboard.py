"""Make the reference leaderboards: `make reference`. The same command goes on where it stopped.

On the embedded data set, under the suites `core` and `laundering`, in four steps: the default
line-up under two draws of the attacks; with it, all others whose weights come along; with these,
`image-cnn`, whose weights are too large for that; the default line-up after three trainings. Each
step ends with the tables and pages of what is there, and the README's picture, in
`results/reference` and `results/reference/laundering`. The runs lie in `results/reference-core` and
`results/reference-laundering`. What each command cost is kept in `cost.csv` of its run, also if it
was interrupted (not if it was killed), and the sum is printed.
"""

from __future__ import annotations

import csv
import itertools
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.runs import provenance
from tests.support import reference_picture
from tests.support.places import ROOT

SHIPPED = (
    "attention-cnn", "cnn-bilstm", "conformer", "constant", "cqt-lcnn", "cqt-res2net", "gap-cnn",
    "lfcc-gmm", "lfcc-lcnn", "lfcc-res2net", "mel-cnn", "mfcc-gmm", "random", "raw-cnn", "resnet18",
    "shortcut", "softmax-cnn", "vit", "wakehubert",
)  # fmt: skip
TRAINED = ("image-cnn",)
DRAWS, TRAININGS = 2, 3
STEPS = (
    (),
    ("--detectors", ",".join(SHIPPED)),
    ("--detectors", ",".join(SHIPPED + TRAINED)),
    ("--train-seeds", TRAININGS),
)
OUT = {"core": ROOT / "results" / "reference"}
OUT["laundering"] = OUT["core"] / "laundering"
SCOPES = {"core": "each", "laundering": "both"}  # four pages would be twice the files
COST, PICTURE = "cost.csv", "leaderboard.png"
HOUR = 3600.0


@dataclass(frozen=True)
class Cost:
    """What a command cost, in seconds, on a machine."""

    command: str
    machine: str
    wall_s: float
    cpu_s: float


def main() -> int:
    """Make both leaderboards; return the exit code of the first command that fails."""
    for step, (suite, out) in itertools.product(STEPS, OUT.items()):
        run = ROOT / "results" / f"reference-{suite}"
        common = ["--suite", suite, "--attack-seeds", DRAWS, "--run", run, "--voices", "none"]
        for arguments in (
            ["bench", *common, *step],
            ["report", run, "--voices", "none", "--scope", SCOPES[suite], "--out", out],
        ):
            if code := paid([str(item) for item in arguments], run / COST):
                return code
        if suite == "core":
            reference_picture.write(out, out / PICTURE)
        spent = costs(run / COST)
        print(
            f"{suite}: {sum(c.cpu_s for c in spent) / HOUR:.1f} CPU hours,"
            f" {sum(c.wall_s for c in spent) / HOUR:.1f} h on the clock, of"
            f" {' and '.join(sorted({c.machine for c in spent}))}",
            flush=True,
        )
    return 0


def paid(arguments: Sequence[str], ledger: Path) -> int:
    """Run a command of the package and add its cost to a ledger; return its exit code."""
    before, started = _cpu_s(), time.monotonic()
    try:
        return subprocess.run([sys.executable, "-m", "benchmark", *arguments], cwd=ROOT).returncode
    finally:
        cost = Cost(arguments[0], here(), time.monotonic() - started, _cpu_s() - before)
        ledger.parent.mkdir(parents=True, exist_ok=True)
        new = not ledger.exists()
        with ledger.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(Cost.__annotations__)
            writer.writerow([cost.command, cost.machine, f"{cost.wall_s:.1f}", f"{cost.cpu_s:.1f}"])


def costs(ledger: Path) -> list[Cost]:
    """Return what a ledger holds."""
    with ledger.open(newline="") as file:
        return [
            Cost(row["command"], row["machine"], float(row["wall_s"]), float(row["cpu_s"]))
            for row in csv.DictReader(file)
        ]


def here() -> str:
    """Return the cores and the processor of this machine."""
    facts = provenance.machine("cpu")
    return f"{facts['cores']} cores ({facts['processor']})"


def _cpu_s() -> float:
    """Return the CPU seconds of all ended children and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
