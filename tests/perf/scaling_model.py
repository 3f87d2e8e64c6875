"""How long large matrices take: tables and picture of `docs/scaling.md`, from measured costs.

    python -m tests.perf.scaling_model                     # prints the tables
    python -m tests.perf.scaling_model --write             # puts them and the picture into docs/
    python -m tests.perf.scaling_model --keep NAME FILE    # takes a measurement into docs/

FILE is what `launderbench profile` measures, with clips of 4 s, as CSV:

    launderbench profile --data CORPUS --untrained --detectors raw-cnn --limit 4 \\
        --suite laundering --csv FILE                      # NAME laundering; full with limit 2
    launderbench profile --data CORPUS --untrained --detectors NAMES --limit 64 \\
        --suite clean --csv FILE                           # NAME detectors

The rates of GPUs and of file servers are assumptions, and marked.
"""

from __future__ import annotations

import heapq
import math
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.inference.batching import BATCH
from benchmark.scores.part_format import unscored
from benchmark.scores.store import Store
from tests.support.places import ROOT

PAGE, PICTURE = ROOT / "docs" / "scaling.md", ROOT / "docs" / "scaling.svg"
BEGIN, END = "<!-- tests.perf.scaling_model -->", "<!-- end -->"
UNIT = 64  # utterances
CORES = 16  # of one machine with one GPU
NODES = 50  # such machines
RATES = (250, 1000, 5000)  # utterances a second that a GPU scores, with all detectors: assumed
SERVERS = (500, 2000, 10_000)  # operations a second of a shared file system: assumed
MOST_NODES = 4096
PER_FILE = 3  # operations to read an audio file: open, read, close


@dataclass(frozen=True)
class Costs:
    """Measured costs in processor seconds, per utterance and condition.

    launder : attack, checks, reading and writing
    score   : all detectors with their inputs, on a CPU
    """

    launder: float
    score: float


@dataclass(frozen=True)
class Work:
    """A matrix: its name, utterances, conditions and detectors, and the suite that it is like."""

    name: str
    utterances: int
    conditions: int
    detectors: int
    suite: str

    @property
    def pairs(self) -> int:
        """Utterances x conditions."""
        return self.utterances * self.conditions


WORKS = (
    Work("ASVspoof 2019 LA x `laundering`", 71_237, 28, 20, "laundering"),
    Work("ASVspoof 5 x `full`", 680_774, 457, 20, "full"),
    Work("1,000,000 utterances x 345 x 20", 1_000_000, 345, 20, "full"),
)


@cache
def _table(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "docs" / f"costs_{name}.csv", keep_default_na=False)


def keep(name: str, file: Path) -> None:
    """Take what the model reads of a measurement into the documentation."""
    made = pd.read_csv(file, keep_default_na=False)
    made = made[["stage", "item", "utterances", "cpu_s", "cpu_ms_each"]]
    made.round({"cpu_s": 4, "cpu_ms_each": 3}).to_csv(
        ROOT / "docs" / f"costs_{name}.csv", index=False
    )


def _scored(stage: str) -> pd.Series:
    """Return processor seconds per utterance of each detector or input, of full batches.

    The measured run filled up the last batch of 64 test and of its few dev utterances.
    """
    rows = _table("detectors").query(f"stage == '{stage}' and item != ''")
    dev = _table("detectors").query("stage == 'all'")["utterances"].item() - UNIT
    filled = UNIT + BATCH * math.ceil(dev / BATCH)
    return (rows.set_index("item")["cpu_s"] / filled).sort_values()


def detectors() -> pd.Series:
    """Return processor seconds per utterance of each detector, without its input."""
    return _scored("forward")


def costs(suite: str, count: int) -> Costs:
    """Return the costs under a suite with `count` detectors, like those that were measured."""
    rows = _table(suite)
    total = rows.query("stage == 'all'")["utterances"].item()
    stages = rows[(rows["item"] == "") & rows["stage"].isin(["read", "attack", "verify", "write"])]
    forward = detectors()
    scoring = forward.sum() + _scored("frontend").sum()
    return Costs(stages["cpu_s"].sum() / total, count / len(forward) * scoring)


