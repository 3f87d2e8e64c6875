"""Synthesis of the audio of a plan in worker processes, one thread and one job at a time each."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tqdm import tqdm

from benchmark.audio.reader import Wave
from benchmark.core.errors import InputError
from benchmark.core.parallel import cores, one_thread
from benchmark.data.embedded.post_processing import levelled, to_pcm, treat, write_flac
from benchmark.data.embedded.utterance_plan import SynthesisJob
from benchmark.data.embedded.voice_activity import CONTEXT, SEGMENT
from benchmark.workers.start import start_process

MOST_WORKERS = 8
AHEAD = 4  # jobs queued per worker; more would only hold waves in memory


def make(
    jobs: Sequence[SynthesisJob],
    flac: Path,
    wheels: Path,
    *,
    workers: int = 0,
    progress: bool = True,
) -> None:
    """Write every file of `jobs` that the folder `flac` lacks.

    `workers` is the number of processes (0: one per CPU, at most 8); the samples do not depend on
    it. A kill loses only the running jobs, and a second call resumes. A job that fails raises
    RuntimeError naming its utterance; a process that dies raises `InputError`.
    """
    open_jobs = [job for job in jobs if not all(made(flac / f"{n}.flac") for n in names(job))]
    count = workers or min(cores(), MOST_WORKERS)
    context = multiprocessing.get_context("spawn")
    with (
        one_thread(),
        tqdm(total=len(jobs), desc="synthesising", unit="job", disable=not progress) as bar,
        ProcessPoolExecutor(
            count, mp_context=context, initializer=start_process, initargs=((),)
        ) as pool,
    ):
        bar.update(len(jobs) - len(open_jobs))
        waiting = iter(open_jobs)
        running: set[Future[None]] = set()
        try:
            while True:
                while len(running) < AHEAD * count and (job := next(waiting, None)) is not None:
                    running.add(pool.submit(run, job, flac, wheels))
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                bar.update(len(done))
        except BrokenProcessPool as error:
            raise InputError(
                "a speech synthesis process died, perhaps because memory ran out (each needs"
                " about 1 GB): run `launderbench data build` again to resume"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def made(path: Path) -> bool:
    """Return True if the file exists and is not empty."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def names(job: SynthesisJob) -> list[str]:
    """Return the ids of the utterances that `job` produces."""
    spoken = [job.request.utterance_id] if job.request else []
    return [*spoken, *([job.human] if job.human else []), *(uid for uid, _ in job.copies)]


def run(job: SynthesisJob, flac: Path, wheels: Path) -> None:
    """Write the missing files of one job."""
    for name in names(job):
        path = flac / f"{name}.flac"
        if made(path):
            continue
        try:
            samples, _ = to_pcm(treat(_source(job, name, wheels)()))
            write_flac(path, samples)
        except InputError:  # a full disk
            raise
        except (ValueError, RuntimeError) as error:
            raise RuntimeError(f"making {name} failed: {error}") from error


def _source(job: SynthesisJob, name: str, wheels: Path) -> Callable[[], Wave]:
    """Return a function that produces the untreated 4 s of the utterance `name` of a job."""
    from benchmark.data.embedded import text_to_speech
    from benchmark.synthesis import vocoders  # slow to import

    inner = slice(CONTEXT, CONTEXT + SEGMENT)
    if job.wave is None:
        assert job.request is not None
        request = job.request
        return lambda: text_to_speech.speak(request, wheels)
    wave = job.wave
    if name == job.human:
        return lambda: wave[inner]
    system = dict(job.copies)[name]
    return lambda: vocoders.copy(system, levelled(wave), wheels)[inner]
