"""Synthesis of utterances in worker processes, one thread and one utterance at a time each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmark.assets.wheels import Downloads
from benchmark.audio.reader import Wave
from benchmark.core.errors import InputError
from benchmark.core.parallel import cores, one_thread, pooled
from benchmark.core.progress import progress_bar
from benchmark.data.embedded.cached import made
from benchmark.data.embedded.matching import equaliser, matched
from benchmark.data.embedded.post_processing import levelled, to_pcm, treat, write_flac
from benchmark.data.embedded.utterance_plan import SynthesisJob
from benchmark.data.embedded.voice_activity import CONTEXT, SEGMENT
from benchmark.synthesis.systems import BY_NAME
from benchmark.workers.context import ALONE
from benchmark.workers.start import start_process

WORKER_BYTES = 1 << 30  # memory of one process with its models
ON_CUDA = 4  # processes that share a GPU; each holds the models there


def make(
    jobs: Iterable[SynthesisJob],
    flac: Path,
    wheels: Path,
    *,
    downloads: Downloads | None = None,
    workers: int = 0,
    device: str = "cpu",
    progress: bool = True,
) -> None:
    """Write every file of `jobs` that the folder `flac` lacks, the costliest first.

    downloads : wheels on their way; a job waits for those of its system
    workers   : number of processes (0: one per CPU, as far as memory allows); the samples do not
                depend on it
    device    : where neural vocoders run, `cpu` or a CUDA device

    A kill loses only the running jobs, and a second call resumes. A job that fails raises
    RuntimeError naming its utterance; a process that dies raises `InputError`.
    """
    missing = [job for job in jobs if not made(_path(job, flac))]
    missing.sort(key=lambda job: -_cost(job))
    if not missing:
        return
    count = min(workers or _workers(device), len(missing))
    tasks = ((job, flac, wheels, device) for job in _fetched(missing, downloads))
    with (
        one_thread(),
        progress_bar(
            total=len(missing), desc="synthesising", unit="utterance", shown=progress
        ) as bar,
    ):
        for _ in pooled(_run, tasks, count, start_process, (ALONE,)):
            bar.update()


def run(job: SynthesisJob, flac: Path, wheels: Path, device: str = "cpu") -> None:
    """Write the file of one job, unless it is there."""
    path = _path(job, flac)
    if made(path):
        return
    try:
        samples, _ = to_pcm(treat(_source(job, wheels, device)))
        write_flac(path, samples)
    except InputError:  # a full disk
        raise
    except (ValueError, RuntimeError) as error:
        raise RuntimeError(f"making {job.utterance_id} failed: {error}") from error


def _run(task: tuple[SynthesisJob, Path, Path, str]) -> None:
    run(*task)


def _source(job: SynthesisJob, wheels: Path, device: str) -> Wave:
    """Return the untreated 4 s of the utterance of a job."""
    from benchmark.data.embedded import text_to_speech
    from benchmark.synthesis import vocoders  # slow to import

    inner = slice(CONTEXT, CONTEXT + SEGMENT)
    if job.request is not None:
        return text_to_speech.speak(job.request, wheels)
    assert job.wave is not None
    if not job.system:
        return job.wave[inner]
    recording = levelled(job.wave)
    copied = vocoders.copy(job.system, recording, wheels, device)
    return matched(copied, recording, equaliser(job.system), job.kbps)[inner]


def _fetched(jobs: list[SynthesisJob], downloads: Downloads | None) -> Iterator[SynthesisJob]:
    for job in jobs:
        if downloads and job.system:
            downloads.wait(BY_NAME[job.system].wheels)
        yield job


def _path(job: SynthesisJob, flac: Path) -> Path:
    return flac / f"{job.utterance_id}.flac"


def _cost(job: SynthesisJob) -> float:
    return BY_NAME[job.system].cpu_s if job.system else 0.0


def _workers(device: str) -> int:
    """Return one process per CPU, fewer where memory is short or a GPU is shared."""
    most = ON_CUDA if device != "cpu" else cores()
    if (free := _available()) is not None:
        most = min(most, free // WORKER_BYTES)
    return max(1, min(cores(), most))


def _available() -> int | None:
    """Return the bytes that new processes can use, None where the system does not say."""
    info = Path("/proc/meminfo")
    for line in info.read_text().splitlines() if info.is_file() else ():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None
