"""CPU time, wall-clock time and peak memory of each stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

_NOTHING = nullcontext()


@dataclass
class StageTime:
    """Cost of one stage for one item, summed over all calls.

    cpu    : CPU seconds of this process
    wall   : wall-clock seconds
    count  : number of utterances processed
    raised : bytes by which the stage raised the peak memory of the process
    """

    cpu: float = 0.0
    wall: float = 0.0
    count: int = 0
    raised: int = 0

    @property
    def waited(self) -> float:
        """Share of the wall-clock time, in [0, 1], that this process spent waiting."""
        return max(0.0, 1.0 - self.cpu / self.wall) if self.wall > 0.0 else 0.0


class StageTimer:
    """Sum of the costs measured by `timing`, by (stage, item). Not thread-safe."""

    def __init__(self) -> None:
        self.spent: dict[tuple[str, str], StageTime] = {}

    def timing(self, stage: str, item: str = "", count: int = 1) -> AbstractContextManager[None]:
        """Return a context whose cost is added to (`stage`, `item`), for `count` utterances."""
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


OFF = _Off()  # measures nothing, at almost no cost


def peak_memory() -> int:
    """Return the peak memory of this process in bytes; 0 where it is unknown (Windows)."""
    try:
        import resource
    except ImportError:
        return 0
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
