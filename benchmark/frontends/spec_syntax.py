"""Text syntax of input specifications, used in model files and options.

``waveform(samples=64600)``, ``log-mel(samples=32000, mels=80, hop=160)``: the kind of input, and
the fields that differ from the default. The fields of a spectrogram's waveform are written in the
same list as the spectrogram's own. A picture's size is written ``224x224``.
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
EXCLUDED = ("keep", "waveform")  # fields without a plain value


def parse(text: str) -> Input:
    """Parse an input spelling; `InputError` for an unknown kind or field, or an invalid value."""
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
            raise InputError(
                f"{name}: give samples (a fixed length) or shortest (any length), not both"
            )
        start, fixed = WholeWaveform(sample_rate=start.sample_rate), whole
    of_wave = {key: value for key, value in values.items() if key in fixed}
    of_spectrogram = {key: value for key, value in values.items() if key in own}
    wave = dataclasses.replace(start, **_checked(name, fixed, of_wave))
    spec: Input = cls(waveform=wave, **_checked(name, own, of_spectrogram))
    if getattr(spec, "window", 0) > getattr(spec, "n_fft", math.inf):
        raise InputError(f"{name}: the window must not be longer than n_fft")
    return spec


def spell(spec: Input) -> str:
    """Return the spelling of `spec` for `parse`; `InputError` if it has `keep`, which has none."""
    name = next(name for name, cls in KINDS.items() if cls is type(spec))
    if getattr(spec, "keep", None) is not None:
        raise InputError(f"{name}: an input that keeps only some bins (keep) has no spelling")
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
    """Return the fields that a spelling may contain, with their defaults."""
    return {f.name: f.default for f in dataclasses.fields(cls) if f.name not in EXCLUDED}


def _shown(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else f"{value}"


def _checked(name: str, known: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Check the values and convert them to the types of their fields."""
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
