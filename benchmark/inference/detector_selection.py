"""Default detectors, and those selected by `all`."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.core.errors import InputError
from benchmark.inference import published_weights
from detectors.contract.base import registry

ALL = "all"
OWN = "detectors."  # prefix of the names of the package's own modules
DEFAULT = (  # two cores train these and run them over the laundering suite in half an hour
    "mel-cnn",
    "resnet18",
    "raw-cnn",
    "lfcc-lcnn",
    "lfcc-gmm",
    "shortcut",
    "random",
)


def default() -> list[str]:
    """Return the short list, and all detectors of plugins.

    A user who loads a plugin wants its detectors to run.
    """
    return [
        name
        for name in registry.names()
        if name in DEFAULT
        or not (_needs_weights(name) or registry.get(name).__module__.startswith(OWN))
    ]


def every() -> list[str]:
    """Return all detectors that can be trained here, and the published ones in the cache."""
    return [
        name
        for name in registry.names()
        if (published_here(name) if registry.get(name).pretrained else not _cause(name))
    ]


def published_here(name: str) -> bool:
    """Return whether `name` has published weights and they are in the cache."""
    return name in published_weights.index() and published_weights.find(name).state() == "cached"


def fetch_missing() -> Iterator[str]:
    """Fetch files that trainable detectors lack; yield a line with the cause for each left out."""
    for name in registry.names():
        if registry.get(name).pretrained or not _cause(name):
            continue
        try:
            registry.get(name)().fetch()
            cause = _cause(name)
        except InputError as error:
            cause = str(error)
        if cause:
            yield f"left out: {name}: {cause}"


def _needs_weights(name: str) -> bool:
    return registry.get(name).pretrained and not registry.get(name).ready_made


def _cause(name: str) -> str | None:
    return registry.get(name)().unavailable()
