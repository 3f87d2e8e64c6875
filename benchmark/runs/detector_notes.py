"""What a user must know of published detectors before a run: their training, and their terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from detectors.contract.base import registry
from detectors.contract.training_corpora import overlap


def notes(detectors: Iterable[str], data: str = "") -> Iterator[str]:
    """Yield what the licences of `detectors` restrict, and which of them know the corpus `data`."""
    for name in detectors:
        item = registry.get(name)
        if item.terms:
            yield f"{name}: licence {item.licence}: {item.terms}"
        if corpus := overlap(data, item.trained_on):
            yield f"{name}: its authors trained it on the corpus of these trials: {corpus}"
