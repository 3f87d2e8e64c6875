"""A plugin file whose attack and detector misbehave, on some utterances, in every known way."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from launderbench import Attack, SampleLimits, WaveDetector, attack, choice, detector, number

RAISES = ("raise", "leave", "generator", "interrupt", "shy", "hungry")
CLAIMS = ("facts", "name", "loop", "check")
DIES = ("segfault", "exit", "kill", "hang")
KINDS = ("good", "flood", *RAISES, *CLAIMS, *DIES)


class ShyError(Exception):
    """Raises whenever it is shown."""

    def __repr__(self) -> str:
        raise SystemExit(0)

    __str__ = __repr__


def eat_memory() -> None:
    """Take memory until there is none; the limit spares the machine."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (1 << 28), hard))
    held = []
    try:
        while True:
            held.append(bytearray(1 << 24))
    finally:
        held.clear()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def misbehave(kind: str) -> Any:
    """Do what the kind says; return facts."""
    if kind == "flood":
        print("flood" * 1000)
        os.write(1, b"flood" * 1000)
    if kind == "raise":
        raise ValueError("no such room")
    if kind == "leave":
        sys.exit(0)
    if kind == "generator":
        raise GeneratorExit
    if kind == "interrupt":
        raise KeyboardInterrupt
    if kind == "shy":
        raise ShyError
    if kind == "hungry":
        eat_memory()
    if kind == "segfault":
        ctypes.string_at(0)
    if kind == "exit":
        os._exit(0)
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "hang":
        time.sleep(10_000)
    if kind == "loop":
        loop: list[Any] = []
        loop.append(loop)
        return {"loop": loop}
    return {"facts": {"gain": np.float32(1)}, "name": {"attack": "clean"}}.get(kind, {})


@attack("evil")
@dataclass(frozen=True)
class Evil(Attack):
    """Misbehave on a share of the utterances."""

    family = "channel"
    limits = SampleLimits(clipping=1.0)
    kind: str = choice("good", *KINDS)
    share: float = number(0.1, low=0.0, high=1.0)

    def __call__(self, wave, sample_rate, rng):  # type: ignore[no-untyped-def]
        facts = misbehave(self.kind) if rng.random() < self.share else {}
        top = np.float32(0.5 * np.abs(wave).max())
        return np.clip(wave, -top, top), facts

    def checks(self, before, after, sample_rate, facts):  # type: ignore[no-untyped-def]
        return ["a check"] if self.kind == "check" else []


@detector("evil")
@dataclass(frozen=True)
class EvilDetector(WaveDetector):
    """Misbehave on about one of `every` waves."""

    summary = "misbehaves"
    pretrained = True
    ready_made = True
    kind: str = choice("good", *KINDS)
    every: float = number(10.0, low=1.0, high=1e9)

    def fit(self, waves, bonafide, seed):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def score(self, waves, state):  # type: ignore[no-untyped-def]
        for wave in waves:
            if zlib.crc32(wave.tobytes()) % int(self.every) == 0:
                misbehave(self.kind)
        return np.array([np.abs(wave).mean() for wave in waves], np.float32)
