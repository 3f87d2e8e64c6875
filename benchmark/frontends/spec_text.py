"""What a detector takes as input, for people."""

from __future__ import annotations

import dataclasses

from benchmark.frontends.specs import Input, Waveform, WholeWaveform


def described(spec: Input) -> str:
    """Return the kind of an input with its values; those that are not set are left out.

    >>> described(WholeWaveform())
    'WholeWaveform(shortest=1, sample_rate=16000)'
    """
    values = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec)}
    match values.get("waveform"):
        case Waveform(samples=samples, sample_rate=rate):
            values["waveform"] = f"{samples} samples at {rate} Hz"
        case WholeWaveform(shortest=shortest, sample_rate=rate):
            values["waveform"] = f"any length from {shortest} samples at {rate} Hz"
    shown = ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
    return f"{type(spec).__name__}({shown})"
