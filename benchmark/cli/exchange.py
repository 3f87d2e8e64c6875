"""What the commands do that hand audio, pictures and scores to and from other tools."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace

import pandas as pd

from attacks.contract.condition import CLEAN, parse
from benchmark.cli import run_config
from benchmark.core import atomic_files
from benchmark.core.errors import InputError, unknown
from benchmark.data.protocol import Protocol
from benchmark.data.trial_table import limited
from benchmark.exchange import audio_corpus as corpus
from benchmark.exchange import score_formats
from benchmark.laundering import effect_tables
from benchmark.laundering.output_layout import OutputTarget
from benchmark.runs import provenance, runner
from benchmark.scores.store import IMPORTED, Store
from benchmark.workers import plugins


def export_audio(options: Namespace) -> int:
    """Write the laundered corpus; 1 when a file failed or a condition is not what it claims."""
    plugins.load(options.plugin)
    suite = run_config.suite_of(options)
    where = OutputTarget(options.out, options.format)
    wanted = corpus.order(suite.conditions, where, options.seed, options.plugin)
    outcomes, failed = corpus.export(_utterances(options), wanted, options.workers)
    for outcome in outcomes:
        print(outcome)
    for cause in effect_tables.causes(failed):
        print(f"failed: {cause}", file=sys.stderr)
    print(f"wrote the audio, protocols, {' and '.join(effect_tables.NAMES)} in {options.out}")
    return 0 if all(outcome.sound for outcome in outcomes) else 1


def spectrograms(options: Namespace) -> int:
    """Write spectrograms and their metadata; 1 when an utterance failed."""
    from benchmark.exchange import spectrogram_export

    plugins.load(options.plugin)
    suite = run_config.suite_of(options)
    protocol = _utterances(options)
    table = spectrogram_export.make(
        protocol, suite.conditions, options.out, options.kind, options.seed, options.workers,
        options.plugin,
    )  # fmt: skip
    failed = table[table["failure"] != ""]
    print(f"{len(table) - len(failed)} of {len(table)} spectrograms in {options.out}")
    for cause in dict.fromkeys(failed["cause"][:10]):
        print(f"failed: {cause}", file=sys.stderr)
    return 1 if len(failed) else 0


def import_scores(options: Namespace) -> int:
    """Take scores into a run, which is made if it is not there; 1 when a trial has none."""
    from benchmark.exchange.import_scores import ImportRequest, bring

    plugins.load(options.plugin)
    folder = run_config.run_folder(options.run)
    origin = provenance.code() | {IMPORTED: options.file.name}
    store = Store(folder, origin)
    _claim(store, options)
    wanted = ImportRequest(
        options.file,
        options.detector,
        options.condition,
        options.reversed,
        options.allow_missing,
        options.allow_unknown,
        options.exported,
    )
    taken, strangers = bring(store, wanted)
    for one in taken:
        print(one)
    if strangers:
        print(f"passed over: {strangers} scores of what is no trial of the run")
    print(f"{options.detector} is imported into {folder}; next: launderbench report {options.run}")
    return 0 if all(one.scored == one.trials for one in taken) else 1


def export_scores(options: Namespace) -> int:
    """Write the scores of one detector of a run."""
    from benchmark.scores.load_run import collect

    results = collect(run_config.run_folder(options.run), {})
    if options.detector not in results.detectors:
        raise unknown("detector of the run", options.detector, results.detectors)
    trials = pd.concat([results.protocol.table, results.dev.table])[["utterance_id", "label"]]
    table = results.scores[results.scores["detector"] == options.detector]
    table = table.astype({"condition": str, "split": str, "utterance_id": str})
    table = table.merge(trials, on="utterance_id", validate="many_to_one")
    if options.condition:
        names = [info.condition for info in results.conditions]
        asked = str(parse(options.condition))
        if asked not in names:
            raise unknown("condition of the run", options.condition, names)
        table = table[table["condition"] == asked]
    if options.split:
        table = table[table["split"] == options.split]
    if table.empty:
        raise InputError(f"{options.run} holds no such scores of {options.detector}")
    score_formats.check_format(table, options.format)
    atomic_files.write(options.out, score_formats.write(table, options.format))
    print(f"{len(table)} scores in {options.out}")
    return 0


def _claim(store: Store, options: Namespace) -> None:
    """Where data are named, the run must hold them, or becomes theirs if there is none yet."""
    head = store.read_head()
    if options.data is None:
        if head is None:
            raise InputError(
                f"{store.folder} holds no run: name one, or say --data and --suite for a new one"
            )
        return
    asked = vars(options) | {"suite": options.suite or CLEAN, "allow_missing": True}
    plan = run_config.plan(Namespace(**asked), scored=False)
    if head is None:
        runner.claim(plan, store)
        return
    new = runner.head_of(plan)
    for field in ("trial_digest", "seed", *(["conditions"] if options.suite else [])):
        if head[field] != new[field]:
            what = field.replace("_", " ")
            raise InputError(f"{store.folder} holds a run with another {what} than is asked for")


def _utterances(options: Namespace) -> Protocol:
    """The utterances of the splits asked for; `InputError` where there are none."""
    whole = run_config.data(options)
    names = whole.table["split"].unique() if options.split == "all" else [options.split]
    parts = [whole.split(name) for name in names]
    if options.limit is not None:
        parts = [limited(part, options.limit) if len(part.table) else part for part in parts]
    table = pd.concat([part.table for part in parts], ignore_index=True)
    if table.empty:
        raise InputError(f"{whole.root} holds no {options.split} utterance")
    return replace(whole, table=table.sort_values("utterance_id", ignore_index=True))
