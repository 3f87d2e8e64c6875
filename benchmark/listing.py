"""What is registered, as lines of text for `launderbench list`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import attacks.base
import detectors.base
from attacks import suite as suites
from attacks.condition import spell
from detectors.base import LogMel, TensorDetector


def attacks_() -> Iterator[str]:
    """Every attack: name, family, canonical defaults, severity ladder, first line of its text."""
    for name in attacks.base.registry.names():
        cls = attacks.base.registry.get(name)
        severity = cls.severity
        ladder = (
            f"{severity.parameter} {', '.join(f'{v:g}' for v in severity.ladder)} {severity.unit}"
            if severity
            else "-"
        )
        text = (cls.__doc__ or "").strip().splitlines()[0]
        yield f"{spell(cls())}  [{cls.family}]  {text}"
        yield f"    severity: {ladder}"
        if cause := cls().unavailable():
            yield f"    not available in this build: {cause}"
    yield from _broken(attacks.base.registry.broken)


def detectors_() -> Iterator[str]:
    """Every detector: name, what it is, its input."""
    for name in detectors.base.registry.names():
        cls = detectors.base.registry.get(name)
        yield f"{name}  {cls.summary}"
        if issubclass(cls, TensorDetector):
            yield f"    input: {_input(cls.input)}"
        else:
            yield "    input: whole waves at 16 kHz"
    yield from _broken(detectors.base.registry.broken)


def suites_() -> Iterator[str]:
    """Every packaged suite: name, number of conditions, what it is."""
    for name in suites.names():
        suite = suites.load(name)
        yield f"{name}  {len(suite.conditions)} conditions: {suite.description}"


def _input(spec: object) -> str:
    shown = type(spec).__name__
    values = {
        f.name: getattr(spec, f.name)
        for f in dataclasses.fields(spec)  # type: ignore[arg-type]
    }
    if isinstance(spec, LogMel):
        values["waveform"] = f"{spec.waveform.samples} samples at {spec.waveform.sample_rate} Hz"
    return f"{shown}({', '.join(f'{k}={v}' for k, v in values.items())})"


def _broken(broken: dict[str, str]) -> Iterator[str]:
    for plugin, cause in broken.items():
        yield f"not loaded: {plugin}: {cause}"
