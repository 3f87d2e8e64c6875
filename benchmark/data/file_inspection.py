"""Inspection of single audio files: container, duration, level, content, faults."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from benchmark.audio import libav, reader
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
    `seconds` is the duration, `decoder` is `soundfile` or `pyav`. Two fields need decoding and are
    empty if only headers were read: `sha256` (hex) of the float32 samples that detectors get
    (16 kHz, mono), and the shortcut `features` (14,).
    """

    container: str = ""
    encoding: str = ""
    rate: int = 0
    channels: int = 0
    seconds: float = 0.0
    decoder: str = ""
    sha256: str = ""
    features: npt.NDArray[np.float32] = field(default_factory=lambda: _NONE, compare=False)
    cause: str = ""


def inspect(path: Path, *, decode: bool) -> FileFacts:
    """Return the facts of one file; the file's content never raises an error."""
    try:
        if not path.is_file():
            raise reader.AudioError(f"{path}: no such file")
        if not path.stat().st_size:
            raise reader.AudioError(f"{path}: is empty (0 bytes)")
        found = reader.record(path) if decode else None
        facts = _header(path)
    except reader.AudioError as error:
        return FileFacts(cause=_without_path(path, str(error)))
    except OSError as error:
        return FileFacts(cause=f"cannot be read ({error.strerror})")
    if found is None:
        return FileFacts(**facts)  # type: ignore[arg-type]
    from detectors.classical.shortcut import features

    samples = np.ascontiguousarray(found.wave, dtype="<f4")
    return FileFacts(
        **facts | {"decoder": found.decoder},  # type: ignore[arg-type]
        sha256=hashlib.sha256(samples.tobytes()).hexdigest(),
        features=features(found.wave),
    )


def _without_path(path: Path, message: str) -> str:
    """Remove the file name from an error message, so that equal causes can be counted."""
    for mention in (f"{path}: ", f"Error opening '{path}': ", f"Error opening {str(path)!r}: "):
        message = message.replace(mention, "")
    return message.replace(f": {str(path)!r}", "")


def _header(path: Path) -> dict[str, str | int | float]:
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError:
        return _header_by_ffmpeg(path)
    return {
        "container": info.format,
        "encoding": info.subtype,
        "rate": info.samplerate,
        "channels": info.channels,
        "seconds": info.frames / info.samplerate,
        "decoder": "soundfile",
    }


def _header_by_ffmpeg(path: Path) -> dict[str, str | int | float]:
    av = libav.module()
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise reader.AudioError(f"{path}: holds no sound track")
            stream = container.streams.audio[0]
            if stream.duration is not None and stream.time_base is not None:
                seconds = float(stream.duration * stream.time_base)
            else:
                seconds = (container.duration or 0) / av.time_base
            return {
                "container": container.format.name.split(",")[0],
                "encoding": stream.codec_context.name,
                "rate": stream.codec_context.sample_rate,
                "channels": stream.codec_context.channels,
                "seconds": seconds,
                "decoder": "pyav",
            }
    except av.error.FFmpegError as error:
        raise reader.AudioError(f"{path}: cannot be decoded ({error})") from error


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
    with progress_bar(
        desc="reading files", total=len(names), unit="file", disable=len(names) < 50
    ) as bar:
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
