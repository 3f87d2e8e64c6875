"""Where things lie in the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

NOISES_VARIABLE = "LAUNDERBENCH_NOISES"  # names a noise bank to use instead of the cached one


def cache() -> Path:
    """The user's LaunderBench cache; `LAUNDERBENCH_CACHE` moves it."""
    moved = os.environ.get("LAUNDERBENCH_CACHE")
    return Path(moved) if moved else Path(platformdirs.user_cache_dir("launderbench"))


def wheels() -> Path:
    """Fetched data wheels."""
    return cache() / "wheels"


def embedded() -> Path:
    """The built embedded data set (protocol.csv, card.json, flac/)."""
    return cache() / "embedded"


def noises() -> Path:
    """The noise bank (one WAV or FLAC per kind and manifest.json)."""
    return cache() / "noises"


def rirs() -> Path:
    """Room impulse responses, by hash."""
    return cache() / "rirs"


def weights() -> Path:
    """Published weight files, as their authors publish them."""
    return cache() / "weights"


def checkpoints() -> Path:
    """Trained detectors."""
    return cache() / "checkpoints"
