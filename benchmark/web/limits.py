"""What one visitor may ask of the server."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds on a clip and on what is done to it.

    megabytes    : size of an uploaded file
    seconds      : length of a clip
    conditions   : conditions of one job
    steps        : attacks of one chain
    stretch      : factor by which a chain may lengthen the clip
    jobs         : visitors whose clips are worked on at the same time
    task_seconds : time for a clip under one condition with all detectors, or for a worker's start
    """

    megabytes: int = 50
    seconds: float = 60.0
    conditions: int = 60
    steps: int = 6
    stretch: float = 4.0
    jobs: int = 2
    task_seconds: float = 300.0
