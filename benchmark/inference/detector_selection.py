"""Default detectors, and those selected by `all`."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.core.errors import InputError
from benchmark.inference import published_weights
from detectors.contract.base import registry

ALL = "all"
OWN = "detectors."  # how the names of the package's own modules begin
DEFAULT = (  # what two cores train and run over the laundering suite in half an hour
    "mel-cnn",
    "resnet18",
    "raw-cnn",
    "lfcc-lcnn",
    "lfcc-gmm",
    "shortcut",
    "random",
)


def default() -> list[str]:
    """The short list, and every detector that a plugin brings: whoever names it wants it."""
    return [
        name
        for name in registry.names()
        if name in DEFAULT
        or not (registry.get(name).pretrained or registry.get(name).__module__.startswith(OWN))
    ]


def every() -> list[str]:
    """All that can be trained here, and the published ones whose weights are in the cache."""
    return [
        name
        for name in registry.names()
        if (published_here(name) if registry.get(name).pretrained else not _cause(name))
    ]


def published_here(name: str) -> bool:
    """Does `name` stand for published weights that are in the cache?"""
    return name in published_weights.index() and published_weights.find(name).state() == "cached"


def bring() -> Iterator[str]:
    """Fetch what detectors to be trained lack; a line for each that stays out, with the cause."""
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


def _cause(name: str) -> str | None:
    return registry.get(name)().unavailable()
