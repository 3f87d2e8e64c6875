"""Where time goes: what each stage took of the processor, of the clock and of memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

_NOTHING = nullcontext()


@dataclass
class StageTime:
    """What one stage spent on one item, over all calls.

    cpu    : seconds of processor time of this process
    wall   : seconds on the clock
    count  : utterances that went through
    raised : bytes by which the process's peak memory rose meanwhile
    """

    cpu: float = 0.0
    wall: float = 0.0
    count: int = 0
    raised: int = 0

    @property
    def waited(self) -> float:
        """Share of the clock time in which this process did not compute: it waited."""
        return max(0.0, 1.0 - self.cpu / self.wall) if self.wall > 0.0 else 0.0


class StageTimer:
    """Adds up what is done under `timing`, by (stage, item). Not for several threads at once."""

    def __init__(self) -> None:
        self.spent: dict[tuple[str, str], StageTime] = {}

    def timing(self, stage: str, item: str = "", count: int = 1) -> AbstractContextManager[None]:
        """A context whose cost is added to `stage` and `item`, for `count` utterances."""
        return self._timing(stage, item, count)

    @contextmanager
    def _timing(self, stage: str, item: str, count: int) -> Iterator[None]:
        peak, cpu, wall = peak_memory(), time.process_time(), time.perf_counter()
        try:
            yield
        finally:
            spent = self.spent.setdefault((stage, item), StageTime())
            spent.cpu += time.process_time() - cpu
            spent.wall += time.perf_counter() - wall
            spent.count += count
            spent.raised += peak_memory() - peak


class _Off(StageTimer):
    def timing(self, stage: str, item: str = "", count: int = 1) -> AbstractContextManager[None]:
        return _NOTHING


OFF = _Off()  # measures nothing, and costs next to nothing


def peak_memory() -> int:
    """Bytes that this process held at its peak; 0 where the system does not say (Windows)."""
    try:
        import resource
    except ImportError:
        return 0
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