def hours(work: Work, machines: int, rate: float | None) -> tuple[float, float]:
    """Return the hours that laundering and scoring take; the larger of both is that of the run.

    rate : utterances a second of one GPU with all detectors; None: the cores score too, and the
           second number is that of both together
    """
    known = costs(work.suite, work.detectors)
    launder = work.pairs * known.launder / 3600 / (machines * CORES)
    if rate is None:
        return launder, work.pairs * (known.launder + known.score) / 3600 / (machines * CORES)
    return launder, work.pairs / rate / 3600 / machines


# --- the shared store -------------------------------------------------------------------------


@cache
def operations() -> int:
    """Return the operations on files of writing and listing one unit, as Python reports them.

    A file that is created is also written, which Python does not report; so is the log.
    """
    seen: Counter[str] = Counter()
    watching = [False]

    def hook(event: str, _: object) -> None:
        if watching[0] and (event == "open" or event.startswith("os.")):
            seen[event] += 1

    sys.addaudithook(hook)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), {})
        rows = [unscored(f"u{number}") for number in range(UNIT)]
        with store.log() as log:
            log.add([store.write_part("00", "test", "clean", rows, {})])  # makes the folders
            watching[0] = True
            log.add([store.write_part("01", "test", "clean", rows, {})])
            watching[0] = False
    return sum(seen.values()) + 2


def span(workers: int, unit_s: float, rate: float, conditions: int, units: int) -> float:
    """Return the seconds until all units are written, simulated.

    Each worker computes a unit for about `unit_s`, then waits for its operations, which the store
    takes in the order in which they come, at `rate` a second. Every `conditions` units a worker
    also reads the audio of a new shard.
    """
    rng = np.random.default_rng(0)
    spans = iter(rng.gamma(4.0, unit_s / 4.0, units + workers))  # spread of half the mean
    write, read = operations() / rate, UNIT * PER_FILE / rate
    ready = [(next(spans), number, 0) for number in range(workers)]
    heapq.heapify(ready)
    free = 0.0
    for _ in range(units):
        now, number, done = heapq.heappop(ready)
        free = max(now, free) + write + (read if done % conditions == 0 else 0.0)
        heapq.heappush(ready, (free + next(spans), number, done + 1))
    return free


def most_nodes(unit_s: float, rate: float, conditions: int) -> int:
    """Return the nodes of `CORES` workers from which on the store costs more than a tenth.

    They are tried in powers of two, up to `MOST_NODES`.
    """
    nodes = 1
    while nodes < MOST_NODES:
        workers = nodes * CORES
        shape = conditions, max(2000, 10 * workers)
        if span(workers, unit_s, rate, *shape) > 1.1 * span(workers, unit_s, math.inf, *shape):
            return nodes
        nodes *= 2
    return nodes


# --- text -------------------------------------------------------------------------------------


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _head(*cells: str) -> list[str]:
    return [_row(*cells), _row(*["---"] * len(cells))]


def _time(value: float) -> str:
    if value < 1.0:
        return f"{60 * value:.0f} min" if value > 1 / 60 else f"{3600 * value:.0f} s"
    return f"{value:.1f} h" if value < 48 else f"{value / 24:.0f} days"


def _measured() -> list[str]:
    slow = detectors()
    lines = _head("", "`laundering`", "`full`")
    known = [costs(name, len(slow)) for name in ("laundering", "full")]
    lines += [
        _row("laundering, checks, reading, writing",
             *(f"{1000 * c.launder:.1f} ms" for c in known)),
        _row(f"{len(slow)} networks with their inputs, on a CPU",
             *(f"{1000 * c.score:.0f} ms" for c in known)),
    ]  # fmt: skip
    parts = ", ".join(f"{name} {1000 * value:.1f}" for name, value in slow.items())
    return [*lines, "", f"Milliseconds of each network alone: {parts}."]


def _matrices() -> list[str]:
    lines = _head(
        "matrix", "utterances x conditions", "core-hours of laundering", "one GPU, 16 cores",
        f"{NODES} nodes of those", f"{NODES} nodes without GPUs",
    )  # fmt: skip
    for work in WORKS:
        cells = []
        for machines in (1, NODES):
            spans = [hours(work, machines, rate) for rate in RATES]
            cells.append(" / ".join(_time(max(pair)) for pair in spans))
        core_hours = hours(work, 1, RATES[0])[0] * CORES
        cells.append(_time(hours(work, NODES, None)[1]))
        lines.append(_row(work.name, f"{work.pairs / 1e6:,.0f} M", f"{core_hours:,.0f}", *cells))
    rates = " / ".join(f"{rate:,}" for rate in RATES)
    return [
        *lines,
        "",
        f"With GPUs: at {rates} utterances a second and GPU*, by all detectors.",
    ]


