"""Helpers of the attack tests: clips, noise bank inputs, random attacks."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import reject
from hypothesis import strategies as st

from attacks.codecs.media_codecs import AAC_MOST_KBPS, MP3_KBPS
from attacks.codecs.speech_codecs import AMR_NB_BITS
from attacks.codecs.waveform_codecs import G726_KBPS
from attacks.contract.base import Attack, Wave, registry
from attacks.contract.condition import parse
from attacks.contract.conformance import speech_like
from attacks.contract.launder import Laundered, launder
from benchmark.core.errors import InputError

RATES = {  # parameters that allow only some values of their range
    ("mp3", "kbps"): MP3_KBPS,
    ("aac", "kbps"): range(12, AAC_MOST_KBPS + 1),
    ("amr_nb", "kbps"): tuple(AMR_NB_BITS),
    ("g726", "kbps"): G726_KBPS,
}


def talkers(count: int = 6, seconds: float = 30.0) -> list[Wave]:
    """Return speech-like waves of `count` voices, at least `seconds` long."""
    short = [speech_like(5.0, seed) for seed in range(count)]
    return [np.tile(wave, int(np.ceil(seconds / 5))) for wave in short]


def room_tone(seconds: float = 12.0) -> Wave:
    """Return a substitute for the cafe recording."""
    noise = np.random.default_rng(5).uniform(-0.1, 0.1, round(seconds * 16000))
    return np.convolve(noise, [0.5, 0.3, 0.2], mode="same").astype(np.float32)


@lru_cache
def clip(seconds: float = 2.0, seed: int = 1) -> Wave:
    """Return a read-only speech-like wave."""
    wave = speech_like(seconds, seed)
    wave.flags.writeable = False
    return wave


def noisy_clip(level: float = 0.003, seconds: float = 3.0) -> Wave:
    """Return bursts of a voice, every half second, over white noise."""
    wave = clip(seconds).astype(np.float64)
    wave *= (np.arange(wave.size) // 8000) % 2
    noise = np.random.default_rng(4).standard_normal(wave.size)
    return (wave + level * noise).astype(np.float32)


def run(text: str, wave: Wave | None = None, utterance: str = "u", seed: int = 0) -> Laundered:
    """Launder `wave` (a clip by default) under the condition spelled `text`."""
    return launder(parse(text), clip() if wave is None else wave, 16000, utterance, seed)


def checks(laundered: Laundered) -> dict[str, object]:
    """Return the measured values by quantity, for a condition of one step."""
    return {check.quantity: check.measured for check in laundered.steps[0].checks}


@lru_cache
def available() -> list[str]:
    """Return the attacks that this installation can run with an empty user cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", os.devnull)
        return [name for name in registry.names() if registry.get(name)().unavailable() is None]


def _usable(cls: type[Attack], name: str, options: Sequence[str]) -> list[str]:
    """Return the options of a parameter that need no file which is absent here."""
    return [value for value in options if _available(cls, {name: value})]


def _available(cls: type[Attack], values: dict[str, object]) -> bool:
    try:
        return cls(**values).unavailable() is None
    except InputError:  # invalid only together with the defaults
        return True


def db(ratio: float) -> float:
    return 20 * float(np.log10(ratio))


def attacks(*names: str) -> st.SearchStrategy[Attack]:
    """Draw an available attack, or one of `names`, with any valid parameters."""
    return _attacks(names or available())  # computed here, because a draw must be fast


@st.composite
def _attacks(draw: st.DrawFn, names: Sequence[str]) -> Attack:
    cls = registry.get(draw(st.sampled_from(names)))
    values: dict[str, object] = {}
    for field in dataclasses.fields(cls):
        allowed = field.metadata["range"]
        if (cls.name, field.name) in RATES:
            values[field.name] = draw(st.sampled_from(RATES[cls.name, field.name]))
        elif isinstance(field.default, bool):
            values[field.name] = draw(st.booleans())
        elif isinstance(field.default, str):  # a text without options keeps its default
            options = _usable(cls, field.name, allowed or ())
            values[field.name] = draw(st.sampled_from(options)) if options else field.default
        elif isinstance(field.default, int):
            low = values["least"] if field.name == "most" else allowed[0]
            values[field.name] = draw(st.integers(low, allowed[1]))  # type: ignore[arg-type]
        else:
            values[field.name] = draw(st.floats(*allowed))
    try:
        return cls(**values)
    except InputError:  # an invalid combination
        reject()
