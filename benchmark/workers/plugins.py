"""Plugin files named on the command line: one file may register attacks, detectors or both."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from attacks.contract.base import registry as attack_registry
from benchmark.core.log import logger
from detectors.contract.base import registry as detector_registry


def load(files: Iterable[Path]) -> None:
    """Import every plugin file once; `InputError` names a file that fails."""
    for file in files:
        attack_registry.names()
        detector_registry.names()
        attack_registry.load_file(file)


def open_all(files: Iterable[Path]) -> None:
    """Load the plugin files, and log each plugin of the packages that failed to load."""
    load(files)
    for registry in (attack_registry, detector_registry):
        for plugin, cause in registry.broken.items():
            logger.warning(f"not loaded: {plugin}: {cause}")
