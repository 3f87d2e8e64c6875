"""Inputs in words: how a model file or an option says what a detector is fed.

``waveform(samples=64600)``, ``log-mel(samples=32000, mels=80, hop=160)``: the kind, and fields of
its value that differ from the default; those of the waveform under a spectrogram stand beside the
spectrogram's own. A picture's size is written ``224x224``.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

from benchmark.core import call_syntax
from benchmark.core.errors import InputError, unknown
from benchmark.frontends.specs import (
    Cqt,
    Image,
    Input,
    Lfcc,
    LogMel,
    Mfcc,
    Spectrogram,
    Waveform,
    WholeWaveform,
)

KINDS: dict[str, type[Input]] = {
    "waveform": Waveform,
    "whole-waveform": WholeWaveform,
    "spectrogram": Spectrogram,
    "log-mel": LogMel,
    "mfcc": Mfcc,
    "lfcc": Lfcc,
    "cqt": Cqt,
    "image": Image,
}
PADS = ("tile", "zero")
APART = ("keep", "waveform")  # no plain values


def parse(text: str) -> Input:
    """The input spelt `text`; `InputError` for another kind or field, or a value out of range."""
    name, body = call_syntax.call(text) or (text, "")
    if name not in KINDS:
        raise unknown("input", name, KINDS)
    cls: Any = KINDS[name]
    own = _plain(cls)
    if cls in (Waveform, WholeWaveform):
        return cls(**_checked(name, own, call_syntax.arguments(name, body, own)))
    start: Any = next(f.default for f in dataclasses.fields(cls) if f.name == "waveform")
    fixed, whole = _plain(type(start)), _plain(WholeWaveform)
    values = call_syntax.arguments(name, body, own | fixed | whole)
    if "shortest" in values:
        if {"samples", "pad"} & set(values):
            raise InputError(f"{name}: say samples (a fixed length) or shortest (any), not both")
        start, fixed = WholeWaveform(sample_rate=start.sample_rate), whole
    below = {key: value for key, value in values.items() if key in fixed}
    beside = {key: value for key, value in values.items() if key in own}
    wave = dataclasses.replace(start, **_checked(name, fixed, below))
    made: Input = cls(waveform=wave, **_checked(name, own, beside))
    if getattr(made, "window", 0) > getattr(made, "n_fft", math.inf):
        raise InputError(f"{name}: the window must not be longer than n_fft")
    return made


def spell(spec: Input) -> str:
    """The spelling of `spec`, which `parse` reads; `InputError` where `keep` leaves bins out."""
    name = next(name for name, cls in KINDS.items() if cls is type(spec))
    if getattr(spec, "keep", None) is not None:
        raise InputError(f"{name}: an input that keeps some bins only (keep) has no spelling")
    values = {field: getattr(spec, field) for field in _plain(type(spec))}
    plain: Any = parse(name)
    wave = getattr(spec, "waveform", None)
    default = {field: getattr(plain, field) for field in values}
    if wave is not None:
        values |= {field: getattr(wave, field) for field in _plain(type(wave))}
        default |= {field: getattr(plain.waveform, field, None) for field in _plain(type(wave))}
    shown = ", ".join(f"{k}={_shown(v)}" for k, v in values.items() if v != default[k])
    return f"{name}({shown})" if shown else name


def _plain(cls: type) -> dict[str, Any]:
    """The fields that a spelling may give, with their defaults."""
    return {f.name: f.default for f in dataclasses.fields(cls) if f.name not in APART}


def _shown(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else f"{value}"


def _checked(name: str, known: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The values in the types of their fields."""
    return {key: _value(f"{name}: {key}", key, known[key], value) for key, value in values.items()}


def _value(where: str, key: str, default: Any, value: Any) -> Any:
    if key == "pad":
        if value not in PADS:
            raise unknown(where, str(value), PADS)
        return value
    if key in ("size", "image"):
        match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", str(value))
        if match is None:
            raise InputError(f"{where} must be like 224x224 (height x width), not {value!r}")
        return int(match[1]), int(match[2])
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{where} must be a number, not {value!r}")
    if isinstance(default, int):
        if value != int(value) or value < 1:
            raise InputError(f"{where} must be a whole number of 1 or more, not {value!r}")
        return int(value)
    if value < 0:
        raise InputError(f"{where} must not be negative, not {value!r}")
    return float(value)
