"""The command `verify`: is a run complete, and is every condition what it claims?"""

from __future__ import annotations

import json
from argparse import Namespace

from benchmark.cli.arguments import Command, json_option, run_argument


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("verify", "fail unless every condition of a run is verified and complete", verify)
    run_argument(sub)
    json_option(sub)


def verify(options: Namespace) -> int:
    """Return 0 when every cell is complete, every condition verified, every file readable."""
    from attacks.contract.condition import CLEAN
    from benchmark.leaderboard.leaderboard_tables import tables
    from benchmark.runs import run_folders
    from benchmark.scores.load_run import collect

    results = collect(run_folders.find(options.run), {})
    cells = tables(results, resamples=0).conditions
    as_claimed = (cells["condition"] == CLEAN) | (cells["verified"].eq(True))
    bad = cells[~(cells["complete"].eq(True) & as_claimed)]
    bad = bad.assign(fault=bad["complete"].map({True: "unverified", False: "incomplete"}))
    named = bad[["fault", "detector", "condition", "track"]].astype(object)
    faults = named.where(named.notna(), None).to_dict("records")
    unreadable = [str(name) for name in results.unreadable["utterance_id"]]
    sound = not (faults or unreadable or cells.empty)
    if options.json:
        facts = {"sound": sound, "cells": len(cells), "faults": faults, "unreadable": unreadable}
        print(json.dumps(facts, indent=1))
        return 0 if sound else 1
    for fault in faults:
        track = f" (track {fault['track']})" if fault["track"] else ""
        where = f"{fault['detector']} under {fault['condition']}{track}"
        print(f"{fault['fault']}: {where}")
    for name in unreadable:
        print(f"unreadable: {name}")
    lost = len(unreadable)
    verdict = f"{len(cells) - len(bad)} of {len(cells)} cells are complete and verified"
    print(f"{verdict}, without {lost} trials that cannot be read" if lost else verdict)
    return 0 if sound else 1
