"""Measure the quality of a run's laundered fakes, after it has scored them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attacks.contract.condition import CLEAN
from attacks.contract.precomputed import made
from benchmark.assets import wheel_files
from benchmark.core.errors import InputError
from benchmark.core.log import logger
from benchmark.core.parallel import one_thread, spread
from benchmark.core.progress import progress_bar
from benchmark.data.trial_table import path_column, rows_of, stamp_column
from benchmark.laundering.resuming import key_of
from benchmark.quality import dnsmos, measuring, quality_store, sample, speaker
from benchmark.quality.measuring import Asked, Job
from benchmark.quality.quality_store import MEASURES, Sample, VoiceThreshold
from benchmark.runs.plan import RunPlan
from benchmark.scores.store import Store
from benchmark.scores.unit_keys import of_plan
from benchmark.workers.context import ProcessContext
from benchmark.workers.start import start_process


def measure(
    matrix: RunPlan, store: Store, count: int, workers: int, context: ProcessContext
) -> None:
    """Measure what the run lacks of quality, on `count` fakes; 0 measures nothing.

    A model that cannot be had costs its own columns only, and a failure here never the run: both
    are said in one line.
    """
    if count == 0:
        return
    fetched = _fetched()
    absent = measuring.absent()
    for name, cause in absent.items():
        logger.warning(f"quality: {name} is not measured: {fetched.get(name, cause)}")
    if len(absent) == len(MEASURES):
        return
    try:
        _measure(matrix, store, count, workers, context, absent)
    except InputError as error:
        logger.warning(f"quality was not measured: {error}")


def _fetched() -> dict[str, str]:
    """Fetch the models that are not here; return why one could not be, by measure."""
    causes = {}
    for name, model in (("dnsmos", dnsmos.MODEL), ("speaker", speaker.MODEL)):
        try:
            wheel_files.fetch([model])
        except InputError as error:
            causes[name] = str(error)
    return causes


def _measure(
    matrix: RunPlan,
    store: Store,
    count: int,
    workers: int,
    context: ProcessContext,
    absent: dict[str, str],
) -> None:
    test = matrix.test
    chosen = sample.fakes(test.table, test.headline, matrix.seed, count)
    if len(chosen) < count:
        logger.info(f"quality: {count} fakes asked for, {len(chosen)} are there")
    measures = tuple(name for name in MEASURES if name not in absent)
    started, spent, rows = time.monotonic(), 0.0, 0
    with one_thread():
        jobs = [*_jobs(matrix, store, chosen, measures)]
        asked = sum(len(job.asked) for job in jobs)
        bar = progress_bar(total=asked, desc="measuring quality", unit="fake")
        with bar:
            done = spread(measuring.measured, jobs, workers, start_process, (context,))
            for _, conditions, seconds in done:
                bar.update(conditions)
                spent, rows = spent + seconds, rows + conditions
        quality_store.write_sample(store.folder, _declared(matrix, store, chosen, absent))
    if rows:
        logger.info(
            f"quality of {len(chosen)} fakes measured in {time.monotonic() - started:.0f} s:"
            f" {spent * len(chosen) / rows:.1f} processor seconds a condition"
        )


def _declared(matrix: RunPlan, store: Store, chosen: list[str], absent: dict[str, str]) -> Sample:
    table = matrix.test.table.set_index("utterance_id")
    speakers = tuple(str(table["speaker"][uid]) for uid in chosen)
    return Sample(tuple(chosen), speakers, matrix.seed, absent, _voices(matrix, store, absent))


def _voices(matrix: RunPlan, store: Store, absent: dict[str, str]) -> VoiceThreshold:
    """Return the threshold of dev voices, from an earlier call where it has one."""
    if "speaker" in absent:
        return VoiceThreshold(cause=f"not measured: {absent['speaker']}")
    before = _stored(store.folder)
    if before is not None and before.seed == matrix.seed and before.voices.value is not None:
        return before.voices
    table = matrix.dev.table
    ids = set(sample.voices(table, matrix.seed))
    recordings: dict[str, list[str]] = {}
    for uid, name, path in rows_of(table, "utterance_id", "speaker", "path"):
        if uid in ids:
            recordings.setdefault(str(name), []).append(str(path))
    return measuring.voice_threshold(matrix.dev.root, recordings)


def _stored(folder: Path) -> Sample | None:
    try:
        found = quality_store.read(folder)
    except InputError:
        return None
    return None if found is None else found.sample


def _jobs(
    matrix: RunPlan, store: Store, chosen: list[str], measures: tuple[str, ...]
) -> Iterator[Job]:
    table = matrix.test.table.set_index("utterance_id", drop=False)
    known = _scored(store, set(chosen))
    for uid in chosen:
        rows = quality_store.read_rows(store.folder, uid)
        row = table.loc[uid]
        asked = []
        for condition in matrix.conditions:
            name = str(condition)
            path, stamp = (str(row[c(made(condition))]) for c in (path_column, stamp_column))
            key = key_of([condition.identity(), matrix.seed, path, stamp])
            samples, failure = known.get((name, uid), ("", ""))
            if name == CLEAN or measuring.lacks(rows.get(name), key, measures):
                asked.append(Asked(name, path, key, samples, failure))
        clean = [one for one in asked if one.condition == CLEAN]
        rest = [one for one in asked if one.condition != CLEAN]
        if not clean:
            raise InputError("the plan has no clean condition")
        if rest or measuring.lacks(rows.get(CLEAN), clean[0].key, measures):
            yield Job(store.folder, matrix.test.root, uid, (*clean, *rest), measures, matrix.seed)


def _scored(store: Store, chosen: set[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the digest of the scored samples (hex) and the failure, by condition and utterance."""
    head = store.require_head()
    trials = store.read_trials(head)
    wanted: set[str] = set()
    for split in of_plan(head, trials):
        if split.split == "test":
            ids = split.table["utterance_id"].tolist()
            for start, stop, keys in split.shards():
                if chosen.intersection(ids[start:stop]):
                    wanted.update(keys)
    read = store.rows(("utterance_id", "samples", "failure", "cause"))
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for part in store.scan().parts:
        if part.key in wanted and not part.imported:
            for row in read(part).to_pylist():
                if row["utterance_id"] in chosen:
                    found[part.condition, row["utterance_id"]] = _known(row)
    return found


def _known(row: dict[str, Any]) -> tuple[str, str]:
    samples = row.get("samples")
    return samples.hex() if samples else "", str(row["cause"]) if row["failure"] else ""
