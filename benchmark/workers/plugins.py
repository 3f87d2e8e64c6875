"""Plugin files named on the command line: one file may register attacks, detectors or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from attacks.contract.base import registry as attack_registry
from benchmark.core import plugin_source
from benchmark.core.errors import InputError
from benchmark.core.foreign import stdout_kept_clean
from detectors.contract.base import registry as detector_registry


@stdout_kept_clean()
def load(files: Iterable[Path]) -> None:
    """Import every plugin file once; `InputError` names a file that fails."""
    for file in files:
        attack_registry.names()
        detector_registry.names()
        attack_registry.load_file(file)


def files() -> dict[str, str]:
    """Return the SHA-256 (hex) of every loaded plugin file, by its name without a folder."""
    return plugin_source.files_of([*attack_registry.items(), *detector_registry.items()])


def require_same(known: Mapping[str, str]) -> None:
    """Raise `InputError` if a plugin file of this process is not the one of `known`.

    A file that is edited while a run goes on would give scores of two codes under one identity.
    """
    changed = [name for name, sha256 in files().items() if known.get(name, sha256) != sha256]
    if changed:
        raise InputError(f"the plugin {changed[0]} was changed while it was in use: run again")
