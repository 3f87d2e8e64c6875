"""Launder files: one, or a folder with everything below it, each output beside its effects.

Every finished output has a record under `.launderbench/` that names what made it. A later call
makes only what has no record, another source, another identity of the attack, or other bytes than
were written, so that a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import soundfile
from scipy.io import wavfile
from tqdm import tqdm

from attacks.contract.base import AttackError, Wave
from attacks.contract.condition import Condition, parse
from attacks.contract.launder import Laundered, launder
from benchmark.audio import reader
from benchmark.core import atomic_files
from benchmark.core.errors import InputError
from benchmark.core.parallel import cores, one_thread, pooled
from benchmark.laundering.output_layout import RECORDS, LaunderingJob, SourceFile
from benchmark.workers.start import start_process

FULL_SCALE = 32768
FEW = 16  # files that are not worth worker processes

Record = dict[str, Any]


@dataclass(frozen=True)
class FileTask:
    """One source and the places of the conditions that it lacks; ready to be sent to a worker."""

    order: LaunderingJob
    source: SourceFile
    conditions: tuple[int, ...]


def claim(wanted: LaunderingJob) -> None:
    """Make the output folder this order's; refuse one that holds other conditions or a seed."""
    path = wanted.out / RECORDS / "order.json"
    new = {
        "conditions": [spelling for spelling, _, _ in wanted.conditions],
        "seed": wanted.seed,
        "format": wanted.format,
    }
    if path.is_file():
        old = json.loads(path.read_text(encoding="utf-8"))
        for name, value in new.items():
            if old.get(name) != value:
                raise InputError(
                    f"{wanted.out} holds files made with other {name}"
                    f" ({_short(old.get(name))}, not {_short(value)}):"
                    " choose another folder or delete that one"
                )
    atomic_files.write(path, json.dumps(new, indent=1) + "\n")


def missing(
    wanted: LaunderingJob, found: Iterable[SourceFile]
) -> tuple[list[Record], list[FileTask]]:
    """The records of what is there already, and the jobs that would make the rest."""
    there: list[Record] = []
    jobs: list[FileTask] = []
    for source in found:
        lacking = []
        for condition in range(len(wanted.conditions)):
            record = kept(wanted, source, condition) if wanted.resumable else None
            if record is None:
                lacking.append(condition)
            else:
                there.append(record)
        if lacking:
            jobs.append(FileTask(wanted, source, tuple(lacking)))
    return there, jobs


def run(wanted: LaunderingJob, found: Sequence[SourceFile], workers: int | None) -> list[Record]:
    """Make what is missing, with a progress bar; the records of all, source by source.

    workers = None: one per core, but none for a handful of files, where starting them would take
    longer than the work.
    """
    if wanted.resumable:
        claim(wanted)
    records, jobs = missing(wanted, found)
    todo = sum(len(job.conditions) for job in jobs)
    if workers is None:
        workers = 0 if todo <= FEW else cores()
    with tqdm(
        total=len(records) + todo, initial=len(records), desc="launder", unit="file",
        disable=todo <= 1,
    ) as bar, one_thread():  # fmt: skip
        parts: Iterator[list[Record]] = map(work, jobs)
        if workers:
            parts = pooled(work, jobs, workers, start_process, (wanted.plugins,))
        for part in parts:
            records += part
            bar.update(len(part))
    place = {spelling: number for number, (spelling, _, _) in enumerate(wanted.conditions)}
    return sorted(records, key=lambda r: (place[r["condition"]], r["utterance_id"]))


def work(job: FileTask) -> list[Record]:
    """Read one source, launder it under each condition that it lacks, write what comes out."""
    try:
        wave: Wave | str = reader.read(job.source.path)
    except reader.AudioError as error:
        wave = str(error)
    return [_render(job, condition, wave) for condition in job.conditions]


def _render(job: FileTask, condition: int, wave: Wave | str) -> Record:
    wanted, source = job.order, job.source
    spelling = wanted.conditions[condition][0]
    output = wanted.output(source, condition)
    record: Record = {
        "condition": spelling,
        "utterance_id": source.utterance_id,
        "source": str(source.path),
        "path": output.relative_to(wanted.out).as_posix(),
        "failure": None,
        "cause": None,
    }
    if isinstance(wave, str):
        return record | {"failure": "unreadable", "cause": wave}
    try:
        done = launder(
            _condition(spelling), wave, reader.SAMPLE_RATE, source.utterance_id, wanted.seed
        )
    except AttackError as error:
        return record | {"failure": "attack", "cause": str(error)}
    content, beyond, gain = encode(done.wave, wanted.format)
    atomic_files.write(output, content)
    record |= {
        "samples": int(done.wave.size),
        "beyond": beyond,
        "gain": gain,
        "passed": done.passed,
        "steps": _steps(done),
        "sha256": hashlib.sha256(content).hexdigest(),
        "key": wanted.key(source, condition),
    }
    if wanted.resumable:
        atomic_files.write(wanted.record(source, condition), json.dumps(record))
    return record


def encode(wave: Wave, format_: str) -> tuple[bytes, int, float]:
    """`wave` (T,) at 16 kHz as the bytes of a file, samples beyond full scale, gain (1: as it is).

    wav  : 32-bit float, nothing lost.
    flac : 16 bit; a wave with samples beyond full scale is attenuated as a whole until it fits.
    """
    buffer = io.BytesIO()
    if format_ == "wav":
        wavfile.write(buffer, reader.SAMPLE_RATE, wave)  # libsndfile would write the time of day
        return buffer.getvalue(), 0, 1.0
    scaled = wave.astype(np.float64) * FULL_SCALE
    beyond = int(np.sum(np.abs(np.rint(scaled)) > FULL_SCALE))
    gain = (FULL_SCALE - 1) / float(np.abs(scaled).max()) if beyond else 1.0
    kept = np.minimum(np.rint(scaled * gain), FULL_SCALE - 1)  # 1.0 itself is one step too high
    soundfile.write(buffer, kept.astype(np.int16), reader.SAMPLE_RATE, "PCM_16", format="FLAC")
    return buffer.getvalue(), beyond, gain


def kept(wanted: LaunderingJob, source: SourceFile, condition: int) -> Record | None:
    """The record of a finished output, if it still is what this order would make."""
    path, output = wanted.record(source, condition), wanted.output(source, condition)
    try:
        record: Record = json.loads(path.read_text(encoding="utf-8"))
        with output.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
    except (OSError, ValueError):
        return None  # not there, or damaged: made anew
    same = record.get("key") == wanted.key(source, condition) and record.get("sha256") == digest
    return record | {"source": str(source.path)} if same else None


def _steps(done: Laundered) -> list[Record]:
    return [
        {
            "attack": step.attack,
            "facts": step.facts,
            "checks": [dict(vars(check)) for check in step.checks],
        }
        for step in done.steps
    ]


@lru_cache(maxsize=1024)
def _condition(spelling: str) -> Condition:
    return parse(spelling)


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
