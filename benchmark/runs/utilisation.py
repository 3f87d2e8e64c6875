"""What waited for what while a run was computed, in words, and what would make it faster."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from benchmark.core.parallel import cores

MUCH = 0.15  # share of idle time from which one side is held up by the other

T = TypeVar("T")


class Clock:
    """The time that a loop spends waiting for its `items`, and with them."""

    def __init__(self) -> None:
        self._waited = self._busy = 0.0
        self.items = 0

    def waits(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and measure the waiting for each but the first, and the rest."""
        since = time.monotonic()
        for item in items:
            now = time.monotonic()
            self._waited += now - since if self.items else 0.0  # workers start before the first
            self.items += 1
            yield item
            since = time.monotonic()
            self._busy += since - now

    def idle(self) -> float:
        """Return the share of the time, in [0, 1], spent waiting."""
        total = self._waited + self._busy
        return self._waited / total if total > 0.0 else 0.0


def whole(workers: int, idle: float) -> str:
    """Say how busy workers were that launder and score."""
    help_ = _more_workers(workers) if idle < MUCH else "one process hands out all work and lists it"
    return f"{_workers(workers)} laundered and scored, idle {idle:.0%} of the time: {help_}"


def split(workers: int, workers_idle: float, devices: str, device_idle: float) -> str:
    """Say how busy workers that launder and devices that score were, and what would help.

    workers_idle, device_idle : shares of the time, in [0, 1]
    """
    if device_idle >= max(workers_idle, MUCH):
        help_ = f"the device waited for laundered audio: {_more_workers(workers)}"
    elif workers_idle >= MUCH:
        help_ = "workers waited for the device: another device would help, or --precision bf16"
    else:
        help_ = "neither waited for the other"
    return (
        f"{_workers(workers)} laundered, idle {workers_idle:.0%} of the time; {devices} scored,"
        f" idle {device_idle:.0%}: {help_}"
    )


def _workers(count: int) -> str:
    return f"{count} worker{'s' * (count != 1)}"


def _more_workers(workers: int) -> str:
    more = cores() - workers
    return f"{more} more --workers would help" if more > 0 else "more cores would help"
