"""The template environment and number formats of all HTML pages."""

from __future__ import annotations

import math
from pathlib import Path

import jinja2
import pandas as pd

DASH = "\N{EN DASH}"


def environment() -> jinja2.Environment:
    """Return the template environment, which escapes all values and raises on undefined names."""
    result = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
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
