"""What is registered, as lines of text for `launderbench list`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import attacks.base
import detectors.base
from attacks import suite as suites
from attacks.condition import spell
from benchmark import weights
from benchmark.errors import InputError
from detectors.base import Detector, LogMel, TensorDetector


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
    """Every detector: name, what it is, input, parameters, weights, licence, what to cite."""
    for name in detectors.base.registry.names():
        cls = detectors.base.registry.get(name)
        yield f"{name}  {cls.summary}"
        if issubclass(cls, TensorDetector):
            yield f"    input: {_input(cls.input)}"
            yield f"    parameters: {_parameters(cls())}"
        else:
            yield "    input: whole waves at 16 kHz"
        yield f"    weights: {_weights(name, cls())}"
        licence = weights.find(name).licence if name in weights.index() else cls.licence
        if licence:
            yield f"    licence: {licence}"
        if cls.citation:
            yield f"    please cite: {cls.citation}"
    yield from _broken(detectors.base.registry.broken)


def suites_() -> Iterator[str]:
    """Every packaged suite: name, number of conditions, what it is."""
    for name in suites.names():
        suite = suites.load(name)
        yield f"{name}  {len(suite.conditions)} conditions: {suite.description}"


def _parameters(item: TensorDetector) -> str:
    try:
        return f"{sum(p.numel() for p in item.build().parameters()):,}"
    except InputError as error:
        return f"not known here ({error})"


def _weights(name: str, item: Detector) -> str:
    """Where the detector's weights come from, and whether they are there."""
    if name in weights.index():
        state = weights.find(name).state()
        return f"published, {state}" + (
            "" if state == "cached" else f" (launderbench weights fetch {name})"
        )
    if item.pretrained:
        return f"from a file (--weights {name}=FILE)"
    cause = item.unavailable()
    return f"not available here: {cause}" if cause else f"trained here (launderbench train {name})"


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
