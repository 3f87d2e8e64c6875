"""The template environment of all HTML pages, and how numbers are written."""

from __future__ import annotations

import math
from pathlib import Path

import jinja2
import pandas as pd

DASH = "\N{EN DASH}"


def environment() -> jinja2.Environment:
    """Where the pages' templates are found; it escapes every value, and refuses missing ones."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": percent,
        "floor_percent": floor_percent,
        "share": share,
        "number": number,
    }
    return made


def percent(rate: float | None) -> str:
    """A rate as per cent with one decimal; a dash where it is missing."""
    return DASH if rate is None or pd.isna(rate) else f"{100 * rate:.1f}"


def floor_percent(rate: float) -> str:
    """A coverage as per cent, rounded down: 100.0 means every trial.

    >>> floor_percent(0.99999)
    '99.9'
    """
    return f"{math.floor(1000 * rate) / 10:.1f}"


def share(rate: float | None) -> str:
    """A rate with three decimals; a dash where it is missing."""
    return DASH if rate is None or pd.isna(rate) else f"{rate:.3f}"


def number(value: float | None) -> str:
    """A measured quantity to three decimals or four digits; a dash where it is missing.

    >>> number(44100.0), number(0.30001), number(None) == DASH
    ('44100', '0.3', True)
    """
    if value is None or pd.isna(value):
        return DASH
    return f"{value:.0f}" if abs(value) >= 1000 else f"{round(value, 3) + 0.0:.4g}"
