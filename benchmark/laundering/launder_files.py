"""Laundering of a single file or of all files below a folder, with the measured effects.

Every finished output has a record under `.launderbench/` with the key of its inputs. A later call
writes only outputs without a record, with a changed source or attack identity, or with bytes that
differ from those written. A killed run is thus resumed where it stopped.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
from scipy.io import wavfile

from attacks.contract.base import Wave
from attacks.contract.condition import parse
from benchmark.audio import reader
from benchmark.core import atomic_files, json_text
from benchmark.core.errors import InputError
from benchmark.core.parallel import one_thread, processes, spread
from benchmark.core.progress import progress_bar
from benchmark.laundering import resuming
from benchmark.laundering.check_rows import step_records
from benchmark.laundering.engine import LaunderedUtterance, Utterance, launder_each
from benchmark.laundering.failure import NO_FAILURE, Failure
from benchmark.laundering.output_layout import RECORDS, LaunderingJob, SourceFile
from benchmark.laundering.resuming import Record
from benchmark.workers.start import start_process

FULL_SCALE = 32768


@dataclass(frozen=True)
class FileTask:
    """One source and the indices of its missing conditions; picklable for worker processes."""

    job: LaunderingJob
    source: SourceFile
    conditions: tuple[int, ...]


def record_settings(job: LaunderingJob) -> None:
    """Record the settings of a job in its output folder.

    Raises `InputError` if the folder has files made with other conditions, seed or format.
    """
    path = job.out / RECORDS / "order.json"
    new = {
        "conditions": [spelling for spelling, _, _ in job.conditions],
        "seed": job.seed,
        "format": job.format,
    }
    if path.is_file():
        old = json_text.parse(path.read_text(encoding="utf-8"))
        for name, value in new.items():
            if old.get(name) != value:
                raise InputError(
                    f"{job.out} holds files made with other settings"
                    f" ({name}: {_short(old.get(name))}, not {_short(value)}):"
                    " choose another folder or delete that one"
                )
    atomic_files.write(path, json.dumps(new, indent=1) + "\n")


def missing(job: LaunderingJob, found: Iterable[SourceFile]) -> tuple[list[Record], list[FileTask]]:
    """Return the records of finished outputs, and the tasks for the missing ones."""
    finished: list[Record] = []
    tasks: list[FileTask] = []
    for source in found:
        lacking = []
        for condition in range(len(job.conditions)):
            record = kept(job, source, condition) if job.resumable else None
            if record is None:
                lacking.append(condition)
            else:
                finished.append(record)
        if lacking:
            tasks.append(FileTask(job, source, tuple(lacking)))
    return finished, tasks


def run(job: LaunderingJob, found: Sequence[SourceFile], workers: int | None) -> list[Record]:
    """Write the missing outputs, with a progress bar, and return the records of all outputs.

    The records are sorted by condition and utterance id. `workers` is as in `processes`.
    """
    if job.resumable:
        record_settings(job)
    records, tasks = missing(job, found)
    todo = sum(len(task.conditions) for task in tasks)
    with progress_bar(
        total=len(records) + todo, initial=len(records), desc="laundering", unit="file",
    ) as bar, one_thread():  # fmt: skip
        count = processes(workers, todo)
        for part in spread(work, tasks, count, start_process, (job.context,)):
            records += part
            bar.update(len(part))
    place = {spelling: number for number, (spelling, _, _) in enumerate(job.conditions)}
    return sorted(records, key=lambda r: (place[r["condition"]], r["utterance_id"]))


def work(task: FileTask) -> list[Record]:
    """Read one source, launder it under each missing condition, and write the outputs."""
    job, source = task.job, task.source
    conditions = [parse(job.conditions[condition][0]) for condition in task.conditions]
    utterance = Utterance(source.utterance_id, source.path)
    results = launder_each(utterance, conditions, job.seed)
    return [
        _written(job, source, condition, result)
        for condition, result in zip(task.conditions, results, strict=True)
    ]


def _written(
    job: LaunderingJob, source: SourceFile, condition: int, laundered: LaunderedUtterance
) -> Record:
    """Write the output, and its record if the job is resumable; return the record."""
    output = job.output(source, condition)
    record: Record = {
        "condition": job.conditions[condition][0],
        "utterance_id": source.utterance_id,
        "source": str(source.path),
        "path": output.relative_to(job.out).as_posix(),
        **NO_FAILURE,
    }
    done = laundered.result
    if isinstance(done, Failure):
        return record | done.columns()
    content, beyond, gain = encode(done.wave, job.format)
    atomic_files.write(output, content)
    record |= {
        "samples": int(done.wave.size),
        "beyond": beyond,
        "gain": gain,
        "passed": done.passed,
        "steps": step_records(done.steps),
        "sha256": hashlib.sha256(content).hexdigest(),
        "key": job.key(source, condition),
    }
    if job.resumable:
        resuming.keep(job.record(source, condition), record)
    return record


def encode(wave: Wave, format_: str) -> tuple[bytes, int, float]:
    """Encode `wave` (T,) at 16 kHz; return the bytes, samples beyond full scale, and linear gain.

    wav  : 32-bit float, lossless; the gain is 1
    flac : 16 bit; if samples are beyond full scale, the whole wave is attenuated to fit
    """
    buffer = io.BytesIO()
    if format_ == "wav":
        wavfile.write(buffer, reader.SAMPLE_RATE, wave)  # libsndfile writes a time stamp
        return buffer.getvalue(), 0, 1.0
    scaled = wave.astype(np.float64) * FULL_SCALE
    beyond = int(np.sum(np.abs(np.rint(scaled)) > FULL_SCALE))
    gain = (FULL_SCALE - 1) / float(np.abs(scaled).max()) if beyond else 1.0
    kept = np.minimum(np.rint(scaled * gain), FULL_SCALE - 1)  # +1.0 is one step beyond int16
    soundfile.write(buffer, kept.astype(np.int16), reader.SAMPLE_RATE, "PCM_16", format="FLAC")
    return buffer.getvalue(), beyond, gain


def kept(job: LaunderingJob, source: SourceFile, condition: int) -> Record | None:
    """Return the record of a finished output; None if its inputs or bytes have changed."""
    output = job.output(source, condition)
    record = resuming.kept(
        job.record(source, condition),
        job.key(source, condition),
        lambda found: {output: found["sha256"]},
    )
    return record and record | {"source": str(source.path)}


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
