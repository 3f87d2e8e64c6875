"""The repetition of a run: what its plan says is computed again elsewhere, and compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attacks.contract.condition import CLEAN, parse_from_file
from benchmark.api import reporting
from benchmark.api.matrix import setup_of
from benchmark.audio import remote
from benchmark.core import json_text
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.data.data_config import DataConfig
from benchmark.inference.scorer import RELATIVE, TOLERANCE, resolve_device
from benchmark.runs import detectors_at_hand, planning, plugin_checks, runner
from benchmark.runs.detector_choice import DetectorChoice
from benchmark.runs.detectors_at_hand import AtHand, GivenFiles
from benchmark.runs.executor import Processes
from benchmark.runs.executor_choice import workers_of
from benchmark.runs.plan import RunPlan
from benchmark.runs.run_config import ExecutionConfig, ReportConfig, RunConfig
from benchmark.scores.load_run import collect
from benchmark.scores.part_format import DamagedPart
from benchmark.scores.run_results import RunResults
from benchmark.scores.scopes import BOTH
from benchmark.scores.store import Store
from benchmark.workers.context import ProcessContext

SUFFIX = "-repeat"


@dataclass(frozen=True)
class RepeatedCell:
    """The scores of one detector, split and condition in both runs.

    scores  : number that both runs have
    lacking : number that only one of them has
    largest : largest difference; NaN if there is no score to compare
    far     : number of scores that differ by more than the tolerance
    """

    detector: str
    split: str
    condition: str
    scores: int
    lacking: int
    largest: float
    far: int

    @property
    def same(self) -> bool:
        """Whether both runs have the same scores, within the tolerance."""
        return not (self.lacking or self.far)


@dataclass(frozen=True)
class Repetition:
    """A run that was repeated.

    changed : conditions whose attack is another version here
    equal   : number of laundered utterances with the same samples in both runs
    other   : number of those with other samples
    """

    folder: Path
    cells: tuple[RepeatedCell, ...]
    at_hand: AtHand
    changed: tuple[str, ...] = ()
    equal: int = 0
    other: int = 0

    @property
    def same(self) -> bool:
        """Whether every score is the same, within the tolerance."""
        return bool(self.cells) and all(cell.same for cell in self.cells)


def repeat(
    folder: Path,
    out: Path,
    execution: ExecutionConfig,
    given: GivenFiles,
    context: ProcessContext,
    device_name: str = "auto",
) -> Repetition:
    """Run the plan of the run in `folder` into `out`, and compare scores and samples.

    Raises `InputError` if there is no run, if its plan does not say how to repeat it, if its data
    are not here or have other trials, or if no checkpoint of its detectors is here.
    """
    store = Store(folder)
    head = store.require_head()
    if out.resolve() == folder.resolve():
        raise InputError(f"{out} is the run itself: choose another folder with --out")
    at_hand = detectors_at_hand.find(head, given, folder)
    if not at_hand.found:
        causes = [f"{name}: {cause}" for name, cause in at_hand.missing.items()]
        causes += [f"{name}: its scores were imported" for name in at_hand.imported]
        raise InputError(f"no detector of {folder} can score here ({'; '.join(causes)})")
    device = resolve_device(device_name)
    plan = _plan(head, folder, at_hand, context)
    changed = [
        spelled["condition"]
        for spelled, condition in zip(head["conditions"], plan.conditions, strict=True)
        if spelled["identity"] != condition.identity()
    ]
    again = Store(out)
    plan = plugin_checks.checked(plan, again, context, execution.unit_timeout)
    todo = runner.missing(plan, again)
    runner.write_plan(plan, again)
    setup = setup_of(out, plan, context, device)
    logger.info(f"{todo.units} of {todo.units_planned} units to do, in {out}")
    runner.run(todo, setup, Processes(workers_of(execution), device.type == "cuda"))
    reporting.write(out, _report(folder))
    one, two = collect(folder, {}), collect(out, {})
    cells = tuple(_cells(one, two, [*at_hand.found]))
    equal, other = _samples(store, again)
    return Repetition(out, cells, at_hand, tuple(changed), equal, other)


def _plan(head: dict[str, Any], folder: Path, at_hand: AtHand, context: ProcessContext) -> RunPlan:
    for spelled in head["conditions"]:
        parse_from_file(str(spelled["condition"]), folder)
    options = head.get("options")
    if not isinstance(options, dict):
        raise InputError(
            f"the plan of {folder} does not say how its data were opened (it is of an older"
            " version): run the same command again instead"
        )
    try:
        path = options["data"]
        train = options["train_data"]
        audio = options.get("audio_root")  # plans of older versions have none
        for place in filter(None, (path, audio)):
            if remote.is_url(Path(place)):
                remote.require_named(Path(place))
        config = RunConfig(
            DataConfig(
                None if path is None else Path(path),
                str(options["layout"]),
                str(options["pattern"]),
                dict(options["labels"]),
                Path(audio) if audio else None,
            ),
            "; ".join(c["condition"] for c in head["conditions"]),
            DetectorChoice(
                train_data=Path(train) if train else None, seed=int(options["train_seed"])
            ),
            int(head["seed"]),
            options["limit"],
            context=context,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"the options in the plan of {folder} are damaged ({error!r})") from error
    found = planning.plan(config, scored=False)
    if found.test.digest() != head["trial_digest"]:
        raise InputError(
            f"{found.test.root} has other trials than those of {folder}: trial digest"
            f" {found.test.digest()}, not {head['trial_digest']}"
        )
    spelled = [str(condition) for condition in found.conditions]
    if spelled != [c["condition"] for c in head["conditions"]]:
        raise InputError(f"the conditions of {folder} are spelled otherwise here")
    return replace(found, suite=head["suite"], detectors=tuple(at_hand.found.values()))


def _report(folder: Path) -> ReportConfig:
    """Return the resamples and scope of the report of the run; the rest as by default."""
    try:
        choices = json_text.parse((folder / "run.json").read_bytes())["choices"]
        return ReportConfig(
            samples=0,
            resamples=int(choices["resamples"]),
            scope=str(choices.get("scope", BOTH)),  # older reports have none
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ReportConfig(samples=0, resamples=0)


def _cells(one: RunResults, two: RunResults, names: list[str]) -> Iterator[RepeatedCell]:
    for info in one.conditions:
        for split in ("test", "dev") if info.condition == CLEAN else ("test",):
            mine, other = (_scores(results, split, info.condition) for results in (one, two))
            ids = mine.index.union(other.index)
            mine, other = mine.reindex(ids), other.reindex(ids)
            for name in names:
                a, b = (frame[name].to_numpy(dtype=np.float64) for frame in (mine, other))
                both = ~np.isnan(a) & ~np.isnan(b)
                gap = abs(a[both] - b[both])
                yield RepeatedCell(
                    name,
                    split,
                    info.condition,
                    int(both.sum()),
                    int((np.isnan(a) != np.isnan(b)).sum()),
                    float(gap.max()) if gap.size else float("nan"),
                    int((gap > TOLERANCE + RELATIVE * abs(a[both])).sum()),
                )


def _scores(results: RunResults, split: str, condition: str) -> pd.DataFrame:
    table = (results.protocol if split == "test" else results.dev).table
    values = results.source.scores(split, condition).T
    return pd.DataFrame(values, index=table["utterance_id"], columns=list(results.detectors))


def _samples(one: Store, two: Store) -> tuple[int, int]:
    """Return how many laundered utterances have equal samples in both runs, and how many not."""
    others = {part.key: part for part in reversed(two.scan().parts) if not part.imported}
    mine = {part.key: part for part in reversed(one.scan().parts) if not part.imported}
    equal = other = 0
    reads = [store.rows(("utterance_id", "samples")) for store in (one, two)]
    for key, part in mine.items():  # file by file
        if key not in others:
            continue
        try:
            a, b = (read(unit) for read, unit in zip(reads, (part, others[key]), strict=True))
        except DamagedPart:  # its scores are missing, which the cells show
            continue
        if "samples" not in a.column_names:
            continue
        pairs = zip(a["samples"].to_pylist(), b["samples"].to_pylist(), strict=True)
        known = [x == y for x, y in pairs if x is not None and y is not None]
        equal += sum(known)
        other += len(known) - sum(known)
    return equal, other
