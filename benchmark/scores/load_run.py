"""Reader of a run folder: plan, trials and failures as `RunResults`, and a source of the rest."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from attacks.contract.condition import CLEAN, has_plugin
from benchmark.data.audio_identity import sketch_of
from benchmark.data.protocol import DURATION, NO_RECIPE, Protocol
from benchmark.data.trial_table import digest_column
from benchmark.laundering.failure import UNREADABLE
from benchmark.quality import quality_store
from benchmark.scores import input_table, stored_failures
from benchmark.scores.cell_source import SPLITS
from benchmark.scores.manifest import IMPORTED
from benchmark.scores.part_reader import PartRows
from benchmark.scores.plan_files import PLUGIN_CHECKS
from benchmark.scores.run_parts import RunParts
from benchmark.scores.run_results import ConditionInfo, RunResults
from benchmark.scores.store import Store
from benchmark.scores.stored_source import StoredSource
from detectors.contract.training_corpora import overlap

UNCHECKED = "the contract check of its plugin did not run"  # as in runs of older versions
TRAIN_SEED = "train_seed"  # the fact of provenance that is the seed of the trainings
DAMAGED = "damaged"  # the fact of provenance that lists the parts which could not be read


def collect(folder: Path, provenance: dict[str, Any], strict: Collection[str] = ()) -> RunResults:
    """Read the plan of the run in `folder`, its failures and its clean scores.

    Further scores and effects are read by the source, condition by condition. Parts of earlier
    plans (other weights, an older version of an attack) are skipped. An utterance that could not be
    read, or has one of the faults `strict`, leaves the trial set and stays listed among the
    failures. A damaged part leaves its trials
    unscored; once read it is listed in the provenance under `DAMAGED`. Raises `InputError` if the
    folder holds no run or if its plan or trials are damaged.
    """
    store = Store(folder)
    head = store.require_head()
    trials = store.read_trials(head)
    facts: dict[str, Any] = {}
    parts = RunParts(store, head, trials, lambda damaged: facts.update({DAMAGED: damaged}))
    clean = {split: parts.read(split, CLEAN) for split in SPLITS}
    read = [group for split in sorted(SPLITS) for group in clean[split]]
    inputs = input_table.of(trials, read, strict)
    failures = pd.concat(
        [stored_failures.read(parts), input_table.failures(inputs)], ignore_index=True
    )
    unreadable = set(failures.loc[failures["kind"] == UNREADABLE, "utterance_id"])
    lost = trials["utterance_id"].isin(unreadable)
    if DURATION not in trials and (seconds := _known(read, "seconds")):
        trials[DURATION] = trials["utterance_id"].map(seconds)
    if digest_column() not in trials and (files := _known(read, "file_sha256")):
        digests = {uid: sha256.hex() for uid, sha256 in files.items()}
        trials[digest_column()] = trials["utterance_id"].map(digests).fillna("")
    whole = Protocol(
        name=head["data"],
        root=Path(head["data_root"]),
        table=trials[~lost],
        version=head["data_version"],
        headline=head["headline"],
        audio_digest=head["audio_digest"],
        audio_sketch=sketch_of(head.get("audio_sketch")),  # absent from runs of older versions
        recipe=head.get("data_recipe", NO_RECIPE),
    )
    sides = {split: whole.split(split) for split in SPLITS}
    detectors = tuple(head["detectors"])
    utterances = {split: sides[split].table["utterance_id"].tolist() for split in SPLITS}
    source = StoredSource(parts, detectors, utterances, unreadable, clean)
    facts |= {
        "computed": parts.origins(),
        "reported": provenance,
        "decoders": _decoders(read),
        **({"plan_digest": head["digest"]} if "digest" in head else {}),
        TRAIN_SEED: head.get("options", {}).get("train_seed"),  # unknown in runs of older versions
        "plan": {k: v for k, v in head.items() if k not in ("data_root", "options", "digest")},
    }
    return RunResults(
        protocol=sides["test"],
        dev=sides["dev"],
        conditions=tuple(
            ConditionInfo(
                c["condition"],
                c["family"],
                c["severity"],
                c["unit"],
                c.get("parameter", ""),  # absent from runs of older versions
                c.get("rising", True),
                _doubt(c, head),
                c.get("caveat", ""),
            )
            for c in head["conditions"]
        ),
        detectors=detectors,
        source=source,
        failures=stored_failures.unscored(failures, source),
        unreadable=trials[lost & (trials["split"] == "test")],
        inputs=inputs,
        strict=tuple(strict),
        thresholds=_thresholds(head),
        imported=tuple(n for n, d in head["detectors"].items() if IMPORTED in d["training"]),
        trained_on=_trained_on(head),
        quality=quality_store.read(folder),
        provenance=facts,
    )


def _doubt(condition: dict[str, Any], head: dict[str, Any]) -> str:
    """Return why the plugin of a condition is not trusted; '' without a plugin."""
    if not has_plugin(condition["identity"]):
        return ""
    return str(head.get(PLUGIN_CHECKS, {}).get(condition["condition"], UNCHECKED))


def _decoders(clean: list[PartRows]) -> dict[str, int]:
    """Return the number of utterances that each decoder read."""
    used: dict[str, str] = {}
    for table in (group.table for group in clean if not group.imported):
        used |= zip(table["utterance_id"].to_pylist(), table["decoder"].to_pylist(), strict=True)
    named = sorted(name for name in used.values() if name)
    return {name: named.count(name) for name in dict.fromkeys(named)}


def _known(clean: list[PartRows], column: str) -> dict[str, Any]:
    """Return a column of every recording that was read here; older parts may lack it."""
    known: dict[str, Any] = {}
    for table in (group.table for group in clean if column in group.table.column_names):
        rows = zip(table["utterance_id"].to_pylist(), table[column].to_pylist(), strict=True)
        known |= {uid: value for uid, value in rows if value is not None}
    return known


def _trained_on(head: dict[str, Any]) -> dict[str, str]:
    """Return the overlap of the trials with the training of detectors, of those that have any."""
    corpora = {
        name: item["training"].get("trained_on", {}) for name, item in head["detectors"].items()
    }
    found = {name: overlap(head["data"], known) for name, known in corpora.items()}
    return {name: text for name, text in found.items() if text}


def _thresholds(head: dict[str, Any]) -> dict[str, float]:
    """Return each detector's EER threshold on the dev split of its training data, where known."""
    known = {
        name: item["training"].get("dev_threshold") for name, item in head["detectors"].items()
    }
    return {name: float(value) for name, value in known.items() if value is not None}
