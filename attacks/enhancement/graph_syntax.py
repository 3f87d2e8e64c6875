"""Chains of FFmpeg's audio filters in its own spelling, held to a list of harmless ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.core.errors import InputError, unknown

MOST_FILTERS = 16
_BAND = "frequency f width_type t width w gain g mix m poles p"
# Options that name files, print, choose channels or evaluate expressions over time are left out.
ALLOWED: Mapping[str, frozenset[str]] = {
    name: frozenset(options.split())
    for name, options in {
        "acompressor": "level_in mode threshold ratio attack release makeup knee detection mix",
        "acontrast": "contrast",
        "adeclick": "window w overlap o arorder a threshold t burst b method m",
        "adeclip": "window w overlap o arorder a threshold t hsize n method m",
        "aecho": "in_gain out_gain delays decays",
        "aexciter": "level_in level_out amount drive blend freq ceil",
        "afftdn": "noise_reduction nr noise_floor nf noise_type nt residual_floor rf track_noise"
        " tn track_residual tr adaptivity ad floor_offset fo band_multiplier bm gain_smooth gs",
        "agate": "level_in mode range threshold ratio attack release makeup knee detection",
        "alimiter": "level_in level_out limit attack release asc asc_level level latency",
        "anlmdn": "strength s patch p research r smooth m",
        "asubboost": "dry wet boost decay feedback cutoff slope delay",
        "bandpass": _BAND,
        "bandreject": _BAND,
        "bass": _BAND,
        "compand": "attacks decays points soft-knee gain volume delay",
        "crystalizer": "i c",
        "deesser": "i m f s",
        "dynaudnorm": "framelen f gausssize g peak p maxgain m targetrms r correctdc c"
        " altboundary b compress s threshold t overlap o",
        "equalizer": _BAND,
        "highpass": _BAND,
        "highshelf": _BAND,
        "loudnorm": "I LRA TP offset linear dual_mono",
        "lowpass": _BAND,
        "lowshelf": _BAND,
        "speechnorm": "peak p expansion e compression c threshold t raise r fall f invert i rms m",
        "treble": _BAND,
        "volume": "volume",
    }.items()
}
_NUMBER = r"[-+]?\d{0,9}\.?\d{1,9}(?:dB|k)?"
_LIST = re.compile(rf"{_NUMBER}(?:[|/]{_NUMBER})*")
_WORD = re.compile(r"[a-z]{1,16}")


@dataclass(frozen=True)
class Filter:
    """One filter of a chain, with its options as texts."""

    name: str
    options: Mapping[str, str]

    def __str__(self) -> str:
        spelled = ":".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}={spelled}" if spelled else self.name


def filters_of(graph: str) -> tuple[Filter, ...]:
    """Return the filters of a chain, spelled `name=key=value:key=value,name2`.

    Raises `InputError` for any other syntax, an unknown filter or option, and a value that is
    neither a word nor numbers.
    """
    parts = graph.split(",")
    if len(parts) > MOST_FILTERS:
        raise InputError(f"filter: graph has {len(parts)} filters; at most {MOST_FILTERS} are run")
    return tuple(_filter(part.strip()) for part in parts)


def _filter(text: str) -> Filter:
    name, equals, rest = text.partition("=")
    if not re.fullmatch(r"[a-z][a-z0-9]*", name):
        raise InputError(
            f"filter: graph must be a chain as name=key=value:key=value,name without labels, quotes"
            f" or escapes; it has {text!r}"
        )
    if name not in ALLOWED:
        raise unknown("filter graph: FFmpeg filter", name, ALLOWED)
    options: dict[str, str] = {}
    for option in rest.split(":") if equals else ():
        key, separator, value = option.partition("=")
        if not separator or key in options:
            raise InputError(f"filter: {name} takes key=value, each key once, not {option!r}")
        if key not in ALLOWED[name]:
            raise unknown(f"filter: option of {name}", key, sorted(ALLOWED[name]))
        if not (_LIST.fullmatch(value) or _WORD.fullmatch(value)):
            raise InputError(f"filter: {name}: {key} must be a number or a word, not {value!r}")
        options[key] = value
    return Filter(name, options)
