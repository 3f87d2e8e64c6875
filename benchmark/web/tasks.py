"""The tasks of the workers, as values that travel between processes."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from attacks.contract.base import Wave
from attacks.contract.condition import parse
from benchmark.audio import decoding
from benchmark.audio.audio_error import AudioError
from benchmark.core.errors import InputError, one_line
from benchmark.core.foreign import described
from benchmark.core.log import logger
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import Scorer
from benchmark.web import clip
from benchmark.web.clip import Clip, Heard
from benchmark.web.limits import Limits
from benchmark.workers.context import ProcessContext
from benchmark.workers.start import start_process


@dataclass(frozen=True)
class Reading:
    """Decode the bytes of an uploaded file."""

    content: bytes


@dataclass(frozen=True)
class Laundering:
    """Launder a wave (float32 (T,), 16 kHz) under a spelled condition, and score the result.

    detectors : names of those that score it
    """

    wave: Wave
    condition: str
    detectors: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """Why a task has no result."""

    cause: str


Task = Reading | Laundering
Answer = Clip | Heard | Failed


@dataclass(frozen=True)
class Ticket:
    """A task with the number under which its answer is awaited."""

    number: int
    task: Task


@dataclass(frozen=True)
class Done:
    """The answer to the ticket of that number."""

    number: int
    answer: Answer


class Crew:
    """The detectors of one worker, loaded once."""

    def __init__(self, detectors: tuple[Checkpoint, ...], device: str, limits: Limits) -> None:
        self.detectors = {checkpoint.name: checkpoint for checkpoint in detectors}
        self.scorer = Scorer(detectors, torch.device(device), fill=False)
        self.limits = limits

    def answer(self, task: Task) -> Answer:
        """Do a task; whatever it raises is its answer, so that it costs no other visitor."""
        try:
            if isinstance(task, Reading):
                return clip.read(task.content, self.limits)
            chosen = [self.detectors[name] for name in task.detectors]
            return clip.heard(task.wave, parse(task.condition), self.scorer, chosen)
        except (AudioError, InputError) as error:
            return Failed(one_line(error))
        except Exception as error:  # noqa: BLE001 - told to the visitor, and logged
            logger.exception("a task failed")
            return Failed(f"an unforeseen error: {described(error)}")


_crew: Crew | None = None


def start(
    context: ProcessContext, detectors: tuple[Checkpoint, ...], device: str, limits: Limits
) -> None:
    """Set up a worker process: one thread, the longest clip, and the detectors."""
    global _crew
    start_process(context)
    os.environ[decoding.VARIABLE] = repr(min(limits.seconds, decoding.longest()))
    _crew = Crew(detectors, device, limits)


def do(ticket: Ticket) -> Done:
    """Do the task of a ticket in a worker process."""
    assert _crew is not None
    return Done(ticket.number, _crew.answer(ticket.task))
