"""Plugin files named on the command line: one file may register attacks, detectors or both."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attacks.base
import detectors.base


def load(files: Iterable[Path]) -> None:
    """Import every plugin file once; `InputError` names a file that fails."""
    for file in files:
        attacks.base.registry.names()
        detectors.base.registry.names()
        attacks.base.registry.load_file(file)