def _cores() -> list[str]:
    lines = _head("utterances a second and GPU*", "cores for `laundering`", "cores for `full`")
    for rate in RATES:
        cells = [f"{rate * costs(suite, 20).launder:.1f}" for suite in ("laundering", "full")]
        lines.append(_row(f"{rate:,}", *cells))
    return lines


def _stores() -> list[str]:
    ways = {
        "`laundering`, GPU at 5,000/s*": (UNIT * CORES / 5000, 28),
        "`full`, as 16 cores launder": (UNIT * costs("full", 20).launder, 457),
        "`full`, cores also score": (
            UNIT * (costs("full", 20).launder + costs("full", 20).score), 457,
        ),
    }  # fmt: skip
    lines = _head("work", *(f"{rate:,} operations/s*" for rate in SERVERS))
    for name, (unit_s, conditions) in ways.items():
        found = [most_nodes(unit_s, rate, conditions) for rate in SERVERS]
        lines.append(
            _row(
                name, *(f"over {MOST_NODES // 2:,}" if n >= MOST_NODES else f"{n:,}" for n in found)
            )
        )
    return [
        *lines, "",
        f"Nodes of {CORES} workers from which on (in powers of two) waiting for the store costs"
        f" more than a tenth. A unit costs {operations()} operations, and {PER_FILE} for each of"
        f" its {UNIT} files once in all of its conditions.",
    ]  # fmt: skip


def text() -> str:
    """Return the tables as Markdown."""
    parts = (
        "### Measured, in processor time per utterance and condition", *_wrapped(_measured()),
        "### How long", *_wrapped(_matrices()),
        "### Cores that keep a GPU busy", *_wrapped(_cores()),
        "### Where a shared store becomes the limit", *_wrapped(_stores()),
    )  # fmt: skip
    return "\n".join(parts).rstrip()


def _wrapped(lines: list[str]) -> list[str]:
    return ["", *lines, ""]


def draw(path: Path) -> None:
    """Draw hours against the size of a matrix, both in powers of ten, for both suites."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "scaling"
    figure = Figure(figsize=(9.0, 4.6), layout="constrained")
    sizes = np.logspace(5, 9, 30)
    kinds = (
        (f"one node at {RATES[0]:,}/s*", 1, float(RATES[0]), "C0", "-"),
        (f"one node at {RATES[1]:,}/s*", 1, float(RATES[1]), "C1", "-"),
        (f"one node at {RATES[2]:,}/s*", 1, float(RATES[2]), "C2", "--"),
        (f"{NODES} nodes without GPUs", NODES, None, "C3", ":"),
        (f"{NODES} nodes at {RATES[1]:,}/s*", NODES, float(RATES[1]), "C4", "-"),
        (f"{NODES} nodes at {RATES[2]:,}/s*", NODES, float(RATES[2]), "C5", "--"),
    )
    panels = figure.subplots(1, 2, sharey=True)
    for axes, suite in zip(panels, ("laundering", "full"), strict=True):
        for label, machines, rate, colour, style in kinds:
            line = [max(hours(Work("", int(n), 1, 20, suite), machines, rate)) for n in sizes]
            axes.plot(sizes, line, color=colour, linestyle=style, label=label)
        for place, work in enumerate(one for one in WORKS if one.suite == suite):
            axes.axvline(work.pairs, color="0.8", zorder=0)
            name = f" {work.name.replace('`', '').partition(' x ')[0]} "
            axes.text(work.pairs, 2e-3, name, rotation=90, size=8, va="bottom",
                      ha="left" if place else "right")  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="utterances x conditions")
        axes.set_title(f"{suite}, 20 detectors", size=10)
        axes.set_ylim(1e-3, 1e4)
        axes.grid(which="major", color="0.92")
    panels[0].set_ylabel(f"hours (a node: one GPU, {CORES} cores)")
    panels[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    """Print the tables, or write them and the picture into the documentation."""
    if "--keep" in sys.argv:
        keep(sys.argv[-2], Path(sys.argv[-1]))
        return
    made = text()
    if "--write" not in sys.argv:
        print(made)
        return
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}")
    draw(PICTURE)


if __name__ == "__main__":
    main()
