"""The template environment and number formats of all HTML pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from jinja2.bccache import Bucket

DASH = "\N{EN DASH}"


class _Compiled(jinja2.BytecodeCache):
    """Keep compiled templates for this process, which may write many reports."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (found := self._held.get(bucket.key)) is not None:
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._held[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def environment() -> jinja2.Environment:
    """Return the template environment, which escapes all values and raises on undefined names."""
    result = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_COMPILED,
    )
    result.filters |= {
        "percent": percent,
        "floor_percent": floor_percent,
        "share": share,
        "number": number,
    }
    return result


def percent(rate: float | None) -> str:
    """Format a rate as per cent with one decimal; a dash if it is missing."""
    return DASH if rate is None or pd.isna(rate) else f"{100 * rate:.1f}"


def signed_percent(share: float | None) -> str:
    """Format a difference of rates in points, with its sign; a dash if it is missing.

    >>> signed_percent(0.0123), signed_percent(-0.0001)
    ('+1.2', '+0.0')
    """
    return DASH if share is None else f"{round(100 * share, 1) + 0.0:+.1f}"


def bounded_percent(
    row: Mapping[str, Any], column: str, shown: Callable[[float | None], str] = percent
) -> str:
    """Format a rate of a row with its bounds, if it has any.

    >>> bounded_percent({"eer": 0.1, "eer_low": 0.05, "eer_high": 0.2}, "eer")
    '10.0 [5.0, 20.0]'
    """
    low, high = row[f"{column}_low"], row[f"{column}_high"]
    if low is None:
        return shown(row[column])
    return f"{shown(row[column])} [{shown(low)}, {shown(high)}]"


def floor_percent(rate: float) -> str:
    """Format a coverage as per cent, rounded down, so that 100.0 means all trials.

    >>> floor_percent(0.99999)
    '99.9'
    """
    return f"{math.floor(1000 * rate) / 10:.1f}"


def share(rate: float | None) -> str:
    """Format a rate with three decimals; a dash if it is missing."""
    return DASH if rate is None or pd.isna(rate) else f"{rate:.3f}"


def number(value: float | None) -> str:
    """Format a measured quantity with three decimals or four digits; a dash if it is missing.

    >>> number(44100.0), number(0.30001), number(None) == DASH
    ('44100', '0.3', True)
    """
    if value is None or pd.isna(value):
        return DASH
    return f"{value:.0f}" if abs(value) >= 1000 else f"{round(value, 3) + 0.0:.4g}"
