"""The command `plan`: what a run would compute, and about how long it would take."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from benchmark.cli import typed
from benchmark.cli.arguments import (
    Command,
    execution_options,
    json_option,
    matrix_options,
    shard_option,
)

if TYPE_CHECKING:
    from benchmark.api.prospect import Prospect


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("plan", "show what a run would compute, and estimate its time", plan)
    matrix_options(sub)
    execution_options(sub)
    shard_option(sub)
    json_option(sub)


def plan(options: Namespace) -> int:
    """Print what a run would compute."""
    from benchmark.api import prospect
    from benchmark.runs import executor_choice

    config, execution = typed.run_config(options), typed.execution(options)
    found = prospect.expected(config, execution)
    facts = _facts(found)
    if any(one.missing is not None and one.missing.units for one in (found, *found.further)):
        workers = executor_choice.workers_of(execution)
        seconds = prospect.estimate_s(config, found) / max(workers, 1)
        facts["estimate"] = {"minutes": round(seconds / 60, 2), "workers": workers}
    if options.json:
        print(json.dumps(facts, indent=1))
    else:
        _print(facts)
    return 0


def _facts(found: Prospect) -> dict[str, Any]:
    """Return the plan as plain data; `absent` says what must be built before more is known."""
    from benchmark.data.protocol import NO_VERSION
    from benchmark.runs.detector_notes import notes

    facts: dict[str, Any] = {
        "suite": found.suite.name,
        "conditions": [str(condition) for condition in found.suite.conditions],
        "detectors": [*found.detectors],
        "absent": [*found.absent],
    }
    if (test := found.test) is not None:
        facts |= {
            "data": {
                "name": test.name,
                "version": None if test.version == NO_VERSION else test.version,
                "trials": len(test.table),
            },
            "digest": test.digest(),
        }
    chosen = found.detectors if found.plan is None else [c.detector for c in found.plan.detectors]
    facts["notes"] = [*notes(chosen, "" if test is None else test.name)]
    if found.plan is not None and found.missing is not None:
        facts |= {
            "detectors": [checkpoint.name for checkpoint in found.plan.detectors],
            "folder": str(found.folder),
            "units": {"planned": found.missing.units_planned, "missing": found.missing.units},
            "trials": found.missing.trials,
        }
    facts["realisations"] = [_realisation(one) for one in found.further]
    return facts


def _realisation(found: Prospect) -> dict[str, Any]:
    """Return what one further realisation would compute."""
    assert found.seeds is not None
    facts: dict[str, Any] = {
        "attack_seed": found.seeds.attack,
        "train_seed": found.seeds.train,
        "detectors": [*found.detectors],
        "absent": [*found.absent],
    }
    if found.missing is not None:
        units = {"planned": found.missing.units_planned, "missing": found.missing.units}
        facts |= {"units": units, "trials": found.missing.trials}
    return facts


def _print(facts: dict[str, Any]) -> None:
    from benchmark.core import terminal

    def say(label: str, text: str) -> None:
        print("\n".join(terminal.columns([(label.ljust(10), text)])))

    say("suite", f"{facts['suite']}: {len(facts['conditions'])} conditions")
    for condition in facts["conditions"]:
        say("", f"  {condition}")
    if (data := facts.get("data")) is not None:
        version = f" {data['version']}" if data["version"] else ""
        say("data", f"{data['name']}{version}: {data['trials']} test trials")
        say("digest", facts["digest"])
    say("detectors", ", ".join(facts["detectors"]))
    for line in facts["notes"]:
        say("note", line)
    for line in facts["absent"]:
        say("absent", line)
    if (units := facts.get("units")) is None:
        return
    say("folder", facts["folder"])
    say("units", f"{units['planned']} planned, {units['missing']} missing")
    say("trials", f"{facts['trials']} utterances x conditions to launder")
    for more in facts["realisations"]:
        waits = "; ".join(more["absent"])
        known = (
            f"{more['units']['planned']} units planned, {more['units']['missing']} missing"
            if "units" in more
            else f"not known before {waits}"
        )
        say(
            "further",
            f"attack seed {more['attack_seed']}, train seed {more['train_seed']}: {known}",
        )
    if (estimate := facts.get("estimate")) is not None:
        say("estimate", f"{estimate['minutes']:.1f} min with {estimate['workers']} workers")
