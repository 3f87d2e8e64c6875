"""Inspection of single audio files: container, duration, level, content, faults."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.audio import reader
from benchmark.audio.audio_error import AudioError
from benchmark.core.parallel import cores, one_thread, pooled
from benchmark.core.progress import progress_bar
from benchmark.workers.context import ALONE
from benchmark.workers.start import start_process

BATCH = 64  # files per job
SERIAL = 200  # fewer files are read in this process: starting others would take longer
_NONE = np.empty(0, dtype=np.float32)


@dataclass(frozen=True)
class FileFacts:
    """Facts of one audio file.

    `cause` says why the file cannot be used; the other fields are then empty. `rate` is in Hz,
    `seconds` is the duration, `decoder` is `soundfile` or `pyav`. These need decoding and are empty
    if only headers were read: `sha256` (hex) of the float32 samples that detectors get (16 kHz,
    mono), the shortcut `features` (50,), and the `faults` of the input (`input_faults.FAULTS`).
    """

    container: str = ""
    encoding: str = ""
    rate: int = 0
    channels: int = 0
    seconds: float = 0.0
    decoder: str = ""
    faults: tuple[str, ...] = ()
    sha256: str = ""
    features: npt.NDArray[np.float32] = field(default_factory=lambda: _NONE, compare=False)
    cause: str = ""


def inspect(path: Path, *, decode: bool) -> FileFacts:
    """Return the facts of one file; the file's content never raises an error."""
    try:
        return _decoded(path) if decode else _stated(path)
    except AudioError as error:
        return FileFacts(cause=str(error).removeprefix(f"{path}: "))
    except OSError as error:
        return FileFacts(cause=f"cannot be read ({error.strerror})")


def _stated(path: Path) -> FileFacts:
    stated, decoder = reader.header(path)
    seconds = stated.declared_s or 0.0
    return FileFacts(
        stated.container, stated.encoding, stated.rate, stated.channels, seconds, decoder
    )


def _decoded(path: Path) -> FileFacts:
    from detectors.classical.shortcut import features

    found = reader.record(path)
    facts, stated = found.facts, found.facts.stated
    samples = np.ascontiguousarray(found.wave, dtype="<f4")
    return FileFacts(
        stated.container,
        stated.encoding,
        stated.rate,
        stated.channels,
        facts.decoded_s,
        found.decoder,
        facts.faults,
        hashlib.sha256(samples.tobytes()).hexdigest(),
        features(found.wave),
    )


def inspect_all(
    root: Path, names: Sequence[str], *, decode: bool, workers: int | None = None
) -> list[FileFacts]:
    """Return the facts of every file `root / name`, in the order of `names`, read in parallel.

    `workers` processes decode (default: one per core; 0: none). Threads read headers.
    """
    found: list[FileFacts] = [FileFacts()] * len(names)
    jobs = (
        _Job(start, root, tuple(names[start : start + BATCH]), decode)
        for start in range(0, len(names), BATCH)
    )
    with progress_bar(desc="reading files", total=len(names), unit="file") as bar:
        for start, facts in _run(jobs, len(names), decode, cores() if workers is None else workers):
            found[start : start + len(facts)] = facts
            bar.update(len(facts))
    return found


@dataclass(frozen=True)
class _Job:
    start: int
    root: Path
    names: tuple[str, ...]
    decode: bool


def _run(
    jobs: Iterator[_Job], total: int, decode: bool, workers: int
) -> Iterator[tuple[int, list[FileFacts]]]:
    if not workers or (decode and total < SERIAL):
        yield from map(_task, jobs)
    elif decode:
        with one_thread():
            yield from pooled(_task, jobs, workers, start_process, (ALONE,))
    else:
        with ThreadPoolExecutor(4 * workers) as pool:
            yield from pool.map(_task, jobs)


def _task(job: _Job) -> tuple[int, list[FileFacts]]:
    return job.start, [inspect(job.root / name, decode=job.decode) for name in job.names]
