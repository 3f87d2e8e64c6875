"""Plugin files named on the command line: one file may register attacks, detectors or both."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import attacks.contract.base
import detectors.base


def load(files: Iterable[Path]) -> None:
    """Import every plugin file once; `InputError` names a file that fails."""
    for file in files:
        attacks.contract.base.registry.names()
        detectors.base.registry.names()
        attacks.contract.base.registry.load_file(file)


def open_all(files: Iterable[Path]) -> None:
    """Load the plugin files; what failed to load in the packages is said, not passed over."""
    load(files)
    for registry in (attacks.contract.base.registry, detectors.base.registry):
        for plugin, cause in registry.broken.items():
            print(f"not loaded: {plugin}: {cause}", file=sys.stderr)
