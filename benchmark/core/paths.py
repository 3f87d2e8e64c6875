"""Paths in the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

NOISES_VARIABLE = "LAUNDERBENCH_NOISES"  # path of a noise bank that replaces the cached one


def cache() -> Path:
    """Return the user's LaunderBench cache folder; `LAUNDERBENCH_CACHE` overrides it."""
    moved = os.environ.get("LAUNDERBENCH_CACHE")
    return Path(moved) if moved else Path(platformdirs.user_cache_dir("launderbench"))


def wheels() -> Path:
    """Return the folder of fetched data wheels."""
    return cache() / "wheels"


def engines() -> Path:
    """Return the folder of models and programs extracted from wheels, named by hash."""
    return cache() / "engines"


def embedded() -> Path:
    """Return the folder of the built embedded data set (protocol.csv, card.json, flac/)."""
    return cache() / "embedded"


def noises() -> Path:
    """Return the folder of the noise bank (one WAV or FLAC per kind, and manifest.json)."""
    return cache() / "noises"


def rirs() -> Path:
    """Return the folder of room impulse responses, named by hash."""
    return cache() / "rirs"


def weights() -> Path:
    """Return the folder of weight files, as published by their authors."""
    return cache() / "weights"


def checkpoints() -> Path:
    """Return the folder of trained detectors."""
    return cache() / "checkpoints"
