"""Measure every attack at its defaults: processor time, and what its checks claim.

`python -m tests.support.attack_measurements docs/attack_measurements.csv` measures on embedded test
speech and keeps the rows of attacks that cannot run here; `docs/attacks.md` shows the table. Times
are those of the processor, by this process and the programs that it runs, for one utterance of 4 s
on one thread; the worker process of `audiomentations` is not counted. The machine is named.
"""

from __future__ import annotations

import argparse
import platform
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import pandas as pd
from tqdm import tqdm

from attacks.contract.base import Attack, Check, Wave, registry
from attacks.contract.condition import Condition, spell
from attacks.contract.launder import Laundered, launder
from attacks.contract.sample_checks import QUANTITIES
from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core import atomic_files
from benchmark.core.parallel import one_thread
from benchmark.core.stage_timer import StageTimer
from tests.support.mutations import embedded_speech

SECONDS = 4.0
UTTERANCES = 9
COMMON = ("length", "residual")


def claims(attack: Attack, laundered: Laundered) -> str:
    """Return an attack's own checks: quantity, relation, tolerance; '' of a chain's."""
    if [step.attack for step in laundered.steps] != [spell(attack)]:
        return ""
    (step,) = laundered.steps
    return "; ".join(dict.fromkeys(_phrase(check) for check in step.checks if _own(check)))


def _own(check: Check) -> bool:
    return check.quantity not in (*COMMON, *QUANTITIES)


def _phrase(check: Check) -> str:
    if check.claimed is None:
        return f"{check.quantity} (stated)"
    unit = f" {check.unit}" if check.unit else ""
    relation = {">=": "at least", "<=": "at most"}
    if check.relation in relation:
        return f"{check.quantity} {relation[check.relation]} {check.claimed:.3g}{unit}"
    if check.tolerance == 0:
        return f"{check.quantity} exact"
    return f"{check.quantity} within {check.tolerance:.3g}{unit}"


def measured(attack: Attack, speech: Sequence[Wave]) -> dict[str, object]:
    """Return the row of one attack; times are medians over the utterances, in ms."""
    condition = Condition((attack,))
    done = launder(condition, speech[0], SAMPLE_RATE, "0", 0)  # opens models, measures delays
    alone, checking = [], []
    for place, wave in enumerate(speech):
        watch, started = StageTimer(), _processor_s()
        launder(condition, wave, SAMPLE_RATE, str(place), 0, watch)
        whole = _processor_s() - started
        checks = sum(spent.cpu for (stage, _), spent in watch.spent.items() if stage == "verify")
        alone.append(1000 * (whole - checks))
        checking.append(1000 * checks)
    return {
        "attack": attack.name,
        "condition": spell(attack),
        "attack_ms": round(median(alone), 1),
        "checks_ms": round(median(checking), 1),
        "checks": claims(attack, done),
    }


def _processor_s() -> float:
    """Return the processor seconds of this process and of the programs that it ran."""
    run = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + run.ru_utime + run.ru_stime


def processor() -> str:
    """Return the name of this machine's processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main() -> None:
    """Measure, and write the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("table", type=Path)
    options.add_argument("--only", default="", help="attacks, separated by commas; others are kept")
    chosen = options.parse_args()
    wanted = [name for name in chosen.only.split(",") if name] or registry.names()
    old = pd.read_csv(chosen.table) if chosen.table.is_file() else pd.DataFrame({"attack": []})
    speech = embedded_speech(UTTERANCES, "test", SECONDS)
    rows = []
    with one_thread():
        for name in tqdm(wanted, desc="measuring", unit="attack"):
            attack = registry.get(name)()
            if attack.unavailable() is None and name != "ready":
                rows.append(measured(attack, speech) | {"machine": processor()})
    made = pd.DataFrame(rows)
    kept = old[~old["attack"].isin(set(made["attack"]))] if rows else old
    table = pd.concat([kept, made]) if len(kept) else made
    text = table.sort_values("attack").to_csv(index=False, lineterminator="\n")
    atomic_files.write(chosen.table, text)


if __name__ == "__main__":
    main()
